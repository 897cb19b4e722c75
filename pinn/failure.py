"""Where a number stopped being finite: which constraint, at which point."""

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.networks import Params
from pinn.problem import Constraint, Problem
from pinn.residuals import Table, residual_blocks, residual_vector
from pinn.sampling import Points


def explain(
    problem: Problem,
    constraints: Sequence[Constraint],
    u: Callable[[Params, Array], Array],
    params: Params,
    points: Points,
    added: Mapping[str, Table],
) -> str:
    """Say in which constraint, and at which point, the step after this state stopped being finite."""

    def apply(x: Array) -> Array:
        return u(params, x)

    blocks = jax.jit(lambda *data: residual_blocks(problem, constraints, apply, *data))(points, added)
    for name, values in blocks.items():
        if not np.all(np.isfinite(values)):
            index = int(np.argmin(np.isfinite(values)))
            return f"the residual of {name!r} is {values[index]} at {_point_text(problem, name, points, index)}"
    for name, sizes in _gradient_sizes(problem, constraints, u, params, points, added).items():
        if not np.all(np.isfinite(sizes)):
            index = int(np.argmin(np.isfinite(sizes)))
            return f"the gradient of {name!r} is not finite at {_point_text(problem, name, points, index)}"
    name = max(blocks, key=lambda n: float(jnp.abs(blocks[n]).max()))
    index = int(jnp.abs(blocks[name]).argmax())
    return (
        f"the step itself overflowed; the largest residual is that of {name!r}, {float(blocks[name][index]):.3g} at "
        f"{_point_text(problem, name, points, index)}. A smaller learning rate may help"
    )


def _gradient_sizes(
    problem: Problem,
    constraints: Sequence[Constraint],
    u: Callable[[Params, Array], Array],
    params: Params,
    points: Points,
    added: Mapping[str, Table],
) -> dict[str, Array]:
    sizes = {}
    for constraint in constraints:
        one = residual_vector(problem, [constraint], u, {}, points, added).blocks[0]
        rows = jax.jit(jax.vmap(jax.grad(lambda p, x, fn=one.fn: fn(p, x)[0]), (None, 0)))(params, one.data)
        sizes[constraint.name] = sum(jnp.abs(g).reshape(len(g), -1).sum(1) for g in jax.tree.leaves(rows))
    return sizes


def _point_text(problem: Problem, name: str, points: Points, index: int) -> str:
    place = next(c.place for c in problem.constraints if c.name == name)
    values = np.asarray(points[place][index])
    return ", ".join(f"{c}={v:.6g}" for c, v in zip(problem.coordinates, values, strict=True))
