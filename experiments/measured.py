"""The best measured run of every problem, of all experiments that solve problems as they are; for `pinn list`."""

import datetime
import hashlib
import json
import os
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pinn.registry import shipped
from pinn.yaml_text import read_yaml

HERE = Path(__file__).parent
MEASURED = HERE.parent / "problems" / "measured.json"  # shipped with the problems
WORDS = {"name", "title", "source"}  # keys of a problem file that change nothing of how it is solved


def machine() -> str:
    """Name the processor, where Linux does."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {names[0] if names else 'an unknown processor'}"


def today() -> str:
    """Return the date."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def problem_sha256(file: Path) -> str:
    """Return a hash of all that a problem file says but for words and comments, and of the data beside it.

    A result belongs to one of them.
    """
    said = {k: v for k, v in read_yaml(file).items() if k not in WORDS}
    path = said.get("reference", {}).get("path")
    data = (file.parent / path).read_bytes() if path else b""
    return hashlib.sha256(json.dumps(said).encode() + data).hexdigest()


def finished(folder: Path) -> list[dict[str, Any]]:
    """Return the runs of a folder that have a known error, but those whose problem has changed since."""
    files, runs = shipped(), [json.loads(p.read_text()) for p in sorted(folder.glob("*.json"))]
    known = [r for r in runs if r["problem"] in files and r.get("relative_l2") is not None]
    return [r for r in known if r.get("problem_sha256") == problem_sha256(files[r["problem"]])]


def best_of(runs: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the run with the smallest error, and the median of all seeds that had as many seconds there."""
    runs = list({(r["budget"], r["seed"]): r for r in runs}.values())  # of the same command, the last
    best = min(runs, key=lambda r: r["relative_l2"])
    same = [r["relative_l2"] for r in runs if (r["budget"], r["machine"]) == (best["budget"], best["machine"])]
    spent = best["seconds"]
    return {
        "relative_l2": best["relative_l2"],
        "seconds": round(spent["total"] - spent["evaluate"], 1),  # from the start of the process to the last step
        "seed": best["seed"],
        "command": f"python -m pinn.run {best['problem']} --seconds {best['budget']:g} --seed {best['seed']}",
        "median_relative_l2": statistics.median(same),
        "seeds": len(same),
        "machine": best["machine"],
        "date": best["date"],
        "versions": best["versions"],
    }


def measured() -> dict[str, dict[str, Any]]:
    """Return the best run by problem, of the accuracy experiment and of the gallery."""
    runs = [r for experiment in ("accuracy", "gallery") for r in finished(HERE / experiment / "results")]
    return {name: best_of(r for r in runs if r["problem"] == name) for name in sorted({r["problem"] for r in runs})}


def write_measured() -> None:
    """Write `problems/measured.json` anew."""
    MEASURED.write_text(json.dumps(measured(), indent=1) + "\n")
