"""The rungs of the ladder in words, once for the terminal and the page: each writes numbers and text in its own way."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pinn.evidence.alarms import BELIEVED

Summary = Mapping[str, Any]


class Style(NamedTuple):
    """How a row is written.

    Attributes:
        number: (value, significant digits) -> text.
        text: of what is not a number.
        name: of an unknown.
        missing: what stands for an error that is not known.
        blank: what stands in a column that does not apply.
        brief: whether methods lose what is in brackets.
    """

    number: Callable[[float, int], str]
    text: Callable[[str], str]
    name: Callable[[str], str]
    missing: str
    blank: str
    brief: bool = False


class Rung(NamedTuple):
    """A row: what it is, relative L2 error, largest error, how it is known or why it is not."""

    label: str
    relative_l2: str
    largest: str
    how: str


def rungs(summary: Summary, style: Style) -> Iterator[Rung]:
    """Yield the rows on the error: against a reference, estimated, and bounded."""
    yield from _errors(summary, style)
    yield from _estimates(summary, style)
    if bound := summary.get("bound"):
        method = bound["method"].partition(" (")[0] if style.brief else bound["method"]
        how = style.text(method) + f"; errors grow by at most exp({style.number(bound['growth'], 2)})"
        yield Rung("bound", style.number(bound["relative_l2"], 3), style.blank, how)
    else:
        yield _none("bound", "", summary.get("no_bound"), style)


def _none(label: str, before: str, reason: str | None, style: Style) -> Rung:
    return Rung(label, style.missing, style.blank, style.text(before + (reason or "it was not asked for")))


def _errors(summary: Summary, style: Style) -> Iterator[Rung]:
    reference, errors = summary.get("reference") or {}, summary.get("errors") or {}
    if not errors:
        yield _none("error", "no reference: ", summary.get("no_reference"), style)
    for name, entry in errors.items():
        doubt = reference.get("uncertainty")
        known = ", ".join(str(reference[k]) for k in ("kind", "method") if reference.get(k))
        how = style.text(f"reference: {known}") + "; uncertain by "
        how += "an unknown amount" if doubt is None else style.number(doubt, 1)
        sizes = (style.number(entry[k], 3) for k in ("relative_l2", "linf"))
        yield Rung(f"error of {style.name(name)}", *sizes, how)
    if errors and summary.get("no_reference"):
        yield _none("error of others", "no reference: ", summary["no_reference"], style)


def _estimates(summary: Summary, style: Style) -> Iterator[Rung]:
    estimates = summary.get("estimate") or {}
    if not estimates:
        yield _none("estimate", "", summary.get("no_estimate"), style)
    for name, entry in estimates.items():
        good, doubt = entry.get("effectivity"), entry.get("uncertainty")
        how = style.text(f"{entry['kind']}, {entry['method']}") + "; uncertain by "
        how += "an unknown amount" if doubt is None else f"{doubt:.0%}"
        if not entry["relative_l2"] <= BELIEVED:
            how = how.partition("; uncertain")[0] + "; too large for it: the error is large, but may be another"
        how += f"; {style.number(good, 2)} times the error" if good else ""
        yield Rung(f"estimate for {style.name(name)}", style.number(entry["relative_l2"], 3), style.blank, how)
