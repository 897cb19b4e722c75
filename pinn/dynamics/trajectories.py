"""Trajectories of a system from random states: by the classical Runge-Kutta method, and, as the truth, by DOP853.

Sources: Hairer, Norsett & Wanner (1993), Solving Ordinary Differential Equations I, table II.1.2 (the classical method)
and section II.10 (DOP853).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.dynamics.equations import Equations, Rates
from pinn.errors import ProblemError
from pinn.problem import TIME

TOLERANCE, ROUGHLY = 1e-13, 1e-6  # relative, of the truth; of the path whose box states are drawn from
MEMORY = 10  # states every roll-out is given, so that models with a memory and those without begin alike
FEWEST, MOST_STEPS = 10, 200_000  # steps of time to learn from, and to judge by
MOST_NUMBERS = 100_000_000  # of all trajectories together
MOST_EVALUATIONS = 200_000  # of the rates, for the truth


class Trajectories(NamedTuple):
    """States at evenly spaced times.

    Attributes:
        names: of the d components.
        times: (T,).
        states: (n, T, d); of fields (n, T, X, d), X places.
        places: (X,) of fields; None for states of a system.
        together: whether all begin at the first of the times; else times are those of the first trajectory.
    """

    names: tuple[str, ...]
    times: np.ndarray
    states: np.ndarray
    places: np.ndarray | None = None
    together: bool = True

    @property
    def dt(self) -> float:
        """The step of time."""
        return float(self.times[-1] - self.times[0]) / (len(self.times) - 1)


def counted(count: int) -> str:
    """Return such as ``3 trajectories``."""
    return f"{count} {'trajectory' if count == 1 else 'trajectories'}"


def times_of(start: float, length: float, dt: float, known: int = 1) -> np.ndarray:
    """Return times from a start on, in steps of dt, until a length is reached.

    Args:
        start: the first.
        length: of time after the last known state.
        dt: step.
        known: states that are known, from the first on.

    Raises:
        ProblemError: if there are too few or too many.
    """
    if not FEWEST <= length / dt + 0.5 < MOST_STEPS + 1:
        raise ProblemError(
            f"{length:g} units of time in steps of {dt:g} are {length / dt:.6g} steps; {FEWEST} to {MOST_STEPS} can be "
            "learned from, and judged by. Change --dt, --time or --horizon."
        )
    return start + dt * np.arange(round(length / dt) + known)


def check_size(count: int, length: int, components: int) -> None:
    """Refuse more trajectories than there is memory for.

    Raises:
        ProblemError: if they are too many.
    """
    if count * length * components > MOST_NUMBERS:
        most = MOST_NUMBERS // (length * components)
        raise ProblemError(f"{count} of {length} states are too many; {most} can be kept.", place="--trajectories")


def rk4_step(rates: Rates, t: Array, v: Array, dt: float) -> Array:
    """Take one step of the classical Runge-Kutta method, of order four."""
    a = rates(t, v)
    b = rates(t + dt / 2, v + dt / 2 * a)
    c = rates(t + dt / 2, v + dt / 2 * b)
    d = rates(t + dt, v + dt * c)
    return v + dt / 6 * (a + 2 * b + 2 * c + d)


def runge_kutta(equations: Equations, times: np.ndarray, first: np.ndarray) -> Trajectories:
    """Integrate from several states at once by the classical Runge-Kutta method.

    Args:
        equations: of d components.
        times: (T,), evenly spaced.
        first: states at the first of them, (n, d).

    Raises:
        ProblemError: if there are too many, or they leave all bounds.
    """
    dt = float(times[1] - times[0])
    check_size(len(first), len(times), first.shape[1])

    def step(v: Array, t: Array) -> tuple[Array, Array]:
        after = jax.vmap(lambda one: rk4_step(equations.rates, t, one, dt))(v)
        return after, after

    start = jnp.asarray(first)
    rest = jax.jit(lambda v: jax.lax.scan(step, v, jnp.asarray(times[:-1]))[1])(start)
    states = np.concatenate([first[:, None], np.moveaxis(np.asarray(rest), 0, 1)], axis=1)
    if not np.all(np.isfinite(states)):
        where = times[np.flatnonzero(~np.isfinite(states).all(axis=(0, 2)))[0]]
        raise ProblemError(
            f"trajectories from random states leave all bounds at t = {where:g}. A smaller --dt, a shorter --time or "
            "a smaller --spread may keep them.",
            place=equations.problem.name,
        )
    return Trajectories(equations.names, times, states)


def truth(
    equations: Equations,
    times: np.ndarray,
    first: np.ndarray,
    tolerance: float = TOLERANCE,
    cure: str = " A smaller --spread or a shorter --horizon may help.",
) -> Trajectories:
    """Integrate from several states at once by scipy's DOP853, with rates in numpy: nothing is shared with jax.

    Args:
        equations: of d components.
        times: (T,).
        first: states at the first of them, (n, d).
        tolerance: relative.
        cure: what to do where it gives up, for messages.

    Raises:
        ProblemError: if there are too many, or where the integrator gives up.
    """
    from scipy.integrate import solve_ivp

    system, shape, name = equations.system, first.T.shape, equations.problem.name
    check_size(len(first), len(times), first.shape[1])
    spent = 0

    def rates(t: float, v: np.ndarray) -> np.ndarray:
        nonlocal spent
        spent, state = spent + 1, v.reshape(shape)
        if spent > MOST_EVALUATIONS:
            raise ProblemError(
                f"the true trajectories are at t = {t:g} after {spent - 1} evaluations: too stiff, or too long.{cure}",
                place=name,
            )
        try:
            return system.rates(lambda slot: state[slot.component], {TIME: np.asarray(t)}, shape[1:]).ravel()
        except np.linalg.LinAlgError:
            told = f"at t = {t:g} the equations of a true trajectory cannot be solved for its rates.{cure}"
            raise ProblemError(told, place=name) from None

    with np.errstate(all="ignore"):
        if not np.all(np.isfinite(rates(times[0], first.T.ravel()))):
            raise ProblemError(f"rates are not finite at some of the states to begin with.{cure}", place=name)
        found = solve_ivp(
            rates, (times[0], times[-1]), first.T.ravel(), method="DOP853", t_eval=times,
            rtol=tolerance, atol=tolerance * max(float(np.abs(first).max()), 1e-3),
        )  # fmt: skip
    if not found.success or not np.all(np.isfinite(found.y)):
        reached = found.t[-1] if len(found.t) else times[0]
        raise ProblemError(
            f"the true trajectories end at t = {reached:g}: {found.message}", place=equations.problem.name
        )
    return Trajectories(equations.names, times, np.moveaxis(found.y.reshape(*shape, -1), (0, 1, 2), (2, 0, 1)))


def starts(equations: Equations, count: int, seed: int, spread: float = 1.0) -> np.ndarray:
    """Draw states from the box that the problem's own trajectory fills.

    Args:
        equations: with initial conditions, from which the box is found.
        count: how many.
        seed: of the draw.
        spread: the sides of the box, in multiples of those of the trajectory.

    Returns:
        (count, d)
    """
    start, end = equations.problem.domain.bounds[TIME]
    own = equations.system.initial({TIME: np.asarray(start)}, ())[None]
    path = truth(equations, np.linspace(start, end, 1000), own, ROUGHLY, cure="").states[0]
    low, high = path.min(axis=0), path.max(axis=0)
    half = np.where(high > low, high - low, np.maximum(1.0, np.abs(high))) / 2
    return (low + high) / 2 + spread * half * np.random.default_rng(seed).uniform(-1, 1, (count, len(low)))
