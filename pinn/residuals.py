"""Problem + network + points -> residual blocks, and the vector r an optimizer sees."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from pinn.derivatives import Axes, partials, taylor
from pinn.optimizers import Block, PointwiseResidual
from pinn.problem import Constraint, Problem
from pinn.sampling import Points, draw
from pinn.settings import SamplingSettings
from pinn.weights import scale, weight_of

Blocks = dict[str, Array]  # constraint name -> (N,)
Table = Mapping[Axes, Array]  # derivatives by the coordinates they are taken in


def by_place(constraints: Sequence[Constraint]) -> dict[str, list[Constraint]]:
    """Group constraints that hold at the same place; they share points and derivatives.

    Places are in alphabetical order, in which jax returns the dictionaries of points and indices.
    """
    places: dict[str, list[Constraint]] = {}
    for constraint in constraints:
        places.setdefault(constraint.place, []).append(constraint)
    return dict(sorted(places.items()))


def needed_axes(problem: Problem, constraints: Sequence[Constraint]) -> set[Axes]:
    """List the derivatives some constraints mention, as the coordinates they are taken in."""
    partials = (problem.symbols.partial(n) for c in constraints for n in c.residual.needs)
    return {p.axes for p in partials if p is not None}


def residual_at(
    problem: Problem,
    constraints: Sequence[Constraint],
    u: Callable[[Array], Array],
    point: Array,
    added: Table | None = None,
) -> Array:
    """Evaluate constraints at one point.

    Args:
        problem: names the coordinates, unknowns and parameters.
        constraints: K of them.
        u: point (d,) -> values of the unknowns (m,), differentiable by jax.
        point: (d,).
        added: what is added to u and its derivatives at this point, by axes, (m,) each; all of `with_parts`.

    Returns:
        Residuals, (K,).
    """
    symbols = problem.symbols
    given = dict(zip(problem.coordinates, point, strict=True)) | dict(problem.parameters)
    needed = {n: symbols.partial(n) for c in constraints for n in c.residual.needs if n not in given}
    table = partials(u, point, needed_axes(problem, constraints))
    if added is not None:
        table = {axes: value + added[axes] for axes, value in table.items()}
    values = given | {name: table[p.axes][p.unknown] for name, p in needed.items()}
    results = [c.residual.fn(**{n: values[n] for n in c.residual.needs}) for c in constraints]
    return jnp.stack([jnp.asarray(r, point.dtype) for r in results])


def sample(problem: Problem, constraints: Sequence[Constraint], settings: SamplingSettings, key: Array) -> Points:
    """Draw points for constraints: the same points for those that hold at the same place."""
    points = {}
    for index, (place, group) in enumerate(by_place(constraints).items()):
        n = settings.conditions if group[0].where else settings.equations
        key_here, where = jax.random.fold_in(key, index), group[0].where
        points[place] = draw(settings.method, key_here, n, problem.domain, where, 0 if where else settings.corners)
    return points


def residual_blocks(
    problem: Problem,
    constraints: Sequence[Constraint],
    u: Callable[[Array], Array],
    points: Points,
    added: Mapping[str, Table] | None = None,
) -> Blocks:
    """Evaluate constraints on points.

    Args:
        problem: see `residual_at`.
        constraints: those to evaluate.
        u: point (d,) -> unknowns (m,).
        points: by place.
        added: by place, what is added to u and its derivatives, (N, m) by axes.

    Returns:
        ``{constraint name: residuals (N,)}``.
    """
    blocks: Blocks = {}
    for place, group in by_place(constraints).items():
        values = jax.vmap(lambda x, more, group=group: residual_at(problem, group, u, x, more))(
            points[place], None if added is None else added[place]
        )
        blocks |= {c.name: values[:, k] for k, c in enumerate(group)}
    return blocks


def residual_vector(
    problem: Problem,
    constraints: Sequence[Constraint],
    u: Callable[[Any, Array, Array], Array],
    weights: Mapping[str, float],
    points: Points,
    added: Mapping[str, Table],
    before: Mapping[str, Table],
) -> PointwiseResidual:
    """Return params -> r (N,), with loss r.r / 2 = half the weighted sum of mean squares.

    Args:
        problem: what is solved.
        constraints: those the loss is made of.
        u: (params, point, what earlier windows have added there) -> what this one adds.
        weights: by constraint name, where they are not the default of `pinn.weights`.
        points: by place.
        added: see `residual_blocks`.
        before: what earlier windows have added, with its derivatives, as ``added``.
    """
    blocks = []
    for place, group in by_place(constraints).items():

        def fn(params: Any, row: tuple[Array, Table, Table], group: list[Constraint] = group) -> Array:
            point, added, before = row
            carried = taylor(before, point)
            return residual_at(problem, group, lambda x: u(params, x, carried(x)), point, added)

        here = points[place]
        factors = [scale(weight_of(c, weights), len(here)) for c in group]
        blocks.append(Block(fn, (here, added[place], before[place]), jnp.asarray(factors, here.dtype)))
    return PointwiseResidual(tuple(blocks))
