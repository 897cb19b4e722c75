"""A flow map by two networks at odds: one makes the next state of a state and noise, one tells made from true.

Sources: Goodfellow et al. (2014), Advances in Neural Information Processing Systems 27; Mirza & Osindero (2014),
arXiv:1411.1784 (conditional); Mao et al. (2017), Proc. ICCV, 2794-2802 (squared losses); Isola, Zhu, Zhou & Efros
(2017), Proc. CVPR, 1125-1134 (the misfit beside the game).
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array

from pinn.dynamics.flowmap import FlowMap, Input, markov
from pinn.dynamics.models import Model, Shape, Windows
from pinn.networks import Params, from_flax
from pinn.optimizers import ResidualFn
from pinn.perceptrons import MLP

MISFIT = 10.0  # weight of the misfit beside the game
BATCH = 256


def adversarial(shape: Shape) -> Model:
    """A generator and a discriminator, trained in turn; a roll-out takes the noise in the middle, zero."""
    width = {"width": 32, "depth": 2}
    seen = shape.states + shape.drives
    generator = from_flax(lambda rngs: MLP(seen + shape.states, shape.states, rngs, **width))
    discriminator = from_flax(lambda rngs: MLP(seen + shape.states, 1, rngs, **width))

    def made(params: Params, state: Array, drive: Array, noise: Array) -> Array:
        return generator.apply(params, jnp.concatenate([state, drive, noise]))

    def pieces(windows: Windows, key: Array) -> tuple[Array, Array, Array, Array]:
        states, drives = windows.states[:, 0], windows.inputs.drive[:, 0]
        changes = (windows.states[:, 1] - states) / shape.change[None, :]
        return states, drives, changes, jax.random.normal(key, states.shape, states.dtype)

    def judged(params: Params, states: Array, drives: Array, changes: Array) -> Array:
        return jax.vmap(lambda *x: discriminator.apply(params, jnp.concatenate(x))[0])(states, drives, changes)

    def of_generator(params: Mapping[str, Params], windows: Windows, key: Array) -> ResidualFn:
        states, drives, changes, noise = pieces(windows, key)

        def residual(own: Params) -> Array:
            told = jax.vmap(lambda *x: made(own, *x))(states, drives, noise)
            game = judged(params["discriminator"], states, drives, told) - 1
            return jnp.concatenate([_mean(game), jnp.sqrt(MISFIT) * _mean(told - changes)])

        return residual

    def misfit(params: Mapping[str, Params], windows: Windows, key: Array) -> ResidualFn:
        states, drives, changes, noise = pieces(windows, key)
        return lambda own: _mean(jax.vmap(lambda *x: made(own, *x))(states, drives, jnp.zeros_like(noise)) - changes)

    def of_discriminator(params: Mapping[str, Params], windows: Windows, key: Array) -> ResidualFn:
        states, drives, changes, noise = pieces(windows, key)
        told = jax.vmap(lambda *x: made(params["generator"], *x))(states, drives, noise)

        def residual(own: Params) -> Array:
            true, false = (judged(own, states, drives, c) for c in (changes, told))
            return jnp.concatenate([_mean(true - 1), _mean(false)])

        return residual

    def flow(params: Mapping[str, Params]) -> FlowMap:
        def advance(state: Array, given: Input) -> Array:
            return state + shape.change * made(params["generator"], state, given.drive, jnp.zeros_like(state))

        return markov(advance)

    parts = {"generator": generator, "discriminator": discriminator}
    return Model(parts, {"generator": of_generator, "discriminator": of_discriminator}, flow, batch=BATCH,
                 optimizer=("adam", {"learning_rate": 1e-3, "b1": 0.5}), score=misfit)  # fmt: skip


def _mean(r: Array) -> Array:
    """Scale residuals so that half their sum of squares is half their mean square."""
    return (r / jnp.sqrt(r.size)).ravel()
