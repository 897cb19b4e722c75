"""`pinn list`: the shipped problems, their equations, and how accurately they have been solved in how much time."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pinn.errors import ProblemError

MEASURED = "measured.json"  # beside the problem files; written by experiments/measured.py
HEADS = ["problem", "equations", "best error", "after", "median"]


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog="pinn list",
        description="List the shipped problems: equations, and the smallest relative L2 error that was measured,\n"
        "after how many seconds, beside the median of all seeds run for as long.",
        epilog="`pinn run NAME` solves one of them; `--json` has the command, seed, machine and date too.\n\n"
        "example: pinn list --json\n\nexit codes: 0 listed; 2 the arguments are wrong",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("--json", action="store_true", help="print one JSON object, by problem")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(argv)
    try:
        found = listing()
    except ProblemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    from pinn.report.columns import print_columns

    print_columns(HEADS, [row for name, entry in found.items() for row in rows(name, entry)], right=HEADS[2:4])
    for machine, date in dict.fromkeys((m["machine"], m["date"]) for e in found.values() if (m := e["measured"])):
        print(f"Measured on {machine}, {date}.")
    return 0


def listing() -> dict[str, dict[str, Any]]:
    """Return the shipped problems by name.

    Returns:
        ``title``; ``equations``, text by name; ``measured``, None or ``relative_l2``, ``seconds`` from the start of
        the process to the last step, ``seed``, ``command``, ``median_relative_l2`` of ``seeds`` runs as long,
        ``machine``, ``date`` and ``versions``.

    Raises:
        ProblemError: if the package's own files cannot be read.
    """
    from pinn.registry import shipped, shipped_folder
    from pinn.yaml_text import read_yaml

    folder = shipped_folder()
    if folder is None:
        raise ProblemError("the problem files that come with pinn are missing. Install it again.")
    measured, found = _measured(folder / MEASURED), {}
    for name, path in shipped().items():
        problem = read_yaml(path)
        equations = {key: _text(value) for key, value in problem["equations"].items()}
        found[name] = {
            "title": problem.get("title", ""),
            "equations": equations,
            "measured": measured.get(name),
        }
    return found


def _measured(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ProblemError(f"cannot be read ({error}). Install pinn again.", place=str(file)) from None


def _text(equation: Any) -> str:
    return equation if isinstance(equation, str) else f"residual {equation['residual']} of pinn/registry.py"


def rows(name: str, entry: dict[str, Any]) -> list[list[str]]:
    """Return a row per equation; the numbers stand in the first."""
    best, equations = entry["measured"], list(entry["equations"].values())
    numbers = ["not measured", "", ""]
    if best:
        median = f"{best['median_relative_l2']:.1e} of {best['seeds']} seed{'s'[: best['seeds'] - 1]}"
        numbers = [f"{best['relative_l2']:.1e}", f"{best['seconds']:.0f} s", median]
    return [[name, equations[0], *numbers], *(["", text, "", "", ""] for text in equations[1:])]
