"""The normal equations of a least-squares step: formed the fastest safe way, solved for any damping.

With fewer residuals than params the N x N form is used, (J^T J + lambda I)^-1 J^T = J^T (J J^T + lambda I)^-1.

J^T J squares the condition of J: of what is smaller than its largest part by more than the root of the precision
nothing is left. Small networks are solved from a QR factor of J instead, which keeps it (Golub 1965, Numer. Math. 7,
206-216): their losses go on falling for orders of magnitude. Large ones come to rest before that matters, and a factor
costs them several times the product (experiments/step_cost).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.experimental.buffer_callback import Buffer, ExecutionContext, buffer_callback
from jax.flatten_util import ravel_pytree
from scipy.linalg import get_lapack_funcs

from pinn.optimizers.base import Block, Params, PointwiseResidual, ResidualFn, linearize

SMALL = 256  # params below which J is factored; nor does calling out of a compiled step gain anything there


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
    if flat.size < SMALL:
        return _orthogonal(r, jac)
    return _primal(0.5 * r @ r, jac.T @ r, gram(jac))


def _primal(loss: Array, gradient: Array, normal: Array) -> NormalEquations:
    # A Jacobian that is not finite would have every trial rejected; the loss says so instead.
    usable = jnp.all(jnp.isfinite(gradient)) & jnp.isfinite(jnp.trace(normal))
    return NormalEquations(loss, gradient, usable, lambda lam: -solve_damped(normal, lam, gradient))


def _orthogonal(r: Array, jac: Array) -> NormalEquations:
    size, gradient = jac.shape[1], jac.T @ r
    upper = jnp.linalg.qr(jnp.concatenate([jac, r[:, None]], axis=1), mode="r")[:size]  # R, and Q^T r

    def solve(lam: Array) -> Array:
        damping = jnp.sqrt(lam) * jnp.eye(size, size + 1, dtype=r.dtype)
        both = jnp.linalg.qr(jnp.concatenate([upper, damping]), mode="r")
        return -jax.scipy.linalg.solve_triangular(both[:size, :size], both[:size, size])

    return NormalEquations(0.5 * r @ r, gradient, jnp.all(jnp.isfinite(gradient)), solve)


def _dual(r: Array, jac: Array) -> NormalEquations:
    normal, gradient = gram(jac.T), jac.T @ r
    usable = jnp.all(jnp.isfinite(gradient)) & jnp.isfinite(jnp.trace(normal))
    return NormalEquations(0.5 * r @ r, gradient, usable, lambda lam: -jac.T @ solve_damped(normal, lam, r))


def solve_damped(matrix: Array, lam: Array, right: Array) -> Array:
    """Return (A + lambda I)^-1 b by Cholesky's method; nan if that matrix is not positive definite.

    On CPUs LAPACK is called in place from the compiled step, as in `gram`: XLA's way to the same routine copies the
    matrix several times, and takes about twice as long.
    """
    if right.size < SMALL:
        return _solve_of_xla(matrix, lam, right)
    return jax.lax.platform_dependent(matrix, lam, right, cpu=_solve_of_lapack, default=_solve_of_xla)


def _solve_of_xla(matrix: Array, lam: Array, right: Array) -> Array:
    damped = matrix + lam * jnp.eye(right.size, dtype=right.dtype)
    lower = jax.lax.linalg.cholesky(damped, symmetrize_input=False)  # reads the lower triangle
    return jax.scipy.linalg.cho_solve((lower, True), right)


def _solve_of_lapack(matrix: Array, lam: Array, right: Array) -> Array:
    shape = jax.ShapeDtypeStruct(right.shape, right.dtype)
    return buffer_callback(_fill_solution, shape, vmap_method="sequential")(matrix, lam, right)


def _fill_solution(context: ExecutionContext, out: Buffer, matrix: Buffer, lam: Buffer, right: Buffer) -> None:
    damped = np.asarray(matrix).copy()  # it is factored in place
    damped.flat[:: len(damped) + 1] += np.asarray(lam)
    factor, solve = get_lapack_funcs(("potrf", "potrs"), (damped,))
    lower, failed = factor(damped.T, lower=True, clean=False, overwrite_a=True)
    np.asarray(out)[...] = np.nan if failed else solve(lower, np.asarray(right), lower=True)[0]


def gram(jac: Array) -> Array:
    """Return J^T J, (P, P).

    On CPUs the product is that of the BLAS numpy brings, called in place from the compiled step: XLA's own takes two to
    four times as long in float64 (experiments/step_cost). Everywhere else it is XLA's.
    """
    if jac.shape[1] < SMALL:
        return jac.T @ jac
    return jax.lax.platform_dependent(jac, cpu=_gram_of_blas, default=lambda j: j.T @ j)


def _gram_of_blas(jac: Array) -> Array:
    shape = jax.ShapeDtypeStruct((jac.shape[1],) * 2, jac.dtype)
    return buffer_callback(_fill_gram, shape, vmap_method="sequential")(jac)


def _fill_gram(context: ExecutionContext, out: Buffer, jac: Buffer) -> None:
    rows = np.asarray(jac)
    np.matmul(rows.T, rows, out=np.asarray(out))  # numpy sees the symmetry, and calls syrk


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
