"""What a target asks of a run while it trains: of the error where a reference is known, else of the residual."""

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from pinn.evaluate import errors, sizes, total_relative_l2
from pinn.problem import TIME
from pinn.reference import Reference, evaluation_grid
from pinn.reference.base import relative_l2
from pinn.residuals import residual_blocks, sample
from pinn.solution import on_grid
from pinn.training.plan import Plan
from pinn.weights import weight_of

EARLY = 0.01  # of the target, for windows before the last: errors grow from window to window
PAUSE, LONG_PAUSE = 20, 60  # times as long as a look at the error takes: between looks for a target, or to show it


Span = tuple[float, float] | None  # of a window; None for the last
Look = Callable[[Callable[[], Any], Span], float | None]


def error_look(plan: Plan, reference: Reference, pause: float) -> Look:
    """Return a function that measures the error against a reference now and then, and gives None in between.

    Args:
        plan: of the run.
        reference: on the evaluation grid.
        pause: between looks, in units of the time one takes.

    Returns:
        (call for the params of the solution so far, span of the window; None for the last) -> relative L2 error of the
        whole solution, or of the window.
    """
    grid, state = evaluation_grid(plan.problem), {"until": 0.0, "span": "none yet"}

    def error(params: Any, span: Span) -> float:
        values = on_grid(plan.ansatz, params, plan.problem, grid)
        if span is None:
            return total_relative_l2(errors(values, reference.values, plan.problem))
        axis, times = plan.ansatz.time_axis, grid[TIME]
        inside = np.flatnonzero((times > span[0]) & (times <= span[1]))  # its first time is of the window before
        if not inside.size:
            return np.inf
        return max(relative_l2(values[n].take(inside, axis), u.take(inside, axis)) for n, u in reference.values.items())

    def look(solution: Callable[[], Any], span: Span) -> float | None:
        if state["span"] == span and time.monotonic() < state["until"]:
            return None
        params = solution()
        if state["span"] != span:
            state["span"] = span
            error(params, span)  # compiles, so that the pauses count evaluations only
        began = time.monotonic()
        found = error(params, span)
        state["until"] = time.monotonic() + pause * (time.monotonic() - began)
        return found

    return look


def target_check(look: Look, target: float | None) -> Callable[[Callable[[], Any], Span], bool]:
    """Return a test of the target by looks at the error; without a target, only the last window is looked at.

    There the compiled evaluation is the one the evidence of the run uses.
    """

    def reached(solution: Callable[[], Any], span: Span) -> bool:
        if target is None:
            if span is None:
                look(solution, span)
            return False
        found = look(solution, span)
        return found is not None and found <= target * (EARLY if span else 1)

    return reached


def watched_target(
    plan: Plan, reference: Reference, latest: dict[str, float | None]
) -> Callable[[Callable[[], Any], Span], bool]:
    """Return the test of the target of a run, which leaves the error it has seen in ``latest["error"]`` for the log."""
    target = plan.settings.target.relative_l2
    look = error_look(plan, reference, PAUSE if target else LONG_PAUSE)

    def noted(solution: Callable[[], Any], span: Span) -> float | None:
        found = look(solution, span)
        latest["error"] = latest["error"] if found is None or not np.isfinite(found) else found
        return found

    return target_check(noted, target)


def loss_enough(plan: Plan) -> float:
    """Return the loss at which the residual is the target's part of what the data alone leave."""
    settings, constraints = plan.settings, plan.constraints()
    points = sample(plan.problem, constraints, settings.sampling, jax.random.PRNGKey(settings.training.seed))
    rms = sizes(jax.jit(lambda x: residual_blocks(plan.problem, constraints, plan.ansatz.fixed, x))(points))
    loss = sum(weight_of(c, settings.training.weights) * rms[c.name]["rms"] ** 2 for c in constraints) / 2
    return settings.target.relative_l2**2 * loss
