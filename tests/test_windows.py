"""Time windows: how they are cut, that their pieces join, and that a run through them resumes."""

import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import HEAT

from pinn import checkpoint
from pinn.config import load_problem, problem_from_text
from pinn.errors import ProblemError
from pinn.pieces import Window, appended
from pinn.residuals import residual_blocks
from pinn.settings import make_settings
from pinn.solution import build_ansatz
from pinn.training.bank import bank_maker, residual_on
from pinn.training.limits import Limits
from pinn.training.plan import make_plan
from pinn.training.programs import Programs
from pinn.training.state import (
    begin_attempt,
    begin_window,
    carried_on,
    halve_window,
    init_state,
    solution_params,
    state_like,
)
from pinn.training.train import train

STAGE = {"optimizer": "gauss_newton", "steps": 5, "redraw": 3}


def plan_of(problem, **training):
    settings = make_settings(problem.settings, {"training": {"stages": [STAGE], **training}})
    return make_plan(problem, settings, build_ansatz(problem, settings))


def random_pieces(plan, count):
    pieces, edges = None, np.linspace(*plan.problem.domain.bounds["t"], count + 1)
    for k in range(count):
        params = plan.ansatz.init(jax.random.PRNGKey(k))
        window = Window(*(jnp.asarray(v, float) for v in (edges[k], edges[k + 1], float(k > 0))))
        pieces = appended(pieces, params, window)
    return pieces


@pytest.mark.parametrize(
    ("windows", "seconds", "expected"),
    [
        ("auto", 180.0, 10),
        ("auto", 60.0, 10),
        ("auto", 30.0, 3),
        ("auto", 20.0, 1),
        ("auto", 2.0, 1),
        ("auto", None, 10),
        (4, 180.0, 4),
        ([0.0, 0.3, 1.0], 1.0, 2),
    ],
)
def test_edges(heat_text, windows, seconds, expected):
    problem = problem_from_text(heat_text.replace("k*u_xx", "k*u_xx - u**2").split("reference")[0])
    edges = plan_of(problem, windows=windows, seconds=seconds).edges
    assert len(edges) == expected + 1 and edges[0] == 0 and edges[-1] == 1
    assert all(np.diff(edges) > 0)


def test_windows_whose_ends_are_the_same_number_are_refused(heat_text):
    problem = problem_from_text(heat_text)
    for precision, short in (("float32", 1e-50), ("float64", 1e-320)):
        with pytest.raises(ProblemError, match=f"too short for {precision}, which cannot tell its ends apart"):
            plan_of(problem, windows=[0.0, short, 1.0], precision=precision)


@pytest.mark.parametrize(
    ("windows", "says"),
    [
        ([0.0, 0.5, 0.5, 1.0], "have to increase"),
        ([0.0, 0.5], "have to go from 0 to 1"),
        ([-1.0, 1.0], "from 0 to 1"),
        ([], "from 0"),
        ([0.0, 1.0 + 1e-6], "have to go from 0 to 1"),
    ],
)
def test_windows_that_are_no_cut_of_the_range(heat_text, windows, says):
    with pytest.raises(ProblemError, match=says):
        plan_of(problem_from_text(heat_text), windows=windows)


def test_the_ends_of_windows_may_be_written_with_fewer_digits():
    text = "name: p\ncoordinates: {t: [0, pi/3], x: [0, 1]}\nunknowns: [u]\nequations: {pde: u_t + u_x = 0}\n"
    text += "conditions: {initial: {where: t=0, equation: u = x}, left: {where: x=0, equation: u = -t}}\n"
    edges = plan_of(problem_from_text(text), windows=[0.0, 0.5, 1.0471975512]).edges
    assert edges == (0.0, 0.5, np.pi / 3)


def test_a_periodic_time_has_conditions_anywhere():
    text = (
        "name: p\ncoordinates: {t: [2, 4], x: [0, 1]}\nperiodic: [t]\nunknowns: [u]\nequations: {pde: u_t + u_x = 0}\n"
    )
    text += "conditions: {left: {where: x=0, equation: u = cos(pi*t)}, there: {where: t=3, equation: u = cos(pi*(3 - x))}}\n"
    assert "there" in [c.name for c in plan_of(problem_from_text(text)).constraints()]


def test_derivatives_at_an_edge_belong_to_one_window(heat_text):
    """The slope in time there is that of the window before, not the sum of two."""
    plan = plan_of(problem_from_text(heat_text), windows=2)
    pieces = random_pieces(plan, 2)
    u_t = jax.jit(jax.jacfwd(lambda t, x: plan.ansatz.network.apply(pieces, jnp.stack([t, x]))[0]))
    at = [float(u_t(jnp.asarray(0.5 + shift), jnp.asarray(0.3))) for shift in (-1e-9, 0.0, 1e-9)]
    assert at[1] == pytest.approx(at[0], rel=1e-6) and abs(at[2] - at[0]) > 1e-3
    assert float(u_t(jnp.asarray(0.0), jnp.asarray(0.3))) == pytest.approx(
        float(u_t(jnp.asarray(1e-9), jnp.asarray(0.3))), rel=1e-6
    )


def test_a_window_that_was_never_begun_is_no_part_of_the_solution(heat_text):
    plan = plan_of(problem_from_text(heat_text), windows=3)
    state, *_ = run(plan_of(problem_from_text(heat_text), windows=[0.0, 1 / 3, 1.0]), deadline=None)
    state = begin_window(plan, init_state(plan)._replace(params=state.params, kept=state.params))
    assert solution_params(state).windows.stop.tolist() == pytest.approx([1 / 3])
    begun = state._replace(stage_step=state.stage_step + 1)
    assert solution_params(begun).windows.stop.tolist() == pytest.approx([1 / 3, 2 / 3])


EDGES = [0.0, 0.2, 0.6, 1.0]  # of windows with their middles at 0.1, 0.4 and 0.8


def third_window(plan):
    """Return a state at its start, and the params that those of the first two lead to along a straight line."""
    aim, state = plan.ansatz.init(jax.random.PRNGKey(7)), init_state(plan)
    for factor in (0.3, 0.6):
        state = begin_window(plan, state._replace(kept=jax.tree.map(lambda x, f=factor: f * x, aim), kept_loss=1.0))
    return state, aim


def same(params, others):
    return all(np.allclose(a, b, rtol=1e-12) for a, b in zip(*map(jax.tree.leaves, (params, others)), strict=True))


def test_params_are_carried_on_to_the_middle_of_a_window(heat_text):
    plan = plan_of(problem_from_text(heat_text), windows=EDGES)
    state, aim = third_window(plan)
    assert same(state.params, jax.tree.map(lambda x: 0.6 * x, aim))
    assert same(carried_on(plan, state).params, aim) and same(carried_on(plan, state).kept, aim)
    second = begin_window(plan, init_state(plan)._replace(kept_loss=1.0))
    assert carried_on(plan, init_state(plan)) is carried_on(plan, second) is None, "it takes two to make a line"
    alone = plan_of(load_problem("logistic"))
    assert carried_on(alone, third_window(alone)[0]) is None, "without space, fresh params do better"


@pytest.mark.parametrize("lower", [True, False])
def test_a_window_begins_with_the_lower_loss(heat_text, monkeypatch, lower):
    plan = plan_of(problem_from_text(heat_text), windows=EDGES)
    state, aim = third_window(plan)

    def distance(self, state, bank):
        return state._replace(bank_loss=1.0 if same(state.params, aim) == lower else 2.0)

    monkeypatch.setattr(Programs, "judge", distance)
    programs = Programs(plan)
    assert same(programs.begin(state, None).params, aim) == lower
    for later in ("stage_step", "stage", "attempt"):
        begun = state._replace(**{later: jnp.ones((), jnp.int32)})
        assert programs.begin(begun, None) is begun, "a run that is resumed has begun"


def test_a_halved_first_window_resumes_with_the_points_it_has(heat_text):
    """A condition later than half of the first window is none of its own after the cut."""
    later = "conditions:\n  later: {where: t=0.4, equation: u = exp(-k*pi**2*t)*sin(pi*x)}"
    plan = plan_of(problem_from_text(heat_text.replace("conditions:", later, 1)), windows=2)
    state = halve_window(plan, init_state(plan))
    like = state_like(plan, 0, 0, (0.0, 0.25))
    assert state.points.keys() == like.points.keys() == {"interior"}


def test_problems_that_cannot_be_cut(heat_text):
    text = heat_text.replace("u_t = k*u_xx", "u_tt = k*u_xx").split("reference")[0]
    wave = problem_from_text(text.replace("conditions:", RATES))
    assert len(plan_of(wave, windows=3).edges) == 4, "value and rate at the beginning are hard"
    more = RATES + "\n  acceleration: {where: t=0, equation: u_tt}"
    third = problem_from_text(text.replace("u_tt", "u_ttt").replace("conditions:", more))
    soft = problem_from_text(text.replace("conditions:", RATES) + "ansatz: {initial: soft}\n")
    for problem, order in ((soft, 2), (third, 3)):
        assert plan_of(problem).edges == (0, 1)
        with pytest.raises(ProblemError, match=f"order {order} in t; windows need order one, or order two with hard"):
            plan_of(problem, windows=3)


RATES = "conditions:\n  velocity: {where: t=0, equation: u_t}"
WAVE = """
name: string
coordinates: {t: [0, 1], x: [0, 1]}
unknowns: [u]
equations: {pde: u_tt = 4*u_xx}
conditions:
  initial: {where: t=0, equation: u = sin(pi*x)}
  rate: {where: t=0, equation: u_t = x*(1 - x)}
  left: {where: x=0, equation: u = 0}
  right: {where: x=1, equation: u = 0}
ansatz: {carried: CARRIED}
"""


@pytest.mark.parametrize("carried", ["true", "state"])
def test_value_and_rate_go_on_from_window_to_window(carried):
    """Of an equation of order two in time; its second derivative may jump."""
    plan = plan_of(problem_from_text(WAVE.replace("CARRIED", carried)), windows=3)
    pieces, x = random_pieces(plan, 3), jnp.asarray(0.3)

    def u(t):
        return plan.ansatz.network.apply(pieces, jnp.stack([t, x]))[0]

    u, rate, second = map(jax.jit, (u, jax.jacfwd(u), jax.jacfwd(jax.jacfwd(u))))
    for edge in (1 / 3, 2 / 3):
        before, after = (jnp.asarray(edge + shift) for shift in (-1e-9, 1e-9))
        assert float(u(before)) == pytest.approx(float(u(after)), abs=1e-7)
        assert float(rate(before)) == pytest.approx(float(rate(after)), abs=1e-6)
        assert abs(float(second(before)) - float(second(after))) > 1e-2
    assert float(rate(jnp.asarray(0.0))) == pytest.approx(0.3 * 0.7, rel=1e-9)


def test_linear_problems_get_one_window(heat_text):
    assert len(plan_of(problem_from_text(heat_text), windows="auto").edges) == 2
    assert len(plan_of(load_problem("burgers")).edges) == len(plan_of(load_problem("allen_cahn")).edges) == 11


def test_first_order_methods_and_soft_initial_conditions_get_one_window(heat_text):
    problem = problem_from_text(heat_text)
    adam = [{"optimizer": "adam", "learning_rate": 1e-3, "steps": 5}]
    assert len(plan_of(problem, windows="auto", stages=adam).edges) == 2
    soft = problem_from_text(heat_text + "ansatz: {initial: soft}\n")
    assert len(plan_of(soft, windows="auto").edges) == 2
    # A later window of a soft start has no initial condition: it begins where the one before has ended.
    plan = plan_of(soft, windows=2)
    assert [c.name for c in plan.constraints()] == ["pde", "initial"]
    assert [c.name for c in plan.constraints(init_state(plan).window)] == ["pde", "initial"]
    assert [c.name for c in plan.constraints(begin_window(plan, init_state(plan)).window)] == ["pde"]


@pytest.mark.parametrize("name", ["allen_cahn", "burgers"])
def test_pieces_join_and_keep_the_hard_conditions(name):
    plan = plan_of(load_problem(name))
    pieces = random_pieces(plan, 3)

    @jax.jit
    def u(t, x):
        return jax.vmap(lambda p: plan.ansatz.network.apply(pieces, p)[0])(jnp.stack(jnp.broadcast_arrays(t, x), -1))

    x = jnp.linspace(-1, 1, 11)
    for edge in (1 / 3, 2 / 3):
        np.testing.assert_allclose(u(edge - 1e-9, x), u(edge + 1e-9, x), atol=1e-6)
    initial = {"allen_cahn": x**2 * jnp.cos(jnp.pi * x), "burgers": -jnp.sin(jnp.pi * x)}[name]
    np.testing.assert_allclose(u(0.0, x), initial, atol=1e-11)
    if name == "burgers":
        np.testing.assert_allclose(u(jnp.linspace(0, 1, 7), -1.0), 0, atol=1e-14)
    assert np.abs(np.asarray(u(0.9, x) - u(0.5, x))).max() > 1e-2


@pytest.mark.parametrize("name", ["allen_cahn", "burgers", "klein_gordon"])
def test_the_bank_holds_what_steps_do_not_change(name):
    """Residual from the bank's tables and the last piece against that of the whole solution, differentiated anew."""
    plan = plan_of(load_problem(name))
    pieces = random_pieces(plan, 3)
    before, (params, window) = (jax.tree.map(lambda x: x[:2], pieces), jax.tree.map(lambda x: x[2], pieces))
    sampling = {"sampling": {"equations": 30, "conditions": 5}}
    settings = make_settings(sampling)
    bank = bank_maker(plan.problem, plan.constraints(window), plan.ansatz, settings)(
        jax.random.PRNGKey(0), window, before
    )
    assert np.all((bank.points["interior"][:, 0] > 2 / 3) & (bank.points["interior"][:, 0] < 1))
    residual = residual_on(plan.problem, plan.constraints(window), plan.ansatz, settings, window, bank)
    blocks = partial(residual_blocks, plan.problem, plan.constraints(window))
    whole = jax.jit(lambda points: blocks(lambda x: plan.ansatz.network.apply(pieces, x), points))(bank.points)["pde"]
    np.testing.assert_allclose(jax.jit(residual.__call__)(params) / residual.scales, whole, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["burgers", "allen_cahn"])
def test_a_bank_is_the_same_with_what_is_known_from_the_window_before(name):
    """Where kinks are lifted, what a window adds changes later, and nothing is taken over."""
    plan, settings = plan_of(load_problem(name)), make_settings({"sampling": {"equations": 30, "conditions": 5}})
    pieces, key = random_pieces(plan, 3), jax.random.PRNGKey(0)
    windows = [jax.tree.map(lambda x, k=k: x[k], pieces.windows) for k in range(3)]

    def maker():
        return bank_maker(plan.problem, plan.constraints(windows[2]), plan.ansatz, settings)

    in_turn, others = maker(), jax.random.PRNGKey(1)
    banks = [in_turn(key, w, jax.tree.map(lambda x, k=k: x[:k], pieces) if k else None) for k, w in enumerate(windows)]
    assert np.array_equal(banks[0].points["interior"][:, 1:], banks[2].points["interior"][:, 1:]), "the same places"
    for found, expected in (
        (banks[2], maker()(key, windows[2], jax.tree.map(lambda x: x[:2], pieces))),
        (in_turn(others, windows[2], pieces), maker()(others, windows[2], pieces)),
    ):
        assert all(np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (found, expected)), strict=True))


def run(plan, state=None, **limits):
    records, states = [], []
    state, outcome = train(plan, state or init_state(plan), Limits(**limits), records.append, states.append)
    return state, outcome, records, states


@pytest.fixture(scope="module")
def three_windows():
    plan = plan_of(problem_from_text(HEAT), windows=3)
    return plan, *run(plan)


def test_windows_are_solved_one_after_the_other(three_windows):
    _, state, outcome, records, _ = three_windows
    assert outcome.message == "all stages are through"
    assert [r["window"] for r in records] == [0] * 5 + [1] * 5 + [2] * 5
    assert solution_params(state).windows.stop.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    # The second begins from the params of the first, and from a much lower loss.
    assert records[5]["loss"] < 0.1 * records[0]["loss"]


@pytest.mark.parametrize("cut", [3, 7, 13])
def test_resumed_in_a_window_equals_unbroken(three_windows, tmp_path, cut):
    plan, whole, _, _, states = three_windows
    checkpoint.save(tmp_path / "c.npz", states[cut - 1], {})
    arrays, _ = checkpoint.load(tmp_path / "c.npz")
    span = (float(arrays[".window.start"]), float(arrays[".window.stop"]))
    like = state_like(plan, int(arrays[".number"]), int(arrays[".stage"]), span)
    loaded = checkpoint.restore(arrays, like, "c.npz")
    assert int(loaded.step) == cut
    end, *_ = run(plan, loaded)
    jax.tree.map(np.testing.assert_array_equal, whole, end)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_poor_window_is_cut_in_half(heat_text, monkeypatch, precision):
    monkeypatch.setattr("pinn.training.attempts.POOR", 0.0)
    monkeypatch.setattr("pinn.training.attempts.HALVINGS", 1)
    stage = {"optimizer": "gauss_newton", "steps": 30, "patience": 2, "damping": 1e3, "shrink": 0.999}
    plan = plan_of(
        problem_from_text(heat_text), windows=[0.0, 0.3, 1.0], attempts=2, precision=precision, stages=[stage]
    )
    notes, records = [], []
    with jax.enable_x64(precision == "float64"):
        state, _ = train(plan, init_state(plan), Limits(), records.append, on_note=notes.append)
    edges = [*solution_params(state).windows.start.tolist(), float(state.window.stop)]
    assert edges == pytest.approx([0, 0.15, 0.3, 0.65, 1])
    cut = [n for n in notes if n.endswith("it is cut in half")]
    assert len(cut) == 2 and cut[0].startswith("the window from t=0 to 0.3 ends with a loss of")
    left = [n for n in notes if "is left with a loss of" in n]
    assert [n.split(" is")[0] for n in left] == ["the window from t=0.15 to 0.3", "the window from t=0.3 to 0.65"]
    spans = [tuple(np.round(r["span"], 6)) for r in records]
    assert list(dict.fromkeys(spans)) == [(0, 0.3), (0, 0.15), (0.15, 0.3), (0.3, 1), (0.3, 0.65), (0.65, 1)]
    # Its first attempt begins from the best params of the whole, the next from others.
    first = next(r for r in records if r["window"] == 2 and r["span"][1] < 0.7)
    assert first["loss"] < min(r["loss"] for r in records if r["window"] == 2 and r["span"][1] > 0.7) * 10


def test_a_window_without_a_finite_loss_says_nothing_of_later_ones(heat_text):
    plan = plan_of(problem_from_text(heat_text), windows=2)
    state = init_state(plan)._replace(kept_loss=jnp.asarray(np.inf), worst=jnp.asarray(1e-3))
    assert float(begin_window(plan, state).worst) == 1e-3
    assert float(begin_window(plan, state._replace(kept_loss=jnp.asarray(1.0))).worst) == 1


def test_a_window_is_not_cut_where_there_is_no_time_for_one_more(heat_text, monkeypatch):
    monkeypatch.setattr("pinn.training.attempts.POOR", 0.0)
    monkeypatch.setattr("pinn.training.attempts.MARGIN", 1e9)
    stage = {"optimizer": "gauss_newton", "steps": 30, "patience": 2, "damping": 1e3, "shrink": 0.999}
    plan = plan_of(problem_from_text(heat_text), windows=2, attempts=3, stages=[stage])
    _, outcome, records, _ = run(plan, deadline=time.monotonic() + 60)
    assert {tuple(r["span"]) for r in records} == {(0, 0.5), (0.5, 1)}
    assert outcome.message == "no further progress"


def test_a_run_out_of_time_on_the_way_says_where_it_stands(heat_text):
    plan = plan_of(problem_from_text(heat_text), windows=3)
    state = begin_window(plan, run(plan_of(problem_from_text(heat_text), windows=[0.0, 1 / 3, 1.0]))[0]._replace(
        window=init_state(plan).window, pieces=None, number=jnp.zeros((), jnp.int32)))  # fmt: skip
    _, outcome, *_ = run(plan, state, deadline=time.monotonic() + 1e-3)
    assert outcome.message == "the time was up in window 2 of 3; after t=0.333333 the solution only stands still"


def test_a_run_out_of_time_still_gives_a_whole_solution(heat_text):
    plan = plan_of(problem_from_text(heat_text), windows=3, stages=[{**STAGE, "steps": 10**6, "patience": 10**6}])
    _, outcome, records, _ = run(plan, deadline=time.monotonic() + 1e-3)
    assert outcome.message == "the time was up before the first step: setup and compilation took it all" and not records


@pytest.mark.parametrize(("matters", "attempts"), [(1e300, {0}), (0.0, {0, 1, 2})])
def test_windows_are_begun_again_while_there_is_time(heat_text, monkeypatch, matters, attempts):
    """Where the loss of one matters beside the worst before it; before the first there is none."""
    monkeypatch.setattr("pinn.training.attempts.MATTERS", matters)
    stage = {"optimizer": "gauss_newton", "steps": 1000, "patience": 2, "damping": 1e3, "shrink": 0.999}
    plan = plan_of(problem_from_text(heat_text), windows=2, attempts=3, stages=[stage])
    state, _, records, _ = run(plan, deadline=time.monotonic() + 60)
    for window, expected in enumerate(({0, 1, 2}, attempts)):
        assert {r["attempt"] for r in records if r["window"] == window} == expected
    assert 0 < float(state.worst) < np.inf and 0 < float(state.kept_loss) < np.inf


def test_a_hurried_window_no_worse_than_those_before_waits_half_as_long(heat_text, monkeypatch):
    stage = {"optimizer": "gauss_newton", "steps": 1000, "patience": 9, "damping": 1e6, "shrink": 0.999}
    plan, steps = plan_of(problem_from_text(heat_text), windows=2, attempts=1, stages=[stage]), {}
    begun = init_state(plan)
    for hurried, worst in ((False, 1e300), (True, 1e300), (True, 0.0)):
        monkeypatch.setattr("pinn.training.attempts.is_hurried", lambda *_, h=hurried: h)
        records = run(plan, begun._replace(worst=jnp.full_like(begun.worst, worst)))[2]
        steps[hurried, worst] = [sum(r["window"] == w for r in records) for w in (0, 1)]
    # The step that sets the mark and nine without progress, or five where no window before was better.
    assert steps == {(False, 1e300): [10, 10], (True, 1e300): [6, 6], (True, 0.0): [10, 10]}


def test_a_later_window_is_begun_again_from_the_one_before_shaken(heat_text):
    plan = plan_of(problem_from_text(heat_text), windows=2)
    state = begin_window(plan, init_state(plan))
    before = jax.flatten_util.ravel_pytree(jax.tree.map(lambda x: x[-1], state.pieces.params))[0]
    again = [
        jax.flatten_util.ravel_pytree(begin_attempt(plan, s).params)[0] for s in (state, begin_attempt(plan, state))
    ]
    moved = [float(jnp.linalg.norm(p - before) / jnp.linalg.norm(before)) for p in again]
    assert all(0.005 < m < 0.1 for m in moved) and not np.array_equal(*again)


def test_windows_of_ordinary_equations_begin_from_fresh_params():
    text = "name: decay\ncoordinates: {t: [0, 1]}\nunknowns: [u]\nequations: {ode: u_t = -u**2}\n"
    plan = plan_of(problem_from_text(text + "conditions: {start: {where: t=0, equation: u = 1}}\n"), windows=2)
    state = begin_window(plan, init_state(plan))
    assert int(state.number) == 1 and int(state.attempt) == 0
    tried = [state, begin_attempt(plan, state)]
    before, first, second = (
        jax.flatten_util.ravel_pytree(p)[0]
        for p in (jax.tree.map(lambda x: x[-1], state.pieces.params), *(s.params for s in tried))
    )
    sizes = np.linalg.norm([before, first, second], axis=1)
    assert sizes.max() < 2 * sizes.min(), "of the size of fresh ones"
    for one, other in ((before, first), (first, second), (before, second)):
        assert jnp.linalg.norm(one - other) > 0.5 * sizes.min()


def test_what_is_compiled_later_is_no_time_of_an_attempt():
    plan = plan_of(load_problem("lotka_volterra"), windows=1)  # of two equations, so that they have shares
    programs, state = Programs(plan), init_state(plan)
    bank = programs.bank(state)
    for later in (programs.judge, programs.shares):
        counted, began = programs.seconds, time.monotonic()
        assert later(state, bank) is not None
        assert programs.seconds - counted > 0.5 * (time.monotonic() - began)
