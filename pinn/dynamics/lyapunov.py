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
SHARE = 0.1  # of it, left out at the beginning
BOUNDED = 100.0  # times the largest state of the first of these lengths: what grows beyond is not chaotic
LEAST = 1.0  # Lyapunov times in the problem's own range of time, below which nothing is called chaotic


def largest_exponent(equations: Equations, dt: float) -> float:
    """Return the mean rate at which a small distance grows, per unit of time; nan where the state itself does.

    Args:
        equations: whose problem has the initial state.
        dt: step of the Runge-Kutta method.
    """
    start, end = equations.problem.domain.bounds[TIME]
    first = jnp.asarray(equations.system.initial({TIME: np.asarray(start)}, ()))
    direction = jnp.ones_like(first) / jnp.sqrt(first.size)

    def step(carry: tuple[Array, Array], t: Array) -> tuple[tuple[Array, Array], Array]:
        v, w = carry
        v, w = jax.jvp(lambda v: rk4_step(equations.rates, t, v, dt), (v,), (w,))
        size = jnp.linalg.norm(w)
        return (v, w / size), (jnp.log(size), jnp.linalg.norm(v))

    times = jnp.asarray(start + dt * np.arange(round(LENGTH * (end - start) / dt)))
    growth, sizes = map(np.asarray, jax.jit(lambda c: jax.lax.scan(step, c, times)[1])((first, direction)))
    if not sizes.max() <= BOUNDED * max(sizes[: len(sizes) // LENGTH].max(), 1e-300):  # also if it is nan
        return float("nan")
    return float(np.mean(growth[int(SHARE * len(growth)) :]) / dt)


def lyapunov_time(equations: Equations, dt: float) -> float | None:
    """Return one over the largest exponent; None if it is longer than the problem's own range of time."""
    exponent = largest_exponent(equations, dt)
    start, end = equations.problem.domain.bounds[TIME]
    return 1 / exponent if np.isfinite(exponent) and exponent * (end - start) > LEAST else None
