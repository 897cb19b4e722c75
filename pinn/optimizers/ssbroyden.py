"""Self-scaled Broyden: a quasi-Newton method whose memory is the square of the params, not residuals times params."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from pinn.optimizers.base import Optimizer, Params, ResidualFn, StepInfo

ARMIJO, CURVATURE = 1e-4, 0.9  # of the weak Wolfe conditions
TRIALS = 20
LossAndGradient = Callable[[Array], tuple[Array, Array]]


class SSBroydenState(NamedTuple):
    """The approximation of the inverse Hessian, (P, P), and whether a step has set its scale."""

    inverse: Array
    scaled: Array


class Point(NamedTuple):
    """A place on the search line: how far, and loss and gradient there."""

    length: Array
    loss: Array
    gradient: Array


def ssbroyden() -> Optimizer:
    """Step along -H g with a Wolfe line search; H is updated by the self-scaled Broyden formula.

    Returns:
        The optimizer. A step costs O(P^2) beyond one to a few gradients; memory is O(P^2).

    Source:
        Al-Baali, Spedicato & Maggioni (2014), Optim. Methods Softw. 29(5), 937-954, the method for physics-informed
        networks in Urban, Stefanou & Pons (2025), J. Comput. Phys. 523, 113656. Line search after Nocedal & Wright
        (2006), Numerical Optimization, section 3.5, by bisection.
    """

    def init(params: Params) -> SSBroydenState:
        flat, _ = ravel_pytree(params)
        return SSBroydenState(jnp.eye(flat.size, dtype=flat.dtype), jnp.array(False))

    def step(residual_fn: ResidualFn, params: Params, state: SSBroydenState):
        flat, unravel = ravel_pytree(params)

        def loss_of(flat: Array) -> Array:
            r = residual_fn(unravel(flat))
            return 0.5 * r @ r

        evaluate = jax.value_and_grad(loss_of)
        loss, gradient = evaluate(flat)
        downhill = -state.inverse @ gradient
        usable = downhill @ gradient < 0  # fails for nan too: then H has gone bad, and the step is steepest descent
        inverse = jnp.where(usable, state.inverse, jnp.eye(flat.size, dtype=flat.dtype))
        direction = jnp.where(usable, downhill, -gradient)
        scaled = state.scaled & usable
        first = jnp.where(scaled, 1.0, jnp.minimum(1.0, 1 / jnp.linalg.norm(gradient))).astype(flat.dtype)
        found = _search(evaluate, flat, Point(jnp.zeros_like(loss), loss, gradient), direction, first)
        move, change = found.length * direction, found.gradient - gradient
        updated = _update(inverse, scaled, found.length, move, change, gradient)
        finite = jnp.all(jnp.isfinite(updated)) & (change @ move > 0)
        # A search that finds nothing would find nothing again: H is begun anew.
        stuck = found.length == 0
        inverse = jnp.where(stuck, jnp.eye(flat.size, dtype=flat.dtype), inverse)
        state = SSBroydenState(jnp.where(finite, updated, inverse), (scaled & ~stuck) | finite)
        loss = jnp.where(jnp.all(jnp.isfinite(gradient)), loss, jnp.nan)
        info = StepInfo(loss, found.length > 0, jnp.full((), jnp.nan, flat.dtype))
        return unravel(flat + move), state, info

    return Optimizer(init, step, log_every=20, redraw=200, patience=1000)


def _search(evaluate: LossAndGradient, flat: Array, start: Point, direction: Array, first: Array) -> Point:
    """Find a length with the weak Wolfe conditions by doubling and bisection; else the best with enough decrease."""
    slope = start.gradient @ direction

    def searching(carry: tuple) -> Array:
        return (carry[0] < TRIALS) & ~carry[5]

    def look(carry: tuple) -> tuple:
        count, length, low, high, best, _ = carry
        loss, gradient = evaluate(flat + length * direction)
        enough = loss <= start.loss + ARMIJO * length * slope  # false for nan
        flat_enough = gradient @ direction >= CURVATURE * slope
        better = enough & (loss < best.loss)
        best = jax.tree.map(lambda new, old: jnp.where(better, new, old), Point(length, loss, gradient), best)
        low, high = jnp.where(enough, length, low), jnp.where(enough, high, length)
        following = jnp.where(jnp.isinf(high), 2 * length, (low + high) / 2)
        return count + 1, following, low, high, best, enough & flat_enough

    zero = jnp.zeros_like(first)
    carry = (jnp.zeros((), jnp.int32), first, zero, jnp.full_like(first, jnp.inf), start, jnp.array(False))
    return jax.lax.while_loop(searching, look, carry)[4]


def _update(h: Array, scaled: Array, length: Array, s: Array, y: Array, gradient: Array) -> Array:
    """Return the next inverse Hessian from step s and change of gradient y; the first one also sets its scale."""
    ys = y @ s
    h = jnp.where(scaled, h, h * ys / (y @ y))
    n, hy = s.size, h @ y
    yhy = y @ hy
    ratio = yhy / ys
    b = -length * (s @ gradient) / ys
    a = jnp.where(jnp.abs(b * ratio - 1) < 1e-12, 1e-12, b * ratio - 1)
    rho_minus = jnp.minimum(1.0, ratio * (1 - jnp.sqrt(jnp.abs(a / (1 + a)))))
    theta = jnp.maximum((rho_minus - 1) / a, jnp.minimum(1 / rho_minus, (1 - b) / b))
    sigma = 1 + theta * a
    root = jnp.abs(sigma) ** (1.0 / (1 - n)) if n > 1 else jnp.ones_like(sigma)
    rho = jnp.minimum(1.0, 1 / b)
    tau = jnp.where(theta <= 0, jnp.minimum(rho * root, sigma), rho * jnp.minimum(root, 1 / theta))
    v = s / ys - hy / yhy
    phi = (1 - theta) / (1 + a * theta)
    return (h - jnp.outer(hy, hy) / yhy + phi * yhy * jnp.outer(v, v)) / tau + jnp.outer(s, s) / ys
