"""Where residuals are taken: random points in the domain and on its faces."""

import math
from collections.abc import Callable, Mapping
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.problem import TIME, Domain

Points = dict[str, Array]  # place -> (N, d)


def uniform(key: Array, n: int, dimensions: int) -> Array:
    """Draw independent points of the unit cube, (n, dimensions)."""
    return jax.random.uniform(key, (n, dimensions), float)


def latin_hypercube(key: Array, n: int, dimensions: int) -> Array:
    """Draw one point in each of n slices of every coordinate, (n, dimensions).

    Source: McKay, Beckman & Conover (1979), Technometrics 21(2), 239-245.
    """
    order, jitter = jax.random.split(key)
    slices = jnp.tile(jnp.arange(n)[:, None], (1, dimensions))
    slices = jax.random.permutation(order, slices, axis=0, independent=True)
    return (slices + jax.random.uniform(jitter, (n, dimensions), float)) / n


@cache
def _sobol_base(n: int, dimensions: int) -> np.ndarray:
    from scipy.stats import qmc

    return qmc.Sobol(dimensions, scramble=False).random_base2(max(1, math.ceil(math.log2(n))))[:n]


def sobol(key: Array, n: int, dimensions: int) -> Array:
    """Shift the first n Sobol points by a random vector, modulo one, (n, dimensions).

    Source: Cranley & Patterson (1976), SIAM J. Numer. Anal. 13(6), 904-914.
    """
    base = jnp.asarray(_sobol_base(n, dimensions), float)
    return jnp.mod(base + jax.random.uniform(key, (1, dimensions), float), 1)


SAMPLERS: dict[str, Callable[[Array, int, int], Array]] = {
    "latin_hypercube": latin_hypercube,
    "sobol": sobol,
    "uniform": uniform,
}


def toward_corners(unit: Array, start: Array, share: float) -> Array:
    """Move a share of the points of the unit cube toward its corners; a distance d to an end becomes 4 d^3.

    Args:
        unit: points, (n, d).
        start: whether only the lower end of a coordinate counts, (d,): time has no corner at its end; there d^3.
        share: of the points, spread evenly over their order, from 0 to 1.
    """
    # Multiples of the golden ratio: evenly over the order, without the period of two of Sobol's points.
    moves = jnp.mod(jnp.arange(1, len(unit) + 1) * ((5**0.5 - 1) / 2), 1) < share
    both = jnp.where(unit < 0.5, 4 * unit**3, 1 - 4 * (1 - unit) ** 3)
    return jnp.where(moves[:, None], jnp.where(start, unit**3, both), unit)


def draw(method: str, key: Array, n: int, domain: Domain, where: Mapping[str, float], corners: float = 0.0) -> Array:
    """Draw points of a domain where some coordinates are held fixed.

    Args:
        method: one of `SAMPLERS`.
        key: random key; equal keys give equal points.
        n: how many; where nothing is left to vary there is one point.
        domain: the box.
        where: fixed coordinates and their values.
        corners: share of the points that gathers at the corners of what is left to vary.

    Returns:
        Points, (n, d) or (1, d), columns in the order of ``domain.coordinates``.
    """
    free = [c for c in domain.coordinates if c not in where]
    unit = SAMPLERS[method](key, n, len(free)) if free else jnp.zeros((1, 0))
    if corners and free:
        unit = toward_corners(unit, jnp.asarray([c == TIME for c in free]), corners)
    columns = []
    for coordinate, (lo, hi) in domain.bounds.items():
        if coordinate in where:
            columns.append(jnp.full(unit.shape[0], where[coordinate], unit.dtype))
        else:
            columns.append(lo + (hi - lo) * unit[:, free.index(coordinate)])
    return jnp.stack(columns, axis=1)


def focus(key: Array, sizes: Array, n: int) -> Array:
    """Pick n of many points, with a density of one half uniform and one half proportional to a residual.

    A point that is not finite is always picked, so that the step that meets it can name it.

    Args:
        key: random key.
        sizes: absolute residual at each candidate, (M,), M >= n.
        n: how many to keep.

    Returns:
        Indices of different points, (n,).

    Source: Wu, Zhu, Tan, Kartha & Lu (2023), Comput. Methods Appl. Mech. Eng. 403, 115671 (RAD with k = c = 1).
    """
    mean = jnp.mean(sizes, where=jnp.isfinite(sizes)) + jnp.finfo(sizes.dtype).tiny
    density = jnp.where(jnp.isfinite(sizes), sizes / mean + 1, jnp.inf)
    # The n largest of log density plus Gumbel noise are a draw without replacement.
    order = jnp.log(density) + jax.random.gumbel(key, sizes.shape, sizes.dtype)
    return jax.lax.top_k(order, n)[1]
