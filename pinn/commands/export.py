"""`pinn export RUN`: write a solution for other programs."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pinn.errors import ProblemError

FORMATS = ("npz", "csv", "vtk", "stablehlo")  # of `pinn.export`, which is not imported for a help text

EPILOG = """formats:
  npz        numpy: an array per coordinate, and one per unknown on their grid, with the reference where it is known
  csv        a table: a line per point of the grid
  vtk        ParaView: a .vtr file; for problems in time and two or more other coordinates a .pvd file and a folder
  stablehlo  the solution as a function, for programs with jax and without pinn: a .zip file, which says how

example: pinn export runs/mine --format vtk --points t=51,x=201 --out mine.vtr

exit codes: 0 written; 2 it could not be"""


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog="pinn export",
        description="Write a run's solution to a file for other programs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("run", metavar="RUN", help="a run folder, or a file written by solution.save")
    p.add_argument("--format", required=True, choices=FORMATS, help="see below")
    p.add_argument("--out", metavar="FILE", help="default: the problem's name, in this folder")
    p.add_argument("--force", action="store_true", help="replace FILE if it exists")
    p.add_argument(
        "--points",
        metavar="N",
        help="of an even grid: 101 for every coordinate, or t=11,x=101 (default: the grid the run was compared on)",
    )
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(argv)
    try:
        print(export(options))
    except ProblemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def export(options: argparse.Namespace) -> str:
    """Write the file and say so.

    Raises:
        ProblemError: see `pinn.export.export`.
    """
    from pinn.export import export as write
    from pinn.export import uniform_grid, with_stored
    from pinn.files import keep_run
    from pinn.loading import load_solution

    run, grid = Path(options.run), None
    if options.out:
        keep_run(run, Path(options.out))
    solution = load_solution(run)
    if options.points is not None:
        try:
            grid = uniform_grid(solution.problem, counts(options.points, solution.problem.coordinates))
        except ProblemError as error:
            raise error.located(f"--points {options.points}") from None
    if solution.unfinished:
        print(f"note: {solution.unfinished}", file=sys.stderr)
    path, contents = write(with_stored(solution, run), options.format, options.out, grid=grid, force=options.force)
    return f"wrote {path}: {contents}"


def counts(text: str, coordinates: Sequence[str]) -> dict[str, int]:
    """Read how many points a grid has: one number for all coordinates, or ``t=11,x=101``.

    Raises:
        ProblemError: if it is neither.
    """
    try:
        if "=" not in text:
            return dict.fromkeys(coordinates, int(text))
        pairs = [part.split("=") for part in text.split(",")]
        return {name.strip(): int(count) for name, count in pairs}
    except ValueError:
        example = ",".join(f"{name}=101" for name in coordinates)
        raise ProblemError(f"expected a whole number, or one for each coordinate: {example}.") from None
