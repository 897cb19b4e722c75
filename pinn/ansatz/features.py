"""What a network sees of a point: inputs of size one, exactly periodic, even where the problem is."""

import math
from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from pinn.pieces import Window
from pinn.problem import TIME, Domain
from pinn.settings import AnsatzSettings


def feature_count(domain: Domain, settings: AnsatzSettings, even: int | None = None) -> int:
    """Number of inputs `encode` makes of a point."""
    count = 0
    for axis, coordinate in enumerate(domain.coordinates):
        kinds = 1 if axis == even else 2  # cosines, and sines
        own, waves = (0, settings.harmonics) if coordinate in domain.periodic else (1, settings.waves)
        count += own + (0 if coordinate == TIME and own else kinds * waves)
    return count


def encode(
    domain: Domain, settings: AnsatzSettings, even: int | None = None
) -> Callable[[Array, Window | None], Array]:
    """Return the map from a point (d,) and its window to input features of size one.

    A coordinate becomes (-1, 1) over its range, time over its window. A periodic one becomes cosines and sines of its
    first ``harmonics`` multiples, so that whatever the network does is periodic with all derivatives. Other coordinates
    of space get ``waves`` cosines and sines beside themselves, of twice their range as period: with them
    Gauss-Newton fits smooth solutions orders of magnitude better (experiments/accuracy). Of the coordinate with the
    index ``even`` only what is even about the middle of its range is kept.
    """

    def waves(phase: Array, count: int, axis: int) -> list[Array]:
        multiples = phase * jnp.arange(1, count + 1, dtype=phase.dtype)
        return [jnp.cos(multiples)] if axis == even else [jnp.cos(multiples), jnp.sin(multiples)]

    def features(point: Array, window: Window | None) -> Array:
        parts = []
        for axis, (coordinate, (lo, hi)) in enumerate(domain.bounds.items()):
            if coordinate in domain.periodic:
                parts += waves(2 * math.pi / (hi - lo) * (point[axis] - lo), settings.harmonics, axis)
                continue
            lo, hi = (window.start, window.stop) if coordinate == TIME and window is not None else (lo, hi)
            unit = (2 * (point[axis : axis + 1] - lo) / (hi - lo)) - 1
            parts.append(unit**2 if axis == even else unit)
            if coordinate != TIME and settings.waves:
                parts += waves(math.pi / 2 * unit[0], settings.waves, axis)
        return jnp.concatenate(parts)

    return features
