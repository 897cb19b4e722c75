"""`pinn predict RUN POINTS`: evaluate a solution at the points of a csv file."""

import argparse
import csv
import io
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pinn.errors import ProblemError, shorten

if TYPE_CHECKING:
    from pinn.solution import Solution

STDIN = "-"
EPILOG = """example: pinn predict runs/mine points.csv --derivatives u_x,u_xx --out answers.csv

exit codes: 0 all points are answered, also those outside of the domain, which are counted in a warning;
2 the run or the points cannot be read, or a parameter of a family of problems lies outside its range"""


class Table(NamedTuple):
    """A csv file.

    Attributes:
        place: its name, for messages.
        header: names of the columns.
        lines: the number of each row's line in the file.
        rows: cells as they were written.
    """

    place: str
    header: list[str]
    lines: list[int]
    rows: list[list[str]]


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog="pinn predict",
        description="Evaluate a run's solution at points. The table comes back with a column for every unknown;\n"
        "columns that are no coordinates are kept as they are.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("run", metavar="RUN", help="a run folder, or a file written by solution.save")
    p.add_argument(
        "points", metavar="POINTS", help="a csv file whose first line names the coordinates, in any order; - is stdin"
    )
    p.add_argument("--derivatives", metavar="NAMES", help="columns to add beside the unknowns: u_x,u_tt")
    p.add_argument("--out", metavar="FILE", help="where the table is written (default: stdout)")
    p.add_argument("--force", action="store_true", help="replace FILE if it exists")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(argv)
    try:
        predict(options)
    except ProblemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def predict(options: argparse.Namespace) -> None:
    """Read points, evaluate, and write the table; warnings go to stderr.

    Raises:
        ProblemError: if the run or the points cannot be read, or the file exists or cannot be written.
    """
    from pinn.files import check_writable, csv_text, keep_run, replacing

    if options.out:
        keep_run(Path(options.run), Path(options.out))
        check_writable(Path(options.out), options.force)
    table = read_table(options.points)

    from pinn.loading import load_solution

    solution = load_solution(options.run)
    names = [*solution.problem.unknowns, *derivative_names(options.derivatives, solution)]
    added = evaluated(solution, table, names)
    rows = ([*row, *more] for row, more in zip(table.rows, zip(*added, strict=True), strict=True))
    text = csv_text([*table.header, *names], rows)
    if not options.out:
        print_all(text)
        return
    with replacing(Path(options.out)) as partial:
        partial.write_text(text, encoding="utf-8")


def read_table(name: str) -> Table:
    """Read a csv file; empty lines are left out.

    Raises:
        ProblemError: if it cannot be read, is empty, or a line has more or fewer cells than the first.
    """
    place = "stdin" if name == STDIN else shorten(name)
    try:
        data = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        found = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except OSError as error:
        raise ProblemError(f"cannot be read: {error.strerror}.", place=place) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ProblemError(f"is not a csv file in UTF-8: {error}.", place=place) from None
    found = [(line, row) for line, row in found if any(row)]
    if len(found) < 2:
        what = "holds no points" if found else "is empty"
        raise ProblemError(f"{what}; expected a line of names, then a line per point.", place=place)
    header = found[0][1]
    for line, row in found[1:]:
        if len(row) != len(header):
            raise ProblemError(f"expected {len(header)} cells, as in the first line; got {len(row)}.",
                               place=f"{place}:{line}")  # fmt: skip
    return Table(place, header, [line for line, _ in found[1:]], [row for _, row in found[1:]])


def column(table: Table, name: str) -> list[float]:
    """Return a column as numbers.

    Raises:
        ProblemError: if it is missing or there twice, or a cell is not a finite number.
    """
    count = table.header.count(name)
    if count != 1:
        found = ", ".join(map(repr, table.header))
        hint = " Cells are separated by commas." if len(table.header) == 1 and not count else ""
        many = "there is no column" if not count else f"there are {count} columns"
        raise ProblemError(f"{many} {name!r}; the first line names {shorten(found)}.{hint}", place=table.place)
    index, out = table.header.index(name), []
    for line, row in zip(table.lines, table.rows, strict=True):
        try:
            out.append(float(row[index]))
        except ValueError:
            out.append(math.nan)
        if not math.isfinite(out[-1]):
            raise ProblemError(
                f"column {name!r}: {shorten(row[index])!r} is not a finite number.", place=f"{table.place}:{line}"
            )
    return out


def derivative_names(text: str | None, solution: "Solution") -> list[str]:
    """Read the option --derivatives.

    Raises:
        ProblemError: for a name that is no derivative of an unknown.
    """
    names = [name.strip() for name in text.split(",")] if text is not None else []
    for name in names:
        try:
            solution.partial(name)
        except ProblemError as error:
            raise error.located(f"--derivatives {shorten(text)}") from None
    return list(dict.fromkeys(name for name in names if name not in solution.problem.unknowns))


def evaluated(solution: "Solution", table: Table, names: Sequence[str]) -> list[list[str]]:
    """Return columns of texts: unknowns and derivatives at the points of a table.

    Raises:
        ProblemError: if a coordinate is missing or no number, or a column has the name of one that is to be added; and
            for a parameter of a family outside its range.
    """
    import numpy as np

    from pinn.export.tables import as_text

    for name in names:
        if name in table.header:
            raise ProblemError(
                f"the column {name!r} would be there twice: rename it, or leave it out.", place=table.place
            )
    points = np.array([column(table, name) for name in solution.problem.coordinates]).T
    if solution.unfinished:
        print(f"note: {solution.unfinished}", file=sys.stderr)
    if odd := _outside(solution, table, points):
        print(f"warning: {table.place}: {odd}", file=sys.stderr)
    values = solution.at_points(points, names)
    return [as_text(values[name]) for name in names]


def _outside(solution: "Solution", table: Table, points: Any) -> str:
    """Return what `Solution.outside` says; what it refuses, with the line of the first such point."""
    try:
        return solution.outside(points)
    except ProblemError:
        for line, point in zip(table.lines, points, strict=True):
            try:
                solution.outside(point[None])
            except ProblemError as error:
                raise error.located(f"{table.place}:{line}") from None
        raise


def print_all(text: str) -> None:
    """Print a text to a reader that may leave early, as `head` does."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
