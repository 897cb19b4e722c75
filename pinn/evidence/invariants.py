"""Quantities that a file says are conserved: integrals over space, at several times."""

from typing import Any

import numpy as np

from pinn.errors import ProblemError
from pinn.language import Residual, from_text
from pinn.problem import TIME, Problem
from pinn.reference.base import Fields

TIMES = 41
# Gauss's points per coordinate of space, at first and at most; densest at the ends, where a period may have kinks.
POINTS = {0: (1, 1), 1: (256, 2048), 2: (48, 96)}
OTHERWISE = (12, 12)
AGREE = 1e-2  # of the drift, to which twice as many points have to confirm it
ROUND_OFF = 1e-12  # of the size


def densities(problem: Problem) -> dict[str, Residual]:
    """Compile the densities of the file's invariants.

    Raises:
        ProblemError: for an expression that mentions no unknown, or a problem without time.
    """
    out = {}
    for name, text in problem.invariants.items():
        try:
            if TIME not in problem.coordinates:
                raise ProblemError("is conserved in time only; the problem has none.", text=str(text))
            if "=" in str(text):
                raise ProblemError("write the density alone, as in mass: u.", text=str(text))
            out[name] = from_text(str(text), problem.symbols)
            if not any(problem.symbols.partial(n) for n in out[name].needs if n not in problem.coordinates):
                raise ProblemError("mentions no unknown.", text=str(text))
        except ProblemError as error:
            raise error.under("invariants", name) from None
    return out


def names_of(problem: Problem) -> list[str]:
    """List what the densities mention."""
    return [n for residual in densities(problem).values() for n in residual.needs]


def drifts(problem: Problem, fields: Fields) -> dict[str, dict[str, Any]]:
    """Integrate each density over space and compare with the first time.

    Returns:
        By invariant: ``start``, its value there; ``drift``, the largest difference from it; ``size``, the largest
        integral of the density's absolute value, which differences are to be held against.
    """
    found = densities(problem)
    if not found:
        return {}
    count, most = POINTS.get(len(problem.coordinates) - 1, OTHERWISE)
    series = _integrals(problem, fields, found, count)
    while count < most:  # a narrow density falls between few points, and seems to drift
        count, coarse, series = 2 * count, series, _integrals(problem, fields, found, 2 * count)
        if all(_confirmed(coarse[name], series[name]) for name in found):
            break
    return {
        name: {
            "start": float(totals[0]),
            "drift": float(np.abs(totals - totals[0]).max()),
            "size": float(sizes.max()),
        }
        for name, (totals, sizes) in series.items()
    }


def _confirmed(coarse: np.ndarray, fine: np.ndarray) -> bool:
    """Say whether integrals (2, times) by half as many points are the same, as far as the drift needs it."""
    drift = np.abs(fine[0] - fine[0, 0]).max()
    return bool(np.abs(fine[0] - coarse[0]).max() <= AGREE * drift + ROUND_OFF * fine[1].max())


def _integrals(problem: Problem, fields: Fields, found: dict[str, Residual], count: int) -> dict[str, np.ndarray]:
    """Return, of each density, its integral and that of its absolute value at several times, (2, times)."""
    space = [c for c in problem.coordinates if c != TIME]
    rules = [_rule(problem, c, count) for c in space]
    weights = np.ones(())
    for _, w in rules:
        weights = np.multiply.outer(weights, w)
    # All times at once: of a solution of many windows that is cheaper.
    times = np.linspace(*problem.domain.bounds[TIME], TIMES)
    mesh = np.meshgrid(times, *(points for points, _ in rules), indexing="ij")
    given = {c: m.ravel() for c, m in zip((TIME, *space), mesh, strict=True)}
    values = dict(fields(np.stack([given[c] for c in problem.coordinates], axis=1))) | given | dict(problem.parameters)

    def integrals(density: Residual) -> np.ndarray:
        here = np.broadcast_to(density.fn(**{n: values[n] for n in density.needs}), mesh[0].size).reshape(TIMES, -1)
        return np.stack([here @ weights.ravel(), np.abs(here) @ weights.ravel()])

    return {name: integrals(density) for name, density in found.items()}


def _rule(problem: Problem, coordinate: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points and weights of an integral along a coordinate."""
    lo, hi = problem.domain.bounds[coordinate]
    points, weights = np.polynomial.legendre.leggauss(n)
    return lo + (hi - lo) * (points + 1) / 2, weights * (hi - lo) / 2
