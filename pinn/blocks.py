"""Functions of many points, evaluated at a block of them at a time."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np


def in_blocks(f: Callable[..., Any], size: int, *given: Any) -> Any:
    """Evaluate at some points at a time: it bounds the memory, and always as many, so that one shape is compiled.

    Args:
        f: of blocks of what is given, (size, ...), to a pytree of arrays (size, ...).
        size: of a block; the last one repeats the last point.
        given: pytrees of arrays (N, ...).

    Returns:
        What f gives for all of them, as numpy arrays (N, ...).
    """
    count = len(jax.tree.leaves(given)[0])
    full = jax.tree.map(lambda x: np.concatenate([x, np.repeat(x[-1:], -count % size, axis=0)]), given)
    blocks = (jax.tree.map(lambda x, i=i: x[i : i + size], full) for i in range(0, max(1, count), size))
    parts = [jax.tree.map(np.asarray, f(*block)) for block in blocks]
    return jax.tree.map(lambda *blocks: np.concatenate(blocks)[:count], *parts)
