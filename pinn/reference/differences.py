"""Derivatives of values on uniform grids: finite differences and Fourier series, in numpy."""

import math
from functools import cache

import numpy as np

ACCURACY = 6  # order of accuracy in the grid spacing


@cache
def stencil(order: int, offsets: tuple[int, ...]) -> np.ndarray:
    """Return weights w with f^(order)(0) = sum_j w_j f(offset_j), exact for polynomials up to len(offsets) - 1.

    Raises:
        ValueError: if there are too few offsets.
    """
    if len(offsets) <= order:
        raise ValueError(f"a derivative of order {order} needs more than {order} points")
    powers = np.vander(offsets, increasing=True).T.astype(float)
    right = np.zeros(len(offsets))
    right[order] = math.factorial(order)
    return np.linalg.solve(powers, right)


def finite_difference(values: np.ndarray, spacing: float, axis: int, order: int, periodic: bool) -> np.ndarray:
    """Differentiate along an axis to sixth order, with one-sided stencils at the ends of a range.

    Args:
        values: on a uniform grid.
        spacing: of the grid.
        axis: to differentiate along.
        order: of the derivative, >= 1.
        periodic: whether the grid closes on itself; its last point is then one spacing before the first.

    Returns:
        The derivative, of the same shape.
    """
    n = values.shape[axis]
    half = (order + ACCURACY) // 2
    moved = np.moveaxis(values, axis, 0)
    out = np.empty_like(moved, dtype=np.result_type(values, float))
    if periodic:
        weights = stencil(order, tuple(range(-half, half + 1)))
        out[...] = sum(w * np.roll(moved, -j, axis=0) for w, j in zip(weights, range(-half, half + 1), strict=True))
    else:
        size = min(n, 2 * half + 1)
        for i in range(n):
            first = min(max(i - half, 0), n - size)
            weights = stencil(order, tuple(range(first - i, first - i + size)))
            out[i] = np.tensordot(weights, moved[first : first + size], axes=1)
    return np.moveaxis(out, 0, axis) / spacing**order


def fourier_derivative(values: np.ndarray, length: float, axis: int, order: int) -> np.ndarray:
    """Differentiate along a periodic axis, exactly for resolved waves.

    Args:
        values: on a uniform grid whose right end is left out.
        length: the period.
        axis: to differentiate along.
        order: of the derivative, >= 1.

    Returns:
        The derivative, of the same shape.
    """
    n = values.shape[axis]
    k = 2 * np.pi / length * np.fft.fftfreq(n, 1 / n)
    if n % 2 == 0 and order % 2 == 1:
        k[n // 2] = 0  # the highest wave of an even grid has no odd derivative that is real
    shape = [1] * values.ndim
    shape[axis] = n
    out = np.fft.ifft((1j * k.reshape(shape)) ** order * np.fft.fft(values, axis=axis), axis=axis)
    return out if np.iscomplexobj(values) else out.real
