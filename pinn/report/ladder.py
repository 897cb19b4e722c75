"""The ladder of checks as a table: errors, estimate, bound, residuals, invariants; and why something is missing."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from pinn.report.markup import bullets, number, table

Summary = Mapping[str, Any]
DASH = '<span class="none">&ndash;</span>'
MISSING = '<span class="none">none</span>'


def ladder(summary: Summary) -> str:
    """Return the rungs on the error, and those on what should vanish or be conserved."""
    if not summary.get("held_out"):
        return "<p>The run was not evaluated: nothing is known of its error yet.</p>"
    errors = table(("", "relative L²", "largest", "how"), _rungs(summary), "numbers rungs")
    head = ("residual of", "on unseen points, rms", "largest", "on training points, rms", "ratio", "of the data alone")
    residuals = table(head, _residuals(summary), "numbers")
    conserved = table(("invariant", "largest drift", "of", "at the start"), _invariants(summary), "numbers")
    return "\n".join([
        errors,
        "<h3>Residuals</h3>",
        "<p>On points that no step has seen. A ratio far above one says that the network fits its points, not the "
        "equation. What the data alone leave says how large a residual is before anything is trained.</p>",
        residuals,
        f"<h3>Invariants</h3>{conserved}" if summary.get("invariants") else "",
    ])  # fmt: skip


def alarm_list(summary: Summary) -> str:
    """Return what is suspicious, or nothing."""
    found = summary.get("alarms") or ()
    return f'<div class="alarms" role="alert"><h3>Alarms</h3>{bullets(found)}</div>' if found else ""


def _rungs(summary: Summary) -> Iterator[tuple[str, str, str, str]]:
    reference = summary.get("reference") or {}
    for name, entry in (summary.get("errors") or {}).items():
        doubt = reference.get("uncertainty")
        how = f"reference: {reference.get('kind')}" + (f", {reference['method']}" if reference.get("method") else "")
        uncertain = "an unknown amount" if doubt is None else number(doubt, 1)
        how = f"{escape(how)}; uncertain by {uncertain}"
        yield f"error of <i>{escape(name)}</i>", number(entry["relative_l2"]), number(entry["linf"]), how
    if not summary.get("errors"):
        yield "error", MISSING, DASH, _why("no reference", summary.get("no_reference"))
    for name, entry in (summary.get("estimate") or {}).items():
        good = entry.get("effectivity")
        how = f"{entry['kind']}, {entry['method']}; uncertain by {_percent(entry['uncertainty'])}"
        how = escape(how) + (f"; {number(good)} times the error" if good else "")
        yield f"estimate for <i>{escape(name)}</i>", number(entry["relative_l2"]), DASH, how
    if not summary.get("estimate"):
        yield "estimate", MISSING, DASH, _why("", summary.get("no_estimate"))
    if bound := summary.get("bound"):
        how = f"{escape(bound['method'])}; errors grow by at most exp({number(bound['growth'])})"
        yield "bound", number(bound["relative_l2"]), DASH, how
    else:
        yield "bound", MISSING, DASH, _why("", summary.get("no_bound"))


def _residuals(summary: Summary) -> Iterator[tuple[str, ...]]:
    hard, trained = summary.get("hard") or (), summary.get("train") or {}
    ratios, alone = summary.get("overfitting") or {}, summary.get("data_alone") or {}
    for name, entry in summary["held_out"].items():
        exact = ' <span class="tag">exact by its form</span>' if name in hard else ""
        ratio = ratios.get(name)
        yield (
            escape(name) + exact,
            number(entry["rms"]),
            number(entry["max"]),
            number(trained[name]) if name in trained else DASH,
            DASH if ratio is None else number(ratio),
            number(alone[name]) if name in alone else DASH,
        )


def _invariants(summary: Summary) -> Iterator[tuple[str, ...]]:
    for name, entry in (summary.get("invariants") or {}).items():
        yield escape(name), number(entry["drift"]), number(entry["size"]), number(entry["start"])


def _why(before: str, reason: str | None) -> str:
    reason = escape(reason or "it was not asked for")
    return f'<span class="none">{before}{": " if before else ""}{reason}</span>'


def _percent(share: float | None) -> str:
    return "an unknown amount" if share is None else f"{share:.0%}"
