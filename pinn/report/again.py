"""What it takes to repeat a run and to cite it: settings, versions, commands."""

import shlex
from html import escape
from typing import Any

from pinn.fingerprint import fingerprint
from pinn.report.markup import command, details, pairs, plain, table
from pinn.runfolder import flat
from pinn.settings import make_settings
from pinn.solution import Solution
from pinn.yaml_text import dump_yaml


def surroundings(solution: Solution) -> str:
    """Return device, precision, seed, sizes and versions."""
    summary, settings = solution.summary, solution.settings
    windows, points = summary.get("windows") or (), summary.get("points") or {}
    entries = {
        "device": f"{summary.get('devices', 1)} {summary['device']}" if summary.get("device") else None,
        "precision": settings.training.precision,
        "seed": settings.training.seed,
        "steps": summary.get("steps"),
        "params": summary.get("params"),
        "windows": max(1, len(windows) - 1) if windows else None,
        "training points": "; ".join(f"{n} at {place}" for place, n in points.items()) or None,
        "problem, sha256": summary.get("problem_sha256") or fingerprint(solution.problem),
    }
    versions = summary.get("versions") or {}
    entries["versions"] = ", ".join(f"{k} {v}" for k, v in versions.items()) or None
    return pairs({k: escape(str(v)) for k, v in entries.items() if v is not None})


def settings_of(solution: Solution) -> str:
    """Return the settings that are not the defaults, and all of them to be opened."""
    own, usual = flat(solution.settings.model_dump()), flat(make_settings().model_dump())
    changed = [
        (escape(k), escape(str(v)), escape(str(usual.get(k, "that of the kind"))))
        for k, v in own.items()
        if v != usual.get(k)
    ]
    head = ("setting", "here", "default")
    listed = table(head, changed) if changed else "<p>All settings are the defaults.</p>"
    return listed + details("All settings", command(dump_yaml(solution.settings.model_dump())))


def rerun(solution: Solution) -> str:
    """Return the commands that repeat the run, and what else can be done with its folder."""
    problem = solution.problem
    if not problem.text:
        text = "The problem was built in Python: solve it again with <code>pinn.solve</code>, under {} of the name {}."
        return "<p>" + text.format("its settings above, a problem", f"<code>{escape(problem.name)}</code>") + "</p>"
    changes = "".join(f" --set {shlex.quote(change)}" for change in problem.overrides)
    lines = [f"python -m pinn.run problem.yaml{changes}"]
    notes = (
        "Commands for a terminal in this folder. The same command on the same machine takes the same steps; one that "
    )
    notes += "ends by the clock has other time for attempts, and its error differs by a factor of two or so."
    if solution.summary.get("status") == "done":
        lines += ["python -m pinn verify .     # recompute the numbers on this page"]
    if solution.summary.get("status") not in ("done", "failed"):
        lines = ["python -m pinn.run --resume .     # go on from the last checkpoint", *lines]
    lines += ["python -m pinn report .     # write this page again"]
    beside = _beside(problem)
    return f"<p>{notes}{beside}</p>" + command("\n".join(lines)) + details("The problem file", command(problem.text))


def _beside(problem: Any) -> str:
    path = str((problem.reference or {}).get("path", ""))
    if not path or path.startswith("/"):
        return ""
    return f" The reference is a file: put <code>{escape(path)}</code> where it is looked for, beside problem.yaml."


def cite(solution: Solution) -> str:
    """Return what to cite: the problem's source, the program, and the run in a sentence."""
    summary, problem = solution.summary, solution.problem
    version = (summary.get("versions") or {}).get("pinn", "")
    parts = []
    if problem.source:
        parts.append(f"<p>The problem: {escape(problem.source)}.</p>")
    entry = (
        "@software{pinn,\n  title   = {pinn: a physics-informed neural network solver for differential equations},\n"
    )
    entry += f"  version = {{{version}}},\n  note    = {{Apache-2.0}}\n}}"
    parts += [
        "<p>The program:</p>",
        command(entry),
        "<p>The run, in a sentence:</p>",
        command(_sentence(solution, version)),
    ]
    return "".join(parts)


def _sentence(solution: Solution, version: str) -> str:
    summary, settings = solution.summary, solution.settings
    sha = str(summary.get("problem_sha256") or fingerprint(solution.problem))[:12]
    budget = f", {settings.training.seconds:g} s" if settings.training.seconds else ""
    text = f"Computed with pinn {version} ({settings.training.precision}, seed {settings.training.seed}{budget}"
    text += f"; problem {solution.problem.name}, sha256 {sha})"
    for key, word in (("errors", "relative L2 error"), ("estimate", "estimated relative L2 error")):
        if found := summary.get(key):
            each = ", ".join(f"{plain(e['relative_l2'])} of {n}" for n, e in found.items())
            reference = summary.get("reference") or {}
            against = f" against the reference {reference.get('kind')}" if key == "errors" else ""
            return f"{text}: {word} {each}{against}."
    return f"{text}; its error is not known."
