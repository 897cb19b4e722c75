"""What an optimizer is, and what it may ask of the residual. Nothing here knows of differential equations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

Params = Any
OptState = Any
ResidualFn = Callable[[Params], Array]  # params -> r (N,), loss = r.r / 2


class StepInfo(NamedTuple):
    """What happened in a step.

    Attributes:
        loss: r.r / 2, or the loss the optimizer minimises, at the params the step started from; nan if the step
            could not be computed.
        accepted: whether the params changed.
        damping: of second-order methods; nan for others.
    """

    loss: Array
    accepted: Array
    damping: Array


class Optimizer(NamedTuple):
    """A pair of pure functions.

    Attributes:
        init: params -> state.
        step: (residual_fn, params, state) -> (params, state, info).
        log_every: steps between log lines, unless the stage says otherwise.
        redraw: steps between redraws of the points, unless the stage says otherwise.
        patience: steps without a halving of the loss after which a stage ends, unless it says otherwise;
            None for never.
    """

    init: Callable[[Params], OptState]
    step: Callable[[ResidualFn, Params, OptState], tuple[Params, OptState, StepInfo]]
    log_every: int = 1
    redraw: int = 12
    patience: int | None = 300


class Block(NamedTuple):
    """Residuals of one kind, one row of data each.

    Attributes:
        fn: (params, one row of data) -> values (k,).
        data: array (N, ...), or a pytree of such.
        scale: factors (k,) on the values; see `pinn.weights`.
    """

    fn: Callable[[Params, Any], Array]
    data: Any
    scale: Array

    @property
    def count(self) -> int:
        """Number of rows."""
        return jax.tree.leaves(self.data)[0].shape[0]


@dataclass(frozen=True)
class PointwiseResidual:
    """A `ResidualFn` that knows that each entry depends on one point, so that its Jacobian is cheap.

    Attributes:
        blocks: the residuals, by kind.
    """

    blocks: tuple[Block, ...]

    def __call__(self, params: Params) -> Array:
        """Return r, (N,)."""
        return jnp.concatenate(
            [(b.scale[None, :] * jax.vmap(b.fn, (None, 0))(params, b.data)).reshape(-1) for b in self.blocks]
        )

    @property
    def scales(self) -> Array:
        """The factor on each entry of r, (N,)."""
        return jnp.concatenate([jnp.tile(b.scale, b.count) for b in self.blocks])

    def linearize(self, params: Params) -> tuple[Array, Array]:
        """Return r (N,) and its Jacobian (N, P) in the flattened params."""
        parts = [self._rows(block, params) for block in self.blocks]
        return jnp.concatenate([r for r, _ in parts]), jnp.concatenate([j for _, j in parts])

    @staticmethod
    def _rows(block: Block, params: Params) -> tuple[Array, Array]:
        # Pulled back to the pytree and flattened then: through flattened params it costs four times as much.
        def rows(row: Any) -> tuple[Array, Array]:
            r, pull = jax.vjp(lambda p: block.scale * block.fn(p, row), params)
            return r, jax.vmap(lambda seed: ravel_pytree(pull(seed)[0])[0])(jnp.eye(r.size, dtype=r.dtype))

        r, jac = jax.vmap(rows)(block.data)
        return r.reshape(-1), jac.reshape(r.size, -1)


def linearize(residual_fn: ResidualFn, params: Params) -> tuple[Array, Array]:
    """Return r (N,) and J (N, P) of any residual function, by its own cheap way if it has one."""
    if isinstance(residual_fn, PointwiseResidual):
        return residual_fn.linearize(params)
    flat, unravel = ravel_pytree(params)
    return residual_fn(params), jax.jacrev(lambda p: residual_fn(unravel(p)))(flat)


def mean_absolute(residual_fn: ResidualFn, params: Params) -> Array:
    """Return the sum over blocks of weight times mean |f|.

    The entries of r carry sqrt(weight / N); a second such factor makes sum |r| the weighted mean.
    """
    r = residual_fn(params)
    scales = residual_fn.scales if isinstance(residual_fn, PointwiseResidual) else 1 / jnp.sqrt(r.size)
    return jnp.sum(scales * jnp.abs(r))
