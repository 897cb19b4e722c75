"""The folder of a sweep: what was asked for, a run folder and the output of each run, and one table of all."""

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from pinn import files
from pinn.errors import ProblemError, shorten
from pinn.runs import Run, entry_of, held_out_of, read_run
from pinn.sweep.combinations import Combination

PLAN, TABLE = "sweep.json", "sweep.csv"
FORMAT = 1
LOCK = "sweep.lock"
INTERRUPTED = 130  # exit code of a run that was asked to stop
BEGUN = ("problem.yaml", "settings.yaml", "log.jsonl")  # what a run leaves before its first checkpoint


class Result(NamedTuple):
    """How one run of a sweep stands.

    Attributes:
        state: "finished"; "resumable" from its checkpoint; "fresh" if there is nothing to go on from.
        exit: its exit code; None if it is not known, as that of a run that has not ended.
        run: what its folder says; None without one.
        message: a sentence: of its summary, or the last one it printed.
    """

    state: str
    exit: int | None
    run: Run | None
    message: str


def fingerprint(file: str) -> str:
    """Return a hash of the problem file, or of the name of a problem built in Python."""
    from pinn.config import find
    from pinn.yaml_text import read_text

    path = find(file)
    return hashlib.sha256((read_text(path) if path else file).encode()).hexdigest()


def begin(folder: Path, plan: dict[str, Any]) -> bool:
    """Make the folder of a sweep, or see that it is that of the same one.

    Args:
        folder: new, empty, or of an earlier call.
        plan: what was asked for, as plain data.

    Returns:
        Whether the sweep had been begun before.

    Raises:
        ProblemError: if the folder holds something else, or a sweep that differs; or cannot be written.
    """
    place = f"--out {shorten(str(folder))}"
    try:
        if (folder / PLAN).is_file():
            before = read_plan(folder)
            changed = [key for key in plan if before.get(key) != plan[key]]
            if changed:
                listed = "; ".join(
                    "the problem file has changed" if k == "sha256" else f"{k} was {before.get(k)} and is {plan[k]}"
                    for k in changed
                )
                raise ProblemError(f"holds another sweep: {listed}. Choose another folder.", place=place)
            return True
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ProblemError("is neither an empty folder nor that of a sweep. Choose another.", place=place)
        folder.mkdir(parents=True, exist_ok=True)
        files.write_text(folder / PLAN, json.dumps({"format": FORMAT, **plan}, indent=1) + "\n")
    except OSError as error:
        raise ProblemError(f"cannot be written: {error.strerror}.", place=place) from None
    return False


def read_plan(folder: Path) -> dict[str, Any]:
    """Return what a sweep was asked for.

    Raises:
        ProblemError: if the folder is not that of a sweep.
    """
    try:
        plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ProblemError(f"is not the folder of a sweep: no {PLAN} can be read.", place=str(folder)) from None
    keys = {"format": int, "file": str, "set": list, "sha256": str}
    known = isinstance(plan, dict) and all(isinstance(plan.get(k), kind) for k, kind in keys.items())
    if not known or not all(isinstance(entry, str) for entry in plan["set"]):
        raise ProblemError(f"{PLAN} is not what a sweep writes.", place=str(folder))
    if plan["format"] > FORMAT:
        raise ProblemError(f"has format {plan['format']}; this version reads up to {FORMAT}.", place=str(folder / PLAN))
    return plan


def lock(folder: Path) -> int | None:
    """Take the folder for this process and the runs it starts; the lock ends when the last of them does.

    Returns:
        What the runs have to inherit; None where the system has no such locks.

    Raises:
        ProblemError: if it is taken, as by runs that outlived a sweep that was killed.
    """
    return files.lock(folder / LOCK, "is in use: a sweep, or a run of one, is still going on in it.")


def result_of(folder: Path, name: str, code: int | None = None) -> Result:
    """Say how a run stands.

    Args:
        folder: of the sweep.
        name: of the run's folder.
        code: with which its process ended, if it has just done so; minus the number of a signal that ended it.
    """
    printed = last_line(folder / f"{name}.txt")
    last = f"ended by signal {-code}" if code is not None and code < 0 else printed
    try:
        run = read_run(folder / name)
    except ProblemError:
        return Result("fresh", code, None, "" if code is None else last)
    if run.status in ("done", "failed"):
        # A run that has written its summary may still end badly, as on a full disk.
        return Result("finished", _exit_of(run) if code is None else code, run, run.message)
    state = "resumable" if (run.path / "checkpoint.npz").is_file() else "fresh"
    return Result(state, code, run, run.message if code in (None, INTERRUPTED) else last or run.message)


def _exit_of(run: Run) -> int:
    """Return the exit code a finished run ended with, from its summary."""
    target = run.summary.get("target") or {}
    missed = target.get("relative_l2") is not None and not target.get("met")
    return 3 if run.status == "failed" else int(missed)


def last_line(file: Path) -> str:
    """Return the last line a run printed; empty if there is none."""
    with suppress(OSError):
        lines = [line for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else ""
    return ""


def clear(run: Path) -> None:
    """Remove what a run has left that cannot go on; anything else stays, and is then refused by the run itself."""
    for name in BEGUN:
        for file in (run / name, run / f"{name}.partial"):
            file.unlink(missing_ok=True)
    (run / "checkpoint.npz.partial").unlink(missing_ok=True)


def table(combinations: Sequence[Combination], results: Sequence[Result]) -> tuple[list[str], list[list[Any]]]:
    """Return heads and rows of the table of a sweep: numbers as numbers, None where there is none."""
    entries = [entry_of(result.run) if result.run else {} for result in results]
    unknowns = list(dict.fromkeys(name for entry in entries for name in entry.get("error") or ()))
    keys = list(combinations[0].values)
    heads = ["run", *keys, "exit", "status", *(f"error_{u}" for u in unknowns), "estimated", "held_out"]
    rows = []
    for combination, result, entry in zip(combinations, results, entries, strict=True):
        error, held_out = entry.get("error") or {}, held_out_of(result.run.summary) if result.run else None
        row = [combination.name, *combination.values.values(), result.exit, entry.get("status") or _unbegun(result)]
        row += [*(error.get(u) for u in unknowns), entry.get("estimated"), held_out[1] if held_out else None]
        rows.append([*row, entry.get("seconds"), entry.get("steps"), result.message])
    return [*heads, "seconds", "steps", "message"], rows


def _unbegun(result: Result) -> str:
    return "waiting" if result.exit is None else "refused" if result.exit == 2 else "failed"


def write_table(folder: Path, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write the table as sweep.csv, at once or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([heads, *(["" if cell is None else cell for cell in row] for row in rows)])
    files.write_text(folder / TABLE, text.getvalue())
