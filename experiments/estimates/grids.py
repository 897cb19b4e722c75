"""Reference solutions on grids whose differences are good: what a residual is judged on without any autodiff.

Problems whose reference is a formula need none: there calculus says what the residual is.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from pinn.config import load_problem
from pinn.grid import residual_on_grid
from pinn.problem import Problem
from pinn.reference import make_reference


class Look(NamedTuple):
    """How a problem's reference is looked at.

    Attributes:
        points: for each coordinate, or for all of them.
        tolerance: of residuals beside the largest value of any unknown; what these differences leave is well below.
        changes: of the file, such as a shorter range, before what has to be resolved gets too steep.
        inside: for a coordinate, the part of its range in which equations are looked at, in shares of its length:
            away from where initial data have a kink, or conditions contradict each other.
        slow: whether the reference takes more than a few seconds.
    """

    points: int | tuple[int, ...]
    tolerance: float
    changes: tuple[str, ...] = ()
    inside: Mapping[str, tuple[float, float]] = MappingProxyType({})
    slow: bool = False


# The kink of Allen-Cahn's data is smooth in the second half; Burgers stops before its shock.
GRIDS = {
    "allen_cahn": Look((201, 512), 1e-3, inside={"t": (0.5, 1)}),
    "burgers": Look((81, 401), 1e-4, ("coordinates.t=[0, 0.2]",)),
    "kdv": Look((161, 256), 1e-4, ("coordinates.t=[0, 0.3]",)),
    "lorenz": Look(401, 1e-4),
}


@lru_cache(maxsize=4)
def on_grid(name: str) -> tuple[Problem, dict[str, np.ndarray]]:
    """Return a problem as it is looked at, and its true solution on the uniform grid of `pinn.grid`."""
    look = GRIDS[name]
    problem = load_problem(name, look.changes)
    bounds, points = problem.domain.bounds, look.points
    counts = (points,) * len(bounds) if isinstance(points, int) else points
    grid = {
        c: np.linspace(*b, n, endpoint=c not in problem.domain.periodic)
        for (c, b), n in zip(bounds.items(), counts, strict=True)
    }
    made, why = make_reference(problem, grid)
    assert made is not None, f"{name}: {why}"
    return problem, made.values


def residuals(
    problem: Problem, values: Mapping[str, np.ndarray], inside: Mapping[str, tuple[float, float]]
) -> dict[str, float]:
    """Return the largest residual of every constraint.

    Args:
        problem: what may hold.
        values: of the unknowns on a uniform grid.
        inside: see `Look`.
    """
    found = residual_on_grid(problem, dict(values))
    for equation in problem.equations:
        r = found[equation.name]
        parts = (inside.get(c, (0, 1)) for c in problem.coordinates)
        found[equation.name] = r[
            tuple(slice(int(a * n), int(np.ceil(b * n))) for (a, b), n in zip(parts, r.shape, strict=True))
        ]
    return {name: float(np.abs(r).max()) for name, r in found.items()}


def size_of(values: Mapping[str, np.ndarray]) -> float:
    """Return the largest value of any unknown."""
    return max(float(np.abs(v).max()) for v in values.values())
