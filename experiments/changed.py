"""Runs one problem with some settings changed at a time, keeps finished runs in a JSON file, and prints a table."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def measure(problem: str, changes: list[str], seconds: int) -> dict[str, Any]:
    """Run the command once with some settings changed."""
    with tempfile.TemporaryDirectory() as folder:
        sets = [part for change in changes for part in ("--set", change)]
        command = [sys.executable, "-m", "pinn.run", problem, "--seconds", str(seconds), *sets]
        command += ["--set", "evidence={estimate: false, bound: false}"]  # the error is all that is asked for
        ended = subprocess.run([*command, "--out", folder, "--quiet"], cwd=folder, capture_output=True, text=True)
        if ended.returncode not in (0, 3):  # one that fails numerically is a row too
            raise SystemExit(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")
        summary = json.loads((Path(folder) / "summary.json").read_text())
    return {
        "settings": changes,
        "seconds": seconds,
        "total_seconds": summary["seconds"]["total"] - summary["seconds"]["evaluate"],
        "relative_l2": summary["errors"]["u"]["relative_l2"],
        "held_out": summary["held_out"]["pde"]["rms"],
        "status": summary["status"],
        "steps": summary["steps"],
        "windows": len(summary["windows"]) - 1,
    }


def main(doc: str, file: Path, problem: str, cases: Mapping[str, list[str]], seconds: int) -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="only print the table")
    parser.add_argument("--seconds", type=int, default=seconds, help=f"default: {seconds}")
    options = parser.parse_args()
    found = json.loads(file.read_text()) if file.exists() else {}
    for name, changes in cases.items():
        known = found.get(name, {})
        if not options.table and (known.get("settings"), known.get("seconds")) != (changes, options.seconds):
            found[name] = measure(problem, changes, options.seconds)
            file.write_text(json.dumps(found, indent=1) + "\n")
    print("| | windows | steps | seconds | held-out residual | relative L2 error |\n|---|--:|--:|--:|--:|--:|")
    for name in (n for n in cases if n in found):
        r = found[name]
        print(
            f"| {name} | {r['windows']} | {r['steps']} | {r['total_seconds']:.0f} | {_number(r['held_out'])} "
            f"| {_number(r['relative_l2'])}{'' if r['status'] == 'done' else ', ' + r['status']} |"
        )


def _number(value: float | None) -> str:
    return "nan" if value is None else f"{value:.1e}"
