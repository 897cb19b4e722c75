"""The only training loop: stages in sequence, points redrawn on a cadence, stopped by steps, time or target.

Everything inside a chunk of steps is compiled, once per stage; between chunks one small record comes to the
host. How steps are cut into chunks does not change any number, so a resumed run ends where an unbroken one does.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.ansatz import Ansatz
from pinn.errors import ProblemError
from pinn.optimizers import Optimizer, StepInfo, make_optimizer
from pinn.problem import Constraint, Problem
from pinn.residuals import Points, residual_blocks, residual_vector, sample
from pinn.settings import Settings

THROUGH = "all stages are through"


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


class Limits(NamedTuple):
    """What ends training before its stages are through.

    Attributes:
        deadline: on the clock of `time.monotonic`; None for no limit.
        reached: params -> whether the target is met; None for no target.
        stop: asked between chunks; True interrupts.
    """

    deadline: float | None = None
    reached: Callable[[Any], bool] | None = None
    stop: Callable[[], bool] = lambda: False


class Outcome(NamedTuple):
    """How training ended.

    Attributes:
        status: "done", "interrupted" or "failed".
        message: a sentence.
        compile_seconds: spent in compilation.
        train_seconds: spent in steps.
    """

    status: str
    message: str
    compile_seconds: float
    train_seconds: float


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
    if not plan.constraints:
        raise ProblemError("every constraint is hard; nothing is left to train.", ("ansatz",))
    return plan


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


def _draw(plan: Plan, key: Array) -> Points:
    dtype = jnp.dtype(plan.settings.training.precision)
    points = sample(plan.problem, plan.constraints, plan.settings.sampling, key)
    return {place: x.astype(dtype) for place, x in points.items()}


def begin_stage(plan: Plan, state: TrainState, stage: int) -> TrainState:
    """Move to a stage, with a fresh optimizer."""
    opt_state = plan.optimizers[stage].init(state.params)
    number, zero = jnp.asarray(stage, jnp.int32), jnp.zeros((), jnp.int32)
    best = jnp.full((), jnp.inf, state.best.dtype)
    return state._replace(stage=number, stage_step=zero, best=best, best_step=zero, opt_state=opt_state)


def redraw(plan: Plan, stage: int, state: TrainState) -> TrainState:
    """Replace the points if the stage's cadence says so."""
    every = plan.settings.training.stages[stage].redraw or plan.optimizers[stage].redraw

    def fresh(state: TrainState) -> TrainState:
        return state._replace(points=_draw(plan, jax.random.fold_in(state.key, state.step)))

    return jax.lax.cond(state.stage_step % every == 0, fresh, lambda s: s, state)


def make_advance(plan: Plan, stage: int) -> Callable[[TrainState, Array], tuple[TrainState, StepInfo, Array]]:
    """Return the function that takes up to n steps of a stage.

    Returns:
        (state, n) -> (state, info of the last step, whether all steps were finite). A step that is not
        finite is not taken, and ends the chunk.
    """
    optimizer = plan.optimizers[stage]
    weights = plan.settings.training.weights

    def step(state: TrainState) -> tuple[TrainState, StepInfo, Array]:
        drawn = redraw(plan, stage, state)
        residual_fn = residual_vector(plan.problem, plan.constraints, plan.ansatz.network, weights, drawn.points)
        params, opt_state, info = optimizer.step(residual_fn, drawn.params, drawn.opt_state)
        finite = jnp.isfinite(info.loss)
        for leaf in jax.tree.leaves(params):
            finite &= jnp.all(jnp.isfinite(leaf))
        better = info.loss < 0.9 * state.best
        after = drawn._replace(
            step=state.step + 1,
            stage_step=state.stage_step + 1,
            best=jnp.where(better, info.loss, state.best),
            best_step=jnp.where(better, state.stage_step + 1, state.best_step),
            params=params,
            opt_state=opt_state,
        )
        return jax.tree.map(lambda new, old: jnp.where(finite, new, old), after, state), info, finite

    def advance(state: TrainState, n: Array) -> tuple[TrainState, StepInfo, Array]:
        dtype = jax.tree.leaves(state.params)[0].dtype
        nothing = StepInfo(jnp.full((), jnp.nan, dtype), jnp.array(False), jnp.full((), jnp.nan, dtype))

        def unfinished(carry: tuple) -> Array:
            return (carry[0] < n) & carry[3]

        def body(carry: tuple) -> tuple:
            count, state, _, _ = carry
            return (count + 1, *step(state))

        start = (jnp.zeros((), jnp.int32), state, nothing, jnp.array(True))
        return jax.lax.while_loop(unfinished, body, start)[1:]

    return advance


def train(
    plan: Plan,
    state: TrainState,
    limits: Limits,
    on_log: Callable[[dict[str, Any]], None] = lambda record: None,
    on_state: Callable[[TrainState], None] = lambda state: None,
) -> tuple[TrainState, Outcome]:
    """Run the stages that are left.

    Args:
        plan: what stays fixed.
        state: where to begin.
        limits: what ends it early.
        on_log: receives a record for each logged step.
        on_state: receives the state after each logged step.

    Returns:
        The state after the last good step, and how it ended.
    """
    compile_seconds = train_seconds = longest_compile = 0.0
    status, message = "done", THROUGH
    for stage in range(int(state.stage), len(plan.optimizers)):
        if stage != int(state.stage):
            state = begin_stage(plan, state, stage)
        began = time.monotonic()
        # A later stage compiles about as long as an earlier one; compilation cannot be cut short.
        if limits.deadline is not None and began + longest_compile >= limits.deadline:
            message = "the time was up"
            break
        count = jnp.zeros((), jnp.int32)
        advance = jax.jit(make_advance(plan, stage)).lower(state, count).compile()
        longest_compile = max(longest_compile, time.monotonic() - began)
        compile_seconds += time.monotonic() - began
        began = time.monotonic()
        state, status, message = _run_stage(plan, stage, advance, state, limits, on_log, on_state)
        train_seconds += time.monotonic() - began
        if message != THROUGH:
            break
    return state, Outcome(status, message, compile_seconds, train_seconds)


def _run_stage(
    plan: Plan,
    stage: int,
    advance: Callable,
    state: TrainState,
    limits: Limits,
    on_log: Callable[[dict[str, Any]], None],
    on_state: Callable[[TrainState], None],
) -> tuple[TrainState, str, str]:
    settings, optimizer = plan.settings.training.stages[stage], plan.optimizers[stage]
    every = settings.log_every or optimizer.log_every
    patience = settings.patience or optimizer.patience
    done, best_step, longest = int(state.stage_step), int(state.best_step), 0.0
    while done < settings.steps:
        if patience and done - best_step >= patience:
            break
        now = time.monotonic()
        if limits.stop():
            return state, "interrupted", "stopped by the user"
        if limits.deadline is not None and now + longest > limits.deadline:
            return state, "done", "the time was up"
        n = min(every - done % every, settings.steps - done)
        state, info, finite = advance(state, jnp.asarray(n, jnp.int32))
        info, finite, *counts = jax.device_get((info, finite, state.step, state.stage_step, state.best_step))
        step, done, best_step = map(int, counts)
        longest = max(longest, time.monotonic() - now)
        if not finite:
            return state, "failed", explain_failure(plan, stage, state)
        on_log(
            {
                "step": step,
                "stage": stage,
                "optimizer": settings.optimizer,
                "loss": float(info.loss),
                "accepted": bool(info.accepted),
                "damping": None if np.isnan(info.damping) else float(info.damping),
            }
        )
        on_state(state)
        if limits.reached is not None and limits.reached(state.params):
            return state, "done", "the target is met"
    return state, "done", THROUGH


def explain_failure(plan: Plan, stage: int, state: TrainState) -> str:
    """Say in which constraint, and at which point, the step after this state stopped being finite."""
    points = jax.jit(lambda state: redraw(plan, stage, state).points)(state)

    def apply(x: Array) -> Array:
        return plan.ansatz.network.apply(state.params, x)

    blocks = jax.jit(lambda points: residual_blocks(plan.problem, plan.constraints, apply, points))(points)
    for name, values in blocks.items():
        if not np.all(np.isfinite(values)):
            index = int(np.argmin(np.isfinite(values)))
            return f"the residual of {name!r} is {values[index]} at {_point_text(plan, name, points, index)}"
    for name, sizes in _gradient_sizes(plan, state.params, points).items():
        if not np.all(np.isfinite(sizes)):
            index = int(np.argmin(np.isfinite(sizes)))
            return f"the gradient of {name!r} is not finite at {_point_text(plan, name, points, index)}"
    name = max(blocks, key=lambda n: float(jnp.abs(blocks[n]).max()))
    index = int(jnp.abs(blocks[name]).argmax())
    return (
        f"the step itself overflowed; the largest residual is that of {name!r}, {float(blocks[name][index]):.3g} at "
        f"{_point_text(plan, name, points, index)}. A smaller learning rate may help"
    )


def _gradient_sizes(plan: Plan, params: Any, points: Points) -> dict[str, Array]:
    sizes = {}
    for constraint in plan.constraints:
        one = residual_vector(plan.problem, [constraint], plan.ansatz.network, {}, points).blocks[0]
        rows = jax.jit(jax.vmap(jax.grad(lambda p, x, fn=one.fn: fn(p, x)[0]), (None, 0)))(params, one.data)
        sizes[constraint.name] = sum(jnp.abs(g).reshape(len(g), -1).sum(1) for g in jax.tree.leaves(rows))
    return sizes


def _point_text(plan: Plan, name: str, points: Points, index: int) -> str:
    place = next(c.place for c in plan.constraints if c.name == name)
    values = np.asarray(points[place][index])
    return ", ".join(f"{c}={v:.6g}" for c, v in zip(plan.problem.coordinates, values, strict=True))
