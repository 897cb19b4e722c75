"""Networks: flax.nnx modules, and the one function that turns a module into a pair of pure functions.

A newcomer's network is a module here and a line in `NETWORKS`; a user's own goes through `from_flax`.
Only importer of flax.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from pinn.errors import ProblemError, unknown
from pinn.options import check_options

Params = Any  # a pytree of arrays; nobody outside this file looks inside
Activation = Literal["gelu", "sin", "swish", "tanh"]
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": nnx.gelu,
    "sin": jnp.sin,
    "swish": nnx.swish,
    "tanh": jnp.tanh,
}


class Network(NamedTuple):
    """A parametrised function of one point; `vmap` it over many.

    Attributes:
        init: key -> params.
        apply: (params, point (d,)) -> values (m,).
    """

    init: Callable[[Array], Params]
    apply: Callable[[Params, Array], Array]


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


def from_flax(build: Callable[[nnx.Rngs], nnx.Module] | nnx.Module) -> Network:
    """Turn a flax.nnx module into a pair of pure functions.

    Args:
        build: random streams -> module that maps the input features of a point (see `pinn.ansatz.features.encode`: one
            per coordinate, or two per harmonic of a periodic one) to the unknowns (m,), without state but
            `nnx.Param`. Or such a module itself, whose values are then the start, whatever the seed.

    Returns:
        The network; its params are nested dictionaries of arrays.

    Raises:
        ProblemError: if it is neither, or keeps other state, such as dropout keys or arrays that are not `nnx.Param`.
    """
    if isinstance(build, nnx.Module):
        graph, start = _split(build)
        return Network(lambda key: start, lambda params, x: nnx.merge(graph, nnx.State(params))(x))
    if not callable(build):
        raise ProblemError(f"expected a flax.nnx module, or a function that makes one; got {build!r}.", ("network",))
    try:
        graph, _ = _split(build(nnx.Rngs(0)))
    except TypeError as error:
        raise ProblemError(f"the network cannot be made with random streams alone ({error}).", ("network",)) from None
    return _pure(graph, build)


def _pure(graph: Any, build: Callable[[nnx.Rngs], nnx.Module]) -> Network:
    """Return the pair of functions of a module of known structure."""

    def init(key: Array) -> Params:
        return nnx.to_pure_dict(nnx.split(build(nnx.Rngs(jax.random.wrap_key_data(key))))[1])

    return Network(init, lambda params, x: nnx.merge(graph, nnx.State(params))(x))


def _split(module: Any) -> tuple[Any, Params]:
    """Return a module's structure and its params, and refuse any other state."""
    if not isinstance(module, nnx.Module):
        raise ProblemError(f"expected a flax.nnx module; got {type(module).__name__}.", ("network",))
    others = {type(v).__name__ for _, v in nnx.iter_graph(module) if _is_other_state(v)}
    if others:
        raise ProblemError(
            f"the module keeps state of kind {', '.join(sorted(others))}; only nnx.Param can be trained. Leave out "
            "dropout and batch normalisation, and make constant arrays nnx.Param.",
            ("network",),
        )
    graph, params = nnx.split(module)
    return graph, nnx.to_pure_dict(params)


def _is_other_state(value: Any) -> bool:
    return isinstance(value, (nnx.Variable, jax.Array, np.ndarray)) and not isinstance(value, nnx.Param)


def make_network(kind: str, inputs: int | Sequence[int], outputs: int, options: Mapping[str, Any]) -> Network:
    """Build a network of `NETWORKS`.

    Args:
        kind: its name.
        inputs: number of input features, of all coordinates or of each.
        outputs: number of unknowns.
        options: such as width and depth.

    Raises:
        ProblemError: for an unknown kind or option.
    """
    check_network(kind, options)
    groups = (inputs,) if isinstance(inputs, int) else tuple(inputs)
    inputs = groups if kind in BY_COORDINATE else sum(groups)

    def build(rngs: nnx.Rngs) -> nnx.Module:
        return NETWORKS[kind](inputs, outputs, rngs, **options)

    # The structure alone, without its arrays: one that does not fit into memory is refused before it is made.
    return _pure(nnx.split(nnx.eval_shape(lambda: build(nnx.Rngs(0))))[0], build)


def check_network(kind: str, options: Mapping[str, Any]) -> None:
    """Refuse a network or an option that does not exist.

    Raises:
        ProblemError: naming the nearest that does.
    """
    if kind not in NETWORKS:
        raise unknown("network", kind, NETWORKS, ("network", "kind"))
    check_options(NETWORKS[kind].__init__, options, ("network",), also=("kind",))
