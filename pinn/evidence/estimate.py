"""How wrong a solution is, without a reference: the error equation, linearised about the solution and solved.

For a solution v with residual r(v), the error e = u - v satisfies r_u e + r_(u_x) e_x + ... = -r to first order. The
coefficients and r come from the trained solution; the equation is solved by the classical methods that make references.

Source: Stetter (1978), Numer. Math. 29(4), 425-443, the defect correction principle.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from pinn.language import Residual, from_text
from pinn.language.residual import partial_derivative
from pinn.problem import TIME, Constraint, Problem
from pinn.reference import spectral
from pinn.reference.base import Fields
from pinn.reference.exponential import Stalled
from pinn.reference.terms import Impossible

EFFORT = spectral.Effort(
    agreement=0.05,
    tolerance=1e-2,
    finest=1e-3,
    periodic={1: (128, 256, 512), 2: (16, 32, 64)},
    box=(8, 12, 16, 24),
    orders=(16, 24),
    tail=1e-2,
    looks=17,
    ode=(4000, 8000),
    steady=2500,
)
POINTS = {1: (401,), 2: (41, 129), 3: (11, 33, 33)}  # where it is reported
TIMES = {1: 201, 2: 41}  # at which a trained solution is evaluated, by dimensions of space
JUST_AFTER = 1e-6  # of the time range: where data have a kink, derivatives at the first time are infinite


class Estimate(NamedTuple):
    """An error by the linearised error equation.

    Attributes:
        errors: estimated relative L2 error by unknown.
        uncertainty: relative, three times the difference of the last two resolutions of the error equation.
        method: how the equation was solved.
    """

    errors: dict[str, float]
    uncertainty: float
    method: str


def estimate(problem: Problem, fields: Fields, exact: tuple[str, ...]) -> tuple[Estimate | None, str]:
    """Estimate the error of a trained solution.

    Args:
        problem: what was solved.
        fields: the solution; it knows every name in the residuals, and the unknowns.
        exact: names of constraints that hold exactly.

    Returns:
        The estimate, or None; and if so, why there is none.
    """
    if reason := spectral.unfit(problem):
        return None, reason
    fields = remembered(fields)
    counts = POINTS.get(len(problem.coordinates), (9,) * len(problem.coordinates))
    grid = {
        c: np.linspace(*b, n, endpoint=c not in problem.domain.periodic)
        for (c, b), n in zip(problem.domain.bounds.items(), counts, strict=True)
    }
    try:
        found = spectral.solve(error_equation(problem, fields, exact), grid, EFFORT)
    except (Impossible, Stalled) as reason:
        return None, str(reason)
    mesh = np.meshgrid(*grid.values(), indexing="ij")
    values = fields(np.stack([a.ravel() for a in mesh], axis=1))
    sizes = {n: float(np.linalg.norm(values[n])) or 1.0 for n in problem.unknowns}
    errors = {n: float(np.linalg.norm(e)) / sizes[n] for n, e in found.values.items()}
    if not np.all(np.isfinite([*errors.values(), *sizes.values()])):
        return None, "the equation for the error is not finite"
    return Estimate(errors, found.uncertainty, found.method), ""


def remembered(fields: Fields, most: int = 4) -> Fields:
    """Return the same, without evaluating again at the points of the last few calls: each equation asks for them."""
    kept: dict[bytes, Mapping[str, np.ndarray]] = {}

    def evaluate(points: np.ndarray) -> Mapping[str, np.ndarray]:
        key = points.tobytes()
        if key not in kept:
            if len(kept) == most:
                del kept[next(iter(kept))]
            kept[key] = fields(points)
        return kept[key]

    return evaluate


def in_time(problem: Problem, fields: Fields) -> Fields:
    """Return the same at points of one time, from values at fixed times: by cubic interpolation, place by place.

    An integrator asks for some thousand times, always at the same places.
    """
    axis, (begin, end) = problem.coordinates.index(TIME), problem.domain.bounds[TIME]
    times = np.linspace(begin + JUST_AFTER * (end - begin), end, TIMES[len(problem.coordinates) - 1])
    tables: dict[bytes, dict[str, np.ndarray]] = {}

    def evaluate(points: np.ndarray) -> dict[str, np.ndarray]:
        places, t = np.delete(points, axis, axis=1), points[0, axis]
        if np.any(points[:, axis] != t):
            return dict(fields(points))
        key = places.tobytes()
        if key not in tables:
            full = np.insert(np.tile(places, (len(times), 1)), axis, np.repeat(times, len(places)), axis=1)
            tables[key] = {n: v.reshape(len(times), -1) for n, v in fields(full).items()}
        first = int(np.clip(np.searchsorted(times, t) - 2, 0, len(times) - 4))
        weights = _lagrange(times[first : first + 4], max(t, times[0]))
        return {n: weights @ v[first : first + 4] for n, v in tables[key].items()}

    return evaluate


def _lagrange(nodes: np.ndarray, t: float) -> np.ndarray:
    """Return the weights of values at four nodes in their polynomial's value at t."""
    return np.array([np.prod([(t - b) / (a - b) for b in nodes if b != a]) for a in nodes])


def error_equation(problem: Problem, fields: Fields, exact: tuple[str, ...]) -> Problem:
    """Return the problem whose solution is the error, to first order."""
    constraints = tuple(
        c._replace(residual=_linearised(c, problem, fields, c.name in exact)) for c in problem.constraints
    )
    means = dict.fromkeys(problem.means, 0.0)
    return replace(problem, constraints=constraints, means=means, reference=None)


def _linearised(constraint: Constraint, problem: Problem, fields: Fields, exact: bool) -> Residual:
    residual, given = constraint.residual, {*problem.coordinates, *problem.parameters}
    names = [n for n in residual.needs if n not in given]
    if exact and len(names) == 1:
        return from_text(names[0], problem.symbols)  # the unknown itself is prescribed
    slopes = {n: partial_derivative(residual, n) for n in names}

    def terms(points: np.ndarray) -> dict[str, np.ndarray]:
        values = dict(fields(points)) | dict(zip(problem.coordinates, points.T, strict=True))
        values |= {p: np.asarray(v) for p, v in problem.parameters.items()}
        found = [r.fn(**{n: values[n] for n in r.needs}) for r in (residual, *slopes.values())]
        return {str(k): np.broadcast_to(f, len(points)) for k, f in enumerate(found)}

    # Of systems in time alone all times are asked for at once.
    moving = len(problem.coordinates) > 1 and TIME in problem.coordinates and TIME not in constraint.where
    known = in_time(problem, terms) if moving else terms

    def fn(**values: Any) -> np.ndarray:
        axes = np.broadcast_arrays(*(np.asarray(values[c], float) for c in problem.coordinates))
        shape = np.broadcast_shapes(axes[0].shape, *(np.shape(values[n]) for n in names))
        axes = [np.broadcast_to(a, shape) for a in axes]
        defect, *coefficients = known(np.stack([a.ravel() for a in axes], axis=1)).values()
        total = 0.0 if exact else defect.reshape(shape)
        for name, factor in zip(names, coefficients, strict=True):
            total = total + factor.reshape(shape) * values[name]
        return total

    return Residual((*problem.coordinates, *names), fn, f"linearised {residual.text}")
