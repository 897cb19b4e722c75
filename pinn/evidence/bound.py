"""A bound of the error where theory gives one: reaction and diffusion of one unknown, and systems in time.

For u_t = D u_xx - c u_x + f(t, x, u) with initial data and ends met exactly, and a solution v with residual r,

    d/dt ||e|| <= lambda(t) ||e|| + ||r||,

where lambda(t) is the largest eigenvalue of D d_xx + q, and q(t, x) the largest of (f(v + e) - f(v))/e over all e. For
systems y' = f(t, y) the same holds with the logarithmic norm of the Jacobian about v in the place of lambda.

These steps are proofs: the inequality, and what it says of ||e|| once lambda and ||r|| are known at all times. These
are numerics, good to their quadrature: norms from samples, q and logarithmic norms as the largest of samples,
eigenvalues of a discrete operator, round-off.

Sources: Evans (2010), Partial Differential Equations, section 7.1.2 (energy estimates); Dahlquist (1958), Stability and
error bounds in the numerical integration of ordinary differential equations (logarithmic norms).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pinn.language import Residual
from pinn.language.residual import partial_derivative
from pinn.problem import TIME, Problem
from pinn.reference.base import Fields
from pinn.reference.terms import Impossible, Slot, System

TIMES, PLACES = 200, 256
SHIFTS = 400  # values of e at which q is looked for
REACH = 20.0  # how far they go, in units of the largest value of the solution


class Bound(NamedTuple):
    """A bound of the error.

    Attributes:
        relative_l2: of the error over times and places, relative to the solution.
        growth: the integral of lambda over all times: errors grow by no more than its exponential.
        method: in words, with what is proof and what is numerics.
    """

    relative_l2: float
    growth: float
    method: str


def bound(problem: Problem, fields: Fields, exact: tuple[str, ...]) -> tuple[Bound | None, str]:
    """Bound the error of a trained solution.

    Args:
        problem: what was solved.
        fields: see `pinn.evidence.estimate.estimate`.
        exact: names of constraints that hold exactly.

    Returns:
        The bound, or None; and if so, why there is none.
    """
    missing = [c.name for c in problem.conditions if c.name not in exact]
    if missing:
        return None, f"condition {missing[0]!r} does not hold exactly"
    if TIME not in problem.coordinates or TIME in problem.domain.periodic:
        return None, "it is known for evolution in time only"
    if len(problem.coordinates) == 1:
        return _of_system(problem, fields)
    if len(problem.unknowns) > 1 or len(problem.coordinates) > 2:
        return None, "it is known for one unknown in one dimension of space, and for systems in time"
    return _of_reaction(problem, fields)


def _of_reaction(problem: Problem, fields: Fields) -> tuple[Bound | None, str]:
    (space,) = (c for c in problem.coordinates if c != TIME)
    u, residual = problem.unknowns[0], problem.equations[0].residual
    names = {"rate": f"{u}_{TIME}", "flow": f"{u}_{space}", "spread": f"{u}_{space}{space}"}
    known = {u, *names.values(), *problem.coordinates, *problem.parameters}
    if strange := [n for n in residual.needs if n not in known]:
        return None, f"the equation has {strange[0]!r}"
    slopes = {k: _constant(residual, n, problem) for k, n in names.items()}
    if None in slopes.values() or not slopes["rate"] or not -slopes["spread"] / slopes["rate"] > 0:
        return None, f"the equation is not {names['rate']} = D*{names['spread']} + f({u}) with constants"
    if any(set(partial_derivative(residual, n).needs) & {u} for n in names.values()):
        return None, f"a factor of the equation depends on {u!r}"
    diffusion = -slopes["spread"] / slopes["rate"]
    (lo, hi), periodic = problem.domain.bounds[space], space in problem.domain.periodic
    x = lo + (hi - lo) * (np.arange(PLACES) + (0 if periodic else 1)) / (PLACES if periodic else PLACES + 1)
    operator = diffusion * _laplacian(PLACES, hi - lo, periodic)

    def reaction(t: float, v: np.ndarray) -> np.ndarray:
        values = dict(problem.parameters) | {u: v, TIME: t, space: x if v.ndim == 1 else x[:, None]}
        values |= {n: np.zeros(1) for n in names.values()}
        found = np.asarray(residual.fn(**{n: values[n] for n in residual.needs}))
        return -np.broadcast_to(found, v.shape) / slopes["rate"]

    (begin, end), shape = problem.domain.bounds[TIME], (TIMES, PLACES)
    h = (end - begin) / TIMES
    times = begin + (np.arange(TIMES) + 0.5) * h
    given = {TIME: np.repeat(times, PLACES), space: np.tile(x, TIMES)}
    values = dict(fields(np.stack([given[c] for c in problem.coordinates], axis=1))) | given | dict(problem.parameters)
    found = np.broadcast_to(residual.fn(**{n: values[n] for n in residual.needs}), TIMES * PLACES).reshape(shape)
    solution, rates, before = values[u].reshape(shape), [], None
    for t, v in zip(times, solution, strict=True):
        q = _steepest(lambda w, t=t: reaction(t, w), v)
        if q is None:
            return None, f"f({u}) grows faster for large {u} than any multiple of it"
        # Of a linear equation it is the same at all times.
        again = before is not None and np.array_equal(q, before)
        rates.append(rates[-1] if again else float(np.linalg.eigvalsh(operator + np.diag(q))[-1]))
        before = q
    defects = [_rms(r) / abs(slopes["rate"]) for r in found]
    sizes = [_rms(v) for v in solution]
    return _collected(rates, defects, sizes, h, "energy inequality, with the largest eigenvalue at each time")


def _constant(residual: Residual, name: str, problem: Problem) -> float | None:
    """Return a residual's derivative in a name if it is a number, else None."""
    slope = partial_derivative(residual, name)
    if residual.tree is None or any(n not in problem.parameters for n in slope.needs):
        return None
    return float(slope.fn(**{n: problem.parameters[n] for n in slope.needs}))


def _laplacian(n: int, length: float, periodic: bool) -> np.ndarray:
    """Return the symmetric matrix of d_xx: by waves on a period, by sines between ends held at zero."""
    if periodic:
        k = 2 * np.pi / length * np.fft.fftfreq(n, 1 / n)
        return np.fft.ifft(-(k**2)[:, None] * np.fft.fft(np.eye(n), axis=0), axis=0).real
    j = np.arange(1, n + 1)
    sines = np.sqrt(2 / (n + 1)) * np.sin(np.pi * np.outer(j, j) / (n + 1))
    return -(sines * (np.pi * j / length) ** 2) @ sines


def _steepest(f: Callable[[np.ndarray], np.ndarray], v: np.ndarray) -> np.ndarray | None:
    """Return the largest (f(v + e) - f(v))/e over samples of e, (N,); None if it is found at the largest ones."""
    reach = REACH * max(1e-3, float(np.abs(v).max()))
    half = reach * np.linspace(0, 1, SHIFTS // 2 + 1)[1:] ** 3  # densest near zero
    shifts = np.concatenate([-half[::-1], half])
    with np.errstate(all="ignore"):
        quotients = (f(v[:, None] + shifts) - f(v[:, None] + 0 * shifts)) / shifts
    if not np.all(np.isfinite(quotients)):
        return None
    best = quotients.max(axis=1)
    grows = np.any(quotients[:, [0, -1]] >= best[:, None], axis=1) & (np.ptp(quotients, axis=1) > 1e-9)
    if grows.any():
        return None
    # Between samples it may be larger, by less than half of what the quotient turns at the largest.
    turn = np.abs(np.diff(quotients, 2, axis=1))
    at = np.clip(quotients.argmax(axis=1) - 1, 0, turn.shape[1] - 1)
    return best + turn[np.arange(len(v)), at] / 2


def _of_system(problem: Problem, fields: Fields) -> tuple[Bound | None, str]:
    try:
        system = System(problem)
        if set(system.orders) != {1}:
            return None, "it is known for systems of first order"
        (begin, end), m = problem.domain.bounds[TIME], len(problem.unknowns)
        h = (end - begin) / TIMES
        t = begin + (np.arange(TIMES) + 0.5) * h
        values = fields(t[:, None])
        state = np.stack([values[n] for n in problem.unknowns])
        given = {TIME: t}
        found = system.rates(lambda slot: state[slot.component], given, t.shape)
        slopes = system.linearised(lambda slot: state[slot.component], given, t.shape)
    except Impossible as reason:
        return None, str(reason)
    jacobian = np.zeros((TIMES, m, m))
    for k in range(m):
        if (slot := Slot(k)) in slopes:
            jacobian[:, :, k] = slopes[slot].T
    rates = np.linalg.eigvalsh((jacobian + np.swapaxes(jacobian, 1, 2)) / 2)[:, -1]
    defects = np.linalg.norm(np.stack([values[n] for n in system.tops]) - found, axis=0)
    return _collected(
        list(rates), list(defects), list(np.linalg.norm(state, axis=0)), h,
        "logarithmic norm of the Jacobian about the solution, so that squares of the error are left out",
    )  # fmt: skip


def _collected(
    rates: list[float], defects: list[float], sizes: list[float], h: float, how: str
) -> tuple[Bound | None, str]:
    """Integrate the inequality, lambda and ||r|| constant in each step."""
    error, squares = 0.0, 0.0
    for rate, defect in zip(rates, defects, strict=True):
        grown = np.exp(rate * h)
        after = error * grown + defect * ((grown - 1) / rate if abs(rate * h) > 1e-12 else h)
        squares += max(error, after) ** 2
        error = after
        if not np.isfinite(squares):
            break
    size, total = np.sqrt(np.sum(np.square(sizes))), np.sqrt(squares)
    if not total < size:
        return None, f"by theory errors may grow by exp({h * sum(rates):.0f}), which allows any solution"
    relative = total / (size - total)  # of the true solution, which may be smaller by the error
    numerics = f"norms from {len(rates)} times, largest of samples, eigenvalues of a discrete operator"
    return Bound(float(relative), float(h * sum(rates)), f"{how} (proof); {numerics} (quadrature)"), ""


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
