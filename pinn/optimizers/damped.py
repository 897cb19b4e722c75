"""Damped least squares with a dense Jacobian: what gauss_newton and levenberg_marquardt have in common."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from pinn.errors import ProblemError
from pinn.optimizers.base import Optimizer, Params, ResidualFn, StepInfo
from pinn.optimizers.normal import NormalEquations, normal_equations

MAX_TRIALS = 24


class DampedState(NamedTuple):
    """The damping lambda to start the next step from."""

    damping: Array


class Trial(NamedTuple):
    """A candidate: the damping it was made with, the params, and its ratio of actual to predicted decrease."""

    damping: Array
    flat: Array
    ratio: Array
    loss: Array


def damped_least_squares(
    *,
    damping: float,
    shrink: float,
    grow: float,
    acceptance: float,
    lowest: bool = False,
    memory: float = 2.0,
    patience: int = 20,
) -> Optimizer:
    """Step by -(J^T J + lambda I)^-1 J^T r, with lambda from a ladder.

    Args:
        damping: the first lambda, > 0, in units of J^T J.
        shrink: factor on the last lambda for the first trial of a step, in (0, 1).
        grow: factor on lambda from one trial to the next, > 1.
        acceptance: ratio of actual to predicted decrease that a trial has to exceed, in [0, 1).
        lowest: try the whole ladder and take the lowest loss, instead of the first acceptable trial.
        memory: GiB that the Jacobian may take; beyond it J^T J is summed up over blocks of rows.
        patience: steps without a halving of the loss after which an attempt has come to rest.

    Raises:
        ProblemError: if an argument is outside its range.
    """
    for name, value, lo, hi in (
        ("damping", damping, 0, jnp.inf),
        ("shrink", shrink, 0, 1),
        ("grow", grow, 1, jnp.inf),
        ("acceptance", acceptance, -1e-9, 1),
        ("memory", memory, 0, jnp.inf),
    ):
        if not lo < value < hi:
            raise ProblemError(f"expected a number between {max(lo, 0)} and {hi}.", (name,), str(value))

    def init(params: Params) -> DampedState:
        return DampedState(jnp.asarray(damping, ravel_pytree(params)[0].dtype))

    def step(residual_fn: ResidualFn, params: Params, state: DampedState):
        flat, unravel = ravel_pytree(params)
        system = normal_equations(residual_fn, params, memory * 2**30)

        def loss_at(candidate: Array) -> Array:
            r = residual_fn(unravel(candidate))
            return 0.5 * r @ r

        first = jnp.maximum(shrink * state.damping, jnp.finfo(flat.dtype).eps ** 2)
        search = _lowest if lowest else _boldest
        found = search(lambda lam: _trial(system, flat, lam, loss_at), first, grow, acceptance, flat)
        accepted = found.ratio > acceptance
        # After a step without any acceptable trial, start again where this one gave up, within reason.
        lam = jnp.where(accepted, found.damping, jnp.minimum(found.damping, 1e3))
        loss = jnp.where(system.usable, system.loss, jnp.nan)
        return unravel(jnp.where(accepted, found.flat, flat)), DampedState(lam), StepInfo(loss, accepted, lam)

    return Optimizer(init, step, patience=patience)


def _trial(system: NormalEquations, flat: Array, lam: Array, loss_at: Callable[[Array], Array]) -> Trial:
    """Solve for one lambda. A matrix that is not positive definite gives nan, and so an unacceptable trial."""
    move = system.solve(lam)
    predicted = -0.5 * move @ (system.gradient - lam * move)  # decrease of |r + J move|^2 / 2
    loss = loss_at(flat + move)
    return Trial(lam, flat + move, (system.loss - loss) / predicted, loss)


def _boldest(trial: Callable[[Array], Trial], first: Array, grow: float, acceptance: float, flat: Array) -> Trial:
    """Return the trial with the smallest lambda on the ladder whose ratio is acceptable."""

    def rejected(carry: tuple[Array, Trial]) -> Array:
        return (carry[0] < MAX_TRIALS) & ~(carry[1].ratio > acceptance)  # not(>) holds for nan too

    def following(carry: tuple[Array, Trial]) -> tuple[Array, Trial]:
        count, last = carry
        return count + 1, trial(jnp.where(count == 0, first, grow * last.damping))

    none = jnp.full((), -1, flat.dtype)
    return jax.lax.while_loop(rejected, following, (jnp.zeros((), jnp.int32), Trial(first, flat, none, none)))[1]


def _lowest(trial: Callable[[Array], Trial], first: Array, grow: float, acceptance: float, flat: Array) -> Trial:
    """Return the trial with the lowest loss on the whole ladder."""
    tried = jax.lax.map(trial, first * grow ** jnp.arange(MAX_TRIALS, dtype=flat.dtype))
    best = jnp.argmin(jnp.where(jnp.isfinite(tried.loss), tried.loss, jnp.inf))
    return jax.tree.map(lambda x: x[best], tried)
