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

from pinn.failure import explain
from pinn.optimizers import StepInfo
from pinn.residuals import residual_vector
from pinn.state import Plan, TrainState, begin_stage, redraw

THROUGH = "all stages are through"
FIRST_CHUNK = 100  # steps; later chunks are as long as the clock allows
CHUNK_SECONDS = 0.5  # between looks at the clock, the target and a wish to stop


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
        on_state: receives the state after each chunk of steps.

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
    done, best_step, per_step, most = int(state.stage_step), int(state.best_step), 0.0, min(every, FIRST_CHUNK)
    while done < settings.steps:
        # Chunks depend on the clock; patience is asked where the log is written, so that it does not.
        if patience and done % every == 0 and done - best_step >= patience:
            break
        now = time.monotonic()
        if limits.stop():
            return state, "interrupted", "stopped by the user"
        if limits.deadline is not None and now + per_step > limits.deadline:
            return state, "done", "the time was up"
        n = min(most, every - done % every, settings.steps - done)
        state, info, finite = advance(state, jnp.asarray(n, jnp.int32))
        info, finite, *counts = jax.device_get((info, finite, state.step, state.stage_step, state.best_step))
        step, done, best_step = map(int, counts)
        per_step = (time.monotonic() - now) / n
        most = max(1, int(CHUNK_SECONDS / per_step))
        if not finite:
            points = jax.jit(lambda state: redraw(plan, stage, state).points)(state)
            reason = explain(plan.problem, plan.constraints, plan.ansatz.network, state.params, points)
            return state, "failed", reason
        if done % every == 0 or done == settings.steps:
            on_log(_record(step, stage, settings.optimizer, info))
        on_state(state)
        if limits.reached is not None and limits.reached(state.params):
            return state, "done", "the target is met"
    return state, "done", THROUGH


def _record(step: int, stage: int, optimizer: str, info: StepInfo) -> dict[str, Any]:
    return {
        "step": step,
        "stage": stage,
        "optimizer": optimizer,
        "loss": float(info.loss),
        "accepted": bool(info.accepted),
        "damping": None if np.isnan(info.damping) else float(info.damping),
    }
