"""`pinn check FILE`: read a whole problem without solving it, and say what is wrong or odd."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from pinn.errors import ProblemError, dotted, shorten


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog="pinn check",
        description="Read a whole problem file and report mistakes, and what may not be meant, before any training.",
        epilog="example: pinn check mine.yaml --set parameters.k=0.2\n\n"
        "exit codes: 0 the problem can be run, with or without warnings; 2 it cannot",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("file", metavar="FILE", help="a problem file, or the name of a shipped problem")
    p.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the file")
    p.add_argument("--json", action="store_true", help="print one JSON object")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(argv)
    report = check(options.file, options.set)
    if options.json:
        print(json.dumps(report, indent=2))
        return 0 if report["ok"] else 2
    if report["error"]:
        print(f"error: {report['error']['sentence']}", file=sys.stderr)
        return 2
    for finding in report["findings"]:
        print(f"{finding['level']}: {finding['sentence']}")
    warnings = sum(f["level"] == "warning" for f in report["findings"])
    count = "no warnings" if not warnings else f"{warnings} warning{'s'[: warnings - 1]}"
    print(f"{options.file}: can be run, {count}")
    return 0


def check(file: str, changes: Sequence[str] = ()) -> dict[str, Any]:
    """Check a problem.

    Returns:
        ``ok``; ``error``, None or what is wrong; ``findings``, a list. Error and findings have ``file``, ``line``,
        ``column`` (None where they stand nowhere), ``key``, ``text``, ``message`` and ``sentence``, all of it together;
        findings ``level`` and ``topic`` too.
    """
    from pinn.config import load_problem, locate
    from pinn.findings import findings

    try:
        problem = load_problem(file, changes)
        _check_settings(problem, file)
    except ProblemError as error:
        return {"ok": False, "error": _entry(error), "findings": []}
    found = [
        _entry(locate(ProblemError(f.message, f.key, f.text), problem, file)) | {"level": f.level, "topic": f.topic}
        for f in findings(problem)
    ]
    return {"ok": True, "error": None, "findings": found}


def _check_settings(problem: Any, file: str) -> None:
    """Refuse settings that do not fit the problem.

    Hard conditions that cannot be only where they are asked for: to look needs jax, which takes seconds.
    """
    from pinn.config import locate
    from pinn.places import check_places
    from pinn.settings import make_settings

    try:
        settings = make_settings(problem.settings)
        check_places(problem, settings)
        if "hard" in (settings.ansatz.initial, settings.ansatz.dirichlet) or isinstance(settings.ansatz.mirrors, list):
            from pinn.solution import build_ansatz, in_precision

            with in_precision(settings):
                build_ansatz(problem, settings)
    except ProblemError as error:
        raise locate(error, problem, file) from None


def _entry(error: ProblemError) -> dict[str, Any]:
    parts = error.place.rsplit(":", 2)
    numbers = [int(p) for p in parts[1:] if p.isdigit()]
    place = parts[0] if len(numbers) == 2 else error.place
    line, column = numbers if len(numbers) == 2 else (None, None)
    return {
        "file": place,
        "line": line,
        "column": column,
        "key": dotted(error.key),
        "text": None if error.text is None else shorten(error.text),
        "message": error.message,
        "sentence": str(error),
    }
