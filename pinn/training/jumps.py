"""What a jump between two points would add to the loss, where points are in a row: of systems in time alone.

A network may change so fast after a window's start that no point is in between, and be a solution of the equations from
there on, but of another start. The loss on points is then as small as that of the right one.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from pinn.ansatz import Ansatz
from pinn.derivatives import taylor
from pinn.pieces import Window
from pinn.problem import TIME, Problem
from pinn.training.bank import Bank

APART = 0.1  # of an unknown's size, by which a change differs from the integral of its rate


def jump_loss(problem: Problem, ansatz: Ansatz, window: Window, bank: Bank, params: Any) -> Array:
    """Return the least that jumps add to half the mean square of u_t; zero where there is more than time.

    Between neighbours h apart, u_t differs from its trapezoid by a mean square of (du - dv)**2/h**2 at least, du and dv
    the change of u and of the trapezoid's integral.

    Args:
        problem: what is solved.
        ansatz: the network with its hard conditions.
        window: of time.
        bank: its points.
        params: of the network.
    """
    place = problem.equations[0].place
    if problem.coordinates != (TIME,) or (0,) not in bank.added[place]:
        return jnp.zeros((), bank.points[place].dtype)
    order = jnp.argsort(bank.points[place][:, 0])
    x, added, before = jax.tree.map(lambda a: a[order], (bank.points[place], bank.added[place], bank.before[place]))

    def at(point: Array, centre: Array, added: Any, before: Any) -> tuple[Array, Array]:
        """Return u and u_t; what does not depend on the params is a polynomial about the nearest point."""
        known, carried = taylor(added, centre), taylor(before, centre)
        u = lambda t: known(t) + ansatz.trained(params, window, t, carried(t), within=True)  # noqa: E731
        return jax.jvp(u, (point,), (jnp.ones_like(point),))

    first = jax.tree.map(lambda a: a[0], (x, added, before))
    start = at(jnp.atleast_1d(window.start).astype(x.dtype), *first)
    t = jnp.concatenate([jnp.atleast_1d(window.start).astype(x.dtype), x[:, 0]])
    rest = jax.vmap(at)(x, x, added, before)
    v, w = (jnp.concatenate([a[None], b]) for a, b in zip(start, rest, strict=True))  # (M + 1, m)
    h = jnp.maximum(jnp.diff(t), jnp.finfo(t.dtype).tiny)[:, None]
    apart = jnp.diff(v, axis=0) - h * (w[1:] + w[:-1]) / 2
    jumps = jnp.where(jnp.abs(apart) > APART * jnp.abs(v).max(axis=0, keepdims=True), apart, 0)
    return 0.5 * jnp.sum(jumps**2 / h) / (window.stop - window.start)
