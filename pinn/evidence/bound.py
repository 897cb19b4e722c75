"""A bound of the error where theory gives one: reaction and diffusion of one unknown, and systems in time.

For u_t = D u_xx - c u_x + f(t, x, u) with initial data and ends met exactly, and a solution v with residual r,

    d/dt ||e|| <= lambda(t) ||e|| + ||r||,

where lambda(t) is the largest eigenvalue of D d_xx + q, and q(t, x) the largest of (f(v + e) - f(v))/e over all e. For
systems y' = f(t, y) the same holds with the largest logarithmic norm of the Jacobian in a tube about v in the place of
lambda, as long as the bound itself stays inside the tube.

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
FAR = np.array([1e3, 1e4])  # and in units of that, to see how f behaves far away
SETTLED = 1e-3  # by how much the quotient may still grow there, beside its size
WIDER = 12  # tubes tried, each twice as wide as the bound of the last


class Bound(NamedTuple):
    """A bound of the error.

    Attributes:
        relative_l2: of the error over times and places, relative to the solution; of several unknowns the error of all
            together, relative to the smallest, so that it bounds the error of each.
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
        q, trouble = _steepest(lambda w, t=t: reaction(t, w), v)
        if q is None:
            return None, f"f({u}) {trouble.format(u)}"
        # Of a linear equation it is the same at all times.
        again = before is not None and np.array_equal(q, before)
        rates.append(rates[-1] if again else float(np.linalg.eigvalsh(operator + np.diag(q))[-1]))
        before = q
    errors = _grown(np.array(rates), np.array([_rms(r) / abs(slopes["rate"]) for r in found]), h)
    sizes = np.array([[_rms(v) for v in solution]])
    return _collected(np.array(rates), errors, sizes, h, "energy inequality, with the largest eigenvalue at each time")


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


def _steepest(f: Callable[[np.ndarray], np.ndarray], v: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Return the largest (f(v + e) - f(v))/e over samples of e, (N,); or None and what is wrong with f."""
    reach = REACH * max(1e-3, float(np.abs(v).max()))
    half = reach * np.linspace(0, 1, SHIFTS // 2 + 1)[1:] ** 3  # densest near zero
    half = np.concatenate([half, reach * FAR])
    shifts = np.concatenate([-half[::-1], half])
    with np.errstate(all="ignore"):
        quotients = (f(v[:, None] + shifts) - f(v[:, None] + 0 * shifts)) / shifts
    if np.any(np.isnan(quotients)):
        return None, "is not known for every {}"
    best = quotients.max(axis=1)
    # It has come to rest far away, or goes on growing: the last decade tells.
    far, before = quotients[:, [0, -1]].max(axis=1), quotients[:, [1, -2]].max(axis=1)
    if not np.all(np.isfinite(best)) or np.any((far >= best) & (far - before > SETTLED * (1 + np.abs(far)))):
        return None, "grows faster for large |{}| than any multiple of it"
    # Between samples it may be larger, by less than half of what the quotient turns at the largest.
    inner = quotients[:, len(FAR) : -len(FAR)]
    turn = np.abs(np.diff(inner, 2, axis=1))
    at = np.clip(inner.argmax(axis=1) - 1, 0, turn.shape[1] - 1)
    return best + np.maximum(far - before, 0) + turn[np.arange(len(v)), at] / 2, ""


def _of_system(problem: Problem, fields: Fields) -> tuple[Bound | None, str]:
    try:
        system = System(problem)
        if set(system.orders) != {1}:
            return None, "it is known for systems of first order"
        (begin, end) = problem.domain.bounds[TIME]
        h = (end - begin) / TIMES
        t = begin + (np.arange(TIMES) + 0.5) * h
        values = fields(t[:, None])
        state = np.stack([values[n] for n in problem.unknowns])
        found = system.rates(lambda slot: state[slot.component], {TIME: t}, t.shape)
        defects = np.linalg.norm(np.stack([values[n] for n in system.tops]) - found, axis=0)
        tube = np.zeros(TIMES)
        for _ in range(WIDER):
            rates = _logarithmic_norms(system, t, state, tube)
            errors = _grown(rates, defects, h)
            if np.all(errors <= tube):
                return _collected(
                    rates, errors, state, h, "logarithmic norm of the Jacobian in a tube about the solution"
                )
            if not errors.max() < REACH * np.abs(state).max():
                break
            tube = 2 * errors
    except (Impossible, np.linalg.LinAlgError) as reason:
        return None, str(reason)
    return None, "the error may grow out of every tube about the solution"


def _logarithmic_norms(system: System, t: np.ndarray, state: np.ndarray, tube: np.ndarray) -> np.ndarray:
    """Return the largest logarithmic norm of the Jacobian within some distance of states (m, T), (T,)."""
    m, rng = len(state), np.random.default_rng(0)
    directions = np.concatenate([np.zeros((1, m)), np.eye(m), -np.eye(m), rng.normal(size=(4 * m, m))])
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    worst = np.full(t.shape, -np.inf)
    for direction in directions / np.where(lengths > 0, lengths, 1):
        moved = state + tube * direction[:, None]
        slopes = system.linearised(lambda slot, moved=moved: moved[slot.component], {TIME: t}, t.shape)
        jacobian = np.zeros((len(t), m, m))
        for k in range(m):
            if (slot := Slot(k)) in slopes:
                jacobian[:, :, k] = slopes[slot].T
        if not np.all(np.isfinite(jacobian)):
            return np.full(t.shape, np.inf)
        worst = np.maximum(worst, np.linalg.eigvalsh((jacobian + np.swapaxes(jacobian, 1, 2)) / 2)[:, -1])
    return worst


def _grown(rates: np.ndarray, defects: np.ndarray, h: float) -> np.ndarray:
    """Integrate the inequality, lambda and ||r|| constant in each step; return the largest ||e|| of each step."""
    error, out = 0.0, []
    with np.errstate(all="ignore"):
        for rate, defect in zip(rates, defects, strict=True):
            grown = np.exp(rate * h)
            after = error * grown + defect * ((grown - 1) / rate if abs(rate * h) > 1e-12 else h)
            out.append(max(error, after))
            error = after
    return np.array(out)


def _collected(
    rates: np.ndarray, errors: np.ndarray, states: np.ndarray, h: float, how: str
) -> tuple[Bound | None, str]:
    """Compare ||e|| at all times, (T,), with the unknowns, (m, T)."""
    size, total, growth = np.sqrt(np.sum(states**2, axis=-1)).min(), np.sqrt(np.sum(errors**2)), float(h * sum(rates))
    if not total < size:
        grows = f"by theory errors may grow by a factor of exp({growth:.0f})" if growth > 1 else "the residual is large"
        return None, f"{grows}, so that it would be larger than the solution"
    relative = total / (size - total)  # of the true solution, which may be smaller by the error
    numerics = f"norms from {len(rates)} times, largest of samples, eigenvalues of a discrete operator"
    return Bound(float(relative), growth, f"{how} (proof); {numerics} (quadrature)"), ""


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
