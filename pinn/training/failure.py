"""Where a number stopped being finite: which constraint, at which point."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from pinn.networks import Params
from pinn.optimizers import PointwiseResidual
from pinn.problem import Constraint, Problem
from pinn.sampling import Points


def explain(
    problem: Problem,
    constraints: Sequence[Constraint],
    residual_of: Callable[[Constraint], PointwiseResidual],
    params: Params,
    points: Points,
) -> str:
    """Say in which constraint, and at which point, the step after this state stopped being finite.

    Args:
        problem: what is solved.
        constraints: those the loss is made of.
        residual_of: constraint -> its residual alone, at its points.
        params: of the state.
        points: by place.
    """
    blocks = {c.name: residual_of(c).blocks[0] for c in constraints}
    values = {name: jax.jit(jax.vmap(b.fn, (None, 0)))(params, b.data)[:, 0] for name, b in blocks.items()}
    for name, found in values.items():
        if not np.all(np.isfinite(found)):
            index = int(np.argmin(np.isfinite(found)))
            return f"the residual of {name!r} is {found[index]} at {_point_text(problem, name, points, index)}"
    for name, block in blocks.items():
        rows = jax.jit(jax.vmap(jax.grad(lambda p, x, fn=block.fn: fn(p, x)[0]), (None, 0)))(params, block.data)
        sizes = sum(jnp.abs(g).reshape(len(g), -1).sum(1) for g in jax.tree.leaves(rows))
        if not np.all(np.isfinite(sizes)):
            index = int(np.argmin(np.isfinite(sizes)))
            return f"the gradient of {name!r} is not finite at {_point_text(problem, name, points, index)}"
    name = max(values, key=lambda n: float(jnp.abs(values[n]).max()))
    index = int(jnp.abs(values[name]).argmax())
    return (
        f"the step itself overflowed; the largest residual is that of {name!r}, {float(values[name][index]):.3g} at "
        f"{_point_text(problem, name, points, index)}. A smaller learning rate may help"
    )


def _point_text(problem: Problem, name: str, points: Points, index: int) -> str:
    place = next(c.place for c in problem.constraints if c.name == name)
    values = np.asarray(points[place][index])
    return ", ".join(f"{c}={v:.6g}" for c, v in zip(problem.coordinates, values, strict=True))
