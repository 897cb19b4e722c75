"""What a run compiles: the steps of a stage, the bank of a window, the judgement of an attempt."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.optimizers import PointwiseResidual, StepInfo
from pinn.pieces import Window
from pinn.problem import Constraint
from pinn.training.bank import Bank, bank_maker, residual_on
from pinn.training.failure import explain
from pinn.training.plan import Plan
from pinn.training.state import TrainState, bank_age, carried_on, judged, redraw


def make_advance(
    plan: Plan, stage: int, window: Window | None = None
) -> Callable[..., tuple[TrainState, StepInfo, Array]]:
    """Return the function that takes up to n steps of a stage.

    Args:
        plan: what stays fixed.
        stage: index of the stage.
        window: only which constraints it has matters.

    Returns:
        (state, bank, n) -> (state, info of the last step, whether all steps were finite). A step that is not
        finite is not taken, and ends the chunk.
    """
    optimizer, constraints = plan.optimizers[stage], plan.constraints(window)

    def step(state: TrainState, bank: Bank) -> tuple[TrainState, StepInfo, Array]:
        def residual(bank: Bank) -> Any:
            return residual_on(plan.problem, constraints, plan.ansatz, plan.settings, state.window, bank)

        drawn = redraw(plan, stage, residual(bank), bank, state)
        params, opt_state, info = optimizer.step(residual(bank.at(drawn.points)), drawn.params, drawn.opt_state)
        finite = jnp.isfinite(info.loss)
        for leaf in jax.tree.leaves(params):
            finite &= jnp.all(jnp.isfinite(leaf))
        better = info.loss < 0.5 * state.best
        after = drawn._replace(
            step=state.step + 1,
            begun_with=jnp.where(state.step == 0, info.loss, state.begun_with),
            stage_step=state.stage_step + 1,
            best=jnp.where(better, info.loss, state.best),
            best_step=jnp.where(better, state.stage_step + 1, state.best_step),
            params=params,
            opt_state=opt_state,
        )
        return jax.tree.map(lambda new, old: jnp.where(finite, new, old), after, state), info, finite

    def advance(state: TrainState, bank: Bank, n: Array) -> tuple[TrainState, StepInfo, Array]:
        dtype = jax.tree.leaves(state.params)[0].dtype
        nothing = StepInfo(jnp.full((), jnp.nan, dtype), jnp.array(False), jnp.full((), jnp.nan, dtype))

        def unfinished(carry: tuple) -> Array:
            return (carry[0] < n) & carry[3]

        def body(carry: tuple) -> tuple:
            count, state, _, _ = carry
            return (count + 1, *step(state, bank))

        start = (jnp.zeros((), jnp.int32), state, nothing, jnp.array(True))
        return jax.lax.while_loop(unfinished, body, start)[1:]

    return advance


class Programs:
    """What is compiled, each when first asked for; windows with the same constraints share it."""

    def __init__(self, plan: Plan):
        self.plan, self.known, self.seconds, self.longest, self.latest = plan, {}, 0.0, 0.0, None
        self.attempt_seconds = 0.0  # what an attempt at a window takes

    def attempt_took(self, seconds: float) -> None:
        """Remember how long attempts take: an average in which the last one counts half."""
        self.attempt_seconds = (seconds + (self.attempt_seconds or seconds)) / 2

    @staticmethod
    def _key(kind: str, stage: int, constraints: tuple[Constraint, ...]) -> tuple:
        return kind, stage, tuple(c.name for c in constraints)

    def _get(self, kind: str, stage: int, constraints: tuple[Constraint, ...], make: Callable[[], Any]) -> Any:
        key = self._key(kind, stage, constraints)
        if key not in self.known:
            began = time.monotonic()
            self.known[key] = make()
            took = time.monotonic() - began
            self.seconds, self.longest = self.seconds + took, max(self.longest, took)
        return self.known[key]

    def bank(self, state: TrainState) -> Bank:
        """Draw the bank that serves the state's step; the first of every window has the same places."""
        plan, constraints = self.plan, self.plan.constraints(state.window)
        maker = self._get(
            "bank", 0, constraints, lambda: bank_maker(plan.problem, constraints, plan.ansatz, plan.settings)
        )
        stage, step = int(state.stage), int(state.stage_step)
        key = state.key
        for number in (int(state.attempt), stage, step - step % bank_age(plan, stage), 1):
            key = jax.random.fold_in(key, number)
        self.latest = maker(key, state.window, state.pieces)
        return self.latest

    def prepare(self, state: TrainState) -> None:
        """Compile what a window begins with, unless an earlier one has."""
        stage = int(state.stage)
        if self._key("advance", stage, self.plan.constraints(state.window)) not in self.known:
            self.advance(stage, state, self.bank(state))

    def advance(self, stage: int, state: TrainState, bank: Bank) -> Callable:
        """Compile the steps of a stage."""

        def make() -> Callable:
            advance = make_advance(self.plan, stage, state.window)
            return jax.jit(advance).lower(state._replace(pieces=None), bank, jnp.zeros((), jnp.int32)).compile()

        return self._get("advance", stage, self.plan.constraints(state.window), make)

    def shares(self, state: TrainState, bank: Bank) -> dict[str, float] | None:
        """Return each term's share of the sum of the gradients' norms; None where the loss has but one term."""
        plan, constraints = self.plan, self.plan.constraints(state.window)
        if len(constraints) == 1:
            return None

        def norms(state: TrainState, bank: Bank) -> list[Array]:
            def norm(constraint: Constraint) -> Array:
                part = residual_on(plan.problem, [constraint], plan.ansatz, plan.settings, state.window, bank)
                gradient = jax.grad(lambda params: 0.5 * jnp.sum(part(params) ** 2))(state.params)
                return jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree.leaves(gradient)))

            return [norm(c) for c in constraints]

        given = state._replace(pieces=None), bank.at(state.points)
        compiled = self._get("shares", 0, constraints, lambda: jax.jit(norms).lower(*given).compile())
        found = jax.device_get(compiled(*given))
        total = sum(found) or 1.0
        return {c.name: float(n / total) for c, n in zip(constraints, found, strict=True)}

    def explain(self, state: TrainState) -> str:
        """Say where the step after this state stopped being finite."""
        plan, constraints, stage = self.plan, self.plan.constraints(state.window), int(state.stage)

        def on(bank: Bank, *constraints: Constraint) -> PointwiseResidual:
            return residual_on(plan.problem, constraints, plan.ansatz, plan.settings, state.window, bank)

        @jax.jit
        def part(state: TrainState, bank: Bank) -> Bank:
            return bank.at(redraw(plan, stage, on(bank, *constraints), bank, state).points)

        used = part(state._replace(pieces=None), self.latest)
        return explain(plan.problem, constraints, lambda c: on(used, c), state.params, used.points)

    def begin(self, state: TrainState, bank: Bank) -> TrainState:
        """Choose the params a window is begun with: those given, or those before carried on, by their loss."""
        other = None if int(state.attempt) + int(state.stage) + int(state.stage_step) else carried_on(self.plan, state)
        if other is None:
            return state
        given, found = (float(self.judge(s, bank).bank_loss) for s in (state, other))
        return other if found < given or np.isnan(given) else state

    def judge(self, state: TrainState, bank: Bank) -> TrainState:
        """Keep the params if their loss on the whole bank is the lowest so far."""
        plan, constraints = self.plan, self.plan.constraints(state.window)

        def judge(state: TrainState, bank: Bank) -> TrainState:
            r = residual_on(plan.problem, constraints, plan.ansatz, plan.settings, state.window, bank)(state.params)
            return judged(plan, state, bank, 0.5 * r @ r)

        given = state._replace(pieces=None), bank
        compiled = self._get("judge", 0, constraints, lambda: jax.jit(judge).lower(*given).compile())
        return compiled(*given)._replace(pieces=state.pieces)
