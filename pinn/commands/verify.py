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
BY_THE_CLOCK = ("seconds", "status", "message", "device", "devices", "versions", "hard", "notes")


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
    for name, (stated, found) in different.items():
        print(f"{name}: summary.json says {stated}, recomputed {found}")
    equal = compared - len(different)
    print(f"{options.run}: {equal} of {compared} numbers are equal to {RELATIVE:g}; those of the clock were left out")
    return 1 if different else 0


def verify(path: Path) -> tuple[int, dict[str, tuple[Any, Any]]]:
    """Recompute a run's numbers.

    Returns:
        How many were compared, and those that differ, as stated and as found.

    Raises:
        ProblemError: if the folder is not that of a finished run.
    """
    from pinn.runfolder import finite, flat

    stated = _summary(path)
    found = recomputed(path)
    target = stated.get("target") or {}
    judge = found["errors"] or found["estimate"]
    if target.get("relative_l2") is not None and judge:
        reached = max(e["relative_l2"] for e in judge.values()) <= target["relative_l2"]
        found["target"] = target | {"met": reached}
    else:
        found["target"] = target
    left = {k: v for k, v in stated.items() if k not in BY_THE_CLOCK}
    flat_stated, flat_found = flat(left), flat(json.loads(json.dumps(finite(found))))
    names = list(dict.fromkeys([*flat_stated, *flat_found]))
    missing = "nothing"
    pairs = {n: (flat_stated.get(n, missing), flat_found.get(n, missing)) for n in names}
    return len(names), {n: pair for n, pair in pairs.items() if not _equal(*pair)}


def recomputed(path: Path) -> dict[str, Any]:
    """Return the summary's numbers as they follow from checkpoint, problem and points."""
    import numpy as np

    from pinn.config import load_problem
    from pinn.evidence.gather import gather
    from pinn.runfolder import RunFolder
    from pinn.settings import make_settings
    from pinn.solution import build_ansatz, in_precision
    from pinn.solver import in_numbers, judged_of
    from pinn.training.plan import make_plan
    from pinn.training.state import solution_params

    folder = RunFolder.open(path)
    problem = load_problem(folder.source, folder.overrides, folder.folder)
    settings = make_settings(problem.settings)
    folder.check_same(problem, settings)
    with in_precision(settings):
        plan = make_plan(problem, settings, build_ansatz(problem, settings))
        plan, state = folder.load_state(plan, cut_log=False)
        try:
            with np.load(path / "points.npz", allow_pickle=False) as kept:
                points = {name: kept[name] for name in kept.files}
        except (OSError, ValueError) as error:
            raise ProblemError(f"cannot be read: {error}.", place=str(path / "points.npz")) from None
        judged = judged_of(plan, solution_params(state), state, points)
        return {"problem": problem.name, **gather(judged).summary, **in_numbers(plan, state)}


def _summary(path: Path) -> dict[str, Any]:
    file = path / "summary.json"
    try:
        stated = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ProblemError(f"is not a finished run: summary.json cannot be read ({error}).", place=str(path)) from None
    if not isinstance(stated, dict) or stated.get("status") == "interrupted":
        raise ProblemError("was interrupted, and has no numbers to verify. Go on with --resume.", place=str(path))
    return stated


def _equal(stated: Any, found: Any) -> bool:
    if isinstance(stated, (int, float)) and isinstance(found, (int, float)) and not isinstance(stated, bool):
        return math.isclose(stated, found, rel_tol=RELATIVE, abs_tol=1e-300)
    return stated == found
