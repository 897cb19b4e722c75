"""A trained solution and its derivatives at any points, as numpy arrays by name."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pinn.ansatz import Ansatz
from pinn.derivatives import partials
from pinn.language.symbols import Partial
from pinn.marching import is_worth_marching, march
from pinn.networks import Params
from pinn.problem import Problem
from pinn.reference.base import Fields

BLOCK, SMALL = 2048, 64  # points evaluated at once: two shapes are compiled


def fields_of(problem: Problem, ansatz: Ansatz, params: Params, names: Iterable[str]) -> Fields:
    """Return a function that evaluates unknowns and their derivatives.

    Args:
        problem: says what the names stand for.
        ansatz: with its hard conditions.
        params: trained.
        names: such as ``u`` and ``u_xx``.

    Returns:
        Points (N, d) -> ``{name: values (N,)}``.
    """
    wanted = tuple((name, problem.symbols.partial(name)) for name in names)
    dtype, at = jax.tree.leaves(params)[0].dtype, _compiled(ansatz.network.apply, wanted)

    def fields(points: np.ndarray) -> dict[str, np.ndarray]:
        if not is_worth_marching(ansatz, params, points):
            return _in_blocks(lambda x: at(params, jnp.asarray(x, dtype)), points)
        table = march(ansatz, params, points.astype(dtype), tuple(p.axes for _, p in wanted))
        return {name: np.asarray(table[p.axes][:, p.unknown], float) for name, p in wanted}

    return fields


@lru_cache(maxsize=4)  # whoever asks for the same again need not wait for the compiler
def _compiled(apply: Callable[..., jax.Array], wanted: tuple[tuple[str, Partial], ...]) -> Callable[..., Any]:
    @jax.jit
    def at(params: Params, block: jax.Array) -> dict[str, jax.Array]:
        def one(x: jax.Array) -> dict[str, jax.Array]:
            table = partials(lambda y: apply(params, y), x, {p.axes for _, p in wanted})
            return {name: table[p.axes][p.unknown] for name, p in wanted}

        return jax.vmap(one)(block)

    return at


def _in_blocks(at: Callable[[np.ndarray], Mapping[str, jax.Array]], points: np.ndarray) -> dict[str, np.ndarray]:
    size = BLOCK if len(points) > SMALL else SMALL
    full = np.concatenate([points, np.repeat(points[-1:], -len(points) % size, axis=0)])
    parts = [at(full[i : i + size]) for i in range(0, len(full), size)]
    return {n: np.concatenate([np.asarray(p[n], float) for p in parts])[: len(points)] for n in parts[0]}
