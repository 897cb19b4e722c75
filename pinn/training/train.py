"""The only training loop: windows in sequence, stages in each, points redrawn on a cadence, stopped by steps or time.

Everything inside a chunk of steps is compiled, once per stage; between chunks one small record comes to the
host. How steps are cut into chunks does not change any number, so a resumed run ends where an unbroken one does.

A window that has come to rest may be begun again from other params, or be cut in half (`pinn.training.attempts`); the
best of its attempts is kept.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.optimizers import StepInfo
from pinn.problem import TIME
from pinn.training.attempts import (
    SHARES,
    is_behind,
    is_hurried,
    is_left_poor,
    may_take_until,
    poor_until,
    survives,
    what_follows,
)
from pinn.training.bank import Bank
from pinn.training.limits import Limits, Outcome, Share
from pinn.training.plan import Plan
from pinn.training.programs import Programs
from pinn.training.state import (
    TrainState,
    bank_age,
    begin_attempt,
    begin_stage,
    begin_window,
    cadence,
    halve_window,
    judges_itself,
    solution_params,
)

THROUGH, AT_REST = "all stages are through", "no further progress"
TIME_UP, MET = "the time was up", "the target is met"
ENOUGH = "the residual on all points of a window is below the target"
NOT_FINITE = "a number was not finite"
FIRST_CHUNK = 100  # steps; later chunks are as long as the clock allows
CHUNK_SECONDS = 0.5  # between looks at the clock, the target and a wish to stop


def train(
    plan: Plan,
    state: TrainState,
    limits: Limits,
    on_log: Callable[[dict[str, Any]], None] = lambda record: None,
    on_state: Callable[[TrainState], None] = lambda state: None,
    on_note: Callable[[str], None] = lambda sentence: None,
) -> tuple[TrainState, Outcome]:
    """Run the windows, and in each the stages, that are left.

    Args:
        plan: what stays fixed.
        state: where to begin.
        limits: what ends it early.
        on_log: receives a record for each logged step.
        on_state: receives the state after each chunk of steps.
        on_note: receives a sentence where a window is cut in half, left with a large loss, or not finite.

    Returns:
        The state after the last good step, and how it ended.
    """
    programs, began = Programs(plan), time.monotonic()
    while True:
        state, status, message = _run_window(programs, state, limits, on_log, on_state, on_note)
        if message not in (THROUGH, AT_REST, ENOUGH) or not plan.left(state.window):
            break
        if is_left_poor(state):
            on_note(plan.describe_poor(state.window, float(state.kept_loss)))
        state = begin_window(plan, state)
    end = float(solution_params(state).windows.stop[-1])
    if message == TIME_UP and not int(state.step):
        message = f"{TIME_UP} before the first step: setup and compilation took it all"
    elif message == TIME_UP and end < plan.edges[-1]:
        number, windows = int(state.number) + 1, int(state.number) + 1 + plan.left(state.window)
        message = f"{TIME_UP} in window {number} of {windows}; after {TIME}={end:g} the solution only stands still"
    most = plan.settings.training.attempts
    if message == AT_REST and limits.deadline is not None and not int(state.number) and int(state.attempt) + 1 == most:
        message = f"{AT_REST} in {most} attempts, which are all that training.attempts allows"
    if message == ENOUGH and state.worst > limits.loss:
        message = "the last window is good enough, an earlier one is not"
    points = programs.latest.at(state.points).points if programs.latest else {}
    return state, Outcome(status, message, programs.seconds, time.monotonic() - began - programs.seconds, points)


def _run_window(
    programs: Programs, state: TrainState, limits: Limits, on_log: Callable, on_state: Callable, on_note: Callable
) -> tuple[TrainState, str, str]:
    """Run attempts at a window, or at a part of it, until one is good or its share of the time is used."""
    plan, began = programs.plan, None
    while True:
        if limits.deadline is None or time.monotonic() < limits.deadline:
            programs.prepare(state)  # so that compilation does not count as a window's time
        began = began or time.monotonic()
        each = programs.attempt_seconds
        until = may_take_until(plan, state, each, limits.deadline, began, SHARES)
        behind = max(until, poor_until(plan, state, limits.deadline, began))
        share = Share(until, behind, is_hurried(plan, state, each, limits.deadline))
        at, compiled = time.monotonic(), programs.seconds
        state, status, message = _run_stages(programs, state, limits, share, on_log, on_state)
        programs.attempt_took(time.monotonic() - at - (programs.seconds - compiled))
        if status == "failed":
            message = programs.explain(state)
            if not survives(plan, state, limits.deadline):
                return state, status, message
            on_note(f"attempt {int(state.attempt) + 1} at window {int(state.number) + 1} ended early: {message}")
            if not np.isfinite(state.kept_loss):
                state = begin_attempt(plan, state)
                continue
            status, message = "done", AT_REST  # what was found before counts
        if status != "done" or message != AT_REST:
            return state, status, message
        following = what_follows(plan, state, programs.attempt_seconds, limits.deadline, began)
        if following is halve_window:
            on_note(plan.describe_cut(state.window, float(state.kept_loss)))
            began = None
        elif following is None:
            return state, status, message
        state = following(plan, state)


def _run_stages(
    programs: Programs, state: TrainState, limits: Limits, share: Share, on_log: Callable, on_state: Callable
) -> tuple[TrainState, str, str]:
    """Run one attempt, until it comes to rest or the time is up."""
    plan = programs.plan
    for stage in range(int(state.stage), len(plan.optimizers)):
        state = state if stage == int(state.stage) else begin_stage(plan, state, stage)
        bank = programs.bank(state)
        state = programs.begin(state, bank)
        # A later stage compiles about as long as an earlier one; compilation cannot be cut short.
        if limits.deadline is not None and time.monotonic() + programs.longest * (stage > 0) >= limits.deadline:
            return programs.judge(state, bank) if stage else state, "done", TIME_UP
        advance = programs.advance(stage, state, bank)
        state, status, message = _run_stage(programs, stage, advance, bank, state, limits, share, on_log, on_state)
        if message not in (THROUGH, AT_REST):
            break
    if status == "done" and message != MET:
        state = programs.judge(state, bank)
        last = not plan.left(state.window)
        over = limits.deadline is not None and (last or time.monotonic() >= limits.deadline)
        # A window whose share is used up is through; the run goes on with the next.
        message = THROUGH if message == TIME_UP and not over else message
        message = ENOUGH if _is_enough(state, limits) else message
    return state, status, message


def _run_stage(
    programs: Programs,
    stage: int,
    advance: Callable,
    bank: Bank,
    state: TrainState,
    limits: Limits,
    share: Share,
    on_log: Callable[[dict[str, Any]], None],
    on_state: Callable[[TrainState], None],
) -> tuple[TrainState, str, str]:
    plan = programs.plan
    settings, optimizer, age = plan.settings.training.stages[stage], plan.optimizers[stage], bank_age(plan, stage)
    every = settings.log_every or optimizer.log_every
    patience = settings.patience or optimizer.patience or 0
    done, best_step, per_step, most = int(state.stage_step), int(state.best_step), 0.0, min(every, FIRST_CHUNK)
    pieces, drawn_at, loss = state.pieces, done - done % age, np.inf
    while done < settings.steps:
        # Chunks depend on the clock; patience is asked where the log is written, so that it does not, unless hurried.
        waits = -(-patience // 2) if share.hurried and state.kept_loss <= state.worst else patience
        if patience and done % every == 0 and done - best_step >= waits:
            return state, "done", AT_REST
        now = time.monotonic()
        if limits.stop():
            return state, "interrupted", "stopped by the user"
        until = share.until if now + per_step <= share.until or not is_behind(state, loss) else share.if_behind
        if now + per_step > until:
            return state, "done", TIME_UP
        if done - done % age != drawn_at:
            bank, drawn_at = programs.bank(state), done
        n = min(most, every - done % every, age - done % age, settings.steps - done)
        state, info, finite = advance(state._replace(pieces=None), bank, jnp.asarray(n, jnp.int32))
        numbers = (info, finite, state.step, state.stage_step, state.best_step, state.bank_loss)
        info, finite, step, done, best_step, bank_loss = jax.device_get(numbers)
        loss = float(info.loss)
        step, done, best_step, state = int(step), int(done), int(best_step), state._replace(pieces=pieces)
        per_step = (time.monotonic() - now) / n
        most = max(1, int(CHUNK_SECONDS / per_step))
        if not finite:
            return state, "failed", NOT_FINITE
        if done % every == 0 or done == settings.steps:
            shares = programs.shares(state, bank) if done % age % cadence(plan, stage) == 0 else None
            on_log(_record(state, step, settings.optimizer, info, bank_loss) | {"gradient_shares": shares})
        on_state(state)
        if limits.loss is not None and done % every == 0 and not judges_itself(plan, stage):
            state = programs.judge(state, bank)
        if _is_enough(state, limits):
            return state, "done", ENOUGH
        if limits.reached is not None:
            last, current = not plan.left(state.window), state._replace(kept=state.params)
            span = None if last else (float(state.window.start), float(state.window.stop))
            if limits.reached(lambda current=current: solution_params(current), span):
                return (current, "done", MET) if last else (state, "done", ENOUGH)
    return state, "done", THROUGH


def _is_enough(state: TrainState, limits: Limits) -> bool:
    return limits.loss is not None and bool(state.kept_loss <= limits.loss)


def _record(state: TrainState, step: int, optimizer: str, info: StepInfo, bank_loss: Array) -> dict[str, Any]:
    return {
        "step": step,
        "window": int(state.number),
        "span": [float(state.window.start), float(state.window.stop)],
        "attempt": int(state.attempt),
        "stage": int(state.stage),
        "optimizer": optimizer,
        "loss": float(info.loss),
        "held_out": None if np.isnan(bank_loss) else float(bank_loss),
        "accepted": bool(info.accepted),
        "damping": None if np.isnan(info.damping) else float(info.damping),
    }
