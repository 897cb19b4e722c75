"""The ladder of checks as a table: errors, estimate, bound, residuals, invariants; and why something is missing."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from pinn.report.markup import bullets, number, table
from pinn.report.rungs import Style, rungs

Summary = Mapping[str, Any]
DASH = '<span class="none">&ndash;</span>'
STYLE = Style(number, escape, lambda name: f"<i>{escape(name)}</i>", '<span class="none">none</span>', DASH)


def ladder(summary: Summary) -> str:
    """Return the rungs on the error, and those on what should vanish or be conserved."""
    if not summary.get("held_out"):
        return "<p>The run was not evaluated: nothing is known of its error yet.</p>"
    errors = table(("", "relative L²", "largest", "how"), rungs(summary, STYLE), "numbers rungs")
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
