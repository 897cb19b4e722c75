"""The bank: points of one window, drawn once for many steps, with everything at them that no step changes.

What data and earlier windows contribute to u and its derivatives does not depend on the params; it is computed once per
point, so that a step costs the same with or without lifts and after any number of windows. Steps use a part of
the bank at a time, chosen where the residual is large; the rest is what they are judged on.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.ansatz import Ansatz
from pinn.derivatives import with_parts
from pinn.marching import added_by, table_of
from pinn.optimizers import PointwiseResidual
from pinn.pieces import Pieces, Window
from pinn.problem import TIME, Constraint, Problem
from pinn.residuals import by_place, needed_axes, residual_vector, sample
from pinn.sampling import Points, focus
from pinn.settings import Settings

LIFE = 50  # choices of points before a bank is drawn anew


class Bank(NamedTuple):
    """Points of a window.

    Attributes:
        points: by place, (M, d).
        added: by place and axes, what data and earlier windows contribute to the derivatives of u there, (M, m).
        before: the same of earlier windows alone.
    """

    points: Points
    added: dict[str, Any]
    before: dict[str, Any]

    def at(self, indices: dict[str, Array]) -> "Bank":
        """Return a part of it, by place."""
        return Bank(*({p: jax.tree.map(lambda x, i=i: x[i], part[p]) for p, i in indices.items()} for part in self))


def bank_maker(
    problem: Problem, constraints: Sequence[Constraint], ansatz: Ansatz, settings: Settings
) -> Callable[[Array, Window, Pieces | None], Bank]:
    """Return the function (key, window, earlier pieces) -> bank, compiled once for all windows.

    The same key gives the same places in every window. Where what was reached at a place stays as it is, windows then
    add to what is known there from the one before, and cost the same however many went before.
    """
    dtype, sampling = jnp.dtype(settings.training.precision), settings.sampling
    many = {name: sampling.pool * getattr(sampling, name) for name in ("equations", "conditions")}
    groups = by_place(constraints).items()
    axes = {place: tuple(with_parts(needed_axes(problem, group))) for place, group in groups}

    @jax.jit
    def begin(key: Array, window: Window) -> Bank:
        drawn = sample(problem, constraints, sampling.model_copy(update=many), key)
        if ansatz.reflection is not None:  # one half of the domain says it all
            free = {c.place for c in constraints if problem.coordinates[ansatz.reflection.axis] not in c.where}
            drawn = {place: ansatz.reflection.fold(x) if place in free else x for place, x in drawn.items()}
        fixed_time = {c.place for c in constraints if TIME in c.where}
        points = {
            place: (x if place in fixed_time else _into(window, problem, ansatz, x)).astype(dtype)
            for place, x in drawn.items()
        }
        added = {p: jax.vmap(lambda x, p=p: table_of(ansatz.fixed, x, axes[p]))(x) for p, x in points.items()}
        return Bank(points, added, jax.tree.map(jnp.zeros_like, added))

    @jax.jit
    def reached(points: Points, before: dict[str, Any], piece: Pieces) -> dict[str, Any]:
        more = jax.vmap(lambda *at: added_by(ansatz, piece, *at))
        return {p: jax.tree.map(jnp.add, before[p], more(x, before[p])) for p, x in points.items()}

    known: dict[bytes, tuple[int, dict[str, Any]]] = {}  # by key, how many windows, and what they add; of the first key

    def make(key: Array, window: Window, pieces: Pieces | None) -> Bank:
        bank, name = begin(key, window), np.asarray(key).tobytes()
        count, before = known.get(name, (0, bank.before)) if ansatz.rests else (0, bank.before)
        for k in range(count, 0 if pieces is None else pieces.windows.start.size):
            count, before = k + 1, reached(bank.points, before, jax.tree.map(lambda x, k=k: x[k], pieces))
        if name in known or not known:
            known[name] = count, before
        return bank._replace(added=jax.tree.map(jnp.add, bank.added, before), before=before)

    return make


def _into(window: Window, problem: Problem, ansatz: Ansatz, points: Array) -> Array:
    """Move points drawn over the whole time range into a window."""
    if ansatz.time_axis is None:
        return points
    (lo, hi), axis = problem.domain.bounds[TIME], ansatz.time_axis
    return points.at[:, axis].set(window.start + (points[:, axis] - lo) / (hi - lo) * (window.stop - window.start))


def residual_on(
    problem: Problem, constraints: Sequence[Constraint], ansatz: Ansatz, settings: Settings, window: Window, bank: Bank
) -> PointwiseResidual:
    """Return params -> r (N,) on the points of a bank."""

    def u(params: Any, point: Array, before: Array) -> Array:
        return ansatz.trained(params, window, point, before, within=True)

    return residual_vector(problem, constraints, u, settings.training.weights, *bank)


def choose_first(bank: Bank, pool: int) -> dict[str, Array]:
    """Choose the first points of each place."""
    return {place: jnp.arange(_part(len(x), pool), dtype=jnp.int32) for place, x in bank.points.items()}


def choose_any(key: Array, bank: Bank, pool: int) -> dict[str, Array]:
    """Choose points without looking at residuals: neighbours in the order they were drawn, from a random one on."""
    chosen = {}
    for index, (place, x) in enumerate(bank.points.items()):
        first = jax.random.randint(jax.random.fold_in(key, index), (), 0, len(x))
        chosen[place] = ((first + jnp.arange(_part(len(x), pool))) % len(x)).astype(jnp.int32)
    return chosen


def choose_large(key: Array, bank: Bank, residual: PointwiseResidual, r: Array, pool: int) -> dict[str, Array]:
    """Choose points that gather where the residual r of the whole bank is large; see `pinn.sampling.focus`."""
    chosen, begin = {}, 0
    for index, (place, block) in enumerate(zip(bank.points, residual.blocks, strict=True)):
        size = block.count * block.scale.size
        scale = jnp.where(block.scale > 0, block.scale, jnp.inf)[None, :]  # what has no weight attracts no points
        values = r[begin : begin + size].reshape(block.count, block.scale.size) / scale
        begin += size
        sizes = jnp.sqrt(jnp.sum(values**2, axis=1))
        chosen[place] = focus(jax.random.fold_in(key, index), sizes, _part(block.count, pool))
    return chosen


def loss_on(residual: PointwiseResidual, r: Array, chosen: dict[str, Array]) -> Array:
    """Return the loss on a part of the bank, from the residual r of the whole."""
    total, begin = jnp.zeros((), r.dtype), 0
    for block, indices in zip(residual.blocks, chosen.values(), strict=True):
        size = block.count * block.scale.size
        here = r[begin : begin + size].reshape(block.count, -1)[indices]
        total += 0.5 * jnp.sum(here**2) * block.count / len(indices)
        begin += size
    return total


def _part(count: int, pool: int) -> int:
    return max(1, count // pool)
