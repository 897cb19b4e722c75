"""What the runs of a problem say of the error asked of it."""

import statistics
from typing import Any, NamedTuple

from kept import is_stale, seeds_of, targets


def counted(runs: list[dict[str, Any]], entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the runs a figure is judged by: of the file as it is, in no more time than the figure has."""
    in_time = [r for r in runs if r["budget"] <= entry["seconds"]]
    return [r for r in in_time if r["relative_l2"] is not None and not is_stale(r)]


def beyond(runs: list[dict[str, Any]], entry: dict[str, Any]) -> bool:
    """Say whether a run ended above what is asked, of any unknown if it is asked of each."""
    fresh = counted(runs, entry)
    if isinstance(entry.get("target"), dict):
        return any(r["errors"][u]["relative_l2"] > bar for r in fresh for u, bar in entry["target"].items())
    return any(r["relative_l2"] > bar for r in fresh for bar in targets(entry))


def verdict(runs: list[dict[str, Any]], entry: dict[str, Any]) -> str:
    """Say whether a figure is met, and by which seeds until all were run."""
    if beyond(runs, entry):
        return ": missed"
    if not (done := [r["seed"] for r in counted(runs, entry)]):
        return ""
    return ": met" if set(seeds_of(entry)) <= set(done) else f": met by seed {', '.join(map(str, done))}"


def written(target: float | dict[str, float]) -> str:
    """Write what is asked, of each unknown if it is asked so."""
    if isinstance(target, dict):
        return ", ".join(f"{name} {written(bar)}" for name, bar in target.items())
    return f"{target:.1e}".replace(".0e", "e")


def by_unknown(runs: list[dict[str, Any]], entry: dict[str, Any]) -> list[str]:
    """Return the worst error of each unknown a figure is asked of, where it is asked of each."""
    fresh = counted(runs, entry)
    if not isinstance(entry.get("target"), dict) or not fresh:
        return []
    return [", ".join(f"{u} {max(r['errors'][u]['relative_l2'] for r in fresh):.1e}" for u in entry["target"])]


class Judged(NamedTuple):
    """The errors of a problem's runs.

    Attributes:
        errors: of the runs of the file as it is; of those before it changed where there are no others.
        fresh: whether they are of the file as it is.
        uncertainty: of the reference they are against.
    """

    errors: list[float]
    fresh: bool
    uncertainty: float

    @staticmethod
    def of(runs: list[dict[str, Any]]) -> "Judged":
        """Take the errors of runs."""
        known = [r for r in runs if r["relative_l2"] is not None]
        fresh = [r for r in known if not is_stale(r)]
        uncertainty = max((r["reference"]["uncertainty"] or 0 for r in fresh or known if r["reference"]), default=0)
        return Judged([r["relative_l2"] for r in fresh or known], bool(fresh), uncertainty)

    @property
    def median(self) -> float:
        """The middle one of the errors, of an even number the larger of the two in the middle."""
        return statistics.median_high(self.errors)

    @property
    def worst(self) -> float:
        """The largest error."""
        return max(self.errors)

    def said(self, error: float) -> str:
        """Write an error, and no smaller one than the reference can tell from none."""
        return f"{error:.1e}" if error >= self.uncertainty else f"< {self.uncertainty:.1e}"
