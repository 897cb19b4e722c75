"""Training of a flow map: batches of windows, an optimizer for each part, until the time or the steps are used up.

`pinn.training` holds the loop for equations: windows of time, attempts, points redrawn. Here are data and batches, and
none of that; optimizers are the same.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.dynamics.flowmap import Input
from pinn.dynamics.models import Model, Windows
from pinn.networks import Params
from pinn.optimizers import Optimizer, make_optimizer

CHUNK = 100  # steps of a first-order optimizer between looks at the clock; of others, those on one batch
HELD_OUT = 512  # windows on which the loss is watched
LEAST_RATE = 0.01  # of the first learning rate, in the end


class Fitted(NamedTuple):
    """What training left.

    Attributes:
        params: by part, those of the smallest score on windows held out; those of the beginning if it never was finite.
        history: records with step, seconds, loss (of the last step of a chunk, first part) and held_out, the score.
        steps: how many were taken.
        seconds: how long it took, compilation included.
    """

    params: dict[str, Params]
    history: list[dict[str, float]]
    steps: int
    seconds: float


class Data(NamedTuple):
    """Scaled trajectories with the inputs of their steps.

    Attributes:
        states: (n, T, ...)
        inputs: (T - 1,) and (T - 1, 3 k), the same for all trajectories.
    """

    states: Array
    inputs: Input


def fit(
    model: Model,
    data: Data,
    held_out: Data,
    *,
    seconds: float | None,
    steps: int | None,
    seed: int,
    watch: Callable[[dict[str, float]], None] = lambda record: None,
) -> Fitted:
    """Train a model. The learning rate of first-order methods falls along a cosine over the time or steps there are.

    Args:
        model: to be trained.
        data: to draw windows from.
        held_out: to choose params by.
        seconds: time there is, from the call on; None for any.
        steps: steps there are; None for any. One of the two has to be given.
        seed: of params, batches and noise.
        watch: called with every record of the history.
    """
    began, key = time.monotonic(), jax.random.key(seed)
    optimizer = make_optimizer(*model.optimizer)
    start_key, watch_key, key = jax.random.split(key, 3)
    params = {n: net.init(jax.random.key_data(jax.random.fold_in(start_key, i)))
              for i, (n, net) in enumerate(sorted(model.networks.items()))}  # fmt: skip
    state = {name: optimizer.init(own) for name, own in params.items()}
    chunk, length = _chunk(model, optimizer), _length(optimizer)
    watched = draw(model, held_out, HELD_OUT, watch_key)
    loss_of = jax.jit(lambda p, w: _score(model, p, w, watch_key))
    best, least, history, done = params, np.inf, [], 0
    for progress in _progress(began, seconds, steps, length):
        rate = jnp.asarray(_rate(optimizer, progress), data.states.dtype)
        params, state, loss = chunk(params, state, data, jax.random.fold_in(key, done), rate)
        done += length
        seen = float(loss_of(params, watched))
        if seen < least:
            best, least = params, seen
        history.append({"step": done, "seconds": time.monotonic() - began, "loss": float(loss), "held_out": seen})
        watch(history[-1])
    return Fitted(best, history, done, time.monotonic() - began)


def _progress(began: float, seconds: float | None, steps: int | None, length: int) -> Iterator[float]:
    """Yield how far training is, from 0 to 1, before each chunk; once at least."""
    done = 0
    while True:
        spent = 0.0 if seconds is None else (time.monotonic() - began) / seconds
        progress = max(spent, 0.0 if steps is None else done / steps)
        if progress >= 1 and done:
            return
        yield min(progress, 1.0)
        done += length


def _is_first_order(optimizer: Optimizer) -> bool:
    """Say whether each step has its own batch and a learning rate; methods that may lose patience have neither."""
    return optimizer.patience is None


def _length(optimizer: Optimizer) -> int:
    """Return the steps of a chunk."""
    return CHUNK if _is_first_order(optimizer) else optimizer.redraw


def _rate(optimizer: Optimizer, progress: float) -> float:
    """Return the learning rate as a share of the first one."""
    if not _is_first_order(optimizer):
        return 1.0
    return LEAST_RATE + (1 - LEAST_RATE) * 0.5 * (1 + np.cos(np.pi * progress))


def _chunk(model: Model, optimizer: Optimizer) -> Callable[..., Any]:
    """Return the compiled function that takes a chunk of steps."""
    first_order = _is_first_order(optimizer)

    def step(params: dict, state: dict, windows: Windows, key: Array, rate: Array) -> tuple[dict, dict, Array]:
        losses = []
        for index, name in enumerate(model.networks):
            residual = model.residuals[name](params, windows, jax.random.fold_in(key, index))
            after, own, info = optimizer.step(residual, params[name], state[name])
            # A share of a step of a first-order method is the step of a share of its learning rate.
            params = params | {name: jax.tree.map(lambda a, b: a + rate * (b - a), params[name], after)}
            state = state | {name: own}
            losses.append(info.loss)
        return params, state, losses[0]

    def chunk(params: dict, state: dict, data: Data, key: Array, rate: Array) -> tuple[dict, dict, Array]:
        same = draw(model, data, model.batch, key)

        def body(carry: tuple, k: Array) -> tuple[tuple, Array]:
            here = jax.random.fold_in(key, k)
            windows = draw(model, data, model.batch, here) if first_order else same
            params, state, loss = step(*carry, windows, here if first_order else key, rate)
            return (params, state), loss

        (params, state), losses = jax.lax.scan(body, (params, state), jnp.arange(_length(optimizer)))
        return params, state, losses[-1]

    return jax.jit(chunk, donate_argnums=1)


def draw(model: Model, data: Data, count: int, key: Array) -> Windows:
    """Draw windows, each from any trajectory and any time."""
    n, times = data.states.shape[:2]
    which, begin = jax.random.split(key)
    rows = jax.random.randint(which, (count,), 0, n)
    first = jax.random.randint(begin, (count,), 0, times - model.length)
    at = first[:, None] + jnp.arange(model.length + 1)[None, :]
    return Windows(data.states[rows[:, None], at], jax.tree.map(lambda x: x[at[:, :-1]], data.inputs))


def _score(model: Model, params: Mapping[str, Params], windows: Windows, key: Array) -> Array:
    """Return r.r / 2 of the model's score, or of its first part."""
    name = next(iter(model.networks))
    residual = model.score or model.residuals[name]
    return 0.5 * jnp.sum(residual(params, windows, key)(params[name]) ** 2)
