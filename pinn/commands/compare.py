"""`pinn compare RUN RUN ...`: several runs in one table, with the settings they differ in, and in one figure."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pinn.errors import ProblemError
from pinn.runs import Run, differing, entry_of, errors_of, held_out_of, read_run, seconds_of, steps_of

FORMATS = (".png", ".pdf", ".svg")
NOTHING = "-"  # for what a run does not have
BESIDE = 4  # settings in the table of numbers; more stand below it


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog="pinn compare",
        description="Show runs side by side: errors, held-out residuals, seconds, steps, and the settings that differ.",
        epilog="An error in brackets is an estimate.\n\nexample: pinn compare runs/a runs/b --out curves.png\n\n"
        "exit codes: 0 compared; 2 a folder is not that of a run",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("runs", nargs="+", metavar="RUN", help="a run folder")
    p.add_argument("--json", action="store_true", help="print one JSON object")
    p.add_argument("--out", metavar="FILE", help=f"draw losses and errors over each other; {', '.join(FORMATS)}")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(argv)
    try:
        runs = [read_run(Path(name)) for name in options.runs]
        if options.out:
            _draw(runs, Path(options.out))
    except ProblemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(report(runs), indent=2))
        return 0
    from pinn.report.columns import print_columns

    for part in tables(runs):
        print_columns(*part)
    for sentence in remarks(runs):
        print(sentence)
    if options.out:
        print(f"Curves in {options.out}")
    return 0


def report(runs: Sequence[Run]) -> dict[str, Any]:
    """Return all of it as plain data: ``runs``, each with the ``settings`` that differ, and ``remarks``."""
    different = differing(runs)
    entries = [
        entry_of(run) | {"settings": {n: values[k] for n, values in different.items()}} for k, run in enumerate(runs)
    ]
    return {"runs": entries, "remarks": remarks(runs)}


def remarks(runs: Sequence[Run]) -> list[str]:
    """Return what has to be said beside the table."""
    said = [f"{run.path} is {run.status}: {run.message}" for run in runs if run.status != "done"]
    problems = list(dict.fromkeys(run.problem or "one not known" for run in runs))
    if len(problems) > 1:
        said.append(f"The runs are of different problems ({', '.join(problems)}): their errors are not of one thing.")
    return said


Table = tuple[list[str], list[list[str]], list[str]]  # heads, rows, heads of the columns of numbers


def tables(runs: Sequence[Run]) -> list[Table]:
    """Return one table; or two, if more settings differ than fit beside the numbers: the second has one a row."""
    unknowns = list(dict.fromkeys(name for run in runs for name in errors_of(run.summary)[0]))
    numbers = [*(f"error of {name}" for name in unknowns), "held-out residual", "seconds", "steps"]
    rows = [[str(run.path), run.problem or NOTHING, run.status, *cells(run, unknowns)] for run in runs]
    heads, different = ["run", "problem", "status", *numbers], differing(runs)
    settings = {name: [value_text(v) for v in values] for name, values in different.items()}
    if len(settings) <= BESIDE:
        rows = [row + [values[k] for values in settings.values()] for k, row in enumerate(rows)]
        return [([*heads, *settings], rows, [*numbers, *settings])]
    names = [str(run.path) for run in runs]
    return [(heads, rows, numbers), (["setting", *names], [[n, *values] for n, values in settings.items()], names)]


def cells(run: Run, unknowns: Sequence[str]) -> list[str]:
    """Return the columns of numbers of a run, as text."""
    errors, estimated = errors_of(run.summary)
    held_out, seconds, steps = held_out_of(run.summary), seconds_of(run), steps_of(run)
    return [
        *(_error(errors, name, estimated) for name in unknowns),
        f"{held_out[1]:.2e} ({held_out[0]})" if held_out else NOTHING,
        NOTHING if seconds is None else f"{seconds:.1f}",
        NOTHING if steps is None else str(steps),
    ]


def _error(errors: dict[str, float | None], name: str, estimated: bool) -> str:
    if name not in errors:
        return NOTHING
    text = "nan" if errors[name] is None else f"{errors[name]:.2e}"
    return f"({text})" if estimated else text


def value_text(value: Any) -> str:
    """Write a setting's value; None is one that a run does not have."""
    return NOTHING if value is None else str(value)


def _draw(runs: Sequence[Run], path: Path) -> None:
    place = f"--out {path}"
    if path.suffix not in FORMATS:
        raise ProblemError(f"the name of a figure ends in one of {', '.join(FORMATS)}.", place=place)
    if path.exists():
        raise ProblemError("exists already. Choose another name, or remove it.", place=place)
    if not path.parent.is_dir():
        raise ProblemError(f"there is no folder {path.parent}.", place=place)
    from pinn.report.overlay import save_overlay

    try:
        save_overlay(runs, path)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise ProblemError(f"cannot be written: {error.strerror}.", place=place) from None
