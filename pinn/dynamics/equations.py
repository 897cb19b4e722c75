"""A system given as a problem, as rates in jax: v' = F(t, v), and the part of it that time alone drives."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.errors import ProblemError
from pinn.problem import TIME, Problem
from pinn.reference.terms import Impossible, System

Rates = Callable[[Array, Array], Array]  # (t (), v (d,)) -> (d,)
FIXED = 4  # states, and two per component, at which rates are looked at
SAME = 1e-9  # relative size of a drive that is none
STAGES = (0.0, 0.5, 1.0)  # of a step of time, at which it is told what drives it


class Equations(NamedTuple):
    """Ordinary differential equations of a problem.

    Attributes:
        problem: with time as its only coordinate.
        system: its residuals, sorted, for numpy.
        names: of the d components of the state: unknowns and their derivatives below the highest.
        rates: (t, v) -> dv/dt, in jax.
    """

    problem: Problem
    system: System
    names: tuple[str, ...]
    rates: Rates


def equations_of(problem: Problem) -> Equations:
    """Read a problem as v' = F(t, v).

    Raises:
        ProblemError: if it has other coordinates than time, or its equations do not say what the rates are.
    """
    if problem.coordinates != (TIME,):
        raise ProblemError(
            f"is in {', '.join(problem.coordinates)}; a system of ordinary equations has the one coordinate t.",
            place=problem.name,
        )
    try:
        system = System(problem)
        start = problem.domain.bounds[TIME][0]
        state = system.initial({TIME: np.asarray(start)}, ())
        given = {TIME: np.asarray(start)}
        system.check_solvable(system.arguments(given, lambda slot: state[slot.component]), ())
    except Impossible as reason:
        raise ProblemError(f"{reason}, so that it cannot be stepped in time.", place=problem.name) from None
    names = tuple(problem.unknowns[j] + ("_" + TIME * k if k else "") for j, k in system.components)
    return Equations(problem, system, names, _rates(system))


def _rates(system: System) -> Rates:
    """Return F in jax: the residuals are linear in the highest derivatives, and are solved for them."""
    inverse = None if system.constant is None else np.linalg.inv(system.constant)
    order = len(system.orders)

    def rates(t: Array, v: Array) -> Array:
        given = {TIME: t} | dict(system.problem.parameters)
        given |= {name: v[slot.component] for name, slot in system.below.items()}

        def residuals(tops: Array) -> Array:
            full = given | dict(zip(system.tops, tops, strict=True))
            found = [c.residual.fn(**{n: full[n] for n in c.residual.needs}) for c in system.problem.equations]
            return jnp.stack([jnp.asarray(r, v.dtype) for r in found])

        zero = jnp.zeros(order, v.dtype)
        base = residuals(zero)
        tops = -jnp.linalg.solve(jax.jacfwd(residuals)(zero), base) if inverse is None else -inverse @ base
        return jnp.stack([
            tops[j] if k + 1 == system.orders[j] else v[system.components.index((j, k + 1))]
            for j, k in system.components
        ])  # fmt: skip

    return rates


def rates_at(equations: Equations, times: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return rates in numpy, (d, ...).

    Args:
        equations: of d components.
        times: of a shape that fits that of a component.
        states: (d, ...)

    Raises:
        ProblemError: if one is not finite, with the time and the state.
    """
    times = np.broadcast_to(times, states.shape[1:])
    found = _system_rates(equations, times, states)
    fine = found is not None and np.isfinite(found).all(axis=0)
    if np.all(fine):
        return found
    if found is None:  # a matrix is singular somewhere, and numpy does not say where
        points = np.ndindex(times.shape)
        singular = [_system_rates(equations, times[p], states[(slice(None), *p)]) is None for p in points]
        fine = ~np.reshape(singular, times.shape)
    where = tuple(np.argwhere(~fine)[0])
    state = ", ".join(f"{n} = {v:g}" for n, v in zip(equations.names, states[(slice(None), *where)], strict=True))
    raise ProblemError(f"its rates are not finite at t = {times[where]:g}, {state}.", place=equations.problem.name)


def _system_rates(equations: Equations, times: np.ndarray, states: np.ndarray) -> np.ndarray | None:
    """Return rates, (d, ...); None where the equations cannot be solved for them."""
    try:
        with np.errstate(all="ignore"):
            return equations.system.rates(lambda slot: states[slot.component], {TIME: times}, states.shape[1:])
    except np.linalg.LinAlgError:
        return None


Drive = Callable[[np.ndarray], np.ndarray]  # times (T,) -> (T, k)


def drive_of(equations: Equations, times: np.ndarray, states: np.ndarray) -> Drive:
    """Find what depends on time in the equations.

    The rates at several fixed states are functions of time; what varies in them is brought to as few functions as
    there are independent ones, of mean square 1 over the times given. A force F cos(w t) gives one, a cosine.

    Args:
        equations: of d components.
        times: (T,), over which functions are told apart.
        states: (..., d), of which some are taken.

    Returns:
        Times (T,) -> values (T, k); k is 0 where time does not enter.

    Raises:
        ProblemError: if a rate is not finite.
    """
    flat = states.reshape(-1, states.shape[-1])
    fixed = flat[np.random.default_rng(0).integers(0, len(flat), 2 * flat.shape[1] + FIXED)]

    def rows(t: np.ndarray) -> np.ndarray:
        at = np.broadcast_to(fixed.T[:, :, None], (*fixed.T.shape, len(t)))
        return rates_at(equations, t[None, :], at).reshape(-1, len(t))

    known = rows(times)
    mean = known.mean(axis=1, keepdims=True)
    left, sizes, _ = np.linalg.svd(known - mean, full_matrices=False)
    kept = sizes > SAME * max(float(np.abs(known).max()) * np.sqrt(known.size), 1e-300)
    weights = left[:, kept] / sizes[kept] * np.sqrt(len(times))
    return lambda t: (rows(np.asarray(t, float)) - mean).T @ weights


def no_drive(times: np.ndarray) -> np.ndarray:
    """Return the drive of what time does not enter, or of which no equations are known, (T, 0)."""
    return np.zeros((len(times), 0))


def driven(drive: Drive, times: np.ndarray) -> np.ndarray:
    """Return what drives each step between times, at its beginning, middle and end, (T - 1, 3 k)."""
    steps = np.diff(times)
    return np.concatenate([drive(times[:-1] + share * steps) for share in STAGES], axis=1)
