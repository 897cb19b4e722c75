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
        epilog="exit codes: 0 written; 2 the folder is not that of a run, or cannot be written to",
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
    import json
    from zipfile import BadZipFile

    import numpy as np

    from pinn.config import load_problem
    from pinn.runfolder import RunFolder
    from pinn.solution import load_solution

    folder = RunFolder.open(run)
    problem = None if folder.source == str(run / "problem.yaml") else load_problem(folder.source, folder.overrides)
    try:
        solution = load_solution(run, problem=problem)
    except json.JSONDecodeError as error:
        raise ProblemError(f"is damaged: {error}.", place=str(run / "summary.json")) from None
    file = run / "solution.npz"
    if not file.exists():
        return solution
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
        grid = {c: arrays[c] for c in solution.problem.coordinates}
        values = {u: arrays[u] for u in solution.problem.unknowns}
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise ProblemError(f"cannot be read: {error}.", place=str(file)) from None
    known = {u: arrays[f"{u}_reference"] for u in values if f"{u}_reference" in arrays}
    return replace(solution, grid=grid, values=values, reference=known)
