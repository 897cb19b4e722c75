"""Windows of time, and a solution as the pieces trained in them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


class Window(NamedTuple):
    """A part of the time range; a pytree of scalars, so that one compiled step serves all windows.

    Attributes:
        start: where it begins.
        stop: where it ends.
        anchored: 1 if the solution at its start is known, 0 if the network has to find that too.
    """

    start: Array
    stop: Array
    anchored: Array


class Pieces(NamedTuple):
    """Trained params of K windows, stacked along a first axis: the params of a whole solution.

    Attributes:
        params: of the network.
        windows: where each holds.
    """

    params: Any
    windows: Window


def stacked(params: Any, window: Window) -> Pieces:
    """Make the pieces of a single window."""
    return jax.tree.map(lambda x: jnp.asarray(x)[None], Pieces(params, window))


def appended(pieces: Pieces | None, params: Any, window: Window) -> Pieces:
    """Add a window to the pieces before it; on the host, where another number of pieces compiles nothing."""
    last = jax.tree.map(lambda x: np.asarray(x)[None], Pieces(params, window))
    return last if pieces is None else jax.tree.map(lambda a, b: np.concatenate([a, b]), pieces, last)
