"""Values on a grid as plain arrays, and as lines of a table."""

from pathlib import Path

import numpy as np

from pinn import checkpoint
from pinn.files import csv_text, replacing
from pinn.solution import Solution


def arrays_of(solution: Solution) -> dict[str, np.ndarray]:
    """Return unknowns on the grid, and the reference as ``u_reference`` where it is known."""
    return {**solution.values, **{f"{name}_reference": v for name, v in solution.reference.items()}}


def contents(solution: Solution) -> str:
    """Say what is written, and on how many points."""
    sizes = " x ".join(str(len(axis)) for axis in solution.grid.values())
    return f"{', '.join(arrays_of(solution))} on {sizes} points in {', '.join(solution.grid)}"


def write_npz(solution: Solution, path: Path) -> str:
    """Write one array per coordinate, and one per unknown with an axis for each coordinate."""
    with replacing(path) as partial, partial.open("wb") as file:
        checkpoint.pack(file, dict(solution.grid) | arrays_of(solution))
    return f'{contents(solution)}; open it with numpy.load("{path.name}")'


def write_csv(solution: Solution, path: Path) -> str:
    """Write a line per point of the grid: its coordinates, then the unknowns."""
    axes = np.meshgrid(*solution.grid.values(), indexing="ij")
    columns = dict(zip(solution.grid, axes, strict=True)) | arrays_of(solution)
    rows = zip(*(as_text(values.ravel()) for values in columns.values()), strict=True)
    with replacing(path) as partial:
        partial.write_text(csv_text(list(columns), rows), encoding="utf-8")
    return f"{contents(solution)}, a line for each"


def as_text(values: np.ndarray) -> list[str]:
    """Return numbers as the shortest texts that are read back as the same numbers."""
    return values.astype(str).tolist()
