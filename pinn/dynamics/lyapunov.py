"""The largest Lyapunov exponent: how fast neighbouring trajectories part, in the mean.

Source: Benettin, Galgani, Giorgilli & Strelcyn (1980), Meccanica 15, 9-20.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.dynamics.equations import Equations
from pinn.dynamics.trajectories import rk4_step
from pinn.problem import TIME

LENGTH = 50  # times the length of the problem's own trajectory
FINE, MOST = 800, 1_000_000  # steps: in that trajectory at least, and in all at most
SHARE = 0.1  # of it, left out at the beginning
BOUNDED = 100.0  # times the largest state of the first of these lengths: what grows beyond is not chaotic
LEAST = 1.0  # Lyapunov times in the problem's own range of time, below which nothing is called chaotic


def largest_exponent(equations: Equations, dt: float, first: np.ndarray) -> float:
    """Return the mean rate at which a small distance grows, per unit of time; nan where a state itself does.

    Args:
        equations: of d components.
        dt: longest step of the Runge-Kutta method.
        first: states to begin with, (n, d), of which the median is taken: the path from one may come to rest at a
            point from which all others are driven away.
    """
    start, end = equations.problem.domain.bounds[TIME]
    dt = min(dt, (end - start) / FINE)

    def step(carry: tuple[Array, Array], t: Array) -> tuple[tuple[Array, Array], Array]:
        v, w = carry
        v, w = jax.jvp(lambda v: rk4_step(equations.rates, t, v, dt), (v,), (w,))
        size = jnp.linalg.norm(w)
        return (v, w / size), (jnp.log(size), jnp.linalg.norm(v))

    times = jnp.asarray(start + dt * np.arange(min(round(LENGTH * (end - start) / dt), MOST)))
    directions = jnp.full(first.shape, first.shape[1] ** -0.5)
    along = jax.jit(jax.vmap(lambda v, w: jax.lax.scan(step, (v, w), times)[1]))
    growth, sizes = map(np.asarray, along(jnp.asarray(first), directions))  # (n, steps)
    if not np.all(sizes.max(axis=1) <= BOUNDED * np.maximum(sizes[:, : len(times) // LENGTH].max(axis=1), 1e-300)):
        return float("nan")  # also if sizes are
    return float(np.median(growth[:, int(SHARE * len(times)) :].mean(axis=1)) / dt)


def lyapunov_time(equations: Equations, dt: float, first: np.ndarray) -> float | None:
    """Return one over the largest exponent; None if it is longer than the problem's own range of time."""
    exponent = largest_exponent(equations, dt, first)
    start, end = equations.problem.domain.bounds[TIME]
    return 1 / exponent if np.isfinite(exponent) and exponent * (end - start) > LEAST else None
