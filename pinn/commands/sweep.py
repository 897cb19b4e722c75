"""`pinn sweep FILE --set KEY=VALUE,VALUE ...`: a run for each combination of values, and one table of all."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pinn.errors import ProblemError
from pinn.files import unused
from pinn.sweep.combinations import Combination, check_combinations, combinations_of
from pinn.sweep.folder import begin, fingerprint, lock, read_plan
from pinn.sweep.runner import Sweep

EPILOG = """example: pinn sweep heat --set training.seed=0,1,2 --seconds 60 --out runs/seeds

values are separated by commas; commas inside brackets or quotes separate none:
  --set training.seed=0,1,2 --set network.width=16,24               six runs
  --set training.windows=auto,5,[0,0.1,1]                           three runs
  --set 'conditions.initial.equation=u = sin(pi*x),u = max(x, 0)'   two runs

exit codes: 0 every run ended with 0; 1 some did not; 2 something is wrong, and nothing was run; 130 interrupted.
The same command with the same --out, or --resume DIR, goes on: finished runs are kept, interrupted ones resumed."""


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog="pinn sweep",
        description="Solve a problem once for each combination of values. A run that fails does not stop the rest.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("file", nargs="?", metavar="FILE", help="a problem file, or the name of a shipped problem")
    p.add_argument("--set", action="append", default=[], metavar="KEY=VALUE,...", help="values of a key of the file")
    p.add_argument("--seconds", type=float, metavar="S", help="of each run, as of pinn run")
    p.add_argument("--out", metavar="DIR", help="folder of the sweep (default runs/NAME/sweep-UTC TIME)")
    p.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at a time, which share the cores (default 1)")
    p.add_argument("--resume", metavar="DIR", help="go on with the sweep in this folder; leave out the rest")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(argv)
    try:
        plan, folder = _asked(options)
        combinations = combinations_of(plan["set"])
        folder = _checked(plan, folder, combinations)
        begin(folder, plan)
        held = lock(folder)
    except ProblemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted before a run was begun", file=sys.stderr)
        return 130
    try:
        return Sweep(plan["file"], folder, combinations, held).run(options.jobs)
    finally:
        if held is not None:
            os.close(held)


def _asked(options: argparse.Namespace) -> tuple[dict[str, Any], Path | None]:
    """Return what is to be run, and the folder if one was named."""
    if options.jobs < 1:
        raise ProblemError("at least one run at a time.", place=f"--jobs {options.jobs}")
    if options.resume:
        if options.file or options.set or options.out or options.seconds is not None:
            raise ProblemError("--resume goes on with the sweep as it was begun; leave out FILE and all but --jobs.")
        plan = read_plan(Path(options.resume))
        return {key: plan[key] for key in ("file", "set", "sha256")}, Path(options.resume)
    if options.file is None:
        raise ProblemError("give a problem file, or the name of a shipped problem, or --resume DIR.")
    entries = list(options.set)
    if options.seconds is not None:
        entries.append(f"training.seconds={options.seconds!r}")
    sha256 = fingerprint(options.file)
    file = str(Path(options.file).resolve()) if Path(options.file).is_file() else options.file
    return {"file": file, "set": entries, "sha256": sha256}, Path(options.out) if options.out else None


def _checked(plan: dict[str, Any], folder: Path | None, combinations: Sequence[Combination]) -> Path:
    """See that every combination can be run; return the folder to write to."""
    if plan["sha256"] != fingerprint(plan["file"]):
        raise ProblemError("has changed since the sweep began. Begin another sweep.", place=plan["file"])
    # This process only reads; an accelerator is left to the runs.
    before = os.environ.get("JAX_PLATFORMS")
    os.environ["JAX_PLATFORMS"] = "cpu"
    try:
        name = check_combinations(plan["file"], combinations)
    finally:
        os.environ.pop("JAX_PLATFORMS")
        if before is not None:
            os.environ["JAX_PLATFORMS"] = before
    return folder or unused(Path("runs") / name, "sweep-")
