"""When a window is begun again, when it is cut in half, and when it is left as it is.

Which minimum Gauss-Newton falls into is a matter of luck that differs by orders of magnitude, and the loss on the whole
bank tells. An attempt is worth its time where the loss matters beside the worst of the windows before; one that
ends much above them would spoil them.
"""

import math
import time
from collections.abc import Callable

import numpy as np

from pinn.training.limits import Share
from pinn.training.plan import Plan
from pinn.training.state import TrainState, begin_attempt, halve_window, judges_itself

# Beside the worst of the windows before: a loss that a window is begun again for, and one that is worth more time.
MATTERS, POOR = 1e-3, 30.0
# Of the loss a run begins with: no window below is poor; and lower ones are out of reach, in squares of the precision.
GOOD, ROUND_OFF = 1e-13, 1e5
FAILURES = 3  # attempts that may end in numbers that are not finite
TRIES, HALVINGS = 2, 2  # of a poor window: attempts before it is cut, and times it is cut
SHARES = 2.0  # of the time, for a window that is poor, and for the first: its errors live longest
FIRST = 0.15  # of the time, for the first of several windows at least: later fits are its neighbours
MARGIN = 1.3  # later windows take longer than those before


def may_take_until(
    plan: Plan, state: TrainState, each: float, deadline: float | None, began: float, shares: float
) -> float:
    """Say until when a window may take: some shares of the time, but later ones keep the time of an attempt each.

    Args:
        plan: what stays fixed.
        state: in the window.
        each: seconds an attempt takes.
        deadline: of the run, on the clock of `time.monotonic`; None for no limit.
        began: when the window was begun.
        shares: how many equal parts of the time it may have.
    """
    if deadline is None:
        return math.inf
    left = plan.left(state.window)
    if not left:
        return deadline
    share = (deadline - began) / (left + 1)
    kept_back = MARGIN * each * left
    at_least = max(began + share, _own_until(plan, state, deadline, began))
    return max(at_least, min(began + shares * share, deadline - kept_back))


def share_of(plan: Plan, state: TrainState, each: float, deadline: float | None, began: float) -> Share:
    """Return what the next attempt at a window may take. Arguments as in `may_take_until`."""
    until = may_take_until(plan, state, each, deadline, began, SHARES)
    behind = max(until, poor_until(plan, state, deadline, began))
    return Share(until, behind, is_hurried(plan, state, each, deadline))


def _own_until(plan: Plan, state: TrainState, deadline: float, began: float) -> float:
    """Return until when a window has the time for itself, whatever later ones want."""
    whole = not int(state.number) and not plan.halvings(state.window)
    return began + FIRST * (deadline - began) if whole and plan.left(state.window) else began


def is_hurried(plan: Plan, state: TrainState, each: float, deadline: float | None) -> bool:
    """Say whether the time left is less than an attempt at each window that is left takes.

    A window no worse than those before it then waits half as long for progress, so that later ones have some time.
    """
    if deadline is None or not int(state.number):
        return False
    return deadline - time.monotonic() < MARGIN * each * (plan.left(state.window) + 1)


def what_follows(
    plan: Plan, state: TrainState, each: float, deadline: float | None, began: float
) -> Callable[[Plan, TrainState], TrainState] | None:
    """Say how to go on with a window after an attempt: begin it again, cut it in half, or None: leave it."""
    now = time.monotonic()
    kept, left = float(state.kept_loss), plan.left(state.window)
    only, tried = not left and not int(state.number), int(state.attempt) + 1
    later = MARGIN * each  # what a window after this one will want
    spare = math.inf if deadline is None else deadline - now - each - later * left
    if spare < 0 and now + each > _own_until(plan, state, deadline, began):
        return None
    poor = not only and _is_poor(state)
    if poor and tried >= TRIES and plan.halvings(state.window) < HALVINGS and spare >= later:
        return halve_window
    matters = only or not kept <= max(MATTERS * float(state.worst), _floor(state))
    until = may_take_until(plan, state, each, deadline, began, SHARES if poor or not int(state.number) else 1)
    return begin_attempt if matters and now + each <= until and tried < plan.settings.training.attempts else None


def survives(plan: Plan, state: TrainState, deadline: float | None) -> bool:
    """Say whether a run goes on after a number that was not finite: with what is kept, or from other params."""
    if deadline is not None and time.monotonic() >= deadline:
        return False
    fails_alone = judges_itself(plan, int(state.stage))  # else an attempt is a whole run, and would fail again
    tries = min(FAILURES, plan.settings.training.attempts)
    return fails_alone and (bool(np.isfinite(state.kept_loss)) or int(state.attempt) + 1 < tries)


def poor_until(plan: Plan, state: TrainState, deadline: float | None, began: float) -> float:
    """Say until when an attempt may go on while its loss is much above the windows before, whatever later ones want."""
    if deadline is None:
        return math.inf
    return min(deadline, began + SHARES * (deadline - began) / (plan.left(state.window) + 1))


def is_left_poor(state: TrainState) -> bool:
    """Say whether a window ended much above those before it."""
    return int(state.number) > 0 and _is_poor(state)


def is_behind(state: TrainState, loss: float) -> bool:
    """Say whether an attempt, at a loss on its points, and the window so far are much above the windows before."""
    return is_left_poor(state) and not loss <= POOR * _good(state)


def _is_poor(state: TrainState) -> bool:
    return not float(state.kept_loss) <= POOR * _good(state)


def _good(state: TrainState) -> float:
    """Return a loss that is as good as any before."""
    return max(float(state.worst), GOOD * float(state.begun_with), _floor(state))


def _floor(state: TrainState) -> float:
    """Return the loss below which there is nothing but round-off."""
    return ROUND_OFF * float(np.finfo(state.begun_with.dtype).eps) ** 2 * float(state.begun_with)
