"""A trained solution and its derivatives at any points, as numpy arrays by name."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from pinn.ansatz import Ansatz
from pinn.blocks import in_blocks
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
            size = BLOCK if len(points) > SMALL else SMALL
            found = in_blocks(lambda x: at(params, x), size, points.astype(dtype))
            return {name: values.astype(float) for name, values in found.items()}
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
