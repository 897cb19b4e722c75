"""The bank: which of its points are chosen, and when."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pinn.config import problem_from_text
from pinn.settings import make_settings
from pinn.solution import build_ansatz
from pinn.training.bank import bank_maker, choose_large, loss_on, residual_on
from pinn.training.plan import make_plan
from pinn.training.state import init_state, redraw

# Coordinates and conditions in an order that is not the alphabet's: a place must not get another's residual.
TEXT = """
name: unsorted
coordinates: {t: [0, 1], a: [0, 1]}
unknowns: [u]
equations: {pde: u_t = u_aa}
conditions:
  right: {where: a=1, equation: u = 10*t**8}
  left: {where: a=0, equation: u = 0}
  start: {where: t=0, equation: u = 0}
ansatz: {initial: soft, dirichlet: soft}
sampling: {equations: 200, conditions: 100, pool: 10}
training: {stages: [{optimizer: gauss_newton, steps: 5, redraw: 10}]}
"""


def made(**sampling):
    problem = problem_from_text(TEXT)
    settings = make_settings(problem.settings, {"sampling": sampling})
    plan = make_plan(problem, settings, build_ansatz(problem, settings))
    state = init_state(plan)
    state = state._replace(params=jax.tree.map(jnp.zeros_like, state.params))
    constraints = plan.constraints(state.window)
    bank = bank_maker(problem, constraints, plan.ansatz, settings)(jax.random.PRNGKey(0), state.window, None)
    return plan, state, bank, residual_on(problem, constraints, plan.ansatz, settings, state.window, bank)


def test_points_gather_where_the_residual_of_their_own_place_is_large():
    _, state, bank, residual = made()
    r = residual(state.params)
    chosen = jax.jit(lambda bank: choose_large(jax.random.PRNGKey(1), bank, residual, r, 10))(bank)
    for place, points in bank.points.items():
        mean_time = float(np.mean(np.asarray(points[chosen[place]])[:, 0]))
        if place == "a=1":  # the residual is 10 t^8, of mean 10/9: half the points follow it, half are uniform
            assert mean_time > 0.6
        elif place != "t=0":
            assert mean_time == pytest.approx(0.5, abs=0.07)


def test_the_loss_on_a_part_of_the_bank_is_that_of_the_part():
    plan, state, bank, residual = made()
    params = init_state(plan).params
    chosen = {place: jnp.arange(7, len(x), 3) for place, x in bank.points.items()}
    part = residual_on(
        plan.problem, plan.constraints(state.window), plan.ansatz, plan.settings, state.window, bank.at(chosen)
    )(params)
    expected = float(0.5 * part @ part)
    assert float(loss_on(residual, residual(params), chosen)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("overfit", "changes"), [(0.0, True), (1e9, False)])
def test_points_stay_where_nothing_is_gained_elsewhere(overfit, changes):
    plan, state, bank, residual = made(overfit=overfit)
    first = redraw(plan, 0, residual, bank, state)
    assert not np.array_equal(first.points["interior"], state.points["interior"])  # a stage begins with a choice
    again = redraw(plan, 0, residual, bank, first._replace(step=jnp.int32(10), stage_step=jnp.int32(10)))
    assert (not np.array_equal(again.points["interior"], first.points["interior"])) == changes
    assert float(again.bank_loss) == pytest.approx(float(first.bank_loss))
