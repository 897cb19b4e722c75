"""A trained ansatz at points: unknowns and derivatives, of arrays and of values jax is tracing.

Arrays are evaluated in the precision of the solution, whatever the caller's own is. Values under `jit`, `grad` and
`vmap` are in jax's precision there: a function differentiated in one precision cannot be computed in another.
"""

import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.ansatz import Ansatz
from pinn.blocks import in_blocks
from pinn.derivatives import Axes, partials
from pinn.errors import PinnWarning, ProblemError, unknown
from pinn.marching import is_worth_marching, march
from pinn.networks import Network, Params
from pinn.problem import Problem

CHUNK = 20_000  # points evaluated at once; bounds memory
SLACK = 1e-6  # of a coordinate's length: an end rounded to float32 is not outside
Bounds = Mapping[str, tuple[float, float]]


def check_coordinates(problem: Problem, given: Mapping[str, Any]) -> None:
    """Refuse coordinates that are missing or do not exist.

    Raises:
        ProblemError: naming the first.
    """
    names = problem.coordinates
    for name in given:
        if name not in names:
            raise unknown("coordinate", name, names)
    missing = [name for name in names if name not in given]
    if missing:
        raise ProblemError(f"the coordinate {missing[0]!r} is missing; give {', '.join(names)}.")


def is_traced(coordinates: Mapping[str, Any]) -> bool:
    """Say whether any coordinate is a value jax is tracing."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(coordinates))


def stacked_points(problem: Problem, coordinates: Mapping[str, Any]) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return points (N, d) and the shape the coordinates have together.

    Raises:
        ProblemError: if they do not fit together.
    """
    try:
        arrays = np.broadcast_arrays(*(np.asarray(coordinates[name], float) for name in problem.coordinates))
    except (TypeError, ValueError) as error:
        raise ProblemError(f"coordinates do not fit together: {error}.") from None
    return np.stack([a.ravel() for a in arrays], axis=1), arrays[0].shape


def evaluate_points(ansatz: Ansatz, params: Params, points: np.ndarray, axes: Axes = ()) -> np.ndarray:
    """Return the unknowns at points (N, d), or one of their derivatives, as an array (N, m).

    Chunks bound the memory, and are of few sizes, because each is compiled for itself.
    """
    dtype, apply = jax.tree.leaves(params)[0].dtype, _compiled(ansatz.network.apply, axes)
    if is_worth_marching(ansatz, params, points):
        return march(ansatz, params, points.astype(dtype), (axes,))[axes]
    count = len(points)
    size = min(CHUNK, 1 << max(0, count - 1).bit_length())
    return in_blocks(lambda x: apply(params, x), size, points.astype(dtype))


@lru_cache(maxsize=32)
def _compiled(apply: Callable, axes: Axes) -> Callable:
    return jax.jit(jax.vmap(_derivative(apply, axes), (None, 0)))


def _derivative(apply: Callable, axes: Axes) -> Callable[[Params, Array], Array]:
    return lambda params, point: partials(lambda x: apply(params, x), point, {axes})[axes]


def traced_values(
    problem: Problem, network: Network, params: Params, coordinates: Mapping[str, Any], axes: Axes
) -> Array:
    """Return the unknowns, or one of their derivatives, of coordinates jax is tracing, as an array (..., m).

    The result can be differentiated again, and has the precision of the params, or float32 where jax has no other.
    It is nan where a traced parameter of a family is outside its range.

    Raises:
        ProblemError: if the coordinates do not fit together, or one that is not traced is a parameter of a family
            outside its range.
    """
    _check_family(problem, {n: np.ravel(x) for n, x in coordinates.items() if not isinstance(x, jax.core.Tracer)})
    own = jax.tree.leaves(params)[0].dtype
    dtype = jax.dtypes.canonicalize_dtype(own)
    if dtype != own:
        warnings.warn(
            "the solution is evaluated in float32 here, because jax's x64 is off where it is traced; "
            "for float64 put the call under `with jax.enable_x64(True):`.",
            PinnWarning,
            stacklevel=4,
        )
        params = jax.tree.map(lambda x: np.asarray(x, dtype), params)
    try:
        arrays = jnp.broadcast_arrays(*(jnp.asarray(coordinates[name], dtype) for name in problem.coordinates))
    except (TypeError, ValueError) as error:
        raise ProblemError(f"coordinates do not fit together: {error}.") from None
    points = wrapped(problem, jnp.stack([a.ravel() for a in arrays], axis=1), jnp)
    table = jax.vmap(_derivative(network.apply, axes), (None, 0))(params, points)
    return (table * _known(problem, points)[:, None]).reshape(*arrays[0].shape, table.shape[1])


def _known(problem: Problem, points: Array) -> Array:
    """Return one for each point, and nan where a parameter of a family, which no error can name here, is outside."""
    known = jnp.ones(len(points), points.dtype)
    for x, (name, (lo, hi)) in zip(points.T, problem.domain.bounds.items(), strict=True):
        if problem.order(name) == 0:
            slack = SLACK * (hi - lo) + 2 * jnp.finfo(points.dtype).eps * max(abs(lo), abs(hi))
            known = jnp.where((x >= lo - slack) & (x <= hi + slack), known, jnp.nan)
    return known


def wrapped(problem: Problem, points: Any, xp: Any = np) -> Any:
    """Move points (N, d) along periodic coordinates into the domain; data are known there only.

    Args:
        problem: says what is periodic.
        points: numpy's, or jax's.
        xp: the module they are of.
    """
    columns = list(points.T)
    for axis, (name, (lo, hi)) in enumerate(problem.domain.bounds.items()):
        if name in problem.domain.periodic:
            x = columns[axis]
            columns[axis] = xp.where((x >= lo) & (x <= hi), x, lo + (x - lo) % (hi - lo))
    return xp.stack(columns, axis=1)


def solved_bounds(problem: Problem, params: Params, time_axis: int | None) -> dict[str, tuple[float, float]]:
    """Return the part of the domain that was solved: in time, an interrupted run ends before the domain does."""
    bounds = dict(problem.domain.bounds)
    if time_axis is not None:
        name = problem.coordinates[time_axis]
        bounds[name] = (bounds[name][0], float(np.asarray(params.windows.stop)[-1]))
    return bounds


def outside(problem: Problem, bounds: Bounds, points: np.ndarray) -> str:
    """Say how many points (N, d) lie outside of bounds, along coordinates that are not periodic; empty if none does.

    Raises:
        ProblemError: for a parameter of a family outside its range: there an answer would be that of no equation.
    """
    _check_family(problem, dict(zip(bounds, points.T, strict=True)))
    out = np.zeros(len(points), bool)
    for x, (name, (lo, hi)) in zip(points.T, bounds.items(), strict=True):
        out |= _beyond(problem, name, x, lo, hi)
    if not out.any():
        return ""
    box = ", ".join(f"{name} {lo:g} to {hi:g}" for name, (lo, hi) in bounds.items())
    lies = "point lies" if len(points) == 1 else "points lie"
    return f"{out.sum()} of {len(points)} {lies} outside of what was solved ({box}); there the values mean little."


def _beyond(problem: Problem, name: str, x: np.ndarray, lo: float, hi: float) -> np.ndarray:
    """Say which values of a coordinate lie outside of a range; of a periodic one none does, and nan always does."""
    slack = SLACK * problem.domain.length(name)
    return (name not in problem.domain.periodic) & ~((x >= lo - slack) & (x <= hi + slack))


def _check_family(problem: Problem, values: Mapping[str, np.ndarray]) -> None:
    """Refuse values outside their range of coordinates no equation differentiates by: each is its own problem."""
    for name, x in values.items():
        lo, hi = problem.domain.bounds[name]
        out = _beyond(problem, name, x, lo, hi)
        if out.any() and problem.order(name) == 0:
            raise ProblemError(
                f"no equation differentiates by {name}, so that each {name} is a problem of its own; solved are those "
                f"from {lo:g} to {hi:g}, and nothing is known of others.",
                (name,),
                f"{x[out][0]:g}",
            )
