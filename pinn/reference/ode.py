"""Ordinary differential equations in time, by an error-controlled integrator of scipy at tight tolerance.

Sources: Hairer, Norsett & Wanner (1993), Solving Ordinary Differential Equations I, section II.10 (DOP853); Hairer &
Wanner (1999), J. Comput. Appl. Math. 111(1-2), 93-111 (Radau).
"""

from collections.abc import Mapping

import numpy as np

from pinn.problem import TIME, Problem
from pinn.reference.exponential import Stalled
from pinn.reference.terms import Impossible, System

MOST = {"DOP853": 60_000, "Radau": 300_000}  # evaluations: the explicit method is tried first, and given up if stiff
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

    def rates(t: float, v: np.ndarray) -> np.ndarray:
        spent["count"] += 1
        spent["at"] = t
        if spent["count"] > spent["most"]:
            raise _TooMany
        with np.errstate(all="ignore"):
            return system.rates(lambda slot: v[slot.component], {TIME: np.asarray(t)}, ())

    reasons = []
    for method, most in MOST.items():
        spent.update(count=0, most=most)
        try:
            found = solve_ivp(
                rates, (start, grid[TIME][-1]), first, method=method, t_eval=grid[TIME],
                rtol=tolerance, atol=tolerance * DIMENSIONLESS,
            )  # fmt: skip
        except _TooMany:
            reasons.append(f"{method} needed more than {most} evaluations")
        except (ValueError, np.linalg.LinAlgError, OverflowError) as error:
            reasons.append(f"{method}: {error}")
        else:
            if found.success and np.all(np.isfinite(found.y)):
                return np.stack([found.y[system.components.index((j, 0))] for j in range(len(problem.unknowns))])
            reasons.append(f"{method}: {found.message.rstrip('.')}")
            break  # no method gets past a blow-up
    raise Stalled(f"{'; '.join(reasons)}; it was at t={spent['at']:.6g}", [])
