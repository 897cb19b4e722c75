"""Chebyshev collocation on intervals joined end to end, in numpy.

Sources: Trefethen (2000), Spectral Methods in MATLAB, chapters 6 and 12; Berrut & Trefethen (2004), SIAM Rev. 46(3),
501-517, barycentric interpolation; Driscoll & Hale (2016), IMA J. Numer. Anal. 36(1), 108-132, equations at fewer
points than values, which leaves rows for the conditions.
"""

from functools import cache

import numpy as np


@cache
def nodes(n: int) -> np.ndarray:
    """Return the n points cos(pi j/(n-1)) on [-1, 1], ascending, both ends among them."""
    return -np.cos(np.pi * np.arange(n) / (n - 1))


@cache
def inner_nodes(n: int) -> np.ndarray:
    """Return the n zeros of the Chebyshev polynomial, ascending, without the ends."""
    return -np.cos(np.pi * (np.arange(n) + 0.5) / n)


def interpolation(n: int, x: np.ndarray) -> np.ndarray:
    """Return the matrix from values at `nodes` to values of their polynomial at x in [-1, 1], (X, n)."""
    w = (-1.0) ** np.arange(n)
    w[[0, -1]] /= 2
    with np.errstate(all="ignore"):
        terms = w / (np.asarray(x)[:, None] - nodes(n))
        matrix = terms / terms.sum(axis=1, keepdims=True)
    hit = ~np.isfinite(terms).all(axis=1)
    matrix[hit] = np.asarray(x)[hit, None] == nodes(n)
    return matrix


@cache
def differentiation(n: int, order: int = 1) -> np.ndarray:
    """Return the matrix from values at `nodes` to their polynomial's derivative there, (n, n).

    By the recurrence of Welfert (1997), SIAM J. Numer. Anal. 34(4), 1640-1657, eq. 8, each diagonal from the sum of its
    row, which loses fewer digits than a power of the first matrix.
    """
    if order == 0:
        return np.eye(n)
    angle = np.pi * np.arange(n) / (n - 1)
    # x_i - x_j by a product of sines, which is accurate where points are close.
    distance = 2 * np.sin((angle[:, None] + angle) / 2) * np.sin((angle[:, None] - angle) / 2)
    np.fill_diagonal(distance, 1.0)
    c = (-1.0) ** np.arange(n)
    c[[0, -1]] *= 2
    ratio, lower = c[:, None] / c, differentiation(n, order - 1)
    matrix = order / distance * (ratio * np.diag(lower)[:, None] - lower)
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix


def coefficients(values: np.ndarray) -> np.ndarray:
    """Return the Chebyshev coefficients of values at `nodes`, along the last axis."""
    n = values.shape[-1]
    return values @ np.linalg.inv(np.polynomial.chebyshev.chebvander(nodes(n), n - 1)).T
