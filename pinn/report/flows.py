"""The page of a study of learned dynamics."""

import shlex
from html import escape
from typing import Any

from pinn.dynamics import summary
from pinn.dynamics.judge import THRESHOLD
from pinn.dynamics.study import Study
from pinn.dynamics.trajectories import counted
from pinn.report.flow_plots import error_growth, long_run, losses, paths
from pinn.report.markup import bullets, command, number, pairs, plain, section, table
from pinn.report.page import document, gallery, statement

BESIDE = {  # what the card says of baselines
    "persistence": "a state that stays is valid",
    "linear": "a linear map",
    "rk4": "the Runge-Kutta method",
}


def page(found: Study, again: list[str]) -> str:
    """Return the page of a study, as text.

    Args:
        found: the study.
        again: the words of the command that repeats it.
    """
    title = f"Learned dynamics: {escape(found.source.name)}"
    data = summary.summary_of(found)
    head, rows = summary.heads(data), summary.rows(data)
    parts = [
        card(found),
        section("problem", "What was learned from", _learned_from(found)),
        section("table", "Models and baselines",
                table([escape(h) for h in head], [[escape(c) for c in row] for row in rows]),
                bullets(summary.explained(data)), bullets(data["notes"])),
        section("growth", "How errors grow", gallery([error_growth(found)])),
        section("paths", "Roll-outs", gallery(paths(found))),
        section("statistics", "In the long run", gallery(long_run(found))),
        section("training", "How they were trained", gallery(losses(found))),
        section("again", "Once more", command(shlex.join(again)), _surroundings(data)),
    ]  # fmt: skip
    return document(title, "dynamics", [p for p in parts if p])


def _surroundings(data: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    return pairs({"seed": str(data["seed"]), "device": escape(data["device"]), "versions": escape(versions)})


def _learned_from(found: Study) -> str:
    source = found.source
    count, length = source.train.states.shape[:2]
    words = f"<p>{counted(count)} of {length} states in steps of {source.train.dt:g}"
    words += f"; the Lyapunov time is {plain(source.lyapunov, 4)}</p>" if source.lyapunov else "</p>"
    return words + (statement(source.problem) if source.problem else "")


def _rank(numbers: dict[str, Any]) -> tuple[float, float]:
    """Return what says which of two is better: for how long it is valid, then its error."""
    return numbers["valid_time"]["median"], -numbers["relative_l2"]["median"]


def _valid(found: Study, numbers: dict[str, Any]) -> str:
    longest = "more than " if numbers["always_valid"] > len(found.truth) / 2 else ""
    return longest + plain(numbers["valid_time"]["median"] / (found.source.lyapunov or 1.0))


def card(found: Study) -> str:
    """Return the best model large, and what it is beside the baselines."""
    models = {n: o.numbers for n, o in found.outcomes.items() if o.fitted}
    name = max(models, key=lambda n: _rank(models[n]))
    valid, unit = models[name]["valid_time"]["median"], found.source.lyapunov
    always = models[name]["always_valid"] > len(found.truth) / 2
    shown = number(valid / unit if unit else valid)
    label = f"{'Lyapunov times' if unit else 'units of time'}, median of {len(found.truth)}"
    facts = {
        "relative L2 error": number(models[name]["relative_l2"]["median"]),
        "one step": number(models[name]["one_step"]),
    }
    listed = "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in facts.items())
    others = {n: o.numbers for n, o in found.outcomes.items() if not o.fitted}
    stays, linear = _rank(others["persistence"]), _rank(others["linear"])
    tone = "good" if _rank(models[name]) > (stays if always else max(stays, linear)) else "warn"
    beside = [f"{words} for {_valid(found, others[key])}" for key, words in BESIDE.items() if key in others]
    sentence = f"Beside it, {beside[0]}, {', '.join(beside[1:])}. "
    sentence += f"Valid is an error of at most {THRESHOLD:g} of the size of the state."
    return (
        f'<div class="card {tone}"><div class="verdict"><p class="word">{escape(name)} is valid for</p>'
        f'<p class="big">{"&gt;&thinsp;" if always else ""}{shown}</p><p class="label">{label}</p></div>'
        f'<div class="said"><p class="sentence">{escape(sentence)}</p><dl class="facts">{listed}</dl></div></div>'
    )
