"""The normal equations of a least-squares step: formed the fastest safe way, solved for any damping.

With fewer residuals than params the N x N form is used, (J^T J + lambda I)^-1 J^T = J^T (J J^T + lambda I)^-1.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from pinn.optimizers.base import Block, Params, PointwiseResidual, ResidualFn, linearize


class NormalEquations(NamedTuple):
    """A linearised least-squares problem.

    Attributes:
        loss: r.r / 2.
        gradient: J^T r, (P,).
        usable: whether all of it is finite.
        solve: damping -> -(J^T J + lambda I)^-1 J^T r, (P,).
    """

    loss: Array
    gradient: Array
    usable: Array
    solve: Callable[[Array], Array]


def normal_equations(residual_fn: ResidualFn, params: Params, memory: float) -> NormalEquations:
    """Linearise a residual function.

    Args:
        residual_fn: params -> r (N,).
        params: where.
        memory: bytes the Jacobian may take at once; more is summed up over blocks of rows.
    """
    flat, _ = ravel_pytree(params)
    rows, item = jax.eval_shape(residual_fn, params).size, flat.dtype.itemsize
    blocks = math.ceil(rows * flat.size * item / memory)
    if rows < flat.size:
        return _dual(*linearize(residual_fn, params))
    if blocks > 1 and isinstance(residual_fn, PointwiseResidual):
        return _primal(*_summed(residual_fn, params, math.ceil(rows / blocks)))
    r, jac = jax.lax.optimization_barrier(linearize(residual_fn, params))
    return _primal(0.5 * r @ r, jac.T @ r, gram(jac))


def _primal(loss: Array, gradient: Array, normal: Array) -> NormalEquations:
    identity = jnp.eye(gradient.size, dtype=gradient.dtype)
    # A Jacobian that is not finite would have every trial rejected; the loss says so instead.
    usable = jnp.all(jnp.isfinite(gradient)) & jnp.isfinite(jnp.trace(normal))
    return NormalEquations(loss, gradient, usable, lambda lam: -_cholesky_solve(normal + lam * identity, gradient))


def _dual(r: Array, jac: Array) -> NormalEquations:
    normal, identity, gradient = gram(jac.T), jnp.eye(r.size, dtype=r.dtype), jac.T @ r
    usable = jnp.all(jnp.isfinite(gradient)) & jnp.isfinite(jnp.trace(normal))

    def solve(lam: Array) -> Array:
        return -jac.T @ _cholesky_solve(normal + lam * identity, r)

    return NormalEquations(0.5 * r @ r, gradient, usable, solve)


def _cholesky_solve(matrix: Array, right: Array) -> Array:
    lower = jax.lax.linalg.cholesky(matrix, symmetrize_input=False)  # reads the lower triangle
    return jax.scipy.linalg.cho_solve((lower, True), right)


def gram(jac: Array) -> Array:
    """Return J^T J, (P, P).

    On two CPU cores the symmetric product of BLAS, called back from the compiled step, takes 0.75 to 0.9 of the time of
    XLA's general product; forming it from blocks of the triangle saves nothing. XLA's is kept: it runs on every device.
    """
    return jac.T @ jac


def _summed(residual_fn: PointwiseResidual, params: Params, rows: int) -> tuple[Array, Array, Array]:
    """Return loss, gradient and J^T J, with the Jacobian of ``rows`` rows at a time."""
    size = ravel_pytree(params)[0].size
    dtype = ravel_pytree(params)[0].dtype
    total = (jnp.zeros((), dtype), jnp.zeros(size, dtype), jnp.zeros((size, size), dtype))
    for block in residual_fn.blocks:
        count = block.count
        parts = math.ceil(count * block.scale.size / rows)
        per = math.ceil(count / parts)
        index = jnp.arange(parts * per).reshape(parts, per)

        def add(total: tuple, index: Array, block: Block = block, count: int = count) -> tuple[tuple, None]:
            data = jax.tree.map(lambda x: x[jnp.minimum(index, count - 1)], block.data)
            r, jac = PointwiseResidual((block._replace(data=data),)).linearize(params)
            real = jnp.repeat(index < count, block.scale.size)  # the last part is filled up with copies
            r, jac = jax.lax.optimization_barrier((jnp.where(real, r, 0), jnp.where(real[:, None], jac, 0)))
            new = (0.5 * r @ r, jac.T @ r, gram(jac))
            return jax.tree.map(jnp.add, total, new), None

        total, _ = jax.lax.scan(add, total, index)
    return total
