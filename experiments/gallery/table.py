"""The results as tables: README.md here, with all that is known, and docs/gallery.md, with pictures."""

import json
from typing import Any

from cells import conditions, published, setting, statement
from judged import Judged, beyond, verdict, written
from kept import (
    HERE,
    RESULTS,
    ROOT,
    THUMBNAILS,
    asked,
    command_of,
    is_stale,
    results,
    said,
    seeds_of,
    targets,
    write,
)
from remarks import remarks

from pinn.problem import TIME
from pinn.registry import shipped
from pinn.yaml_text import read_yaml

PAGE = ROOT / "docs" / "gallery.md"
HEADS = ("problem", "equations", "conditions", "best published", "asked", "median", "worst", "seconds", "run",
         "command", "remarks")  # fmt: skip
NUMBERS = ("median", "worst", "seconds")
GROUPS = {
    "origin": "From the project's origin",
    "evolution": "Evolution",
    "steady": "Steady",
    "ode": "Ordinary differential equations in time",
}

README = """\
# A gallery of equations, each solved, checked and timed

Every file of `problems/`, solved with what it says and nothing else but the seconds. This page is written by

    python experiments/gallery/run.py

which runs what is missing (all of it takes some nine hours), and, from what there is, by
`python experiments/gallery/run.py --table`.

Errors are relative L2 against the problem's reference, over its evaluation grid; of several unknowns the worst; *< e*
is an error below the uncertainty e of the reference. Median and worst are of all seeds that were run: three for the
systems the project began with and for problems with a figure to reach, asked or published, one for the others. Of two
seeds the larger stands for the median. Seconds are from the start of the process to the last step, the longest of the
seeds. *Run* says when, and on which two cores: MACHINES. The solver has changed from day to day; the result of a seed
is of the day it was run. What is published is the smallest error of a network that was found for the same problem, on
whatever machine; where it is *as reported by others*, the source itself was not seen; of *another problem* no verdict
is given. A figure is *met* if the worst seed is below it, told to stop at no more than the seconds asked, which a last
step may pass by one; until all seeds were run it says by which. Of cavity_corners u and v are asked, of each 1e-3 of
what the norm of that component is with the corner flows; of cavity_stream the stream function, whose derivatives, the
velocity, are wrong by up to five times as much ([experiments/cavity](../cavity/README.md)).
A reference that is made is on disk after the first run of a problem, and takes of the seconds of that one alone.
*Below the published best* is an error that stays so with the
uncertainty of the reference added. *Stale* is a result whose file has changed since. Where the problems come from
stands in their files.

Not here, though errors of networks are published for them: Burgers with a viscosity of 0.01, the cavity with a lid of
4 x (1 - x) or at higher Reynolds numbers, Gray-Scott in two dimensions, the chaotic Kuramoto-Sivashinsky equation to
t = 1, turbulence on a torus, Stokes flow in a wedge, heat in four dimensions of space, Fokker-Planck in nine, Poisson
in ten and a hundred.

COUNTS
"""
PAGE_TOP = """\
# Gallery

Every problem that comes with the package, solved by `pinn run NAME --seconds S` on two cores. The last column has the
seconds it took, and S. Errors are relative L2, of several unknowns the worst, of several seeds the median; *< e* is an
error below the uncertainty e of the reference. *Missed* says that a figure asked of the problem was not reached, and
*before* that its file has changed since. Pictures show all unknowns of one coordinate, each to its own height, else the
first unknown; with more coordinates than two at the last time, in the middle of the others. What is published
elsewhere, and why figures were missed, is in `experiments/gallery/README.md` of the repository.
"""


def group_of(problem: dict[str, Any], entry: dict[str, Any]) -> str:
    """Return the key of the group a problem is listed in."""
    if entry.get("origin"):
        return "origin"
    coordinates = list(problem["coordinates"])
    return "steady" if TIME not in coordinates else "evolution" if len(coordinates) > 1 else "ode"


def row(name: str, entry: dict[str, Any], reason: str | None) -> dict[str, str]:
    """Return the cells of a problem by heading.

    Args:
        name: of a shipped problem.
        entry: what published.yaml says of it.
        reason: why it misses what it misses, from notes.yaml.
    """
    problem, runs, letters = said(name), results(name), machines()
    cells = {
        "problem": f"[{name}](../../problems/{name}.yaml)",
        "equations": "<br>".join([statement(problem), setting(problem)]),
        "conditions": conditions(problem),
        "best published": published(entry),
        "run": ", ".join(sorted({f"{r['date']} {letters[r['machine']]}" for r in runs})),
        "command": f"`{command_of(name, max((r['budget'] for r in runs), default=entry['seconds']), 'K')}`",
        "seconds": f"{max(r.get('used', 0) for r in runs):.0f}" if runs else "",
        "remarks": remarks(runs, entry, reason),
    }
    cells |= errors(runs, entry)
    return {head: cells.get(head, "") for head in HEADS}


def errors(runs: list[dict[str, Any]], entry: dict[str, Any]) -> dict[str, str]:
    """Return the cells of the errors, and of what is asked of them."""
    judged, cells = Judged.of(runs), {}
    if judged.errors:
        several = len(judged.errors) > 1
        cells = {"median": judged.said(judged.median), "worst": judged.said(judged.worst) if several else ""}
    if targets(entry):
        seconds = entry.get("asked", entry["seconds"])
        cells["asked"] = f"{written(entry['target'])} in {seconds} s{verdict(runs, entry) if judged.fresh else ''}"
    return cells


def machines() -> dict[str, str]:
    """Return a letter for each machine, in the order of their names."""
    names = sorted({json.loads(file.read_text())["machine"] for file in RESULTS.glob("*.json")})
    return {name: chr(ord("A") + k) for k, name in enumerate(names)}


def by_group() -> dict[str, list[str]]:
    """Return the names of all problems, by group."""
    entries = asked()
    groups = {key: [] for key in GROUPS}
    for name in shipped():
        groups[group_of(said(name), entries[name])].append(name)
    return {key: names for key, names in groups.items() if names}


def readme() -> str:
    """Return the whole table."""
    entries, reasons = asked(), read_yaml(HERE / "notes.yaml")
    rows = {name: row(name, entry, reasons.get(name)) for name, entry in entries.items()}
    lines = []
    for key, names in by_group().items():
        lines += [
            "",
            f"## {GROUPS[key]}",
            "",
            _line(HEADS),
            _line("--:" if h in NUMBERS else "---" for h in HEADS),
        ]
        lines += [_line(cell.replace("|", "\\|") for cell in rows[name].values()) for name in names]
    told = "; ".join(f"{letter}, {name.removeprefix('2 cores of ')}" for name, letter in machines().items())
    return README.replace("MACHINES", told).replace("COUNTS", counts(rows)) + "\n".join(lines) + "\n"


def counts(rows: dict[str, dict[str, str]]) -> str:
    """Say how many problems were run, and how many figures are met."""
    seeds = [(name, seed) for name, entry in asked().items() for seed in seeds_of(entry)]
    fresh = sum(any(r["seed"] == seed and not is_stale(r) for r in results(name)) for name, seed in seeds)
    figures = {name: r["asked"] for name, r in rows.items() if r["asked"]}
    met = sum(figure.endswith(": met") for figure in figures.values())
    missing = ", ".join(name for name, figure in figures.items() if figure.endswith(": missed"))
    return (
        f"{len(rows)} problems; of {len(seeds)} runs that are to be, {fresh} are here, of the files as they are. A "
        f"figure is asked of {len(figures)} problems: {met} meet it with all seeds"
        + (f"; {missing} miss it. " if missing else ". ")
        + "The figure of the cavity is asked of each of its four forms; cavity and cavity_corners have the lid of Ghia "
        "et al., which jumps at its ends, the others a lid that is at rest there."
    )


def _line(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


def page() -> str:
    """Return the page of pictures."""
    lines = []
    for key, names in by_group().items():
        lines += ["", f"## {GROUPS[key]}", "", _line(("", "problem", "error", "seconds")), "|---|---|--:|--:|"]
        lines += [_line(pictured(name)) for name in names]
    return PAGE_TOP + "\n".join(lines) + "\n"


def pictured(name: str) -> tuple[str, ...]:
    """Return the cells of a problem on the page of pictures."""
    problem, runs = said(name), results(name)
    picture = f"![{name}](gallery/{name}.png)" if (THUMBNAILS / f"{name}.png").exists() else ""
    seconds = f"{max(r.get('used', 0) for r in runs):.0f} of {max(r['budget'] for r in runs):.0f}" if runs else ""
    title = str(problem.get("title", "")).replace("|", "\\|")
    return picture, f"**{name}**<br>{title}<br>{statement(problem)}<br>{setting(problem)}", number(name, runs), seconds


def number(name: str, runs: list[dict[str, Any]]) -> str:
    """Return the error of a problem, and what is to be known of it."""
    judged = Judged.of(runs)
    if not judged.errors:
        return "no reference" if runs else "not run"
    return f"{judged.said(judged.median)}{'' if judged.fresh else ' before'}{' (missed)' * missed(name)}"


def missed(name: str) -> bool:
    """Say whether a problem misses the figure asked of it."""
    return beyond(results(name), asked()[name])


def write_tables() -> None:
    """Write both files."""
    write(HERE / "README.md", readme())
    write(PAGE, page())
