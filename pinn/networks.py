"""Networks: pairs of pure functions, made from the modules of `pinn.perceptrons` or a user's own by `from_flax`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx
from jax import Array

from pinn.errors import ProblemError, unknown
from pinn.options import check_options
from pinn.perceptrons import BY_COORDINATE, NETWORKS

Params = Any  # a pytree of arrays; nobody outside this file looks inside


class Network(NamedTuple):
    """A parametrised function of one point; `vmap` it over many.

    Attributes:
        init: key -> params.
        apply: (params, point (d,)) -> values (m,).
    """

    init: Callable[[Array], Params]
    apply: Callable[[Params, Array], Array]


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
