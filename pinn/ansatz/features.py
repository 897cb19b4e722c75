"""What a network sees of a point: inputs of size one, exactly periodic, even where the problem is."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax.numpy as jnp
from jax import Array

from pinn.pieces import Window
from pinn.problem import TIME, Domain
from pinn.settings import AnsatzSettings

Mirrors = Mapping[int, tuple[float, ...]]  # axis -> its ends that are mirrors, one or two
NONE: Mirrors = MappingProxyType({})
DEFAULT = AnsatzSettings().waves  # of coordinates that a setting by coordinate leaves out


def waves_of(coordinate: str, domain: Domain, settings: AnsatzSettings) -> int:
    """Return how many waves a coordinate that is not periodic gets.

    Where the settings do not name it, time gets some only where it is all there is: beside coordinates of space its
    windows serve better.
    """
    if isinstance(settings.waves, dict) and coordinate in settings.waves:
        return settings.waves[coordinate]
    many = DEFAULT if isinstance(settings.waves, dict) else settings.waves
    return 0 if coordinate == TIME and len(domain.coordinates) > 1 else many


def _mirrored(count: int, ends: tuple[float, ...], even: bool) -> tuple[int, float]:
    """Return how many cosines a coordinate with mirrors gets, and the first, in waves of twice its range.

    To the same shortest wave as others; one at least where there is no input beside them.
    """
    if len(ends) == 1:
        return 2 * count, 0.5
    return (max(count // 2, 1), 2.0) if even else (max(count, 1), 1.0)


def feature_counts(
    domain: Domain, settings: AnsatzSettings, even: int | None = None, mirrors: Mirrors = NONE
) -> tuple[int, ...]:
    """Return how many inputs `encode` makes of each coordinate."""

    def count(axis: int, coordinate: str) -> int:
        if ends := mirrors.get(axis):
            return (len(ends) == 1) + _mirrored(waves_of(coordinate, domain, settings), ends, axis == even)[0]
        kinds = 1 if axis == even else 2  # cosines, and sines
        if coordinate in domain.periodic:
            return kinds * settings.harmonics
        return 1 + kinds * waves_of(coordinate, domain, settings)

    return tuple(count(axis, coordinate) for axis, coordinate in enumerate(domain.coordinates))


def encode(
    domain: Domain, settings: AnsatzSettings, even: int | None = None, mirrors: Mirrors = NONE
) -> Callable[[Array, Window | None], Array]:
    """Return the map from a point (d,) and its window to input features of size one.

    A coordinate becomes (-1, 1) over its range, time over its window. A periodic one becomes cosines and sines of its
    first ``harmonics`` multiples, so that whatever the network does is periodic with all derivatives. Others get
    `waves_of` them cosines and sines beside themselves, of twice their range as period: with them Gauss-Newton fits
    smooth solutions orders of magnitude better (experiments/accuracy). Of the coordinate with the index ``even`` only
    what is even about the middle of its range is kept; of those with ``mirrors`` what is even about these ends.
    """

    def waves(phase: Array, count: int, axis: int) -> list[Array]:
        multiples = phase * jnp.arange(1, count + 1, dtype=phase.dtype)
        return [jnp.cos(multiples)] if axis == even else [jnp.cos(multiples), jnp.sin(multiples)]

    def reflected(x: Array, lo: float, hi: float, axis: int, many: int) -> list[Array]:
        ends = mirrors[axis]
        count, first = _mirrored(many, ends, axis == even)
        away = (x - ends[0]) / (hi - lo)
        cosines = jnp.cos(math.pi * first * away * jnp.arange(1, count + 1, dtype=x.dtype))
        return [cosines] if len(ends) == 2 else [2 * away[None] ** 2 - 1, cosines]

    def features(point: Array, window: Window | None) -> Array:
        parts = []
        for axis, (coordinate, (lo, hi)) in enumerate(domain.bounds.items()):
            if coordinate in domain.periodic:
                parts += waves(2 * math.pi / (hi - lo) * (point[axis] - lo), settings.harmonics, axis)
                continue
            if axis in mirrors:
                parts += reflected(point[axis], lo, hi, axis, waves_of(coordinate, domain, settings))
                continue
            lo, hi = (window.start, window.stop) if coordinate == TIME and window is not None else (lo, hi)
            unit = (2 * (point[axis : axis + 1] - lo) / (hi - lo)) - 1
            parts.append(unit**2 if axis == even else unit)
            if many := waves_of(coordinate, domain, settings):
                parts += waves(math.pi / 2 * unit[0], many, axis)
        return jnp.concatenate(parts)

    return features
