"""Levenberg-Marquardt with a dense Jacobian."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from pinn.errors import ProblemError
from pinn.optimizers.base import Optimizer, Params, ResidualFn, StepInfo, linearize

MAX_TRIALS = 24


class LevenbergMarquardtState(NamedTuple):
    """The damping lambda to start the next step from."""

    damping: Array


def levenberg_marquardt(
    *, damping: float = 1e-3, shrink: float = 0.1, grow: float = 3.0, acceptance: float = 0.075
) -> Optimizer:
    """Step by -(J^T J + lambda I)^-1 J^T r, with the smallest lambda on a ladder whose decrease is real.

    Each step begins with a bold lambda, ``shrink`` times the last one that served, and grows it until the
    actual decrease of r.r is at least ``acceptance`` times what the linear model predicts. Taking the boldest
    acceptable step rather than the safest is what makes the method fast on these problems: the
    loss stays high for some tens of steps and then falls by many orders.

    Args:
        damping: the first lambda, > 0, in units of J^T J.
        shrink: factor on the last lambda for the first trial of a step, in (0, 1).
        grow: factor on lambda after a rejected trial, > 1.
        acceptance: ratio of actual to predicted decrease that a trial has to reach, in (0, 1).

    Returns:
        The optimizer. Memory is O(N P) for N residuals and P params; a step costs O(N P^2 + P^3).

    Raises:
        ProblemError: if an argument is outside its range.

    Source:
        Marquardt (1963), SIAM J. Appl. Math. 11(2), 431-441; the ratio test after More (1978), Lecture
        Notes in Mathematics 630, 105-116.
    """

    for name, value, lo, hi in (
        ("damping", damping, 0, jnp.inf),
        ("shrink", shrink, 0, 1),
        ("grow", grow, 1, jnp.inf),
        ("acceptance", acceptance, 0, 1),
    ):
        if not lo < value < hi:
            raise ProblemError(f"expected a number between {lo} and {hi}.", (name,), str(value))

    def init(params: Params) -> LevenbergMarquardtState:
        return LevenbergMarquardtState(jnp.asarray(damping, ravel_pytree(params)[0].dtype))

    def step(residual_fn: ResidualFn, params: Params, state: LevenbergMarquardtState):
        flat, unravel = ravel_pytree(params)
        r, jac = linearize(residual_fn, params)
        gradient, normal = jac.T @ r, jac.T @ jac
        loss = 0.5 * r @ r
        # A Jacobian that is not finite would have every trial rejected; the loss says so instead.
        usable = jnp.all(jnp.isfinite(gradient)) & jnp.isfinite(jnp.trace(normal))
        tiny = jnp.finfo(flat.dtype).eps ** 2

        def trial(lam: Array) -> tuple[Array, Array]:
            """Return the candidate and its ratio of actual to predicted decrease."""
            factor = jax.scipy.linalg.cho_factor(normal + lam * jnp.eye(flat.size, dtype=flat.dtype))
            move = -jax.scipy.linalg.cho_solve(factor, gradient)
            predicted = -0.5 * move @ (gradient - lam * move)  # decrease of |r + J move|^2 / 2
            r_new = residual_fn(unravel(flat + move))
            return flat + move, (loss - 0.5 * r_new @ r_new) / predicted

        def rejected(carry: tuple) -> Array:
            return (carry[0] < MAX_TRIALS) & ~(carry[3] >= acceptance)  # not(>=) holds for nan too

        def next_trial(carry: tuple) -> tuple:
            count, lam, _, _ = carry
            lam = jnp.where(count == 0, lam, grow * lam)
            return (count + 1, lam, *trial(lam))

        start = jnp.maximum(shrink * state.damping, tiny)
        begin = (jnp.zeros((), jnp.int32), start, flat, jnp.full((), -1, flat.dtype))
        _, lam, candidate, ratio = jax.lax.while_loop(rejected, next_trial, begin)
        accepted = ratio >= acceptance
        # After a step without any acceptable trial, start again where this one gave up, within reason.
        lam = jnp.where(accepted, lam, jnp.clip(lam, tiny, 1e3))
        params = unravel(jnp.where(accepted, candidate, flat))
        return params, LevenbergMarquardtState(lam), StepInfo(jnp.where(usable, loss, jnp.nan), accepted, lam)

    return Optimizer(init, step)
