"""What is suspicious about an answer, in sentences; an empty list is no proof that it is right."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pinn.problem import TIME, Problem

OVERFITTED = 3.0  # held-out over training residual
LARGE = 0.1  # of the residual that the data alone leave: what training should have removed
TRIVIAL = 0.02  # of the size at the first time, or at the ends
NOTHING = 1e-3  # size of an unknown that may be zero everywhere, below which it probably is
APART = 3.0  # estimate over error, or the other way round
BELIEVED = 0.3  # estimates and errors up to which the linearised equation holds
DRIFT = 10.0  # in units of the error a solution is said to have


def alarms(
    problem: Problem, summary: Mapping[str, Any], values: Mapping[str, np.ndarray], zero: Sequence[str] = ()
) -> list[str]:
    """List what is suspicious.

    Args:
        problem: what was solved.
        summary: the evidence so far.
        values: the solution on its grid, by unknown.
        zero: unknowns that satisfy all that is asked of them by being zero everywhere.
    """
    parts = (
        _overfitted(summary),
        _large(problem, summary),
        _trivial(problem, values, zero),
        _unbelievable(summary),
        _apart(summary),
        _drifting(summary),
    )
    return [sentence for part in parts for sentence in part]


def _overfitted(summary: Mapping[str, Any]) -> Iterator[str]:
    for name, ratio in summary["overfitting"].items():
        if ratio is not None and ratio > OVERFITTED:
            yield (
                f"overfitting: the residual of {name!r} is {ratio:.1f} times larger on unseen points than on those of "
                "training. More points (sampling.equations) or a smaller network would help."
            )


def _large(problem: Problem, summary: Mapping[str, Any]) -> Iterator[str]:
    # Of all constraints: a single one may well hold for the data alone.
    before = max(summary["data_alone"].values())
    for name, entry in summary["held_out"].items():
        if not np.isfinite(entry["rms"]):
            yield f"the residual of {name!r} is not finite on unseen points."
        elif name in summary["train"] and entry["rms"] > LARGE * before > 0:
            yield (
                f"the residual of {name!r} stayed large: {entry['rms']:.1e} in the mean, where the data alone leave up "
                f"to {before:.1e}. Training has stalled, or the problem has no such solution."
            )


def _trivial(problem: Problem, values: Mapping[str, np.ndarray], zero: Sequence[str]) -> Iterator[str]:
    """A solution that is nearly constant inside, though it is not where the data say what it is."""
    for name, array in values.items():
        inner, faces = array, []
        for axis, coordinate in enumerate(problem.coordinates):
            if coordinate in problem.domain.periodic or array.shape[axis] < 5:
                continue
            ends = (0,) if coordinate == TIME else (0, -1)
            faces += [np.take(array, end, axis).ravel() for end in ends]
            tenth = max(1, array.shape[axis] // 10)
            inner = inner[(slice(None),) * axis + (slice(tenth, None if coordinate == TIME else -tenth),)]
        data = np.concatenate(faces) if faces else array.ravel()
        if array.ndim > 1 and np.ptp(data) > 0 and np.ptp(inner) < TRIVIAL * np.ptp(data):
            yield (
                f"{name!r} is nearly constant ({inner.mean():.3g}) away from its data, which vary by "
                f"{np.ptp(data):.3g}: perhaps a trivial solution."
            )
        elif name in zero and np.abs(array).max() < NOTHING:
            yield (
                f"{name!r} is at most {np.abs(array).max():.0e}, and zero everywhere satisfies all that is asked of "
                "it: a trivial solution."
            )
        elif not np.any(array):
            yield f"{name!r} is zero everywhere: a trivial solution."


def _unbelievable(summary: Mapping[str, Any]) -> Iterator[str]:
    for name, entry in (summary["estimate"] or {}).items():
        if not entry["relative_l2"] <= BELIEVED:
            yield (
                f"the estimate for {name!r}, {entry['relative_l2']:.1e}, is too large for a linearised equation: it "
                "says that the error is large, not how large."
            )


def _apart(summary: Mapping[str, Any]) -> Iterator[str]:
    found, guess = summary["errors"], summary["estimate"]
    doubt = (summary["reference"] or {}).get("uncertainty") or 0.0
    for name, entry in (guess or {}).items():
        if not found or name not in found:
            continue
        error, size = found[name]["relative_l2"], entry["relative_l2"]
        if error <= 3 * doubt or size > BELIEVED:  # the reference cannot tell, or nothing is linear any more
            continue
        # An estimate that is uncertain itself may be further away.
        apart = APART * (1 + (entry.get("uncertainty") or 0.0))
        if not error / apart <= size <= error * apart:
            yield (
                f"estimate and reference disagree on the error of {name!r}: {size:.1e} by the error equation, "
                f"{error:.1e} by the reference, which is uncertain by {doubt:.0e}. One of the three is wrong."
            )


def _drifting(summary: Mapping[str, Any]) -> Iterator[str]:
    known = [e["relative_l2"] for part in ("errors", "estimate") for e in (summary[part] or {}).values()]
    error = max(known, default=1e-3)
    for name, entry in (summary["invariants"] or {}).items():
        if not entry["drift"] <= DRIFT * error * entry["size"] + 1e-12 * entry["size"]:
            yield (
                f"{name!r} is said to be conserved and drifts by {entry['drift']:.1e}, of {entry['size']:.1e}; the "
                f"error of the solution, {error:.1e}, does not explain it."
            )
