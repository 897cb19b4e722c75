"""What is asked of each problem, and what has been kept of its runs."""

import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from pinn.registry import shipped
from pinn.yaml_text import read_yaml

sys.path.insert(0, str(Path(__file__).parents[1]))
from measured import problem_sha256

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results"
THUMBNAILS = ROOT / "docs" / "gallery"
SECONDS = 180  # of a run whose entry says nothing
SEEDS = (0, 1, 2)  # of the project's own systems and of problems with a figure; the first alone of the others


def asked() -> dict[str, dict[str, Any]]:
    """Return, for every shipped problem, what published.yaml says of it."""
    known = read_yaml(HERE / "published.yaml")
    return {name: {"seconds": SECONDS} | known.get(name, {}) for name in shipped()}


@cache
def said(name: str) -> dict[str, Any]:
    """Return what a problem file says."""
    return read_yaml(shipped()[name])


def bar_of(entry: dict[str, Any]) -> float | None:
    """Return the published error a problem is held against; None where there is none, or of another problem."""
    known = entry.get("published", {})
    return known.get("error") if "differs" not in known else None


def targets(entry: dict[str, Any]) -> list[float]:
    """Return the errors asked of a problem: none, one, or one for each of some unknowns."""
    asked_for = entry.get("target", [])
    return list(asked_for.values()) if isinstance(asked_for, dict) else [asked_for] if asked_for else []


def seeds_of(entry: dict[str, Any]) -> tuple[int, ...]:
    """Return the seeds a problem is to be run with."""
    many = entry.get("origin") or "target" in entry or bar_of(entry)
    return SEEDS if many else SEEDS[:1]


def command_of(name: str, seconds: float, seed: int | str) -> str:
    """Return the command of a run, as a reader types it."""
    return f"python -m pinn.run {name} --seconds {seconds:g} --seed {seed}"


def results(name: str) -> list[dict[str, Any]]:
    """Return all results of a problem by seed, those of crashes too."""
    found = (json.loads(p.read_text()) for p in RESULTS.glob(f"{name}-*.json"))
    return sorted((r for r in found if r["problem"] == name), key=lambda r: r["seed"])


def finished(name: str, seed: int) -> dict[str, Any] | None:
    """Return the result of a run; None if there is none yet, or it crashed."""
    return next((r for r in results(name) if r["seed"] == seed and r["status"] != "crashed"), None)


def is_stale(result: dict[str, Any]) -> bool:
    """Say whether the problem file is no longer the one that was solved."""
    return result["problem_sha256"] != problem_sha256(shipped()[result["problem"]])


def write(file: Path, text: str) -> None:
    """Write a file at once or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(file.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, file)
