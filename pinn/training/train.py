"""The only training loop: windows in sequence, stages in each, points redrawn on a cadence, stopped by steps or time.

Everything inside a chunk of steps is compiled, once per stage; between chunks one small record comes to the
host. How steps are cut into chunks does not change any number, so a resumed run ends where an unbroken one does.

A window that has come to rest may be begun again from other params, or be cut in half (`pinn.training.attempts`); the
best of its attempts is kept.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pinn.problem import TIME
from pinn.training.attempts import is_left_poor, share_of, survives, what_follows
from pinn.training.limits import Limits, Outcome, Share
from pinn.training.plan import Plan
from pinn.training.programs import Programs
from pinn.training.stage import AT_REST, ENOUGH, MET, THROUGH, TIME_UP, Listeners, is_enough, run_stage
from pinn.training.state import (
    TrainState,
    begin_attempt,
    begin_stage,
    begin_window,
    halve_window,
    solution_params,
)


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
    programs, began, told = Programs(plan), time.monotonic(), Listeners(on_log, on_state, on_note)
    while True:
        state, status, message = _run_window(programs, state, limits, told)
        if message not in (THROUGH, AT_REST, ENOUGH) or not plan.left(state.window):
            break
        if is_left_poor(state):
            told.note(plan.describe_poor(state.window, float(state.kept_loss)))
        state = begin_window(plan, state)
    points = programs.latest.at(state.points).points if programs.latest else {}
    seconds = programs.seconds, time.monotonic() - began - programs.seconds
    return state, Outcome(status, _in_full(message, plan, state, limits), *seconds, points)


def _in_full(message: str, plan: Plan, state: TrainState, limits: Limits) -> str:
    """Add what a person needs to know to the message that ended a run."""
    end, most = float(solution_params(state).windows.stop[-1]), plan.settings.training.attempts
    number, left = int(state.number) + 1, plan.left(state.window)
    if message == TIME_UP and not int(state.step):
        return f"{TIME_UP} before the first step: setup and compilation took it all"
    if message == TIME_UP and end < plan.edges[-1]:
        return f"{TIME_UP} in window {number} of {number + left}; after {TIME}={end:g} the solution only stands still"
    if message == AT_REST and limits.deadline is not None and number == 1 and int(state.attempt) + 1 == most:
        return f"{AT_REST} in {most} attempts, which are all that training.attempts allows"
    if message == ENOUGH and state.worst > limits.loss:
        return "the last window is good enough, an earlier one is not"
    return message


def _run_window(programs: Programs, state: TrainState, limits: Limits, told: Listeners) -> tuple[TrainState, str, str]:
    """Run attempts at a window, or at a part of it, until one is good or its share of the time is used."""
    plan, began = programs.plan, None
    while True:
        if limits.deadline is None or time.monotonic() < limits.deadline:
            programs.prepare(state)  # so that compilation does not count as a window's time
        began = began or time.monotonic()
        share = share_of(plan, state, programs.attempt_seconds, limits.deadline, began)
        at, compiled = time.monotonic(), programs.seconds
        state, status, message = _run_stages(programs, state, limits, share, told)
        programs.attempt_took(time.monotonic() - at - (programs.seconds - compiled))
        if status == "failed":
            message = programs.explain(state)
            if not survives(plan, state, limits.deadline):
                return state, status, message
            told.note(f"attempt {int(state.attempt) + 1} at window {int(state.number) + 1} ended early: {message}")
            if not np.isfinite(state.kept_loss):
                state = begin_attempt(plan, state)
                continue
            status, message = "done", AT_REST  # what was found before counts
        if status != "done" or message != AT_REST:
            return state, status, message
        following = what_follows(plan, state, programs.attempt_seconds, limits.deadline, began)
        if following is halve_window:
            told.note(plan.describe_cut(state.window, float(state.kept_loss)))
            began = None
        elif following is None:
            return state, status, message
        state = following(plan, state)


def _run_stages(
    programs: Programs, state: TrainState, limits: Limits, share: Share, told: Listeners
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
        state, status, message = run_stage(programs, stage, advance, bank, state, limits, share, told)
        if message not in (THROUGH, AT_REST):
            break
    if status == "done" and message != MET:
        state = programs.judge(state, bank)
        last = not plan.left(state.window)
        over = limits.deadline is not None and (last or time.monotonic() >= limits.deadline)
        # A window whose share is used up is through; the run goes on with the next.
        message = THROUGH if message == TIME_UP and not over else message
        message = ENOUGH if is_enough(state, limits) else message
    return state, status, message
