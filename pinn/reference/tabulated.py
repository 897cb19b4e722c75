"""A true solution given as numbers in a file: npz or csv, on a tensor grid of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pinn.errors import ProblemError, unknown
from pinn.fingerprint import fingerprint
from pinn.problem import Problem
from pinn.reference.base import Grid, Reference

KIND = "file"
MOST = 500_000_000  # bytes
PROBLEM = "problem_sha256"  # an npz may name what it is the solution of: `pinn.fingerprint`
NEAR = 1e-5  # of a range: ends written with six digits are those of the domain


def check(problem: Problem) -> None:
    """Refuse a file that does not hold the solution on a grid that covers the domain.

    Raises:
        ProblemError: with what is wrong in it.
    """
    extra = [k for k in problem.reference if k not in ("kind", "path", "uncertainty", "unknowns")]
    if extra:
        raise ProblemError("the kind 'file' has the keys path, uncertainty and unknowns.", ("reference", extra[0]))
    uncertainty = problem.reference.get("uncertainty")
    if uncertainty is not None and not (type(uncertainty) in (int, float) and 0 <= uncertainty < np.inf):
        raise ProblemError(
            "write a number, the relative L2 error of the data.", ("reference", "uncertainty"), str(uncertainty)
        )
    read(problem)
    if (file := path_of(problem)).suffix == ".npz":
        check_problem(problem, file)


def check_problem(problem: Problem, file: Path) -> None:
    """Refuse an npz file that says it is of another problem.

    Raises:
        ProblemError: if it does.
    """
    with np.load(file, allow_pickle=False) as arrays:
        of = str(arrays[PROBLEM]) if PROBLEM in arrays.files else None
    if of not in (None, fingerprint(problem)):
        raise _wrong(
            file,
            "holds the solution of other equations, conditions, parameters or another domain than these; "
            "give data for these, or reference: {kind: none}",
        )


def known_of(problem: Problem) -> tuple[str, ...]:
    """Return the unknowns the file holds: all, or those it is said to.

    Raises:
        ProblemError: for anything but a list of unknowns.
    """
    given, key = problem.reference.get("unknowns", list(problem.unknowns)), ("reference", "unknowns")
    if not isinstance(given, list) or not given:
        raise ProblemError("list the unknowns the file holds, as in [u, v].", key, str(given))
    for name in given:
        if name not in problem.unknowns:
            raise unknown("unknown", str(name), problem.unknowns, key)
    return tuple(n for n in problem.unknowns if n in given)


def read(problem: Problem) -> tuple[Grid, dict[str, np.ndarray]]:
    """Return the grid of the file and the unknowns on it.

    Raises:
        ProblemError: see `check`.
    """
    file = path_of(problem)
    try:
        if file.stat().st_size > MOST:
            raise ProblemError(f"has more than {MOST} bytes.", ("reference", "path"), str(file))
        columns = _npz(file) if file.suffix == ".npz" else _csv(file)
    except OSError as error:
        raise _wrong(file, f"cannot be read: {error.strerror or error}") from None
    for name in (*problem.coordinates, *known_of(problem)):
        if name not in columns:
            raise _wrong(file, f"holds no {name!r}; it holds {', '.join(columns) or 'nothing'}")
    grid, values = _on_grid(problem, columns, file)
    for name, array in {**grid, **values}.items():
        if not np.all(np.isfinite(array)):
            raise _wrong(file, f"{name!r} has {np.sum(~np.isfinite(array))} values that are not finite")
    for name, x in grid.items():
        _check_cover(problem, name, x, file)
    return grid, values


def path_of(problem: Problem) -> Path:
    """Return where the file is; a relative path begins at the folder of the problem file."""
    given = problem.reference.get("path")
    if not isinstance(given, str) or not given:
        raise ProblemError(
            "give the path of an npz or csv file.", ("reference", "path"), None if given is None else str(given)
        )
    file = Path(problem.folder) / given
    if file.suffix not in (".npz", ".csv"):
        raise ProblemError("give an npz or a csv file.", ("reference", "path"), given)
    return file


def _wrong(file: Path, reason: str) -> ProblemError:
    return ProblemError(f"{reason}.", ("reference", "path"), str(file))


def _npz(file: Path) -> dict[str, np.ndarray]:
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            names = [name for name in arrays.files if name != PROBLEM]
            if any(arrays[name].dtype.kind not in "fiu" for name in names):
                raise _wrong(file, "holds arrays that are not real numbers")
            return {name: np.asarray(arrays[name], float) for name in names}
    except ProblemError:
        raise
    except (ValueError, EOFError, KeyError, TypeError) as error:
        raise _wrong(file, f"is not an npz file of numbers ({str(error).splitlines()[0][:80]})") from None
    except Exception as error:  # zipfile and zlib have errors of their own
        raise _wrong(file, f"is damaged ({type(error).__name__})") from None


def _csv(file: Path) -> dict[str, np.ndarray]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise _wrong(file, "is not UTF-8 text") from None
    if len(lines) < 2:
        raise _wrong(file, "needs a line of names and lines of numbers, separated by commas")
    names = [n.strip() for n in lines[0].split(",")]
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise _wrong(file, f"names {twice!r} twice")
    rows = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        try:
            rows.append([float(n) for n in line.split(",")])
        except ValueError:
            raise _wrong(file, f"line {number} is not numbers separated by commas") from None
        if len(rows[-1]) != len(names):
            raise _wrong(file, f"line {number} has {len(rows[-1])} numbers; the first line names {len(names)}")
    if not rows:
        raise _wrong(file, "has no line of numbers")
    return dict(zip(names, np.array(rows).T, strict=True))


def _on_grid(problem: Problem, columns: Mapping[str, np.ndarray], file: Path) -> tuple[Grid, dict[str, np.ndarray]]:
    """Read tensor arrays, or one line per point, as axes and values on their grid."""
    coordinates, unknowns = problem.coordinates, known_of(problem)
    first = columns[unknowns[0]]
    axes = {c: columns[c] for c in coordinates}
    if any(a.ndim != 1 for a in axes.values()):
        raise _wrong(file, "a coordinate is not a list of numbers")
    if len(coordinates) > 1 and first.ndim == 1:
        return _from_points(problem, columns, file)
    shape = tuple(len(a) for a in axes.values())
    for name in unknowns:
        if columns[name].shape != shape:
            raise _wrong(
                file, f"{name!r} has shape {columns[name].shape}; the coordinates {', '.join(coordinates)} have {shape}"
            )
    for c, a in axes.items():
        if len(a) < 2 or not np.all(np.diff(a) > 0):
            raise _wrong(file, f"{c!r} does not ascend")
    return axes, {n: columns[n] for n in unknowns}


def _from_points(problem: Problem, columns: Mapping[str, np.ndarray], file: Path) -> tuple[Grid, dict[str, np.ndarray]]:
    count, unknowns = len(columns[problem.coordinates[0]]), known_of(problem)
    for name in (*problem.coordinates, *unknowns):
        if columns[name].shape != (count,):
            raise _wrong(
                file, f"{name!r} has shape {columns[name].shape}, {problem.coordinates[0]!r} ({count},): give a value "
                f"per point, or {', '.join(unknowns)} on the grid of the coordinates"
            )  # fmt: skip
    grid = {c: np.unique(columns[c]) for c in problem.coordinates}
    shape = tuple(len(a) for a in grid.values())
    index = tuple(np.searchsorted(grid[c], columns[c]) for c in problem.coordinates)
    filled = np.zeros(shape, int)
    np.add.at(filled, index, 1)
    if count != filled.size or np.any(filled != 1):
        raise _wrong(file, f"its {count} points do not fill a grid of {' by '.join(map(str, shape))}, each place once")
    values = {}
    for name in unknowns:
        values[name] = np.zeros(shape)
        values[name][index] = columns[name]
    return grid, values


def _check_cover(problem: Problem, name: str, x: np.ndarray, file: Path) -> None:
    """The file's coordinate has to run over the whole range; of a period the last point may be missing."""
    (lo, hi), near = problem.domain.bounds[name], NEAR * problem.domain.length(name)
    last = x[-1] + (x[-1] - x[-2] if name in problem.domain.periodic else 0)
    if x[0] < lo - near or x[-1] > hi + near:
        raise _wrong(
            file, f"{name!r} runs from {x[0]:.9g} to {x[-1]:.9g} there, outside {lo:.9g} to {hi:.9g}; other units?"
        )
    if x[0] > lo + near or (last < hi - near and x[-1] < hi - near):
        raise _wrong(
            file,
            f"{name!r} runs from {x[0]:.9g} to {x[-1]:.9g} there and does not cover {lo:.9g} to {hi:.9g}; other units?",
        )


def solve(problem: Problem, grid: Mapping[str, np.ndarray]) -> Reference:
    """Return the file's values; the grid has to be its own."""
    own, values = read(problem)
    if any(len(own[c]) != len(grid[c]) or not np.allclose(own[c], grid[c], rtol=1e-12) for c in own):
        raise ProblemError("is known on its own grid only.", ("reference", "path"), str(path_of(problem)))
    uncertainty: Any = problem.reference.get("uncertainty")
    return Reference(KIND, values, None if uncertainty is None else float(uncertainty))
