"""The one interface of models and baselines: a state and what drives it, one step of time further."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

Carry = Any


class Input(NamedTuple):
    """What a step is told besides the state.

    Attributes:
        t: the time it begins at.
        drive: (3 k,), see `equations.driven`.
    """

    t: Array
    drive: Array


class FlowMap(NamedTuple):
    """A pair of pure functions, on scaled states.

    Attributes:
        begin: states so far (m, ...), and the inputs of the m - 1 steps between them -> carry.
        step: (carry, input) -> (carry, the next state).
    """

    begin: Callable[[Array, Input], Carry]
    step: Callable[[Carry, Input], tuple[Carry, Array]]


def markov(advance: Callable[[Array, Input], Array]) -> FlowMap:
    """Make a flow map of a function of the last state alone."""

    def step(state: Array, given: Input) -> tuple[Array, Array]:
        after = advance(state, given)
        return after, after

    return FlowMap(lambda states, given: states[-1], step)


def roll_out(flow: FlowMap, known: np.ndarray, inputs: Input) -> np.ndarray:
    """Follow a flow map from known states on; each step is told its own last state only.

    Args:
        flow: a flow map.
        known: (n, m, ...) states so far of n trajectories.
        inputs: of all S steps, the m - 1 between known states first; arrays have S rows.

    Returns:
        (n, S - m + 1, ...) states that follow the last known one; not finite where they diverge.
    """
    m = known.shape[1]
    before, after = (jax.tree.map(lambda x, part=part: jnp.asarray(x[part]), inputs)
                     for part in (slice(0, m - 1), slice(m - 1, None)))  # fmt: skip

    def one(states: Array) -> Array:
        return jax.lax.scan(flow.step, flow.begin(states, before), after)[1]

    return np.asarray(jax.jit(jax.vmap(one))(jnp.asarray(known)))


def one_step(flow: FlowMap, states: np.ndarray, inputs: Input, memory: int) -> np.ndarray:
    """Predict each state from the true ones before it.

    Args:
        flow: a flow map.
        states: (n, S + 1, ...), true.
        inputs: of the S steps.
        memory: how many true states each prediction begins from.

    Returns:
        (n, S + 1 - memory, ...), beside ``states[:, memory:]``.
    """
    given = jax.tree.map(jnp.asarray, inputs)

    def at(trajectory: Array, k: Array) -> Array:
        def window(x: Array, length: int) -> Array:
            return jax.lax.dynamic_slice_in_dim(x, k, length)

        before = jax.tree.map(lambda x: window(x, memory - 1), given)
        last = jax.tree.map(lambda x: window(x, memory)[-1], given)
        return flow.step(flow.begin(window(trajectory, memory), before), last)[1]

    places = jnp.arange(states.shape[1] - memory)
    follow = jax.jit(lambda trajectory: jax.lax.map(lambda k: at(trajectory, k), places, batch_size=256))
    return np.stack([np.asarray(follow(jnp.asarray(trajectory))) for trajectory in states])
