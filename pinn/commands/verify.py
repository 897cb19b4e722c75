"""`pinn verify RUN`: recompute every number of a run's summary that does not depend on the clock, and compare."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pinn.errors import ProblemError

# Two sums of the same numbers in another order, on another machine, of a solution good to 1e-9.
RELATIVE = 1e-5
# What the clock, the machine and the course of the run decided.
NOT_COMPARED = ("seconds", "status", "message", "device", "devices", "versions", "notes")


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog="pinn verify",
        description="Recompute the numbers of a run's summary.json from its checkpoint and problem file.",
        epilog="example: pinn verify runs/mine\n\n"
        "exit codes: 0 all are equal; 1 some are not; 2 the folder is not that of a finished run",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("run", metavar="RUN", help="a run folder")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(argv)
    try:
        compared, different = verify(Path(options.run))
    except ProblemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, (stated, found), more in _first_of_lists(different):
        where = "" if name.startswith("solution.npz") else "summary.json "
        print(f"{name}: {where}says {stated}, recomputed {found}" + (f"; and {more} more of it" if more else ""))
    equal = compared - len(different)
    print(f"{options.run}: {equal} of {compared} numbers are equal to {RELATIVE:g}")
    print(f"not compared: {', '.join(NOT_COMPARED)}")
    return 1 if different else 0


def _first_of_lists(different: dict[str, tuple[Any, Any]]) -> list[tuple[str, tuple[Any, Any], int]]:
    """Return what differs, of a list its first entry and how many more there are."""
    lists: dict[str, list[str]] = {}
    for name in different:
        lists.setdefault(name.partition("[")[0], []).append(name)
    return [(names[0], different[names[0]], len(names) - 1) for names in lists.values()]


def verify(path: Path) -> tuple[int, dict[str, tuple[Any, Any]]]:
    """Recompute a run's numbers.

    Returns:
        How many were compared, and those that differ, as stated and as found.

    Raises:
        ProblemError: if the folder is not that of a finished run.
    """
    from pinn.plain import finite, flat

    stated = _summary(path)
    found, arrays = recomputed(path)
    left = {k: v for k, v in stated.items() if k not in NOT_COMPARED}
    flat_stated, flat_found = flat(left), flat(json.loads(json.dumps(finite(found))))
    names = list(dict.fromkeys([*flat_stated, *flat_found]))
    missing = "nothing"
    pairs = {n: (flat_stated.get(n, missing), flat_found.get(n, missing)) for n in names}
    pairs |= _arrays(path, arrays)
    return len(pairs), {n: pair for n, pair in pairs.items() if not _equal(*pair)}


def _arrays(path: Path, arrays: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Compare solution.npz as well: an array that is the same everywhere counts as one number."""
    import numpy as np

    from pinn.checkpoint import read_npz

    kept, pairs = read_npz(path / "solution.npz"), {}
    for name in dict.fromkeys([*kept, *arrays]):
        label, mine, theirs = f"solution.npz {name}", arrays.get(name), kept.get(name)
        if mine is None or theirs is None or mine.shape != theirs.shape or theirs.dtype.kind not in "fiu":
            there, here = ("nothing" if a is None else f"{a.dtype} of shape {a.shape}" for a in (theirs, mine))
            pairs[label] = there, here
            continue
        off = np.abs(theirs - mine) > RELATIVE * np.abs(mine).max(initial=0.0)
        worst = np.unravel_index(int(np.argmax(off | ~np.isfinite(theirs))), off.shape)
        pairs[label] = float(theirs[worst]), float(mine[worst])
    return pairs


def recomputed(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the summary's numbers and the arrays of solution.npz, as they follow from the other files."""
    from pinn.config import load_problem
    from pinn.evaluate import total_relative_l2
    from pinn.evidence.gather import gather
    from pinn.runfolder import RunFolder
    from pinn.settings import make_settings
    from pinn.solution import build_ansatz, in_precision
    from pinn.summary import in_numbers, judged_of
    from pinn.training.plan import make_plan
    from pinn.training.state import solution_params

    folder = RunFolder.open(path)
    problem = load_problem(folder.source, folder.overrides, folder.folder)
    settings = make_settings(problem.settings)
    folder.check_same(problem, settings)
    with in_precision(settings):
        plan = make_plan(problem, settings, build_ansatz(problem, settings))
        plan, state = folder.load_state(plan, cut_log=False)
        points = _points(path, problem)
        found = gather(judged_of(plan, solution_params(state), state, points))
        numbers = {"problem": problem.name, **found.summary, **in_numbers(plan, state), "hard": list(plan.ansatz.hard)}
        target = settings.target.relative_l2
        judge = found.summary["errors"] or found.summary["estimate"]
        met = None if target is None or not judge else total_relative_l2(judge) <= target
        numbers["target"] = {"relative_l2": target, "seconds": settings.training.seconds, "met": met}
        arrays = dict(found.grid) | found.values | {f"{n}_reference": v for n, v in found.reference.items()}
        return numbers, arrays


def _points(path: Path, problem: Any) -> dict[str, Any]:
    """Read the points of the last step."""
    from pinn.checkpoint import read_npz

    points = read_npz(path / "points.npz")
    for name, array in points.items():
        if array.ndim != 2 or array.shape[1] != len(problem.coordinates) or not array.size or array.dtype.kind != "f":
            raise ProblemError(f"{name!r} is not a list of points.", place=str(path / "points.npz"))
    return points


def _summary(path: Path) -> dict[str, Any]:
    from pinn.runs import read_summary

    stated = read_summary(path / "summary.json")
    if not stated:
        raise ProblemError("is not a finished run: it holds no summary.json.", place=str(path))
    if stated["status"] == "interrupted":
        raise ProblemError("was interrupted, and has no numbers to verify. Go on with --resume.", place=str(path))
    return stated


def _equal(stated: Any, found: Any) -> bool:
    if isinstance(stated, (int, float)) and isinstance(found, (int, float)) and not isinstance(stated, bool):
        return math.isclose(stated, found, rel_tol=RELATIVE, abs_tol=1e-300)
    return stated == found
