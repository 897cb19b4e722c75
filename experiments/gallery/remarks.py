"""What there is to say of a problem's runs: what is missing, what went wrong, what was missed."""

from typing import Any

from judged import Judged, beyond, by_unknown, counted
from kept import bar_of, is_stale, seeds_of, targets

POOR = "is left with a loss of"  # in the notes of a run


def remarks(runs: list[dict[str, Any]], entry: dict[str, Any], reason: str | None) -> str:
    """Return all of it in a line.

    Args:
        runs: results of the problem.
        entry: what published.yaml says of it.
        reason: why it misses what it misses, from notes.yaml.
    """
    if not runs:
        return "not run"
    judged, done = Judged.of(runs), [r for r in runs if r["status"] != "crashed"]
    found = by_unknown(runs, entry) + _of_seeds("stale, the file has changed since", [r for r in done if is_stale(r)])
    found += _of_running(runs, entry) + _of_reference(done, judged) + _of_windows(done)
    found += [f"seed {r['seed']} rings an alarm: {_alarm(r)}" for r in done if r["alarms"]]
    return "; ".join(found + _of_bars(runs, entry, judged, reason))


def _of_running(runs: list[dict[str, Any]], entry: dict[str, Any]) -> list[str]:
    """Say what did not go as it should, took another time, or is still to run."""
    out = [f"seed {r['seed']}: {r['status']}" for r in runs if r["status"] != "done"]
    out += [f"seed {r['seed']}: in {r['budget']:g} s" for r in runs if r["budget"] != entry["seconds"]]
    return out + [f"seed {s}: not run" for s in seeds_of(entry) if s not in {r["seed"] for r in runs}]


def _of_reference(done: list[dict[str, Any]], judged: Judged) -> list[str]:
    """Say where there is no reference, or a coarse one."""
    if judged.errors:
        coarse = judged.uncertainty > 0.1 * min(judged.errors)
        return [f"the reference is uncertain by {judged.uncertainty:.1e}"] if coarse else []
    if not done:
        return []
    estimate = done[0]["estimate"]
    estimated = [f"estimated error {max(estimate.values()):.1e}"] if estimate else []
    return [f"no reference ({done[0]['no_reference']})", *estimated]


def _of_windows(done: list[dict[str, Any]]) -> list[str]:
    poor = {r["seed"]: sum(POOR in note for note in r["notes"]) for r in done}
    return [f"seed {seed} left {n} window{'s' * (n > 1)} with a large loss" for seed, n in poor.items() if n]


def _of_bars(runs: list[dict[str, Any]], entry: dict[str, Any], judged: Judged, reason: str | None) -> list[str]:
    """Say what the errors are beside what is asked and what is published."""
    out, missed, bars = [], missed_bars(runs, entry), bars_of(entry)
    if bars["published"] and judged.fresh and "published" not in missed:
        surely = judged.worst + judged.uncertainty < bars["published"]
        near = "near the published best, which the reference cannot tell from it"
        out.append(("below the published best" if surely else near) + _by_seeds(runs, entry))
    for what in missed:
        hit = ", though not in the median" if _most_are_below(what, runs, entry) else ""
        out.append(f"misses {'the figure asked' if what == 'asked' else 'the published best'}{hit}")
    other = entry.get("published", {})
    if "differs" in other and judged.errors and judged.worst > other["error"]:
        out.append("above what is published of the other problem")
    return out + ([reason or "no reason is known yet"] if missed else [])


def _most_are_below(what: str, runs: list[dict[str, Any]], entry: dict[str, Any]) -> bool:
    """Say whether most runs of the file as it is end below what is asked, of all its unknowns, or published."""
    if what == "published":
        return Judged.of(runs).median <= bars_of(entry)["published"]
    fresh = counted(runs, entry)
    return 2 * sum(beyond([r], entry) for r in fresh) < len(fresh)


def bars_of(entry: dict[str, Any]) -> dict[str, float | None]:
    """Return the errors a problem is held against: what is asked (the largest, of several unknowns), the published."""
    return {"asked": max(targets(entry), default=None), "published": bar_of(entry)}


def missed_bars(runs: list[dict[str, Any]], entry: dict[str, Any]) -> list[str]:
    """Return which of them a run of the file as it is ended above."""
    judged, bars = Judged.of(runs), bars_of(entry)
    above = {
        "asked": beyond(runs, entry),
        "published": bars["published"] and judged.errors and judged.worst > bars["published"],
    }
    return [what for what, bar in bars.items() if bar and judged.fresh and above[what]]


def _by_seeds(runs: list[dict[str, Any]], entry: dict[str, Any]) -> str:
    """Say which seeds a verdict is of until all were run."""
    done = [r["seed"] for r in runs if r["relative_l2"] is not None]
    return "" if set(seeds_of(entry)) <= set(done) else f" by seed {', '.join(map(str, done))}"


def _alarm(run: dict[str, Any]) -> str:
    """Return the first sentence of a run's first alarm, and how many more there are."""
    first, *more = run["alarms"]
    return first.partition(". ")[0].rstrip(".") + (f"; and {len(more)} more" if more else "")


def _of_seeds(what: str, runs: list[dict[str, Any]]) -> list[str]:
    return [f"{what}: seed {', '.join(str(r['seed']) for r in runs)}"] if runs else []
