"""A solution in the formats of other programs. A newcomer's format is a file and a line in `FORMATS`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pinn import checkpoint
from pinn.errors import ProblemError, unknown
from pinn.export import stablehlo, tables, vtk
from pinn.files import check_writable
from pinn.problem import Problem
from pinn.reference import Grid, evaluation_grid, kind_of, make_reference
from pinn.solution import Solution, in_precision, on_grid

MOST = 50_000_000  # points of a grid
MADE_FOR_ONE_GRID = ("spectral", "file", "none")  # other references are formulas, known anywhere


class Format(NamedTuple):
    """A format.

    Attributes:
        suffix: of the file, which may depend on the problem.
        write: (solution, path) -> a sentence on how the file is opened.
        gridded: whether it holds values on a grid; else the solution as a function.
        check: raises ProblemError for a problem the format cannot hold.
    """

    suffix: Callable[[Problem], str]
    write: Callable[[Solution, Path], str]
    gridded: bool = True
    check: Callable[[Problem, Path, bool], None] = lambda problem, path, force: None


FORMATS: dict[str, Format] = {
    "npz": Format(lambda problem: ".npz", tables.write_npz),
    "csv": Format(lambda problem: ".csv", tables.write_csv),
    "vtk": Format(vtk.suffix, vtk.write, check=vtk.check),
    "stablehlo": Format(lambda problem: ".zip", stablehlo.write, gridded=False, check=stablehlo.check),
}


def export(
    solution: Solution,
    form: str,
    out: str | Path | None = None,
    *,
    grid: Mapping[str, np.ndarray] | None = None,
    force: bool = False,
) -> tuple[Path, str]:
    """Write a solution to a file.

    Args:
        solution: from a run, or loaded.
        form: a key of `FORMATS`.
        out: the file; the problem's name with the suffix of the format, here, if not given.
        grid: one ascending 1-D array per coordinate; the solution's own grid, or that of its evaluation, if not given.
        force: whether a file may be replaced.

    Returns:
        The file, and a sentence on what is in it and how it is opened.

    Raises:
        ProblemError: if the format is unknown or cannot hold the problem, or the file exists or cannot be written.
    """
    if form not in FORMATS:
        raise unknown("format", form, FORMATS)
    fmt, problem = FORMATS[form], solution.problem
    path = _named(out, fmt.suffix(problem), problem)
    fmt.check(problem, path, force)
    check_writable(path, force)
    if fmt.gridded:
        solution = gridded(solution, grid)
    return path, fmt.write(solution, path)


def _named(out: str | Path | None, suffix: str, problem: Problem) -> Path:
    path = Path(out) if out is not None else Path(problem.name + suffix)
    if not path.suffix:
        path = path.with_name(path.name + suffix)
    if path.suffix != suffix:
        raise ProblemError(f"expected a name that ends in {suffix}.", place=str(path))
    return path


def gridded(solution: Solution, grid: Mapping[str, np.ndarray] | None = None) -> Solution:
    """Return a solution with its values on a grid, and the reference where it is known there.

    Args:
        solution: trained.
        grid: see `export`.
    """
    problem, truth = solution.problem, {}
    if grid is None:
        grid, truth = solution.grid or evaluation_grid(problem), solution.reference
    elif kind_of(problem) not in MADE_FOR_ONE_GRID:
        made, _ = make_reference(problem, grid)
        truth = made.values if made else {}
    with in_precision(solution.settings):
        values = on_grid(solution.ansatz, solution.params, problem, dict(grid))
    return replace(solution, grid=dict(grid), values=values, reference=truth)


def with_stored(solution: Solution, run: Path) -> Solution:
    """Add the grid a run was evaluated on, and its reference, from the run's folder; nothing if it has none.

    The values are left out: they are those of the run's end, and the checkpoint may have gone on.

    Raises:
        ProblemError: if the file is damaged.
    """
    file, problem = run / "solution.npz", solution.problem
    if not file.is_file():
        return solution
    arrays = checkpoint.read_npz(file)
    truth = {name: arrays[f"{name}_reference"] for name in problem.unknowns if f"{name}_reference" in arrays}
    if any(name not in arrays for name in problem.coordinates):
        raise ProblemError(f"holds no grid in {', '.join(problem.coordinates)}.", place=str(file))
    return replace(solution, grid={name: arrays[name] for name in problem.coordinates}, reference=truth)


def uniform_grid(problem: Problem, points: Mapping[str, int]) -> Grid:
    """Return a grid of evenly spaced points with both ends.

    Args:
        problem: gives the ends.
        points: how many, by coordinate.

    Raises:
        ProblemError: if a coordinate is missing or does not exist, or has fewer than two; or if all are too many.
    """
    names = problem.coordinates
    for name, count in points.items():
        if name not in names:
            raise unknown("coordinate", name, names)
        if count < 2:
            raise ProblemError(f"a grid needs at least 2 points along {name!r}; got {count}.")
    missing = [name for name in names if name not in points]
    if missing:
        raise ProblemError(f"nothing is said of {missing[0]!r}; give a number, or one for each of {', '.join(names)}.")
    total = np.prod([float(points[name]) for name in names])
    if total > MOST:
        raise ProblemError(f"that makes {total:.2g} points; at most {MOST:g} can be written.")
    return {name: np.linspace(lo, hi, points[name]) for name, (lo, hi) in problem.domain.bounds.items()}
