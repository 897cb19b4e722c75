"""How a run went, in one sentence and one number: the card at the top of the page."""

import math
from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple

from pinn.evidence.alarms import BELIEVED
from pinn.report.markup import number

Summary = Mapping[str, Any]
FAR = 0.1  # relative error of what is no solution for most purposes


class Judgement(NamedTuple):
    """What a reader should know first.

    Attributes:
        tone: "good", "warn", "bad" or "idle", for colours.
        word: the same in a word.
        sentence: as HTML.
        size: the number shown large; None if there is none.
        label: what it is, as HTML.
    """

    tone: str
    word: str
    sentence: str
    size: float | None
    label: str


def judge(summary: Summary) -> Judgement:
    """Judge a run by its summary, also by that of a run that was interrupted or failed."""
    size, label, sentence = _error(summary)
    status, steps = summary.get("status"), summary.get("steps")
    after = f" after step {steps}" if steps is not None else ""
    message = escape(str(summary.get("message") or "no reason is known"))
    if status == "failed":
        return Judgement("bad", "failed", f"The run failed{after}: {message}. {_of_last_state(sentence)}", size, label)
    if status != "done":
        why = "was interrupted" if status == "interrupted" else "has no end"
        sentence = f"The run {why}{after} ({message}), and what it has reached was not compared with anything yet."
        sentence += " It can go on: <code>python -m pinn.run --resume</code>, as below."
        return Judgement("idle", str(status or "unfinished"), sentence, None, "error not known yet")
    tone, word, end = _outcome(summary, size)
    end += f" Training ended: {message}." if summary.get("message") else ""
    return Judgement(tone, word, f"{sentence}{end}", size, label)


def _of_last_state(sentence: str) -> str:
    return f"Of its last good state: {sentence[0].lower()}{sentence[1:]}"


def _outcome(summary: Summary, size: float | None) -> tuple[str, str, str]:
    """Return tone, word and what is to be added for a run that came to its end."""
    target, alarms = summary.get("target") or {}, summary.get("alarms") or ()
    goal, met = target.get("relative_l2"), target.get("met")
    end = ""
    if goal is not None:
        outcome = {True: "is met", False: "is missed"}.get(met, "could not be checked")
        end = f" The target of {number(goal)} {outcome}."
    if alarms:
        many = f"There are {len(alarms)} alarms" if len(alarms) > 1 else "There is an alarm"
        end += f" {many}; see below."
    if size is not None and not size < FAR:
        return "bad", "done, but far from the solution", end
    if alarms:
        return "warn", "done, with alarms", end
    if goal is not None and not met:
        return "warn", "done, target not met", end
    return ("good" if size is not None else "idle"), "done", end


def _error(summary: Summary) -> tuple[float | None, str, str]:
    """Return the number for the card, its label, and a sentence on the error."""
    found, guess = summary.get("errors"), summary.get("estimate")
    if found:
        worst, size, each = _worst(found)
        reference = summary.get("reference") or {}
        doubt = reference.get("uncertainty")
        doubt = "of unknown uncertainty" if doubt is None else f"itself uncertain by {number(doubt, 1)}"
        of = f"the reference <i>{escape(str(reference.get('kind')))}</i>, {doubt}"
        return size, _label("relative L² error", worst, found), f"The relative L² error is {each}, against {of}."
    if guess:
        worst, size, each = _worst(guess)
        why = escape(str(summary.get("no_reference")))
        sentence = f"The relative L² error is estimated as {each}, {doubt_of(guess)}; no reference: {why}."
        return size, _label("estimated relative L² error", worst, guess), sentence
    why = [f"no reference: {escape(str(summary['no_reference']))}"] if summary.get("no_reference") else []
    why += [f"no estimate: {escape(str(summary['no_estimate']))}"] if summary.get("no_estimate") else []
    because = f" ({'; '.join(why)})" if why else ""
    return None, "the error is not known", f"The error of this solution is not known{because}."


def doubt_of(estimate: Mapping[str, Mapping[str, Any]]) -> str:
    """Say how uncertain an estimate is, by unknown; one that is large knows only that the error is."""
    sizes = [entry["relative_l2"] for entry in estimate.values()]
    if not all(size is not None and size <= BELIEVED for size in sizes):
        return "too large for a linearised equation to be more than a warning"
    doubts = [entry["uncertainty"] for entry in estimate.values() if entry["uncertainty"] is not None]
    return f"uncertain by {max(doubts):.0%}" if doubts else "of unknown uncertainty"


def _worst(entries: Mapping[str, Mapping[str, Any]]) -> tuple[str, float, str]:
    """Return the unknown with the largest error, that error, and all of them in words."""
    sizes = {n: math.nan if e["relative_l2"] is None else e["relative_l2"] for n, e in entries.items()}
    worst = max(sizes, key=lambda n: math.inf if math.isnan(sizes[n]) else sizes[n])
    each = [f"{number(s)} of <i>{escape(n)}</i>" for n, s in sizes.items()]
    return worst, sizes[worst], ", ".join(each[:-1]) + (" and " if each[1:] else "") + each[-1]


def _label(what: str, worst: str, entries: Mapping[str, Any]) -> str:
    return f"{'largest ' if len(entries) > 1 else ''}{what}, of <i>{escape(worst)}</i>"
