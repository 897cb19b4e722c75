"""Ordinary differential equations in time, by an error-controlled integrator of scipy at tight tolerance.

Sources: Hairer, Norsett & Wanner (1993), Solving Ordinary Differential Equations I, section II.10 (DOP853); Hairer &
Wanner (1999), J. Comput. Appl. Math. 111(1-2), 93-111 (Radau).
"""

from collections.abc import Mapping

import numpy as np

from pinn.problem import TIME, Problem
from pinn.reference.exponential import Stalled
from pinn.reference.terms import Impossible, System

# Evaluations: the explicit method is tried first, and given up if stiff: when a tenth of its evaluations did not bring
# it through a tenth of the time. The other one takes most of its steps at first.
MOST = {"DOP853": 60_000, "Radau": 300_000}
EXPLICIT, EARLY = "DOP853", 0.1
DIMENSIONLESS = 1e-3  # absolute tolerance beside the relative one


class _TooMany(Exception):
    pass


def at(problem: Problem, grid: Mapping[str, np.ndarray], tolerance: float) -> np.ndarray:
    """Return the unknowns at the times of a grid, (m, times).

    Args:
        problem: with time as its one coordinate.
        grid: ascending times.
        tolerance: relative, of the integrator.

    Raises:
        Impossible: see `System`.
        Stalled: with the integrator's message and the time reached.
    """
    from scipy.integrate import solve_ivp  # here, since `pinn check` is to answer at once

    system = System(problem)
    start = problem.domain.bounds[TIME][0]
    if any(TIME in c.where and c.where[TIME] != start for c in problem.conditions):
        raise Impossible("a condition holds at a time other than the first")
    first = system.initial({TIME: np.asarray(start)}, ())
    given = {TIME: np.asarray(start)}
    system.check_solvable(system.arguments(given, lambda slot: first[slot.component]), ())
    spent = {"count": 0, "at": start}

    def is_hopeless(share: float, way: float) -> bool:
        return share > 1 or (spent["method"] == EXPLICIT and share > max(EARLY, way))

    def rates(t: float, v: np.ndarray) -> np.ndarray:
        spent["count"] += 1
        spent["at"] = t
        if is_hopeless(spent["count"] / MOST[spent["method"]], (t - start) / (grid[TIME][-1] - start)):
            raise _TooMany
        with np.errstate(all="ignore"):
            return system.rates(lambda slot: v[slot.component], {TIME: np.asarray(t)}, ())

    reasons = []
    for method, most in MOST.items():
        spent.update(count=0, method=method)
        try:
            found = solve_ivp(
                rates, (start, grid[TIME][-1]), first, method=method, t_eval=grid[TIME],
                rtol=tolerance, atol=tolerance * DIMENSIONLESS,
            )  # fmt: skip
        except _TooMany:
            reasons.append(f"{method} needs more than {most} evaluations")
        except (ValueError, np.linalg.LinAlgError, OverflowError) as error:
            reasons.append(f"{method}: {error}")
        else:
            if found.success and np.all(np.isfinite(found.y)):
                return np.stack([found.y[system.components.index((j, 0))] for j in range(len(problem.unknowns))])
            reasons.append(f"{method}: {found.message.rstrip('.')}")
            break  # no method gets past a blow-up
    raise Stalled(f"{'; '.join(reasons)}; it was at t={spent['at']:.6g}", [])


def linear_at(problem: Problem, grid: Mapping[str, np.ndarray], steps: int) -> np.ndarray:
    """Return the unknowns of a linear problem at the times of a grid, (m, times), by equal steps.

    Gauss's method with two stages, of order four, which damps what is stiff; all coefficients are evaluated at once.
    Source: Hairer & Wanner (1996), Solving Ordinary Differential Equations II, section IV.5.

    Raises:
        Impossible: see `System`; or where a step has no solution.
    """
    system = System(problem)
    start, end = problem.domain.bounds[TIME][0], grid[TIME][-1]
    h, count = (end - start) / steps, system.count
    nodes, weights = np.array([0.5 - np.sqrt(3) / 6, 0.5 + np.sqrt(3) / 6]), np.array([0.5, 0.5])
    stages = np.array([[0.25, 0.25 - np.sqrt(3) / 6], [0.25 + np.sqrt(3) / 6, 0.25]])
    times = (start + h * (np.arange(steps)[:, None] + nodes)).ravel()
    matrix, source = _affine(system, times)
    matrix, source = matrix.reshape(steps, 2, count, count), source.reshape(steps, 2, count)
    # Stages K_i = A_i (v + h sum_j a_ij K_j) + b_i: a linear system of both stages, for v = 0 and for each unit vector.
    coupled = np.eye(2 * count) - h * np.einsum("sipq,ij->sipjq", matrix, stages).reshape(steps, 2 * count, 2 * count)
    right = np.concatenate([matrix, source[..., None]], axis=-1).reshape(steps, 2 * count, count + 1)
    try:
        found = np.linalg.solve(coupled, right).reshape(steps, 2, count, count + 1)
    except np.linalg.LinAlgError:
        raise Impossible("a step of the linear equations has no solution") from None
    moved = h * np.einsum("i,sipq->spq", weights, found)
    states = [system.initial({TIME: np.asarray(start)}, ())]
    for step in moved:
        states.append(states[-1] + step[:, :count] @ states[-1] + step[:, count])
    every = start + h * np.arange(steps + 1)
    kept = [system.components.index((j, 0)) for j in range(len(problem.unknowns))]
    return np.stack([np.interp(grid[TIME], every, np.array(states)[:, k]) for k in kept])


def _affine(system: System, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return matrix (T, n, n) and source (T, n) of linear equations v' = A v + b at some times."""

    def rates(v: np.ndarray) -> np.ndarray:
        return system.rates(lambda slot: np.full(times.shape, v[slot.component]), {TIME: times}, times.shape).T

    source = rates(np.zeros(system.count))
    columns = [rates(unit) - source for unit in np.eye(system.count)]
    return np.stack(columns, axis=-1), source
