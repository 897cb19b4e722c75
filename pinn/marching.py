"""A solution of many windows at many points: window by window, what was reached at a place computed once.

What a window has reached at a place stays as it is afterwards. Point by point, a solution of fifty windows costs fifty
networks a point; here, where places repeat as on a grid, hardly more than one.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jax import Array

from pinn.ansatz import Ansatz
from pinn.blocks import in_blocks
from pinn.derivatives import Axes, PointFunction, partials, taylor, with_parts
from pinn.pieces import Pieces

FEW, SMALL, BLOCK = 4, 1000, 512  # windows and points below which it is not worth it; points evaluated at once
Table = dict[Axes, Any]  # derivatives of the unknowns, (N, m) each


def table_of(u: PointFunction, x: Array, axes: tuple[Axes, ...]) -> Table:
    """Return a function's derivatives at a point, by axes, and no others."""
    found = partials(u, x, axes)
    return {a: found[a] for a in axes}


def added_by(ansatz: Ansatz, piece: Pieces, x: Array, before: Table) -> Table:
    """Return what a window adds to the derivatives at a point.

    Args:
        ansatz: of the solution.
        piece: one of its pieces.
        x: the point, (d,).
        before: what the windows before have added there, (m,) by axes, complete in the sense of `with_parts`.
    """
    u = taylor(before, x)
    return table_of(lambda p: ansatz.trained(piece.params, piece.windows, p, u(p)), x, tuple(before))


def is_worth_marching(ansatz: Ansatz, pieces: Pieces, points: np.ndarray) -> bool:
    """Say whether `march` may be used, and gains time."""
    return ansatz.rests and np.size(pieces.windows.stop) >= FEW and len(points) >= SMALL


def march(ansatz: Ansatz, pieces: Pieces, points: np.ndarray, wanted: tuple[Axes, ...]) -> Mapping[Axes, np.ndarray]:
    """Return unknowns and derivatives at points.

    Args:
        ansatz: of the solution; one that rests, see `Ansatz`.
        pieces: its params.
        points: (N, d), in their precision.
        wanted: as of `partials`.

    Returns:
        ``{axes: values (N, m)}``, for what is wanted and its parts.
    """
    axis, stops = ansatz.time_axis, np.asarray(pieces.windows.stop)
    begin, add = _compiled(ansatz, tuple(sorted(with_parts(wanted))))
    # The edge between two windows belongs to the earlier one; after the last, what it has reached stays.
    which = np.minimum(np.searchsorted(stops, points[:, axis]), stops.size - 1)
    places, place = np.unique(np.delete(points, axis, axis=1), axis=0, return_inverse=True)
    place, last = place.ravel(), np.zeros(len(places), int)
    np.maximum.at(last, place, which)
    table = in_blocks(begin, BLOCK, points)
    reached = {a: np.zeros((len(places), *v.shape[1:]), v.dtype) for a, v in table.items()}
    for k in range(stops.size):
        here, later = np.flatnonzero(which == k), np.flatnonzero(last > k)
        if not here.size + later.size:
            continue
        after = np.insert(places[later], axis, stops[min(k + 1, stops.size - 1)], axis=1)
        before = {a: v[np.concatenate([place[here], later])] for a, v in reached.items()}
        piece = jax.tree.map(lambda x, k=k: np.asarray(x)[k], pieces)
        at = np.concatenate([points[here], after])
        more = in_blocks(lambda x, before, piece=piece: add(piece, x, before), BLOCK, at, before)
        for a, new in more.items():
            table[a][here] += before[a][: here.size] + new[: here.size]
            reached[a][later] += new[here.size :]
    return table


@lru_cache(maxsize=4)
def _compiled(ansatz: Ansatz, axes: tuple[Axes, ...]) -> tuple[Callable[..., Table], Callable[..., Table]]:
    begin = jax.jit(jax.vmap(lambda x: table_of(ansatz.fixed, x, axes)))
    add = jax.vmap(lambda piece, *at: added_by(ansatz, piece, *at), (None, 0, 0))
    return begin, jax.jit(add)
