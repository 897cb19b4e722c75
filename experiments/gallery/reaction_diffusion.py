"""Write problems/gray_scott.npz and problems/ginzburg_landau.npz: Fourier modes and ETDRK4.

Run from the root of the project: `python experiments/gallery/reaction_diffusion.py`. It takes a minute.

The library's own reference would take minutes for both. Here the linear part is diagonal, and steps are as short for
all times. Source of the method: Kassam & Trefethen (2005), SIAM J. Sci. Comput. 26(4), 1214-1233.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pinn.reference.allen_cahn import etdrk4_factors
from pinn.reference.base import relative_l2

sys.path.insert(0, str(Path(__file__).parents[1]))
from data_files import write_data


class Case(NamedTuple):
    """An evolution on [-1, 1]^d, periodic, of several functions of which each has a linear part of its own.

    Attributes:
        names: of the unknowns, or of real and imaginary part.
        dimensions: d.
        diffusion: by function.
        rate: by function, what it is multiplied with.
        initial: values by mesh, (functions, ...).
        rest: what is left of the right side, by values.
        points, steps: of each coordinate, and of the whole time.
        rows, columns: times and places that are kept.
    """

    names: tuple[str, ...]
    dimensions: int
    diffusion: tuple[float, ...]
    rate: tuple[float, ...]
    initial: Callable[..., np.ndarray]
    rest: Callable[[np.ndarray], np.ndarray]
    points: int
    steps: int
    rows: int
    columns: int


def gray_scott_rest(w: np.ndarray) -> np.ndarray:
    """Return 40 - 1000 u v^2 and 1000 u v^2."""
    s = 1000 * w[0] * w[1] ** 2
    return np.stack([40 - s, s])


CASES = {
    "gray_scott": Case(
        ("u", "v"), 1, (0.2, 0.1), (-40, -100),
        lambda x: np.stack([1 - np.exp(-80 * (x + 0.05) ** 2), np.exp(-80 * (x - 0.05) ** 2)]) + 0j,
        gray_scott_rest, 512, 20_000, 51, 128,
    ),
    "ginzburg_landau": Case(
        ("u", "v"), 2, (0.004,), (10,),
        lambda x, y: 10 * (y + 1j * x)[None] * np.exp(-25 * (x**2 + y**2)),
        lambda h: -(10 + 15j) * np.abs(h) ** 2 * h, 256, 1000, 11, 32,
    ),
}  # fmt: skip


def values(case: Case, points: int, steps: int) -> np.ndarray:
    """Return the functions on the grid that is kept, (rows, functions, ...), complex."""
    axes = tuple(range(1, case.dimensions + 1))
    mesh = np.meshgrid(*[-1 + 2 * np.arange(points) / points] * case.dimensions, indexing="ij")
    k = np.pi * np.fft.fftfreq(points, 1 / points)
    squares = sum(q**2 for q in np.meshgrid(*[k] * case.dimensions, indexing="ij"))
    linear = np.stack([r - d * squares for d, r in zip(case.diffusion, case.rate, strict=True)])
    dt = 1 / steps
    e, e2, q, f1, f2, f3 = (f.reshape(linear.shape) for f in etdrk4_factors(linear.ravel(), dt))
    kept = (slice(None), *[slice(None, None, points // case.columns)] * case.dimensions)

    def rest(v: np.ndarray) -> np.ndarray:
        return np.fft.fftn(case.rest(np.fft.ifftn(v, axes=axes)), axes=axes)

    v, rows = np.fft.fftn(case.initial(*mesh), axes=axes), []
    for step in range(steps + 1):
        if step % (steps // (case.rows - 1)) == 0:
            rows.append(np.fft.ifftn(v, axes=axes)[kept])
        n0 = rest(v)
        a = e2 * v + q * n0
        n1 = rest(a)
        n2 = rest(e2 * v + q * n1)
        n3 = rest(e2 * a + q * (2 * n2 - n0))
        v = e * v + n0 * f1 + 2 * (n1 + n2) * f2 + n3 * f3
    return np.array(rows)


def write(name: str) -> None:
    """Compute a case, and twice more at half the effort; write the first."""
    case = CASES[name]
    w = values(case, case.points, case.steps)
    off = [relative_l2(values(case, case.points // a, case.steps // b), w) for a, b in ((2, 1), (1, 2))]
    parts = (w[:, 0].real, w[:, -1].imag if len(case.rate) == 1 else w[:, 1].real)
    x = -1 + 2 * np.arange(case.columns) / case.columns
    entries = {c: x for c in "xy"[: case.dimensions]} | {"t": np.linspace(0, 1, case.rows)}
    entries |= {n: p.astype(np.float32) for n, p in zip(case.names, parts, strict=True)}
    size = write_data(name, **entries)
    print(f"{name}.npz: {size} bytes, single precision; half the modes differ by {off[0]:.1e}, ", end="")
    print(f"half the steps: {off[1]:.1e}")


if __name__ == "__main__":
    for name in CASES:
        write(name)
