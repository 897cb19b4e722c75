"""What changes while training: `TrainState`, and how it moves on."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.optimizers import PointwiseResidual
from pinn.pieces import Pieces, Window, appended
from pinn.residuals import sample
from pinn.training.bank import LIFE, Bank, choose_any, choose_first, choose_large, loss_on
from pinn.training.jumps import jump_loss
from pinn.training.plan import Plan

SHAKE = 0.03  # of params begun again, in units of fresh ones


class TrainState(NamedTuple):
    """Everything a resumed run needs; a pytree of arrays.

    Attributes:
        step: steps taken, int32.
        stage: index of the current stage, int32.
        stage_step: steps taken in it, int32.
        best: loss that counts as progress if it is halved; inf at a stage's start.
        best_step: step of the stage at which that last happened, int32.
        params: of the network.
        opt_state: of the stage's optimizer.
        key: random key the points are drawn from, uint32.
        points: indices of the current points in the bank, by place.
        number: index of the window, int32.
        attempt: how often it was begun again, int32.
        window: its range.
        kept: params with the lowest loss on the whole bank, of all attempts.
        kept_loss: that loss; inf before the first is known.
        bank_loss: the last loss on the whole bank; nan before the first.
        worst: the largest finite ``kept_loss`` of the windows before; 0 in the first.
        begun_with: the loss of the first step of the run.
        pieces: the windows before, on the host; None if there are none.
    """

    step: Array
    stage: Array
    stage_step: Array
    best: Array
    best_step: Array
    params: Any
    opt_state: Any
    key: Array
    points: dict[str, Array]
    number: Array
    attempt: Array
    window: Window
    kept: Any
    kept_loss: Array
    bank_loss: Array
    worst: Array
    begun_with: Array
    pieces: Pieces | None


def solution_params(state: TrainState) -> Pieces:
    """Return the params of the whole solution: of the windows before, and the best of this one if it was begun."""
    known = bool(np.isfinite(state.kept_loss))
    if state.pieces is not None and not (known or state.stage or state.stage_step):
        return state.pieces
    return appended(state.pieces, state.kept if known else state.params, state.window)


def init_state(plan: Plan) -> TrainState:
    """Make the state before the first step, from the seed in the settings."""
    dtype = jnp.dtype(plan.settings.training.precision)
    params_key, points_key = jax.random.split(jax.random.PRNGKey(plan.settings.training.seed))
    params = _fresh_params(plan, params_key)
    zero, infinite = jnp.zeros((), jnp.int32), jnp.full((), jnp.inf, dtype)
    window = _window(plan, *plan.edges[:2], None)
    return TrainState(
        step=zero, stage=zero, stage_step=zero, best=infinite, best_step=zero,
        params=params, opt_state=plan.optimizers[0].init(params), key=points_key, points=_first_points(plan, window),
        number=zero, attempt=zero, window=window,
        kept=params, kept_loss=infinite, bank_loss=jnp.full((), jnp.nan, dtype),
        worst=jnp.zeros((), dtype), begun_with=infinite, pieces=None,
    )  # fmt: skip


def _fresh_params(plan: Plan, key: Array) -> Any:
    dtype = jnp.dtype(plan.settings.training.precision)
    return jax.tree.map(lambda x: x.astype(dtype), plan.ansatz.init(key))


def _window(plan: Plan, start: float, stop: float, pieces: Pieces | None) -> Window:
    dtype = jnp.dtype(plan.settings.training.precision)
    return Window(*(jnp.asarray(v, dtype) for v in (start, stop, float(pieces is not None))))


def _first_points(plan: Plan, window: Window) -> dict[str, Array]:
    """Return indices of the right number; the first step chooses its own."""
    sampling, problem = plan.settings.sampling, plan.problem
    drawn = jax.eval_shape(lambda key: sample(problem, plan.constraints(window), sampling, key), jax.random.PRNGKey(0))
    return {place: jnp.arange(len(x), dtype=jnp.int32) for place, x in drawn.items()}


def state_like(plan: Plan, number: int, stage: int, span: tuple[float, float]) -> TrainState:
    """Return a state of the structure a run has in a stage of a window and its span; its numbers mean nothing."""
    state = begin_stage(plan, init_state(plan), stage)
    window = state.window._replace(start=span[0], stop=span[1], anchored=float(number > 0))
    state = state._replace(points=_first_points(plan, window))
    if not number:
        return state
    pieces = jax.tree.map(lambda x: jnp.zeros((number, *x.shape), x.dtype), Pieces(state.params, state.window))
    return state._replace(pieces=pieces)


def begin_attempt(plan: Plan, state: TrainState) -> TrainState:
    """Begin the window again; the best params so far are kept.

    The first window begins from fresh params. A later one begins from those of the window before, shaken: what has
    become sharp in space by then is not found from nowhere. Where there is no space, fresh ones do better.
    """
    attempt = state.attempt + 1
    params = _fresh_at(plan, state, attempt)
    if state.pieces is not None and not _is_ordinary(plan):
        params = jax.tree.map(lambda before, fresh: before[-1] + SHAKE * fresh, state.pieces.params, params)
    return begin_stage(plan, state._replace(attempt=attempt, params=params), 0)


def begin_window(plan: Plan, state: TrainState) -> TrainState:
    """Go on to the next window: from the best params of this one, or from fresh ones where there is no space."""
    pieces, start = solution_params(state), float(state.window.stop)
    window = _window(plan, start, min(edge for edge in plan.edges if edge > start), pieces)
    reached = jnp.where(jnp.isfinite(state.kept_loss), state.kept_loss, 0)  # else no later window could be poor
    state = state._replace(
        worst=jnp.maximum(state.worst, reached), number=state.number + 1, window=window, pieces=pieces,
        points=_first_points(plan, window),
    )  # fmt: skip
    before = jax.tree.map(lambda x: x[-1], pieces.params)
    return _begin_anew(plan, state, _fresh_at(plan, state, 0) if _is_ordinary(plan) else before)


def carried_on(plan: Plan, state: TrainState) -> TrainState | None:
    """Begin a window from the params of the two before, carried on along a straight line; None where there are none.

    Fits of one window after the other are neighbours, and move steadily while the solution does.
    """
    if state.pieces is None or state.pieces.windows.start.size < 2 or _is_ordinary(plan):
        return None
    middles = state.pieces.windows.start + state.pieces.windows.stop
    reach = float((state.window.start + state.window.stop - middles[-1]) / (middles[-1] - middles[-2]))
    params = jax.tree.map(lambda x: x[-1] + reach * (x[-1] - x[-2]), state.pieces.params)
    return state._replace(params=params, kept=params)


def _fresh_at(plan: Plan, state: TrainState, attempt: Array | int) -> Any:
    """Return the fresh params of an attempt at the state's window."""
    key = jax.random.fold_in(jax.random.fold_in(jax.random.split(state.key)[0], state.number), attempt)
    return _fresh_params(plan, key)


def _is_ordinary(plan: Plan) -> bool:
    """Say whether a problem is of ordinary differential equations.

    Those of a window before are the params of a fit to rounding, with a valley about them that Gauss-Newton does not
    leave: begun from there, windows of lotka_volterra end at losses about 1e-16, from fresh ones at 1e-24.
    """
    return len(plan.problem.coordinates) == 1


def halve_window(plan: Plan, state: TrainState) -> TrainState:
    """Let the window end halfway, and begin it anew from its best params."""
    window = state.window._replace(stop=(state.window.start + state.window.stop) / 2)
    return _begin_anew(plan, state._replace(window=window, points=_first_points(plan, window)), state.kept)


def _begin_anew(plan: Plan, state: TrainState, params: Any) -> TrainState:
    """Begin the first attempt at a window; nothing is known of it yet."""
    unknown = {
        "kept_loss": jnp.full_like(state.kept_loss, jnp.inf),
        "bank_loss": jnp.full_like(state.bank_loss, jnp.nan),
    }
    state = state._replace(attempt=jnp.zeros((), jnp.int32), params=params, kept=params, **unknown)
    return begin_stage(plan, state, 0)


def begin_stage(plan: Plan, state: TrainState, stage: int) -> TrainState:
    """Move to a stage, with a fresh optimizer."""
    opt_state = plan.optimizers[stage].init(state.params)
    number, zero = jnp.asarray(stage, jnp.int32), jnp.zeros((), jnp.int32)
    best = jnp.full((), jnp.inf, state.best.dtype)
    return state._replace(stage=number, stage_step=zero, best=best, best_step=zero, opt_state=opt_state)


def cadence(plan: Plan, stage: int) -> int:
    """Return the steps between redraws of the points in a stage."""
    return plan.settings.training.stages[stage].redraw or plan.optimizers[stage].redraw


def bank_age(plan: Plan, stage: int) -> int:
    """Return the steps a bank serves in a stage."""
    return cadence(plan, stage) * (LIFE if plan.settings.sampling.pool > 1 else 1)


def judges_itself(plan: Plan, stage: int) -> bool:
    """Say whether residuals of the whole bank are known at each redraw.

    They are where the cadence is ten steps or more; on a shorter one they would cost more than the steps.
    """
    return plan.settings.sampling.pool > 1 and cadence(plan, stage) >= 10


def redraw(plan: Plan, stage: int, residual: PointwiseResidual, bank: Bank, state: TrainState) -> TrainState:
    """Choose other points of the bank if the stage's cadence says so, and keep the params if none were better."""
    every, pool = cadence(plan, stage), plan.settings.sampling.pool

    def fresh(state: TrainState) -> TrainState:
        key = jax.random.fold_in(state.key, state.step)
        if pool == 1:
            return state._replace(points=choose_first(bank, pool))
        if not judges_itself(plan, stage):
            return state._replace(points=choose_any(key, bank, pool))
        r = residual(state.params)
        seen, unseen = loss_on(residual, r, state.points), 0.5 * r @ r
        state = judged(plan, state, bank, unseen)
        # Points stay while what is left elsewhere is no larger than on them.
        wanted = (state.stage_step == 0) | ~(unseen <= plan.settings.sampling.overfit * seen)
        chosen = choose_large(key, bank, residual, r, pool)
        return state._replace(points=jax.tree.map(lambda new, old: jnp.where(wanted, new, old), chosen, state.points))

    return jax.lax.cond(state.stage_step % every == 0, fresh, lambda s: s, state)


def judged(plan: Plan, state: TrainState, bank: Bank, loss: Array) -> TrainState:
    """Keep the params if their loss on the whole bank, and for what its points do not see, is the lowest so far."""
    loss = loss + jump_loss(plan.problem, plan.ansatz, state.window, bank, state.params)
    better = loss < state.kept_loss
    kept = jax.tree.map(lambda new, old: jnp.where(better, new, old), state.params, state.kept)
    return state._replace(kept=kept, kept_loss=jnp.where(better, loss, state.kept_loss), bank_loss=loss)
