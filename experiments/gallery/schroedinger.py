"""Write problems/schroedinger.npz: i h_t + 0.5 h_xx + |h|^2 h = 0 from 2 sech(x), periodic on [-5, 5].

Run from the root of the project: `python experiments/gallery/schroedinger.py`. It takes half a minute.

The data have a kink where the period closes, and nothing smooths it: Fourier modes fall off like 1/k^2 at all times.
They begin from integrals instead of samples. Steps alternate between the two parts of the equation, which are both
solved exactly: |h| stays as it is where h_xx is left out. Three steps of Strang, the middle one backwards, make one of
order four (Yoshida (1990), Phys. Lett. A 150(5-7), 262-268).
"""

import sys
from pathlib import Path

import numpy as np

from pinn.reference.base import relative_l2

sys.path.insert(0, str(Path(__file__).parents[1]))
from data_files import write_data

LENGTH, END = 10.0, np.pi / 2
T = np.linspace(0, END, 51)
X = -5 + LENGTH * np.arange(128) / 128
FIRST = 1 / (2 - 2 ** (1 / 3))  # of Yoshida's three lengths; the others are 1 - 2 FIRST and FIRST


def modes_of_data(n: int) -> np.ndarray:
    """Return the Fourier coefficients of 2 sech(x), by Gauss's rule on each of n intervals, (n,)."""
    gauss, weight = np.polynomial.legendre.leggauss(8)
    offsets, k = (gauss + 1) / 2, np.fft.fftfreq(n, 1 / n)
    x = -5 + LENGTH / n * (np.arange(n)[:, None] + offsets)
    panels = np.fft.fft(2 / np.cosh(x), axis=0, norm="forward")
    return (panels * np.exp(-2j * np.pi / n * np.outer(k, offsets)) * weight / 2).sum(axis=1)


def values(n: int, steps: int) -> np.ndarray:
    """Return h on the grid, (T, X).

    Args:
        n: number of modes.
        steps: between two times of the grid.
    """
    k = np.fft.fftfreq(n, 1 / n)
    dt, wave = T[1] / steps, 2 * np.pi / LENGTH * k
    lengths = dt * np.array([FIRST, 1 - 2 * FIRST, FIRST])
    half = [np.exp(-0.25j * wave**2 * s) for s in lengths]
    between = [half[0], half[0] * half[1], half[1] * half[2]]  # where two half steps meet, they are one
    c, rows = modes_of_data(n), []
    sums = np.exp(1j * np.outer(X + 5, wave))
    rows.append(2 / np.cosh(X) + 0j)
    for _ in T[1:]:
        for _ in range(steps):
            for s, move in zip(lengths, between, strict=True):
                h = np.fft.ifft(c * move, norm="forward")
                c = np.fft.fft(h * np.exp(1j * s * (h.real**2 + h.imag**2)), norm="forward")
            c = c * half[2]
        rows.append(sums @ c)
    return np.array(rows)


if __name__ == "__main__":
    h = values(8192, 200)
    coarse, slow = values(4096, 200), values(8192, 100)
    u, v = h.real, h.imag
    off = [relative_l2(getattr(o, p), getattr(h, p)) for o in (coarse, slow) for p in ("real", "imag")]
    size = write_data("schroedinger", t=T, x=X, u=u, v=v)
    print(f"schroedinger.npz: {size} bytes; half the modes differ by {max(off[:2]):.1e}, ", end="")
    print(f"half the steps by {max(off[2:]):.1e}")
