"""Reference solutions on grids whose differences are good: what a residual is judged on without any autodiff.

Problems whose reference is a formula need none: there calculus says what the residual is.
"""

import importlib.util
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from pinn.config import load_problem
from pinn.grid import residual_on_grid
from pinn.problem import Problem
from pinn.reference import kind_of, make_reference, spectral


class Look(NamedTuple):
    """How a problem's reference is looked at.

    Attributes:
        points: for each coordinate, or for all of them.
        tolerance: of residuals beside the largest value of any unknown; what these differences leave is well below.
        changes: of the file, such as a shorter range, before what has to be resolved gets too steep.
        inside: for a coordinate, the part of its range that is looked at where it is free, in shares of its length:
            away from where initial data have a kink, or conditions contradict each other.
        slow: whether the reference takes more than a few seconds.
        made: what makes the solution from the grid, where the problem's own reference knows another one only.
    """

    points: int | tuple[int, ...]
    tolerance: float
    changes: tuple[str, ...] = ()
    inside: Mapping[str, tuple[float, float]] = MappingProxyType({})
    slow: bool = False
    made: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]] | None = None


def burgers_by_viscosity(grid: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the solutions of `burgers` for viscosities n, (t, x, n)."""
    found = []
    for n in grid["n"]:
        made, _ = make_reference(load_problem("burgers", [f"parameters.nu={float(n)!r}"]), {c: grid[c] for c in "tx"})
        found.append(made.values["u"])
    return {"u": np.stack(found, axis=-1)}


def cavity_without_corners(grid: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the flow of `cavity_corners` with a pressure, which its reference does not have."""
    file = Path(__file__).parents[1] / "cavity" / "reference.py"
    spec = importlib.util.spec_from_file_location("cavity_reference", file)
    cavity = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cavity)
    flow = cavity.solve(RESOLVED, True)
    x, y = grid["x"], grid["y"]
    near = np.minimum(np.hypot.outer(x, 1 - y), np.hypot.outer(1 - x, 1 - y)) < NEAR
    pressure = np.where(near, 0.0, cavity.pressure_without_corners(flow, x, y))
    return {**cavity.without_corners(flow, x, y), "p": pressure}


RESOLVED, NEAR = 36, 0.09  # Chebyshev points of that; distance to the lid's ends within which its pressure is no good
# References made from the file are made less accurately than a run makes them: differences are no better.
EFFORT = spectral.Effort(agreement=1e-6, tail=1e-6, looks=17, ode=(1e-10, 1e-12), steady=2000)
SPECTRAL = "reference={kind: spectral}"  # in place of data, which are on one grid only
SMOOTH_LID = "conditions.u_lid.equation=u = 16*x**2*(1 - x)**2"  # that of cavity_regularized
AWAY = {"x": (0.1, 0.9), "y": (0.1, 0.9)}  # from corners
# The kink of Allen-Cahn's data is smooth in the second half; Burgers stops before its shock; at x = 15 next to nothing
# is left of the kink of Schroedinger's. The pressure of the cavity itself is infinite at its corners.
GRIDS = {
    "allen_cahn": Look((201, 512), 1e-3, inside={"t": (0.5, 1)}),
    "burgers": Look((81, 401), 1e-4, ("coordinates.t=[0, 0.2]",)),
    "burgers_family": Look(
        (81, 401, 5), 1e-4, ("coordinates.t=[0, 0.2]", "reference={kind: none}"), made=burgers_by_viscosity
    ),
    "cahn_hilliard": Look((161, 128), 1e-3, ("coordinates.t=[0, 0.04]",), {"t": (0.25, 1)}),
    "cavity": Look(81, 1e-4, (SMOOTH_LID, SPECTRAL), AWAY),
    "cavity_corners": Look(
        81, 2e-3, ("reference={kind: none}",), {"x": (0.1, 0.9), "y": (0.1, 0.7)}, made=cavity_without_corners
    ),
    "cavity_regularized": Look(81, 1e-3, (SPECTRAL,), AWAY, slow=True),
    "cavity_stream": Look(65, 5e-3, inside={"x": (0.2, 0.8), "y": (0.2, 0.8)}),  # the stream function is below 0.1
    "darcy": Look(61, 1e-4),
    "ginzburg_landau": Look((11, 64, 64), 1e-3, ("coordinates.t=[0, 0.005]", SPECTRAL)),
    "gray_scott": Look((161, 256), 1e-4, ("coordinates.t=[0, 0.005]", SPECTRAL)),
    "kdv": Look((161, 256), 1e-4, ("coordinates.t=[0, 0.3]",)),
    "kuramoto_sivashinsky": Look((161, 128), 1e-4, ("coordinates.t=[0, 0.1]",)),
    "kuramoto_sivashinsky_chaotic": Look((161, 256), 1e-4, ("coordinates.t=[0, 0.05]",)),
    "lorenz": Look(401, 1e-4, ("coordinates.t=[0, 0.4]",)),
    "lotka_volterra": Look(1601, 1e-6),
    "pendulum": Look(401, 1e-6),
    "robertson": Look(401, 1e-8, ("coordinates.t=[0, 0.005]",)),
    "schroedinger": Look((81, 256), 1e-4, ("coordinates.t=[0, 0.1]", "coordinates.x=[-15, 15]", SPECTRAL)),
    "shallow_water": Look((81, 256), 1e-4, ("coordinates.t=[0, 0.5]",)),
    "two_body": Look(1601, 1e-6),
    "van_der_pol": Look(801, 1e-6),
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
    if look.made:
        return problem, look.made(grid)
    if kind_of(problem) == spectral.KIND:
        return problem, spectral.solve(problem, grid, EFFORT).values
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
    out = {}
    for constraint, r in zip(problem.constraints, residual_on_grid(problem, dict(values)).values(), strict=True):
        parts = (inside.get(c, (0, 1)) for c in problem.coordinates if c not in constraint.where)
        cut = tuple(slice(int(a * n), int(np.ceil(b * n))) for (a, b), n in zip(parts, r.shape, strict=True))
        out[constraint.name] = float(np.abs(r[cut]).max())
    return out


def size_of(values: Mapping[str, np.ndarray]) -> float:
    """Return the largest value of any unknown."""
    return max(float(np.abs(v).max()) for v in values.values())
