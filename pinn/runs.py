"""Run folders read for their numbers, however they ended: without jax, and without believing any file to be whole."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pinn.errors import ProblemError
from pinn.files import no_run
from pinn.plain import flat

FILES = ("settings.yaml", "problem.yaml", "summary.json", "checkpoint.npz")  # one of them makes a folder that of a run
COUNTED = ("step", "seconds", "window", "attempt", "stage", "loss")  # numbers in every record of a log
ENDED = ("done", "failed", "interrupted")


class Run(NamedTuple):
    """What a run folder says.

    Attributes:
        path: the folder, as given.
        status: "done", "failed" or "interrupted" by its summary; "unfinished" without one, as while a run goes on or
            after its process was killed; "damaged" where a file cannot be read.
        message: a sentence on how it ended, or on what is damaged.
        problem: name of the problem; None if not known.
        summary: of summary.json; empty if there is none that can be read.
        settings: the resolved settings, and the problem's own entries with what ``--set`` changed, by dotted key.
        log: the records of log.jsonl, as far as they can be read.
    """

    path: Path
    status: str
    message: str
    problem: str | None
    summary: dict[str, Any]
    settings: dict[str, Any]
    log: list[dict[str, Any]]


def read_run(path: Path) -> Run:
    """Read a run folder.

    Raises:
        ProblemError: if it is not one.
    """
    try:
        is_run = path.is_dir() and any((path / name).is_file() for name in FILES)
    except OSError:
        is_run = False
    if not is_run:
        raise no_run(path, f"none of {', '.join(FILES)}")
    log, summary, damage = read_log(path / "log.jsonl"), {}, []
    try:
        summary = read_summary(path / "summary.json")
    except ProblemError as error:
        damage.append(f"summary.json {error.message}")
    name, settings = summary.get("problem"), {}
    try:
        own, settings = _settings(path)
        name = name or own
    except ProblemError as error:
        damage.append(f"settings.yaml or problem.yaml: {error.message}")
    if damage:
        return Run(path, "damaged", " ".join(damage), name, summary, settings, log)
    if not summary:
        steps = f"after step {log[-1]['step']}" if log else "before a step was logged"
        return Run(path, "unfinished", f"no summary; the log ends {steps}", name, {}, settings, log)
    return Run(path, summary["status"], str(summary.get("message") or ""), name, summary, settings, log)


def read_log(file: Path) -> list[dict[str, Any]]:
    """Return the records of a log; lines cut short by a crash or a full disk, or of something else, are left out."""
    records: list[dict[str, Any]] = []
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return records
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and all(_is_number(record.get(k)) for k in COUNTED) and "span" in record:
            records.append(record)
    return records


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def read_summary(file: Path) -> dict[str, Any]:
    """Return the summary; empty if there is none."""
    try:
        summary = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise ProblemError("cannot be read.", place=str(file)) from None
    if not _is_summary(summary):
        raise ProblemError("is not the summary of a run.", place=str(file))
    return summary


def _is_summary(data: Any) -> bool:
    """Say whether what is read of a summary has the shape it is read by."""
    if not isinstance(data, dict) or data.get("status") not in ENDED:
        return False
    tables = [data.get(key) or {} for key in ("errors", "estimate", "held_out")]
    if not all(isinstance(t, dict) and all(isinstance(e, dict) for e in t.values()) for t in tables):
        return False
    if not all({"rms", "max"} <= e.keys() for e in (data.get("held_out") or {}).values()):
        return False
    return isinstance(data.get("seconds") or {}, dict)


def _settings(path: Path) -> tuple[str | None, dict[str, Any]]:
    """Return the problem's name, and settings and the problem's entries by dotted key."""
    from pinn.settings import SECTIONS, ProblemFile
    from pinn.yaml_text import override, read_yaml

    kept = read_yaml(path / "settings.yaml")
    settings = flat(kept.get("settings") or {})
    if kept.get("built_in_python"):
        return str(kept["built_in_python"]), settings
    problem = read_yaml(path / "problem.yaml")
    for change in kept.get("overrides") or ():
        override(problem, str(change), ProblemFile.model_fields)
    own = {k: v for k, v in problem.items() if k not in (*SECTIONS, "name", "title", "source")}
    return problem.get("name"), flat(own) | settings


def differing(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """Return the settings that are not the same in all runs, with a value per run; None where a run has none.

    Entries of the problem itself count only among runs of one problem: those of two differ in nearly everything.
    """
    from pinn.settings import SECTIONS

    known = [run.settings for run in runs if run.settings]
    names = list(dict.fromkeys(key for settings in known for key in settings))
    if len({run.problem for run in runs if run.settings}) > 1:
        names = [n for n in names if n.partition(".")[0] in SECTIONS]
    found = {n: [run.settings.get(n) for run in runs] for n in names}
    return {n: values for n, values in found.items() if len({repr(s.get(n)) for s in known}) > 1}


def errors_of(summary: Mapping[str, Any]) -> tuple[dict[str, float | None], bool]:
    """Return the relative L2 error by unknown, and whether it is but estimated; empty if neither is known.

    An error is None where it is not a number, which JSON does not have.
    """
    for key, estimated in (("errors", False), ("estimate", True)):
        entries = summary.get(key)
        if entries:
            return {name: entry.get("relative_l2") for name, entry in entries.items()}, estimated
    return {}, False


def held_out_of(summary: Mapping[str, Any]) -> tuple[str, float] | None:
    """Return the constraint with the largest held-out residual, and its root mean square; None if not known.

    One that is not a number is the largest of all.
    """
    found = {n: math.nan if e.get("rms") is None else e["rms"] for n, e in (summary.get("held_out") or {}).items()}
    return max(found.items(), key=lambda item: math.inf if math.isnan(item[1]) else item[1]) if found else None


def seconds_of(run: Run) -> float | None:
    """Return all the time a run took, that before interruptions too; of a run that did not end, by its log."""
    spent = run.summary.get("seconds")
    if spent and spent.get("total") is not None:
        return spent["total"] + (spent.get("earlier") or 0.0)
    return run.log[-1]["seconds"] if run.log else None


def steps_of(run: Run) -> int | None:
    """Return the steps a run took, by its summary or its log."""
    steps = run.summary.get("steps")
    return steps if steps is not None else run.log[-1]["step"] if run.log else None


def entry_of(run: Run) -> dict[str, Any]:
    """Return what is compared of a run, as plain data: the keys of `pinn compare --json`."""
    errors, estimated = errors_of(run.summary)
    return {
        "run": str(run.path),
        "problem": run.problem,
        "status": run.status,
        "message": run.message,
        "error": errors or None,
        "estimated": estimated if errors else None,
        "held_out": {n: e.get("rms") for n, e in (run.summary.get("held_out") or {}).items()} or None,
        "seconds": seconds_of(run),
        "steps": steps_of(run),
    }
