"""Perceptrons as flax.nnx modules. A newcomer's network is a module here and a line in `NETWORKS`."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

Activation = Literal["gelu", "sin", "swish", "tanh"]
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": nnx.gelu,
    "sin": jnp.sin,
    "swish": nnx.swish,
    "tanh": jnp.tanh,
}


def _linear(inputs: int, outputs: int, rngs: nnx.Rngs, spread: float = 0.0) -> nnx.Linear:
    """Make a layer; biases up to ``spread`` let the units of a layer differ where all inputs are near zero."""

    def biases(key: Array, shape: tuple[int, ...], dtype: Any) -> Array:
        return jax.random.uniform(key, shape, dtype, -spread, spread) if spread else jnp.zeros(shape, dtype)

    glorot = nnx.initializers.glorot_normal()
    return nnx.Linear(inputs, outputs, kernel_init=glorot, bias_init=biases, param_dtype=float, rngs=rngs)


class MLP(nnx.Module):
    """Multilayer perceptron: ``depth`` hidden layers of ``width`` units."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rngs: nnx.Rngs,
        *,
        width: int = 16,
        depth: int = 3,
        activation: Activation = "tanh",
    ):
        sizes = [inputs] + [width] * depth
        self.hidden = nnx.List([_linear(a, b, rngs, spread=1.0) for a, b in itertools.pairwise(sizes)])
        self.output = _linear(sizes[-1], outputs, rngs)
        self.activation = ACTIVATIONS[activation]

    def __call__(self, x: Array) -> Array:
        """Map features (inputs,) to values (outputs,)."""
        for layer in self.hidden:
            x = self.activation(layer(x))
        return self.output(x)


class ModifiedMLP(nnx.Module):
    """Perceptron whose hidden layers mix two encodings of the input.

    Source: Wang, Teng & Perdikaris (2021), SIAM J. Sci. Comput. 43(5), A3055-A3081 (the improved architecture).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rngs: nnx.Rngs,
        *,
        width: int = 16,
        depth: int = 3,
        activation: Activation = "tanh",
    ):
        self.encoders = nnx.List([_linear(inputs, width, rngs) for _ in range(2)])
        sizes = [inputs] + [width] * depth
        self.hidden = nnx.List([_linear(a, b, rngs) for a, b in itertools.pairwise(sizes)])
        self.output = _linear(width, outputs, rngs)
        self.activation = ACTIVATIONS[activation]

    def __call__(self, x: Array) -> Array:
        """Map features (inputs,) to values (outputs,)."""
        first, second = (self.activation(encode(x)) for encode in self.encoders)
        for layer in self.hidden:
            gate = self.activation(layer(x))
            x = gate * first + (1 - gate) * second
        return self.output(x)


class FourierMLP(nnx.Module):
    """Perceptron on cosines and sines of random combinations of the input; the frequencies are trained too.

    Source: Tancik et al. (2020), Advances in Neural Information Processing Systems 33, 7537-7547.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rngs: nnx.Rngs,
        *,
        width: int = 16,
        depth: int = 3,
        activation: Activation = "tanh",
        frequencies: int = 16,
        scale: float = 1.0,
    ):
        self.frequencies = nnx.Param(scale * jax.random.normal(rngs.params(), (inputs, frequencies), float))
        self.mlp = MLP(2 * frequencies, outputs, rngs, width=width, depth=depth, activation=activation)

    def __call__(self, x: Array) -> Array:
        """Map features (inputs,) to values (outputs,)."""
        phase = x @ self.frequencies[...]
        return self.mlp(jnp.concatenate([jnp.cos(phase), jnp.sin(phase)]))


class SeparableMLP(nnx.Module):
    """Sum of ``rank`` products of functions of one coordinate each, the outputs of one perceptron per coordinate.

    Source: Cho, Nam, Yang, Yun, Hong & Park (2023), Advances in Neural Information Processing Systems 36.
    """

    def __init__(
        self,
        inputs: Sequence[int],
        outputs: int,
        rngs: nnx.Rngs,
        *,
        width: int = 16,
        depth: int = 3,
        activation: Activation = "tanh",
        rank: int = 4,
    ):
        self.ends = tuple(itertools.accumulate(inputs))[:-1]
        self.shape = (outputs, rank)
        options = {"width": width, "depth": depth, "activation": activation}
        self.factors = nnx.List([MLP(n, outputs * rank, rngs, **options) for n in inputs])

    def __call__(self, x: Array) -> Array:
        """Map features (sum of inputs,) to values (outputs,)."""
        parts = zip(self.factors, jnp.split(x, self.ends), strict=True)
        return math.prod(factor(part) for factor, part in parts).reshape(self.shape).sum(axis=1)


NETWORKS: dict[str, type[nnx.Module]] = {
    "mlp": MLP,
    "modified_mlp": ModifiedMLP,
    "fourier_mlp": FourierMLP,
    "separable_mlp": SeparableMLP,
}
BY_COORDINATE = ("separable_mlp",)  # those that want to know which inputs are made of which coordinate
