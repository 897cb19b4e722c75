"""`pinn report RUN`: write the page of a run once more, from its folder."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pinn.errors import ProblemError


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog="pinn report",
        description="Write report.html of a run once more: also of one that was interrupted, failed or was killed.",
        epilog="example: pinn report runs/mine\n\n"
        "exit codes: 0 written; 2 the folder is not that of a run, or cannot be written to",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("run", metavar="RUN", help="a run folder")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(argv)
    try:
        print(report(Path(options.run)))
    except ProblemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def report(run: Path) -> Path:
    """Write the page of a run folder.

    Returns:
        Its path.

    Raises:
        ProblemError: if the folder is not that of a run, is damaged, or cannot be written to.
    """
    from pinn.report.page import evaluated, write_page
    from pinn.runfolder import RunFolder

    solution = evaluated(_with_values(run))
    try:
        return write_page(solution, RunFolder(run, "").read_log(), run)
    except OSError as error:
        raise ProblemError(f"report.html cannot be written: {error.strerror}.", place=str(run)) from None


def _with_values(run: Path) -> Any:
    """Load the solution of a run, with grid, values and reference where solution.npz has them."""
    from pinn.checkpoint import read_npz
    from pinn.loading import load_solution
    from pinn.runfolder import RunFolder

    RunFolder.open(run)
    solution, file = load_solution(run), run / "solution.npz"
    if not file.exists():
        return solution
    arrays = read_npz(file)
    names = (*solution.problem.coordinates, *solution.problem.unknowns)
    if missing := next((n for n in names if n not in arrays), None):
        raise ProblemError(f"holds no {missing!r}.", place=str(file))
    values = {u: arrays[u] for u in solution.problem.unknowns}
    known = {u: arrays[f"{u}_reference"] for u in values if f"{u}_reference" in arrays}
    grid = {c: arrays[c] for c in solution.problem.coordinates}
    return replace(solution, grid=grid, values=values, reference=known)
