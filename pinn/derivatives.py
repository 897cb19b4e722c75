"""All partial derivatives of a function of one point, from one nest of forward-mode sweeps."""

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations

import jax
import jax.numpy as jnp
from jax import Array

Axes = tuple[int, ...]
PointFunction = Callable[[Array], Array]


def partials(f: PointFunction, x: Array, wanted: Iterable[Axes]) -> dict[Axes, Array]:
    """Differentiate a function at a point.

    u_xx is the tangent of a sweep whose primal already carries u and u_x, so lower derivatives along one
    coordinate cost nothing extra. Taylor mode is no faster up to order four (experiments/step_cost).

    Args:
        f: maps a point (d,) to values (m,).
        x: the point, (d,).
        wanted: coordinates to differentiate in, ascending; ``(1, 1)`` is the second derivative along
            coordinate 1, ``()`` the value.

    Returns:
        ``{axes: values (m,)}`` for everything wanted, and for what was met on the way.
    """
    return _tower(f, _with_tails(wanted))(x)


def with_parts(wanted: Iterable[Axes]) -> set[Axes]:
    """Add everything the derivatives of a composed function are made of: (0, 1) needs (0,), (1,) and () too."""
    return {part for axes in wanted for k in range(len(axes) + 1) for part in combinations(axes, k)} | {()}


def taylor(table: Mapping[Axes, Array], centre: Array) -> PointFunction:
    """Return the polynomial whose derivatives at a point are those of a table.

    Args:
        table: values (m,) by axes, complete in the sense of `with_parts`.
        centre: the point, (d,).

    Returns:
        Point (d,) -> values (m,). Derivatives that the table does not hold are zero.
    """

    def polynomial(x: Array) -> Array:
        total = jnp.zeros_like(table[()])
        for axes, value in table.items():
            factors = [(x[k] - centre[k]) ** axes.count(k) / math.factorial(axes.count(k)) for k in set(axes)]
            total = total + math.prod(factors) * value
        return total

    return polynomial


def _with_tails(wanted: Iterable[Axes]) -> frozenset[Axes]:
    """Add what each derivative is computed from: (0, 1, 1) needs (1, 1), (1,) and ()."""
    return frozenset(axes[k:] for axes in wanted for k in range(len(axes) + 1)) | {()}


def _tower(f: PointFunction, wanted: frozenset[Axes]) -> Callable[[Array], dict[Axes, Array]]:
    def values(x: Array) -> dict[Axes, Array]:
        table: dict[Axes, Array] = {}
        for axis in sorted({axes[0] for axes in wanted if axes}):
            below = frozenset(axes[1:] for axes in wanted if axes and axes[0] == axis)
            direction = jnp.zeros_like(x).at[axis].set(1)
            primal, tangent = jax.jvp(_tower(f, below), (x,), (direction,))
            table |= primal
            table |= {tuple(sorted((axis, *axes))): value for axes, value in tangent.items()}
        return table or {(): f(x)}

    return values
