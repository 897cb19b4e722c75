"""Layers so thin that no point is in them: there a solution may jump, and no residual on points says so.

Between two times the change of u is held against the integral of u_t by the trapezoidal rule. Where they differ most,
the interval is halved again and again, and the half that differs more is kept. A front that is there has a residual
like all the rest, however steep; in a jump that training made it is larger than anything the data leave.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from pinn.problem import TIME, Partial, Problem
from pinn.reference.base import Fields
from pinn.reference.terms import call

TIMES, PLACES = 401, 8  # at which changes are looked at: of systems in time alone there is one place
KEPT, HALVINGS = 16, 40  # intervals that are halved, and how often
APART = 1e-2  # of an unknown's size, by which a change differs from the integral of the rate


def jump(problem: Problem, fields: Fields, names: Sequence[str], usual: float) -> str:
    """Look for jumps in time.

    Args:
        problem: what was solved.
        fields: the solution; see `pinn.evidence.estimate.estimate`.
        names: those it knows.
        usual: residuals up to which there is nothing to say: what the data alone leave, or a poor solution has anyway.

    Returns:
        Where the solution jumps and how large the residual is there, in words; empty if it does not.
    """
    if TIME not in problem.coordinates:
        return ""
    pairs = [(n, n + ("" if "_" in n else "_") + TIME) for n in names]
    pairs = [(n, rate) for n, rate in pairs if rate in names and _is_along_time(problem, n)]
    if not pairs:
        return ""
    low, high, places = _suspicious(problem, fields, pairs)
    worst, where, name = usual, 0.0, ""
    for _ in range(HALVINGS if len(low) else 0):
        middle = (low + high) / 2
        points = np.concatenate([_points(problem, t, places) for t in (low, middle, high)])
        values = dict(fields(points)) | dict(zip(problem.coordinates, points.T, strict=True))
        for c in problem.equations:
            found = np.abs(np.broadcast_to(call(c.residual, values | dict(problem.parameters)), len(points)))
            if found.max() > worst:
                worst, where, name = float(found.max()), float(values[TIME][found.argmax()]), c.name
        left, right = (
            _apart(
                values, pairs, slice(k * len(low), (k + 1) * len(low)), slice((k + 1) * len(low), (k + 2) * len(low))
            )
            for k in (0, 1)
        )
        low, high = np.where(left > right, low, middle), np.where(left > right, middle, high)
    if not name:
        return ""
    return (
        f"the solution jumps near {TIME}={where:.4g}, between all points it was trained on: there the residual of "
        f"{name!r} is {worst:.0e}"
    )


def _is_along_time(problem: Problem, name: str) -> bool:
    """Say whether a name is an unknown, or a derivative of one by time alone."""
    partial, axis = problem.symbols.partial(name), problem.coordinates.index(TIME)
    return isinstance(partial, Partial) and set(partial.axes) <= {axis}


def _suspicious(
    problem: Problem, fields: Fields, pairs: Sequence[tuple[str, str]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return intervals (K,) and their places (K, d - 1) where changes and rates differ most."""
    begin, end = problem.domain.bounds[TIME]
    times, random = np.linspace(begin, end, TIMES), np.random.default_rng(0)
    others = [b for c, b in problem.domain.bounds.items() if c != TIME]
    places = np.stack([random.uniform(lo, hi, PLACES) for lo, hi in others], axis=1) if others else np.empty((1, 0))
    count = len(places)
    points = _points(problem, np.repeat(times, count), np.tile(places, (TIMES, 1)))
    values = dict(fields(points)) | {TIME: np.repeat(times, count)}
    apart = _apart(values, pairs, slice(None, -count), slice(count, None))
    chosen = np.argsort(apart)[::-1][:KEPT]
    chosen = chosen[apart[chosen] > APART]
    return times[chosen // count], times[chosen // count + 1], places[chosen % count]


def _apart(values: Mapping[str, np.ndarray], pairs: Sequence[tuple[str, str]], a: slice, b: slice) -> np.ndarray:
    """Return by how much changes from points a to points b differ from the integral of rates, over the size."""
    h, found = values[TIME][b] - values[TIME][a], 0.0
    for name, rate in pairs:
        v, w = values[name], values[rate]
        size = np.abs(v).max() or 1.0
        found = np.maximum(found, np.abs(v[b] - v[a] - h * (w[a] + w[b]) / 2) / size)
    return found


def _points(problem: Problem, times: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return points with one time and one place each, (N, d)."""
    return np.insert(places, problem.coordinates.index(TIME), times, axis=1)
