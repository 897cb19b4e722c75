"""Do convolutional and recurrent networks made of the parts of `pinn.dynamics` read digits?

python experiments/digits/run.py    trains both, a minute or two each, and prints the table
"""

import time

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from sklearn.datasets import load_digits

from pinn.dynamics.modules import Convolution, Recurrent
from pinn.networks import Network, from_flax
from pinn.optimizers import make_optimizer

SPLIT = 0.2  # share of the images that is tested on
SECONDS = 100.0  # of training, of each
BATCH, CHUNK = 128, 50
WEIGHT = 1e-4  # on the squares of the params
SHIFTS = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))  # by which training images are moved, one of them at random


class Reader(nnx.Module):
    """Two convolutions, each followed by the maximum of neighbours, and a linear layer."""

    def __init__(self, rngs: nnx.Rngs):
        self.first = Convolution((1, 24), rngs, reach=1, axes=2, periodic=False)
        self.second = Convolution((24, 48), rngs, reach=1, axes=2, periodic=False)
        self.output = nnx.Linear(2 * 2 * 48, 10, param_dtype=float, rngs=rngs)

    def __call__(self, image):
        """Map an image (8, 8) to scores (10,)."""
        x = nnx.max_pool(nnx.gelu(self.first(image[..., None])), (2, 2), (2, 2))
        x = nnx.max_pool(nnx.gelu(self.second(x)), (2, 2), (2, 2))
        return self.output(x.ravel())


class RowReader(nnx.Module):
    """A recurrent cell that reads the rows of an image one after the other."""

    def __init__(self, rngs: nnx.Rngs):
        self.cell = Recurrent("gru", 8, 10, rngs, width=96)

    def __call__(self, image):
        """Map an image (8, 8) to scores (10,)."""
        _, scores = jax.lax.scan(lambda carry, row: self.cell((carry, row)), self.cell.rest(), image)
        return scores[-1]


def images(seed: int = 0):
    """Return images (N, 8, 8) from 0 to 1 and digits (N,), to train on and to test on."""
    found = load_digits()
    order = np.random.default_rng(seed).permutation(len(found.target))
    x, y = found.images[order] / 16, found.target[order]
    tested = round(SPLIT * len(y))
    return (x[tested:], y[tested:]), (x[:tested], y[:tested])


def scores(network: Network, params, x):
    """Return scores (N, 10)."""
    return jax.vmap(lambda image: network.apply(params, image))(x)


def moved_by(image, shift):
    """Return an image (8, 8) moved by a place at most, down and to the right; what comes in is empty."""
    return jax.lax.dynamic_slice(jnp.pad(image, 1), 1 - shift, image.shape)


def train(network: Network, x, y, seconds: float = SECONDS, chunks: float = np.inf, seed: int = 0):
    """Return params after some seconds, or chunks of steps, of Adam on the squares of probability minus truth.

    The learning rate falls along a cosine.
    """
    optimizer = make_optimizer("adam", {"learning_rate": 3e-3})
    params = network.init(jax.random.key_data(jax.random.key(seed)))
    state, began = optimizer.init(params), time.monotonic()
    x, truth, shifts = jnp.asarray(x), jax.nn.one_hot(jnp.asarray(y), 10), jnp.asarray(SHIFTS)

    def step(carry, key, rate):
        params, state = carry
        which, where = jax.random.split(key)
        rows = jax.random.randint(which, (BATCH,), 0, len(x))
        by = shifts[jax.random.randint(where, (BATCH,), 0, len(shifts))]
        batch = jax.vmap(moved_by)(x[rows], by)

        def residuals(p):
            misfit = jax.nn.softmax(scores(network, p, batch)) - truth[rows]
            sizes = [jnp.sqrt(WEIGHT) * leaf.ravel() for leaf in jax.tree.leaves(p)]
            return jnp.concatenate([misfit.ravel() / jnp.sqrt(BATCH), *sizes])

        after, state, _ = optimizer.step(residuals, params, state)
        return (jax.tree.map(lambda a, b: a + rate * (b - a), params, after), state), None

    chunk = jax.jit(lambda carry, keys, rate: jax.lax.scan(lambda c, k: step(c, k, rate), carry, keys)[0])
    key, carry, done = jax.random.key(seed + 1), (params, state), 0
    while (share := max((time.monotonic() - began) / seconds, done / chunks)) < 1:
        key, sub = jax.random.split(key)
        done += 1
        rate = jnp.asarray(0.5 * (1 + np.cos(np.pi * share)))
        carry = jax.block_until_ready(chunk(carry, jax.random.split(sub, CHUNK), rate))
    return carry[0]


def accuracy(network: Network, params, x, y) -> float:
    """Return the share of digits that are read right."""
    return float(np.mean(np.asarray(scores(network, params, jnp.asarray(x)).argmax(axis=1)) == y))


def main() -> None:
    """Train both and print the table."""
    jax.config.update("jax_enable_x64", True)
    (x, y), tests = images()
    print(f"{len(y)} images to train on, {len(tests[1])} to test on\n")
    print("| network | params | seconds | accuracy, training | accuracy, test |\n|---|--:|--:|--:|--:|")
    for name, build in {"convolutional": Reader, "recurrent": RowReader}.items():
        network, began = from_flax(build), time.monotonic()
        params = train(network, x, y)
        spent, size = time.monotonic() - began, sum(leaf.size for leaf in jax.tree.leaves(params))
        print(f"| {name} | {size} | {spent:.0f} | {accuracy(network, params, x, y):.2%} "
              f"| {accuracy(network, params, *tests):.2%} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
