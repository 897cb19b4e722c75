"""What a learned flow map has to beat: nothing happens, a linear map, and the integrator its data come from.

Sources: Schmid (2010), J. Fluid Mech. 656, 5-28 (dynamic mode decomposition, the linear map); Proctor, Brunton & Kutz
(2016), SIAM J. Appl. Dyn. Syst. 15(1), 142-161 (with what drives it).
"""

import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.dynamics.equations import Rates
from pinn.dynamics.flowmap import FlowMap, Input, markov
from pinn.dynamics.trajectories import rk4_step

TRUNCATION = 1e-10  # singular values below this share of the largest carry nothing


def persistence() -> FlowMap:
    """Return the flow map of a state that stays what it is."""
    return markov(lambda state, given: state)


def linear(states: np.ndarray, drives: np.ndarray) -> FlowMap:
    """Fit z' = A z + B drive + c to all steps at once, by least squares.

    Args:
        states: (n, T, ...), scaled; a field is one long vector.
        drives: (T - 1, 3 k).
    """
    n, times, *rest = states.shape
    flat = states.reshape(n, times, -1)
    told = np.concatenate([np.broadcast_to(drives, (n, *drives.shape)), np.ones((n, times - 1, 1))], axis=2)
    seen = np.concatenate([flat[:, :-1], told], axis=2).reshape(n * (times - 1), -1)
    change = np.diff(flat, axis=1).reshape(n * (times - 1), -1)
    matrix = jnp.asarray(np.linalg.lstsq(seen, change, rcond=TRUNCATION)[0].T)

    def advance(state: Array, given: Input) -> Array:
        full = jnp.concatenate([state.ravel(), given.drive, jnp.ones(1, state.dtype)])
        return state + (matrix @ full).reshape(rest)

    return markov(advance)


def integrator(rates: Rates, dt: float) -> FlowMap:
    """Return the classical Runge-Kutta method on the true equations.

    Args:
        rates: (t, scaled state) -> its rate.
        dt: step of time.
    """
    return markov(lambda state, given: rk4_step(rates, given.t, state, dt))
