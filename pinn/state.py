"""What stays fixed while training, and what changes: `Plan` and `TrainState`."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from pinn.ansatz import Ansatz
from pinn.errors import ProblemError
from pinn.optimizers import Optimizer, make_optimizer
from pinn.problem import Constraint, Problem
from pinn.residuals import residual_at, residual_sizes, sample
from pinn.sampling import Points, focus
from pinn.settings import Settings


class Plan(NamedTuple):
    """What stays fixed while training.

    Attributes:
        problem: what is solved.
        settings: how.
        ansatz: the network with features and hard conditions.
        optimizers: one per stage.
    """

    problem: Problem
    settings: Settings
    ansatz: Ansatz
    optimizers: tuple[Optimizer, ...]

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The constraints the loss is made of; the others hold by construction."""
        return tuple(c for c in self.problem.constraints if c.name not in self.ansatz.hard)


class TrainState(NamedTuple):
    """Everything a resumed run needs; a pytree of arrays.

    Attributes:
        step: steps taken, int32.
        stage: index of the current stage, int32.
        stage_step: steps taken in it, int32.
        best: loss that counts as progress if a tenth is taken off it; inf at a stage's start.
        best_step: step of the stage at which that last happened, int32.
        params: of the network.
        opt_state: of the stage's optimizer.
        key: random key the points are drawn from, uint32.
        points: the current points, by place.
    """

    step: Array
    stage: Array
    stage_step: Array
    best: Array
    best_step: Array
    params: Any
    opt_state: Any
    key: Array
    points: Points


def make_plan(problem: Problem, settings: Settings, ansatz: Ansatz) -> Plan:
    """Build the optimizers of all stages.

    Raises:
        ProblemError: see `make_optimizer`.
    """
    training = settings.training
    optimizers = tuple(
        make_optimizer(stage.optimizer, stage.options, training.loss, ("training", "stages", i))
        for i, stage in enumerate(training.stages)
    )
    plan = Plan(problem, settings, ansatz, optimizers)
    for constraint in problem.constraints:
        _try_out(plan, constraint)
    if not plan.constraints:
        raise ProblemError("every constraint is hard; nothing is left to train.", ("ansatz",))
    return plan


def _try_out(plan: Plan, constraint: Constraint) -> None:
    """Trace a residual once, so that one jax cannot differentiate is refused before training."""
    point = jax.ShapeDtypeStruct((len(plan.problem.coordinates),), jnp.zeros(()).dtype)
    params = jax.eval_shape(plan.ansatz.network.init, jax.random.PRNGKey(0))

    def at(params: Any, point: Array) -> Array:
        return residual_at(plan.problem, [constraint], lambda x: plan.ansatz.network.apply(params, x), point)

    section = "conditions" if constraint.where else "equations"
    try:
        jax.eval_shape(at, params, point)
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError):
        raise ProblemError(
            "calls numpy, or branches on a value; write it with jax.numpy.", (section, constraint.name)
        ) from None
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ProblemError(f"cannot be evaluated at a point ({reason}).", (section, constraint.name)) from None


def init_state(plan: Plan) -> TrainState:
    """Make the state before the first step, from the seed in the settings."""
    dtype = jnp.dtype(plan.settings.training.precision)
    key = jax.random.PRNGKey(plan.settings.training.seed)
    params_key, points_key = jax.random.split(key)

    @jax.jit
    def arrays(params_key: Array, points_key: Array) -> tuple:
        params = jax.tree.map(lambda x: x.astype(dtype), plan.ansatz.network.init(params_key))
        return params, plan.optimizers[0].init(params), _draw(plan, points_key)

    params, opt_state, points = arrays(params_key, points_key)
    zero, infinite = jnp.zeros((), jnp.int32), jnp.full((), jnp.inf, dtype)
    return TrainState(zero, zero, zero, infinite, zero, params, opt_state, points_key, points)


def _draw(plan: Plan, key: Array, pool: int = 1) -> Points:
    """Draw the points of all places, ``pool`` times as many as the settings say."""
    dtype, sampling = jnp.dtype(plan.settings.training.precision), plan.settings.sampling
    many = sampling.model_copy(
        update={"equations": pool * sampling.equations, "conditions": pool * sampling.conditions}
    )
    return {place: x.astype(dtype) for place, x in sample(plan.problem, plan.constraints, many, key).items()}


def _draw_focused(plan: Plan, params: Any, key: Array) -> Points:
    """Draw points that gather where the residual is large: a pool first, of which a part is kept."""
    draw_key, focus_key = jax.random.split(key)
    pool = _draw(plan, draw_key, plan.settings.sampling.pool)
    sizes = residual_sizes(plan.problem, plan.constraints, lambda x: plan.ansatz.network.apply(params, x), pool)
    kept = {place: max(1, len(x) // plan.settings.sampling.pool) for place, x in pool.items()}
    return {place: focus(focus_key, x, sizes[place], kept[place]) for place, x in pool.items()}


def begin_stage(plan: Plan, state: TrainState, stage: int) -> TrainState:
    """Move to a stage, with a fresh optimizer."""
    opt_state = plan.optimizers[stage].init(state.params)
    number, zero = jnp.asarray(stage, jnp.int32), jnp.zeros((), jnp.int32)
    best = jnp.full((), jnp.inf, state.best.dtype)
    return state._replace(stage=number, stage_step=zero, best=best, best_step=zero, opt_state=opt_state)


def redraw(plan: Plan, stage: int, state: TrainState) -> TrainState:
    """Replace the points if the stage's cadence says so.

    They are focused where the cadence is ten steps or more; on a shorter one the pool would cost more than the steps.
    """
    every = plan.settings.training.stages[stage].redraw or plan.optimizers[stage].redraw
    focused = plan.settings.sampling.pool > 1 and every >= 10

    def fresh(state: TrainState) -> TrainState:
        key = jax.random.fold_in(state.key, state.step)
        return state._replace(points=_draw_focused(plan, state.params, key) if focused else _draw(plan, key))

    return jax.lax.cond(state.stage_step % every == 0, fresh, lambda s: s, state)
