"""What a learned flow map has to beat: nothing happens, a linear map, and the integrator its data come from.

Sources: Schmid (2010), J. Fluid Mech. 656, 5-28 (dynamic mode decomposition, the linear map); Proctor, Brunton & Kutz
(2016), SIAM J. Appl. Dyn. Syst. 15(1), 142-161 (with what drives it).
"""

import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.dynamics.equations import Rates
from pinn.dynamics.flowmap import FlowMap, Input, markov
from pinn.dynamics.sources import HELD_OUT
from pinn.dynamics.trajectories import rk4_step

TRUNCATIONS = (1e-10, 1e-8, 1e-6, 1e-4, 1e-2)  # shares of the largest singular value, below which others are noise


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
    matrix = jnp.asarray(_fitted(seen, change).T)

    def advance(state: Array, given: Input) -> Array:
        full = jnp.concatenate([state.ravel(), given.drive, jnp.ones(1, state.dtype)])
        return state + (matrix @ full).reshape(rest)

    return markov(advance)


def _fitted(seen: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Return the matrix of least squares, with what the data do not determine left out: the last steps tell.

    Args:
        seen: (N, p), in the order of trajectories.
        change: (N, q)

    Returns:
        (p, q)
    """
    known = max(1, round((1 - HELD_OUT) * len(seen)))

    def missed(truncation: float) -> float:
        matrix = np.linalg.lstsq(seen[:known], change[:known], rcond=truncation)[0]
        return float(np.linalg.norm(seen[known:] @ matrix - change[known:]))

    return np.linalg.lstsq(seen, change, rcond=min(TRUNCATIONS, key=missed))[0]


def integrator(rates: Rates, dt: float) -> FlowMap:
    """Return the classical Runge-Kutta method on the true equations.

    Args:
        rates: (t, scaled state) -> its rate.
        dt: step of time.
    """
    return markov(lambda state, given: rk4_step(rates, given.t, state, dt))
