"""Models of flow maps: networks, and the residuals whose squares are to be small. A new one has a line in catalogue.py.

Every model is given scaled states, of mean 0 and spread 1, and all but the autoencoder predict the change of a step in
units of its usual size, so that outputs are of order one. A window is a piece of a trajectory with the inputs of its
steps.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from pinn.dynamics.flowmap import FlowMap, Input, markov
from pinn.dynamics.modules import Autoencoder, ConvolutionalNetwork, Recurrent
from pinn.networks import Network, Params, from_flax
from pinn.optimizers import Block, PointwiseResidual, ResidualFn
from pinn.perceptrons import MLP

ADAM = ("adam", {"learning_rate": 3e-3})
MARQUARDT = ("levenberg_marquardt", {})


class Shape(NamedTuple):
    """What a model has to know of the system.

    Attributes:
        states: components d of a state; of a field, at each place.
        drives: entries of what a step is driven by.
        change: (d,) the usual size of a step's change, of scaled states.
        dt: step of time.
        rates: (t, scaled state) -> its rate; None where no equations are known.
    """

    states: int
    drives: int
    change: Array
    dt: float
    rates: Callable[[Array, Array], Array] | None


class Windows(NamedTuple):
    """Pieces of trajectories, of L steps.

    Attributes:
        states: (B, L + 1, ...)
        inputs: (B, L) and (B, L, 3 k)
    """

    states: Array
    inputs: Input


# (params of all parts, windows, random key) -> (params of the part -> what is to vanish)
Residuals = Callable[[Mapping[str, Params], Windows, Array], ResidualFn]


class Model(NamedTuple):
    """A flow map that can be trained.

    Attributes:
        networks: by part; parts are trained in turn, each on its own residuals.
        residuals: by part: (params of all parts, windows, key) -> (params of the part -> r), loss r.r / 2.
        flow: params of all parts -> flow map.
        length: steps of a window; fewer where trajectories are shorter.
        batch: windows of a batch.
        optimizer: its name and options.
        score: residuals of the first part by which params are chosen; None for those it is trained on.
    """

    networks: Mapping[str, Network]
    residuals: Mapping[str, Residuals]
    flow: Callable[[Mapping[str, Params]], FlowMap]
    length: int = 1
    batch: int = 2048
    optimizer: tuple[str, Mapping[str, Any]] = ADAM
    score: Residuals | None = None


def one_part(network: Network, row: Callable[[Params, Any], Array], flow: Any, **options: Any) -> Model:
    """Make a model of one network whose residuals belong to one window each.

    Args:
        network: of the only part.
        row: (params, (window, key)) -> residuals (k,) or of any shape.
        flow: params -> flow map.
        options: of `Model`.
    """

    def residual(params: Mapping[str, Params], windows: Windows, key: Array) -> ResidualFn:
        keys = jax.random.split(key, len(windows.states))
        size = jax.eval_shape(
            lambda w: row(params["model"], (jax.tree.map(lambda x: x[0], w), key)).ravel(), windows
        ).size
        scale = jnp.full((size,), 1 / jnp.sqrt(size * len(windows.states)), windows.states.dtype)
        fn = lambda own, data: row(own, data).ravel()  # noqa: E731
        return PointwiseResidual((Block(fn, (windows, keys), scale),))

    return Model({"model": network}, {"model": residual}, lambda params: flow(params["model"]), **options)


def feed_forward(shape: Shape) -> Model:
    """A perceptron of the last state."""
    network = from_flax(lambda rngs: MLP(shape.states + shape.drives, shape.states, rngs, width=24, depth=2))

    def change(params: Params, state: Array, given: Input) -> Array:
        return network.apply(params, jnp.concatenate([state, given.drive]))

    def row(params: Params, data: tuple[Windows, Array]) -> Array:
        (states, inputs), _ = data
        return change(params, states[0], Input(inputs.t[0], inputs.drive[0])) - (states[1] - states[0]) / shape.change

    def flow(params: Params) -> FlowMap:
        return markov(lambda state, given: state + shape.change * change(params, state, given))

    return one_part(network, row, flow, optimizer=MARQUARDT)


def informed(shape: Shape) -> Model:
    """A perceptron of the last state and of the time since, whose rate is to be that of the equations.

    phi(s) = state + s change N(state, s) for s from 0 to 1 is to satisfy dphi/ds = dt F(t + s dt, phi), and to hit the
    next state at s = 1.

    Source: after Raissi, Perdikaris & Karniadakis (2019), J. Comput. Phys. 378, 686-707, for a step instead of a whole
    solution.
    """
    rates = shape.rates
    assert rates is not None, "refused by check_models"
    network = from_flax(lambda rngs: MLP(shape.states + shape.drives + 1, shape.states, rngs, width=24, depth=2))

    def phi(params: Params, state: Array, given: Input, share: Array) -> Array:
        inputs = jnp.concatenate([state, given.drive, 2 * share[None] - 1])
        return state + share * shape.change * network.apply(params, inputs)

    def row(params: Params, data: tuple[Windows, Array]) -> Array:
        (states, inputs), key = data
        given = Input(inputs.t[0], inputs.drive[0])
        share = jax.random.uniform(key, (), states.dtype)
        along = partial(phi, params, states[0], given)
        here, rate = jax.jvp(along, (share,), (jnp.ones_like(share),))
        equation = (rate - shape.dt * rates(given.t + share * shape.dt, here)) / shape.change
        return jnp.stack([equation, (along(jnp.ones_like(share)) - states[1]) / shape.change])

    def flow(params: Params) -> FlowMap:
        return markov(lambda state, given: phi(params, state, given, jnp.ones((), state.dtype)))

    return one_part(network, row, flow, optimizer=MARQUARDT)


def recurrent(kind: str, shape: Shape) -> Model:
    """A recurrent cell that reads one state after the other, and tells the change to the next."""
    network = from_flax(lambda rngs: Recurrent(kind, shape.states + shape.drives, shape.states, rngs))

    def read(params: Params, carry: Any, state: Array, given: Input) -> tuple[Any, Array]:
        return network.apply(params, (carry, jnp.concatenate([state, given.drive])))

    def follow(params: Params, states: Array, inputs: Input) -> tuple[Any, Array]:
        rest = jax.tree.map(jnp.zeros_like, network.apply(params, (None, jnp.zeros(shape.states + shape.drives)))[0])
        return jax.lax.scan(lambda carry, x: read(params, carry, *x), rest, (states, inputs))

    def row(params: Params, data: tuple[Windows, Array]) -> Array:
        (states, inputs), _ = data
        return follow(params, states[:-1], inputs)[1] - jnp.diff(states, axis=0) / shape.change[None, :]

    def flow(params: Params) -> FlowMap:
        def begin(states: Array, inputs: Input) -> tuple[Any, Array]:
            return follow(params, states[:-1], inputs)[0], states[-1]

        def step(carry: tuple[Any, Array], given: Input) -> tuple[tuple[Any, Array], Array]:
            inner, told = read(params, carry[0], carry[1], given)
            after = carry[1] + shape.change * told
            return (inner, after), after

        return FlowMap(begin, step)

    # A memory that was trained on windows much shorter than a roll-out drifts there, however good its single steps are.
    return one_part(network, row, flow, length=50, batch=32)


def autoencoder(shape: Shape) -> Model:
    """An encoder to a latent state, steps of that, and a decoder; the steps never see the state itself.

    Source: Lusch, Kutz & Brunton (2018), Nature Communications 9, 4950, with a nonlinear step in place of a linear one.
    """
    latent = 2 * shape.states
    network = from_flax(lambda rngs: Autoencoder(shape.states, shape.drives, rngs, latent=latent))

    size = jnp.mean(shape.change)

    def apply(params: Params, name: str, x: Array) -> Array:
        return network.apply(params, (name, x, size))

    def onward(params: Params, y: Array, given: Input) -> Array:
        return y + size * apply(params, "step", jnp.concatenate([y, given.drive]))

    def row(params: Params, data: tuple[Windows, Array]) -> Array:
        (states, inputs), _ = data
        encoded = jax.vmap(lambda z: apply(params, "encode", z))(states)
        _, later = jax.lax.scan(lambda y, x: (onward(params, y, x),) * 2, encoded[0], inputs)
        decode = jax.vmap(lambda y: apply(params, "decode", y))
        return jnp.concatenate([
            ((decode(later) - states[1:]) / shape.change[None, :]).ravel(),
            ((decode(encoded) - states) / shape.change[None, :]).ravel(),
            (later - encoded[1:]).ravel() / size,
        ])  # fmt: skip

    def flow(params: Params) -> FlowMap:
        def step(y: Array, given: Input) -> tuple[Array, Array]:
            after = onward(params, y, given)
            return after, apply(params, "decode", after)

        return FlowMap(lambda states, inputs: apply(params, "encode", states[-1]), step)

    return one_part(network, row, flow, length=10, batch=64)


def convolutional(shape: Shape) -> Model:
    """Convolutions over the places of a periodic field, the same everywhere."""
    channels = (shape.states, 16, 16, shape.states)
    network = from_flax(lambda rngs: ConvolutionalNetwork(channels, rngs, reach=3))

    def row(params: Params, data: tuple[Windows, Array]) -> Array:
        (states, _), _ = data
        return network.apply(params, states[0]) - (states[1] - states[0]) / shape.change[None, :]

    def flow(params: Params) -> FlowMap:
        return markov(lambda state, given: state + shape.change[None, :] * network.apply(params, state))

    return one_part(network, row, flow, batch=16)
