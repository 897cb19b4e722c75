"""The steps of one stage: compiled in chunks, with a look at the clock, the target and a wish to stop between them."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.optimizers import StepInfo
from pinn.training.attempts import is_behind
from pinn.training.bank import Bank
from pinn.training.limits import Limits, Share
from pinn.training.plan import Plan
from pinn.training.programs import Programs
from pinn.training.state import TrainState, bank_age, cadence, judges_itself, solution_params

THROUGH, AT_REST = "all stages are through", "no further progress"
TIME_UP, MET = "the time was up", "the target is met"
ENOUGH = "the residual on all points of a window is below the target"
NOT_FINITE = "a number was not finite"
FIRST_CHUNK = 100  # steps; later chunks are as long as the clock allows
CHUNK_SECONDS = 0.5  # between looks at the clock, the target and a wish to stop


class Listeners(NamedTuple):
    """Who is told of what happens; see `train`."""

    log: Callable[[dict[str, Any]], None]
    state: Callable[[TrainState], None]
    note: Callable[[str], None]


class Pace(NamedTuple):
    """What a stage does, after how many steps."""

    optimizer: str
    every: int  # written to the log, and asked for patience: chunks depend on the clock, this must not
    age: int  # of a bank, after which another is drawn
    patience: int
    steps: int

    def until_next(self, done: int) -> int:
        """Return the steps to the next that is logged, begins with another bank, or is the last."""
        return min(self.every - done % self.every, self.age - done % self.age, self.steps - done)


class Seen(NamedTuple):
    """What the host has seen of a stage."""

    done: int
    best_step: int
    loss: float
    per_step: float  # seconds


def run_stage(
    programs: Programs,
    stage: int,
    advance: Callable,
    bank: Bank,
    state: TrainState,
    limits: Limits,
    share: Share,
    told: Listeners,
) -> tuple[TrainState, str, str]:
    """Run the steps of a stage in chunks, with a look at the clock, the target and a wish to stop between them."""
    pace, done = _pace(programs.plan, stage), int(state.stage_step)
    seen = Seen(done, int(state.best_step), np.inf, 0.0)
    most, drawn_at = min(pace.every, FIRST_CHUNK), done - done % pace.age
    while seen.done < pace.steps:
        status, message = _before_chunk(pace, seen, state, limits, share)
        if message:
            return state, status, message
        if seen.done - seen.done % pace.age != drawn_at:
            bank, drawn_at = programs.bank(state), seen.done
        n = min(most, pace.until_next(seen.done))
        state, seen, record = _run_chunk(advance, bank, state, n)
        most = max(1, int(CHUNK_SECONDS / seen.per_step))
        if record is None:
            return state, "failed", NOT_FINITE
        if seen.done % pace.every == 0 or seen.done == pace.steps:
            due = seen.done % pace.age % cadence(programs.plan, stage) == 0
            shares = programs.shares(state, bank) if due else None
            told.log(record | {"optimizer": pace.optimizer, "gradient_shares": shares})
        told.state(state)
        if limits.loss is not None and seen.done % pace.every == 0 and not judges_itself(programs.plan, stage):
            state = programs.judge(state, bank)
        state, message = _after_chunk(programs.plan, state, limits)
        if message:
            return state, "done", message
    return state, "done", THROUGH


def _pace(plan: Plan, stage: int) -> Pace:
    settings, optimizer = plan.settings.training.stages[stage], plan.optimizers[stage]
    every, patience = settings.log_every or optimizer.log_every, settings.patience or optimizer.patience or 0
    return Pace(settings.optimizer, every, bank_age(plan, stage), patience, settings.steps)


def _before_chunk(pace: Pace, seen: Seen, state: TrainState, limits: Limits, share: Share) -> tuple[str, str]:
    """Say how a stage ends here, if it does: status and message, both empty if it goes on."""
    waits = -(-pace.patience // 2) if share.hurried and state.kept_loss <= state.worst else pace.patience
    if pace.patience and seen.done % pace.every == 0 and seen.done - seen.best_step >= waits:
        return "done", AT_REST
    if limits.stop():
        return "interrupted", "stopped by the user"
    then = time.monotonic() + seen.per_step
    over = then > share.until and not (is_behind(state, seen.loss) and then <= share.if_behind)
    return ("done", TIME_UP) if over else ("", "")


def _run_chunk(advance: Callable, bank: Bank, state: TrainState, n: int) -> tuple[TrainState, Seen, dict | None]:
    """Run n steps; return what came of them and a record of the last one, None if a number was not finite."""
    began, pieces = time.monotonic(), state.pieces
    state, info, finite = advance(state._replace(pieces=None), bank, jnp.asarray(n, jnp.int32))
    numbers = (info, finite, state.step, state.stage_step, state.best_step, state.bank_loss)
    info, finite, step, done, best_step, bank_loss = jax.device_get(numbers)
    state = state._replace(pieces=pieces)
    seen = Seen(int(done), int(best_step), float(info.loss), (time.monotonic() - began) / n)
    return state, seen, _record(state, int(step), info, bank_loss) if finite else None


def _after_chunk(plan: Plan, state: TrainState, limits: Limits) -> tuple[TrainState, str]:
    """Say whether a window is good enough, or the target is met: the message, empty if neither."""
    if is_enough(state, limits):
        return state, ENOUGH
    if limits.reached is None:
        return state, ""
    last, current = not plan.left(state.window), state._replace(kept=state.params)
    span = None if last else (float(state.window.start), float(state.window.stop))
    if not limits.reached(lambda: solution_params(current), span):
        return state, ""
    return (current, MET) if last else (state, ENOUGH)


def is_enough(state: TrainState, limits: Limits) -> bool:
    """Say whether the residual on all points of the window is below what the target needs."""
    return limits.loss is not None and bool(state.kept_loss <= limits.loss)


def _record(state: TrainState, step: int, info: StepInfo, bank_loss: Array) -> dict[str, Any]:
    return {
        "step": step,
        "window": int(state.number),
        "span": [float(state.window.start), float(state.window.stop)],
        "attempt": int(state.attempt),
        "stage": int(state.stage),
        "loss": float(info.loss),
        "held_out": None if np.isnan(bank_loss) else float(bank_loss),
        "accepted": bool(info.accepted),
        "damping": None if np.isnan(info.damping) else float(info.damping),
    }
