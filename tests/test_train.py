"""The training loop: compiled once, exact resume, cadences, limits, and what happens when a number is not finite."""

import itertools
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import HEAT

from pinn import checkpoint
from pinn.config import problem_from_text
from pinn.settings import make_settings
from pinn.solution import build_ansatz
from pinn.training.limits import Limits
from pinn.training.plan import make_plan
from pinn.training.programs import Programs, make_advance
from pinn.training.state import init_state
from pinn.training.train import train

ADAM = {"optimizer": "adam", "learning_rate": 1e-2, "steps": 30, "log_every": 10}
GN = {"optimizer": "gauss_newton", "redraw": 12}
LM = {"optimizer": "levenberg_marquardt", "steps": 6, "redraw": 3}


def plan_of(text, *stages, **sections):
    problem = problem_from_text(text)
    settings = make_settings(problem.settings, {"training": {"stages": list(stages) or [LM]}}, sections)
    return make_plan(problem, settings, build_ansatz(problem, settings))


def run(plan, state=None, **limits):
    records, states = [], []
    state, outcome = train(plan, state or init_state(plan), Limits(**limits), records.append, states.append)
    return state, outcome, records, states


def assert_equal(first, second):
    jax.tree.map(np.testing.assert_array_equal, first, second)


def test_stages_in_sequence_lower_the_loss(heat_text):
    state, outcome, records, _ = run(plan_of(heat_text, ADAM, LM))
    assert (outcome.status, outcome.message) == ("done", "all stages are through")
    assert [r["step"] for r in records] == [10, 20, 30, 31, 32, 33, 34, 35, 36]
    assert [r["optimizer"] for r in records] == ["adam"] * 3 + ["levenberg_marquardt"] * 6
    assert int(state.step) == 36
    assert records[-1]["loss"] < 1e-2 * records[0]["loss"]


@pytest.mark.parametrize("stage", [ADAM, {**ADAM, "optimizer": "lbfgs", "learning_rate": None}, LM])
def test_compiled_once_for_any_number_of_steps(heat_text, stage):
    plan = plan_of(heat_text, {k: v for k, v in stage.items() if v is not None})
    advance = jax.jit(make_advance(plan, 0))
    state = init_state(plan)
    bank = Programs(plan).bank(state)
    for n in (1, 3, 2):
        state, _, _ = advance(state, bank, jnp.asarray(n, jnp.int32))
    assert advance._cache_size() == 1
    assert int(state.step) == 6


@pytest.fixture(scope="module")
def unbroken():
    """The end of a run, and the states after each step of one that is logged at each."""
    whole, *_ = run(plan_of(HEAT, ADAM, LM))
    _, _, _, states = run(plan_of(HEAT, {**ADAM, "log_every": 1}, LM))
    return whole, states


@pytest.mark.parametrize("cut", [7, 30, 33])
def test_resumed_equals_unbroken(heat_text, tmp_path, unbroken, cut):
    """To the bit, wherever the cut falls: in a chunk, between stages, between redraws."""
    whole, states = unbroken
    checkpoint.save(tmp_path / "c.npz", states[cut - 1], {})
    arrays, _ = checkpoint.load(tmp_path / "c.npz")
    again = plan_of(heat_text, ADAM, LM)
    loaded = checkpoint.restore(arrays, states[cut - 1], "c.npz")
    assert int(loaded.step) == cut
    end, *_ = run(again, loaded)
    assert_equal(whole, end)


def test_the_log_says_which_term_pulls_how_hard(heat_text):
    """Shares add up to one, and grow with the weight of a term."""
    plan = plan_of(heat_text, LM, ansatz={"initial": "soft"}, training={"stages": [LM], "weights": {"initial": 4.0}})
    _, _, records, _ = run(plan)
    told = [r["gradient_shares"] for r in records]
    assert [t is not None for t in told] == [False, False, True, False, False, True]
    assert all(set(t) == {"pde", "initial"} and sum(t.values()) == pytest.approx(1) for t in told if t)
    state = init_state(plan)
    programs = Programs(plan)
    bank = programs.bank(state)
    before = programs.shares(state, bank)
    heavier = plan._replace(settings=plan.settings.model_copy(
        update={"training": plan.settings.training.model_copy(update={"weights": {"initial": 16.0}})}))  # fmt: skip
    after = Programs(heavier).shares(state, bank)
    odds = [s["initial"] / s["pde"] for s in (before, after)]
    assert odds[1] == pytest.approx(4 * odds[0])
    _, _, hard, _ = run(plan_of(heat_text, LM))
    assert all(r["gradient_shares"] is None for r in hard)


def test_points_are_redrawn_on_the_stated_cadence(heat_text):
    _, _, _, states = run(plan_of(heat_text, LM))
    interiors = [np.asarray(s.points["interior"]) for s in states]
    same = [np.array_equal(a, b) for a, b in itertools.pairwise(interiors)]
    assert same == [True, True, False, True, True]


def test_seeds(heat_text):
    first, again, other = (run(plan_of(heat_text, LM, training={"seed": s}))[0] for s in (0, 0, 1))
    assert_equal(first, again)
    leaves = jax.tree.leaves(first.params), jax.tree.leaves(other.params)
    assert not np.array_equal(leaves[0][0], leaves[1][0])


def test_single_precision(heat_text):
    state, outcome, records, _ = run(plan_of(heat_text, ADAM, LM, training={"precision": "float32"}))
    assert {leaf.dtype for leaf in jax.tree.leaves(state.params)} == {jnp.dtype("float32")}
    assert outcome.status == "done" and records[-1]["loss"] < 1e-2 * records[0]["loss"]


def test_mean_absolute_value(heat_text):
    _, _, records, _ = run(plan_of(heat_text, {**ADAM, "steps": 200}, training={"loss": "mean_absolute"}))
    assert records[-1]["loss"] < 0.3 * records[0]["loss"]


def test_limits(heat_text):
    plan = plan_of(heat_text, {**LM, "steps": 10**6, "patience": 10**6})
    _, outcome, records, _ = run(plan, deadline=time.monotonic() - 1)
    assert (outcome.message, records) == (
        "the time was up before the first step: setup and compilation took it all",
        [],
    )
    _, outcome, records, _ = run(plan, stop=lambda: True)
    assert (outcome.status, records) == ("interrupted", [])
    _, outcome, records, _ = run(plan, reached=lambda params, span: True)
    assert (outcome.message, len(records)) == ("the target is met", 1)
    began = time.monotonic()
    _, outcome, records, _ = run(plan, deadline=began + 4)
    assert outcome.message == "the time was up" and records


@pytest.mark.parametrize("stage", [LM, {**ADAM, "redraw": 3}])
def test_a_window_that_is_good_enough_makes_way_for_the_next(heat_text, stage):
    plan = plan_of(heat_text, {**stage, "steps": 10**4, "log_every": 5}, training={"windows": 2, "seconds": None})
    begun = float(run(plan_of(heat_text, {**stage, "steps": 1, "log_every": 1}))[2][0]["loss"])
    state, outcome, records, _ = run(plan, loss=0.1 * begun)
    assert outcome.message == "the residual on all points of a window is below the target"
    assert {r["window"] for r in records} == {0, 1} and max(state.worst, state.kept_loss) <= 0.1 * begun
    assert len(records) < 200


def test_a_window_that_never_was_good_enough_is_said(heat_text):
    plan = plan_of(heat_text, {**LM, "steps": 2}, training={"windows": 2, "attempts": 1})
    state, outcome, *_ = run(plan, loss=1e-30)
    assert outcome.message == "all stages are through"
    state, outcome, *_ = run(plan, state=state._replace(worst=2 * state.kept_loss), loss=float(state.kept_loss))
    assert outcome.message.startswith("the last window is good enough, an earlier one is not")


def test_windows_before_the_last_end_when_the_target_allows(heat_text):
    asked = []

    def reached(params, span):
        asked.append(span)
        return True

    plan = plan_of(heat_text, {**LM, "steps": 10**4}, training={"windows": 3})
    _, outcome, records, _ = run(plan, reached=reached)
    assert outcome.message == "the target is met" and [r["window"] for r in records] == [0, 1, 2]
    assert asked == [pytest.approx((0, 1 / 3)), pytest.approx((1 / 3, 2 / 3)), None]


def test_patience_ends_a_stage(heat_text):
    stage = {**ADAM, "learning_rate": 1e-12, "steps": 1000, "log_every": 1, "patience": 5}
    _, outcome, records, _ = run(plan_of(heat_text, stage, {**LM, "steps": 1}))
    assert len(records) == 7 and outcome.message == "all stages are through"


def test_one_small_record_comes_to_the_host_per_logged_step(heat_text, monkeypatch):
    counts = {"get": 0}
    original = jax.device_get

    def counted(tree):
        counts["get"] += 1
        assert sum(np.size(leaf) for leaf in jax.tree.leaves(tree)) < 10
        return original(tree)

    monkeypatch.setattr(jax, "device_get", counted)
    _, _, records, _ = run(plan_of(heat_text, ADAM))
    assert counts["get"] == len(records) == 3


def test_a_long_pause_between_log_lines_is_no_pause_in_looking_at_the_clock(heat_text):
    stage = {**ADAM, "steps": 10**8, "log_every": 10**8}
    plan = plan_of(heat_text, stage)
    began = time.monotonic()
    _, outcome, records, _ = run(plan, deadline=began + 6)
    assert outcome.message == "the time was up" and records == []
    assert time.monotonic() - began < 10


# --- numbers that are not finite ------------------------------------------------------------------------


def finite(state):
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params))


def test_nan_in_a_residual_names_the_constraint_and_the_point(heat_text):
    text = heat_text.replace("u_t = k*u_xx", "u_t = k*u_xx + 0*sqrt(0.5 - x)").split("reference")[0] + "\n"
    state, outcome, records, _ = run(plan_of(text, LM))
    assert outcome.status == "failed" and records == [] and int(state.step) == 0
    assert "the residual of 'pde' is nan at t=" in outcome.message
    assert float(outcome.message.rsplit("x=", 1)[1]) > 0.5


@pytest.mark.parametrize("stage", [ADAM, LM])
def test_nan_in_a_gradient_is_told_from_nan_in_a_residual(heat_text, stage):
    """sqrt has a finite value at 0 and no finite derivative there."""
    text = heat_text.replace("u = sin(pi*x)}", "sqrt(0*u)}").split("reference")[0]
    state, outcome, _, _ = run(plan_of(text + "\n", stage))
    assert outcome.status == "failed" and finite(state)
    assert "the gradient of 'initial' is not finite at t=0, x=" in outcome.message


def test_an_attempt_that_is_not_finite_is_begun_again(heat_text):
    """From the params sqrt is defined for; and where something is kept, the run is not lost."""
    text = heat_text.replace("u_t = k*u_xx", "u_t = k*u_xx + 0*sqrt(1e3 + u_xx)").split("reference")[0] + "\n"
    plan = plan_of(text, {**GN, "steps": 8}, training={"attempts": 2, "windows": 1})
    fresh = init_state(plan)
    wild = fresh._replace(params=jax.tree.map(lambda x: 1e3 * x, fresh.params))
    notes = []
    state, outcome = train(plan, wild, Limits(), on_note=notes.append)
    assert outcome.status == "done" and int(state.attempt) == 1 and np.isfinite(state.kept_loss)
    assert notes[0].startswith("attempt 1 at window 1 ended early: the residual of 'pde' is nan at t=")
    known = wild._replace(kept=fresh.params, kept_loss=jnp.asarray(1.0), attempt=jnp.asarray(1, jnp.int32))
    state, outcome = train(plan, known, Limits(), on_note=notes.append)
    assert (outcome.status, outcome.message) == ("done", "no further progress") and float(state.kept_loss) == 1


@pytest.mark.parametrize("attempts", [1, 2, 30])
def test_no_more_attempts_than_allowed_end_in_numbers_that_are_not_finite(heat_text, attempts):
    text = heat_text.replace("u_t = k*u_xx", "u_t = k*u_xx + 0*sqrt(0.5 - x)").split("reference")[0] + "\n"
    state, outcome, *_ = run(plan_of(text, {**GN, "steps": 9}, training={"attempts": attempts, "windows": 1}))
    assert outcome.status == "failed" and int(state.attempt) + 1 == min(attempts, 3)


def test_a_stage_that_is_through_counts_though_there_is_no_time_for_the_next(heat_text, monkeypatch):
    plan = plan_of(heat_text, {**LM, "steps": 3}, {**GN, "steps": 3})
    known = init_state(plan)._replace(kept_loss=jnp.asarray(1e300))
    programs = Programs(plan)
    programs.longest = 1e9  # of a compilation, which the second stage would wait for
    monkeypatch.setattr("pinn.training.train.Programs", lambda plan: programs)
    state, outcome, *_ = run(plan, state=known, deadline=time.monotonic() + 1e6)
    assert outcome.message == "the time was up" and int(state.stage) == 1 and float(state.kept_loss) < 1e300


def test_attempts_that_are_used_up_are_said_where_time_is_left(heat_text):
    plan = plan_of(heat_text, {**GN, "steps": 30, "patience": 1}, training={"attempts": 2, "windows": 1})
    _, outcome, *_ = run(plan, deadline=time.monotonic() + 600)
    assert outcome.message == "no further progress in 2 attempts, which are all that training.attempts allows"


def test_overflow_keeps_the_last_good_params(heat_text):
    stage = {"optimizer": "sgd", "learning_rate": 1e8, "steps": 500, "log_every": 50}
    state, outcome, _, _ = run(plan_of(heat_text, stage))
    assert outcome.status == "failed" and finite(state)
    assert "'pde'" in outcome.message and "t=" in outcome.message


def test_patience_survives_a_resume(heat_text, tmp_path):
    stage = {**ADAM, "learning_rate": 1e-12, "steps": 1000, "log_every": 1, "patience": 5}
    plan = plan_of(heat_text, stage)
    whole, _, _, states = run(plan)
    end, *_ = run(plan, states[3])
    assert_equal(whole, end)
    after, _, records, _ = run(plan, whole)
    assert records == [], "a finished run has nothing left to do"
    assert_equal(whole, after)
