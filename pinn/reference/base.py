"""What a reference is, the grid it is compared on, and the check that it belongs to the problem."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from pinn.errors import ProblemError
from pinn.problem import TIME, Constraint, Domain, Problem

Grid = dict[str, np.ndarray]
Fields = Callable[[np.ndarray], Mapping[str, np.ndarray]]  # a solution: points (N, d) -> values (N,) by name
POINTS = {1: (2001,), 2: (201, 512), 3: (51, 64, 64)}  # first the time axis, or the first coordinate


NAMES = ("u", "u_t", "u_x", "u_xx", "u_xxx")  # what the equation of a special reference may be made of


class Reference(NamedTuple):
    """A true solution on a grid.

    Attributes:
        kind: how it was obtained.
        values: ``{unknown: array}`` on the tensor grid, axes in the order of the coordinates.
        uncertainty: its own relative L2 error, estimated by refinement; None if the file's data come without one.
        method: how, in words, where the kind does not say it.
    """

    kind: str
    values: dict[str, np.ndarray]
    uncertainty: float | None
    method: str = ""


def grid_of(domain: Domain) -> Grid:
    """Return the evaluation grid: 201 times by 512 places where there are two coordinates.

    The right end of a periodic coordinate is left out, because it is the left one.
    """
    counts = POINTS.get(len(domain.bounds), (21, *(17,) * (len(domain.bounds) - 1)))
    return {
        name: np.linspace(lo, hi, n, endpoint=name not in domain.periodic)
        for (name, (lo, hi)), n in zip(domain.bounds.items(), counts, strict=True)
    }


def relative_l2(values: np.ndarray, truth: np.ndarray) -> float:
    """Return ||values - truth|| / ||truth|| over all entries; the root mean square where the truth is zero."""
    size = np.linalg.norm(truth)
    return float(np.linalg.norm(values - truth) / (size if size > 0 else np.sqrt(truth.size)))


def refuse(kind: str, reason: str) -> ProblemError:
    """Word that a special reference is of another problem."""
    return ProblemError(
        f"{reason} The reference would not be the solution of this problem. Remove the reference, or mend the file.",
        ("reference", "kind"),
        kind,
    )


def coefficients(problem: Problem, kind: str) -> Callable[..., np.ndarray]:
    """Return the residual of a problem of one equation u_t + ... in t and x, divided by its factor of u_t.

    The result takes u, u_t, u_x, u_xx and u_xxx as keywords; what is missing is zero.

    Raises:
        ProblemError: if the problem has another form.
    """
    if set(problem.coordinates) != {"t", "x"} or len(problem.unknowns) != 1:
        raise refuse(kind, "It is for one unknown in t and x.")
    (equation,), unknown = problem.equations, problem.unknowns[0]
    allowed = {n.replace("u", unknown, 1): n for n in NAMES} | {p: p for p in problem.parameters}
    stranger = next((n for n in equation.residual.needs if n not in allowed), None)
    if stranger is not None:
        raise refuse(kind, f"Its equation has no {stranger!r}.")

    def raw(**given: float) -> np.ndarray:
        values = dict.fromkeys(NAMES, 0.0) | given | dict(problem.parameters)
        return np.asarray(equation.residual.fn(**{n: values[allowed[n]] for n in equation.residual.needs}), float)

    factor = raw(u_t=1.0) - raw()
    if not np.isfinite(factor) or factor == 0:
        raise refuse(kind, "Its equation has u_t with a constant factor.")
    return lambda **given: raw(**given) / factor


def check_equation(f: Callable[..., np.ndarray], expected: Callable[..., np.ndarray], kind: str, form: str) -> None:
    """Compare a residual with the one the reference solves, on random values.

    Raises:
        ProblemError: if they differ.
    """
    values = dict(zip(NAMES, np.random.default_rng(0).normal(size=(len(NAMES), 50)), strict=True))
    mine, theirs = f(**values), expected(**values)
    if not np.allclose(mine, theirs, rtol=1e-10, atol=1e-10):
        raise refuse(kind, f"Its equation is {form}; the file has another.")


def data_of(constraint: Constraint, problem: Problem, **coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a condition's residual for u = 0 and for u = 1, at given places; nan if it needs derivatives."""
    values = dict(coordinates) | dict(problem.parameters) | {c: v for c, v in constraint.where.items()}
    if any(n not in values and n not in problem.unknowns for n in constraint.residual.needs):
        return np.array(np.nan), np.array(np.nan)
    shape = np.broadcast(*coordinates.values()).shape

    def at(u: float) -> np.ndarray:
        full = values | {name: np.full(shape, u) for name in problem.unknowns}
        return np.asarray(constraint.residual.fn(**{n: full[n] for n in constraint.residual.needs}), float)

    return at(0.0), at(1.0)


def check_initial(problem: Problem, u0: Callable[[np.ndarray], np.ndarray], kind: str, form: str) -> None:
    """Check that the problem starts at t = 0 from u0.

    Raises:
        ProblemError: if it does not.
    """
    lo, hi = problem.domain.bounds["x"]
    x = lo + (hi - lo) * np.random.default_rng(1).random(50)
    start = problem.domain.bounds[TIME][0]
    for constraint in problem.conditions:
        if TIME not in constraint.where:
            continue
        if dict(constraint.where) != {TIME: start}:
            raise refuse(kind, f"It knows nothing of {constraint.name!r}.")
        zero, one = data_of(constraint, problem, x=x)
        if start != 0 or not np.allclose(-zero, u0(x) * (one - zero), rtol=0, atol=1e-12):
            raise refuse(kind, f"It starts at t=0 from {form}; the file has other initial data.")


def check_periodic(problem: Problem, kind: str) -> None:
    """Check that the problem is periodic in x, and has no conditions there.

    Raises:
        ProblemError: if it is not.
    """
    if problem.domain.periodic != ("x",):
        raise refuse(kind, "It is periodic in x.")
    for constraint in problem.conditions:
        if "x" in constraint.where:
            raise refuse(kind, f"It knows nothing of {constraint.name!r}.")


def evaluate(coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Sum Fourier modes exp(i pi k (x + 1)), k = 0 ... K-1, of a real function at x, (T, K) -> (T, X)."""
    k = np.arange(coefficients.shape[1])
    waves = np.exp(1j * np.pi * np.outer(k, x + 1)) * np.where(k == 0, 1, 2)[:, None]
    return (coefficients @ waves).real


def oriented(problem: Problem, u: np.ndarray) -> np.ndarray:
    """Turn values by t and x into the order of the problem's coordinates."""
    return u if problem.coordinates == ("t", "x") else u.T


def check_range(problem: Problem, bounds: Mapping[str, tuple[float, float]], kind: str) -> None:
    """Check the range of coordinates.

    Raises:
        ProblemError: if it is another.
    """
    for name, (lo, hi) in bounds.items():
        if not np.allclose(problem.domain.bounds[name], (lo, hi), rtol=0, atol=1e-14):
            raise refuse(kind, f"It has {name} from {lo:g} to {hi:g}.")
