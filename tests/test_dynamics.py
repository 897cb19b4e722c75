"""Learned dynamics: trajectories, flow maps, their judgement; and the command, with all that a user can get wrong."""

import dataclasses
import importlib.util
import json
import signal
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import correlate2d

from pinn.__main__ import main
from pinn.config import load_problem, problem_from_text
from pinn.dynamics import judge, lyapunov, sources
from pinn.dynamics.baselines import linear
from pinn.dynamics.catalogue import MODELS, check_models
from pinn.dynamics.equations import drive_of, driven, equations_of
from pinn.dynamics.fields import fields
from pinn.dynamics.files import read_trajectories
from pinn.dynamics.flowmap import FlowMap, Input, one_step, roll_out
from pinn.dynamics.given import from_data
from pinn.dynamics.lyapunov import largest_exponent, lyapunov_time
from pinn.dynamics.models import Windows
from pinn.dynamics.modules import Convolution
from pinn.dynamics.sources import RANDOM, Plan, from_problem
from pinn.dynamics.study import TRANSIENT, shape_of, study
from pinn.dynamics.summary import rows, summary_of
from pinn.dynamics.trajectories import MEMORY, Trajectories, runge_kutta, starts, times_of, truth
from pinn.dynamics.watch import watched_of
from pinn.errors import ProblemError
from pinn.reference import make_reference
from pinn.surroundings import computing_in

EXPERIMENT = Path(__file__).parent.parent / "experiments" / "dynamics"
SPRING = """
name: spring
coordinates: {t: [0, 3]}
unknowns: [x]
parameters: {k: 4, c: 0.2}
equations: {newton: x_tt = -k*x - c*x_t}
conditions:
  x0: {where: t=0, equation: x = 1}
  v0: {where: t=0, equation: x_t = 0}
"""
DUFFING = """
name: duffing
coordinates: {t: [0, 2]}
unknowns: [x, v]
equations: {a: x_t = v, b: v_t = x - x**3 + 0.3*cos(2*t)}
conditions:
  x0: {where: t=0, equation: x = 1}
  v0: {where: t=0, equation: v = 0}
"""
RING = """
name: ring
coordinates: {t: [0, 0.5], x: [-1, 1]}
periodic: [x]
unknowns: [u]
parameters: {k: 0.05}
equations: {heat: u_t = k*u_xx}
conditions: {initial: {where: t=0, equation: u = cos(pi*x)}}
"""
QUICK = ["--trajectories", "10", "--dt", "0.05", "--steps", "12", "--quiet"]


@pytest.fixture
def x64():
    with computing_in("float64"):
        yield


def tiny(text=DUFFING, **options):
    """Return a small source made from a problem's text."""
    return from_problem(problem_from_text(text), Plan(**{"trajectories": 10, "tests": 4, "dt": 0.05} | options))


# Systems


def test_rates_are_those_of_the_equations(x64):
    lorenz = equations_of(load_problem("lorenz"))
    assert lorenz.names == ("x", "y", "z")
    x, y, z = v = np.array([1.0, -2.0, 3.0])
    expected = [10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z]
    np.testing.assert_allclose(lorenz.rates(jnp.zeros(()), jnp.asarray(v)), expected, rtol=1e-14)


def test_higher_orders_in_time_become_components(x64):
    spring = equations_of(problem_from_text(SPRING))
    assert spring.names == ("x", "x_t")
    np.testing.assert_allclose(
        spring.rates(jnp.zeros(()), jnp.array([0.5, 2.0])), [2.0, -4 * 0.5 - 0.2 * 2.0], rtol=1e-14
    )


def test_rates_whose_matrix_is_not_constant(x64):
    text = DUFFING.replace("b: v_t =", "b: (1 + x**2)*v_t =")
    rates = equations_of(problem_from_text(text)).rates(jnp.zeros(()), jnp.array([0.5, 2.0]))
    np.testing.assert_allclose(rates, [2.0, (0.5 - 0.125 + 0.3) / 1.25], rtol=1e-14)


def test_what_time_drives(x64):
    times = np.linspace(0, 6, 500)
    for text, count in ((DUFFING, 1), (SPRING, 0), (DUFFING.replace("cos(2*t)", "x*cos(t) + sin(3*t)"), 2)):
        equations = equations_of(problem_from_text(text))
        path = runge_kutta(equations, times_of(0, 2, 0.01), starts(equations, 3, 0))
        drive = drive_of(equations, times, path.states)
        assert drive(times).shape == (500, count) and driven(drive, times).shape == (499, 3 * count)
    drive = drive_of(equations_of(problem_from_text(DUFFING)), times, path.states)
    later = np.linspace(10, 20, 300)  # beyond the times it was found on
    assert abs(np.corrcoef(drive(later)[:, 0], np.cos(2 * later))[0, 1]) == pytest.approx(1, abs=1e-12)


def test_a_drive_that_leaves_its_range_is_said():
    assert tiny().notes == (RANDOM,), "two time units hold all values of cos(2 t)"
    _, note = tiny(DUFFING.replace("cos(2*t)", "exp(-t)")).notes
    assert note.startswith("from t = 2.4 on, what drives the system leaves the range it had in training")


def test_the_truth_is_the_exact_solution(x64):
    problem = load_problem("oscillator")
    times = np.linspace(0, 20, 201)
    found = truth(equations_of(problem), times, np.array([[1.0, 0.0], [0.3, -1.0]]))
    exact, _ = make_reference(problem, {"t": times})
    for k, name in enumerate(found.names):
        np.testing.assert_allclose(found.states[0, :, k], exact.values[name], atol=1e-10)


def test_runge_kutta_has_order_four(x64):
    equations = equations_of(problem_from_text(DUFFING))
    first = starts(equations, 5, seed=0)
    errors = []
    for dt in (0.1, 0.05):
        times = times_of(0, 2, dt)
        errors.append(np.abs(runge_kutta(equations, times, first).states - truth(equations, times, first).states).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(4, abs=0.4)


def test_random_states_fill_the_box_of_the_trajectory(x64):
    equations = equations_of(load_problem("lorenz"))
    found, wide = starts(equations, 200, seed=1), starts(equations, 200, seed=1, spread=2.0)
    own = truth(equations, np.linspace(0, 8, 1000), np.ones((1, 3))).states[0]
    assert np.all(found >= own.min(axis=0)) and np.all(found <= own.max(axis=0))
    np.testing.assert_allclose(np.ptp(wide, axis=0), 2 * np.ptp(found, axis=0))
    assert not np.array_equal(found, starts(equations, 200, seed=2))


def test_trajectories_that_leave_all_bounds_are_refused(x64):
    text = DUFFING.replace("x - x**3", "5*x**3")
    with pytest.raises(ProblemError, match="leave all bounds at t = "):
        runge_kutta(equations_of(problem_from_text(text)), times_of(0, 2, 0.05), np.array([[1.0, 5.0]]))


def test_lyapunov_exponents(x64):
    """The Lorenz system's is 0.9056 (Sprott, 2003, Chaos and Time-Series Analysis); a damped spring's is -c/2."""
    lorenz = equations_of(load_problem("lorenz"))
    first = np.array([[1.0, 1.0, 1.0], [-5.0, 3.0, 20.0]])
    assert largest_exponent(lorenz, 0.01, first) == pytest.approx(0.9056, abs=0.03)
    assert lyapunov_time(lorenz, 0.01, first) == pytest.approx(1.104, abs=0.04)
    spring = equations_of(problem_from_text(SPRING))
    one = np.array([[1.0, 0.0]])
    assert largest_exponent(spring, 0.05, one) == pytest.approx(-0.1, abs=0.02)
    assert lyapunov_time(spring, 0.05, one) is None


def test_steps_by_which_an_exponent_is_found_are_neither_too_long_nor_too_many(x64, monkeypatch):
    """A Lorenz system ten thousand times as fast, whose range of time is less than `dt`; and one of endless time."""
    fast = load_problem("lorenz", [
        "coordinates.t=[0, 8e-4]",
        "equations.convection=x_t = 1e4*sigma*(y - x)",
        "equations.horizontal=y_t = 1e4*(x*(rho - z) - y)",
        "equations.vertical=z_t = 1e4*(x*y - beta*z)",
    ])  # fmt: skip
    first = np.array([[1.0, 1.0, 1.0], [-5.0, 3.0, 20.0]])
    assert largest_exponent(equations_of(fast), 0.01, first) == pytest.approx(9056, abs=300)
    monkeypatch.setattr(lyapunov, "MOST", 20_000)  # of 5e10, which no memory would hold
    endless = equations_of(load_problem("lorenz", ["coordinates.t=[0, 1e7]"]))
    assert largest_exponent(endless, 0.01, first) == pytest.approx(0.9056, abs=0.05)


def test_statistics_of_a_chaotic_system_are_those_of_a_long_run(monkeypatch):
    monkeypatch.setattr(sources, "LONG", 30)
    plan = Plan(trajectories=10, tests=4, dt=0.02, horizon=2.0, lyapunov=1.1)
    source = from_problem(load_problem("lorenz"), plan)
    assert source.long.states.shape == (sources.LONG_RUNS, 30 * 55 + MEMORY, 3)
    assert source.tests.states.shape == (4, 100 + MEMORY, 3), "roll-outs are no longer for it"
    assert not np.isin(source.long.states[:, 0], source.tests.states[:, 0]).any(), "from other states"
    found = study(source, [], seconds=None, steps=1)
    assert found.long_truth.shape[1] == 30 * 55 * (1 - TRANSIENT)
    by_rk4, by_persistence = (found.outcomes[n].numbers["statistics"] for n in ("rk4", "persistence"))
    assert by_rk4["histogram"] < 0.3 < by_persistence["histogram"]
    assert by_rk4["spectrum"] < 0.5 < by_persistence["spectrum"]
    blown = found.outcomes["rk4"]._replace(numbers=found.outcomes["rk4"].numbers | {"statistics": None})
    notes = summary_of(dataclasses.replace(found, outcomes={"rk4": blown}))["notes"]
    assert "rk4: a roll-out over 33 units of time diverged, so that there are no statistics" in notes


def test_systems_that_cannot_be_stepped_are_refused(x64):
    periodic = "name: p\ncoordinates: {t: [0, 1]}\nperiodic: [t]\nunknowns: [x]\nequations: {e: x_t = -x}\n"
    with pytest.raises(ProblemError, match="nothing is said about the first t"):
        equations_of(problem_from_text(periodic))
    rooted = DUFFING.replace("x - x**3", "sqrt(x)")
    with pytest.raises(ProblemError, match="rates are not finite"):
        truth(equations_of(problem_from_text(rooted)), times_of(0, 1, 0.1), np.array([[1.0, 0.0], [-1.0, 0.0]]))
    growth = "name: g\ncoordinates: {t: [0, 3]}\nunknowns: [x]\nequations: {e: x_t = x}\n"
    growing = equations_of(problem_from_text(growth + "conditions: {c: {where: t=0, equation: x = 1}}\n"))
    assert lyapunov_time(growing, 0.01, np.ones((1, 1))) is None  # what grows for ever is not chaotic


def test_a_system_that_parts_from_its_own_path_alone_is_not_chaotic():
    """x' = x - x**3 from x = 0 stays there; all other states come to rest at 1 or -1."""
    text = "name: saddle\ncoordinates: {t: [0, 5]}\nunknowns: [x]\nequations: {e: x_t = x - x**3}\n"
    source = tiny(text + "conditions: {c: {where: t=0, equation: x = 0}}\n")
    assert source.lyapunov is None and "trajectories begin at random states" in source.notes[0]


@pytest.mark.parametrize("name", ["heat", "helmholtz", "wave", "poisson"])
def test_what_is_neither_a_system_nor_a_periodic_field_is_refused(name):
    with pytest.raises(ProblemError, match="ordinary equations in t, and of fields in t and one periodic"):
        from_problem(load_problem(name), Plan())


def test_a_field_is_the_solution_from_its_own_data():
    problem = problem_from_text(RING)
    found = fields(problem, times_of(0, 0.5, 0.05), 3, seed=0)
    first, waves = np.fft.rfft(found.states[:, 0, :, 0]), np.pi * np.arange(found.states.shape[2] // 2 + 1)
    for k, t in enumerate(found.times):
        expected = np.fft.irfft(first * np.exp(-0.05 * waves**2 * t))
        np.testing.assert_allclose(found.states[:, k, :, 0], expected, atol=1e-7)
    np.testing.assert_allclose(found.states[:, 0].std(axis=1), np.sqrt(0.5), rtol=1e-6)
    assert np.abs(found.states[0] - found.states[1]).max() > 0.1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("heat: u_t = k*u_xx", "heat: u_t = k*u_xx + x"), "mentions x"),
        (("heat: u_t = k*u_xx", "heat: u_t = k*u_xx + cos(t)*u"), "mentions t"),
    ],
)
def test_fields_whose_equation_changes_are_refused(change, told):
    with pytest.raises(ProblemError, match=told):
        from_problem(problem_from_text(RING.replace(*change)), Plan())


# Flow maps


def test_roll_out_and_single_steps(x64):
    """A map that adds what drives it and all it has seen, against the same by hand."""

    def begin(states, given):
        return states[-1], states.sum(axis=0)

    def step(carry, given):
        after = carry[0] + 0.1 * carry[1] + given.drive.sum()
        return (after, carry[1] + after), after

    random = np.random.default_rng(0)
    known, inputs = random.normal(size=(2, 3, 2)), Input(np.arange(8.0), random.normal(size=(8, 1)))
    found = roll_out(FlowMap(begin, step), known, inputs)
    assert found.shape == (2, 6, 2)
    state, total = known[0, -1], known[0].sum(axis=0)
    for k in range(6):
        state = state + 0.1 * total + inputs.drive[2 + k, 0]
        total = total + state
        np.testing.assert_allclose(found[0, k], state, rtol=1e-12)
    true = random.normal(size=(2, 9, 2))
    single = one_step(FlowMap(begin, step), true, inputs, memory=3)
    assert single.shape == (2, 6, 2)
    expected = true[1, 4] + 0.1 * true[1, 2:5].sum(axis=0) + inputs.drive[4, 0]
    np.testing.assert_allclose(single[1, 2], expected, rtol=1e-12)


def test_convolution_is_that_of_scipy_and_of_a_period(x64):
    from flax import nnx

    random = np.random.default_rng(0)
    image = random.normal(size=(7, 6, 1))
    flat = Convolution((1, 1), nnx.Rngs(0), reach=1, axes=2, periodic=False)
    kernel = np.asarray(flat.linear.kernel[...]).reshape(3, 3)
    np.testing.assert_allclose(flat(image)[..., 0], correlate2d(image[..., 0], kernel, mode="same"), rtol=1e-10)
    ring = Convolution((2, 3), nnx.Rngs(0), reach=2)
    u = random.normal(size=(16, 2))
    np.testing.assert_allclose(ring(np.roll(u, 5, axis=0)), np.roll(ring(u), 5, axis=0), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", [n for n, e in MODELS.items() if not e.fields])
def test_models_learn(name, monkeypatch):
    """Some steps of training make each better than to stay where one is, whose error of a step is 1."""
    entry, source = MODELS[name], tiny()
    small = entry._replace(make=lambda shape: (m := entry.make(shape))._replace(batch=min(m.batch, 200)))
    monkeypatch.setitem(MODELS, name, small)
    steps = {"feed_forward": 24, "informed": 24, "lstm": 600}.get(name, 200)
    found = study(source, [name], seconds=None, steps=steps)
    fitted, numbers = found.outcomes[name].fitted, found.outcomes[name].numbers
    assert fitted.history[-1]["held_out"] < fitted.history[0]["held_out"] and fitted.steps == steps
    assert numbers["one_step"] < 0.5 and found.outcomes["persistence"].numbers["one_step"] == pytest.approx(1)
    assert found.outcomes[name].states.shape == found.truth.shape
    with pytest.raises(ProblemError, match="unknown outcome 'gruu'"):
        found.roll("gruu", source.tests.states, source.tests.times)
    again = found.roll(name, source.tests.states[:, :MEMORY], source.tests.times)
    np.testing.assert_allclose(again, found.outcomes[name].states, rtol=1e-9)


def test_the_convolutional_model_learns():
    source = tiny(RING)
    found = study(source, ["all"], seconds=None, steps=100)
    assert list(found.outcomes) == ["persistence", "linear", "convolutional"]
    assert found.outcomes["convolutional"].numbers["one_step"] < 0.5


def test_the_equations_are_in_the_loss(x64):
    """Of x_t = 2 the step is a constant: a network of that constant has no residual, any other has one."""
    text = "name: drift\ncoordinates: {t: [0, 1]}\nunknowns: [x]\nequations: {e: x_t = 2}\n"
    source = tiny(text + "conditions: {x0: {where: t=0, equation: x = 0}}\n")
    _, shape = shape_of(source)
    model = MODELS["informed"].make(shape)
    params = jax.tree.map(jnp.zeros_like, model.networks["model"].init(jax.random.key_data(jax.random.key(0))))
    states = jnp.array([[[0.0], shape.change], [[1.0], 1 + shape.change]])
    windows = Windows(states, Input(jnp.zeros((2, 1)), jnp.zeros((2, 1, 0))))
    for value, size in ((1.0, 0.0), (1.5, 0.5)):
        params["output"]["bias"] = jnp.array([value])
        r = model.residuals["model"]({"model": params}, windows, jax.random.key(1))(params)
        assert r.shape == (4,)  # of each window that of the equation, and the misfit
        np.testing.assert_allclose(r, size / 2, atol=1e-12)


def test_a_linear_system_is_learned_by_the_linear_map():
    found = study(tiny(SPRING), [], seconds=None, steps=1)
    assert found.outcomes["linear"].numbers["relative_l2"]["worst"] < 1e-4
    assert found.outcomes["linear"].numbers["relative_l2"]["worst"] == pytest.approx(
        found.outcomes["rk4"].numbers["relative_l2"]["worst"], rel=0.1
    )


def test_steps_repeat_and_seeds_differ():
    source = tiny()
    a, b, c = (study(source, ["gru"], seconds=None, steps=100, seed=s).outcomes["gru"].states for s in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_windows_are_no_longer_than_the_data_and_the_notes_say_so():
    source = tiny()
    short = source.train._replace(times=source.train.times[:16], states=source.train.states[:, :16])
    found = study(source._replace(train=short), ["feed_forward", "gru"], seconds=None, steps=100)
    assert np.all(np.isfinite(found.outcomes["gru"].states[:, :10]))
    assert [n.partition(",")[0] for n in summary_of(found)["notes"] if "windows" in n] == [
        "gru: trained on windows of 15 steps where 50 are usual"
    ]


def test_a_third_of_the_only_trajectory_at_most_is_kept_to_choose_params_by():
    t = 0.05 * np.arange(250)
    given = Trajectories(("p",), t, np.cos(t)[None, :, None])
    for count, window in ((250, None), (100, 25)):  # 200 and 80 to train on, of which 51 and 26 are kept
        own = given._replace(times=t[:count], states=given.states[:, :count])
        notes = study(from_data("own", own, None, Plan()), ["gru"], seconds=None, steps=1).notes
        assert [n.split()[5] for n in notes] == ([] if window is None else [str(window)])


# Judgement


def test_valid_times_errors_and_divergence():
    truth = np.ones((3, 10, 1)) * np.array([1.0, -1.0] * 5)[None, :, None]
    states = truth.copy()
    states[1, 4:] += 0.5
    states[2, 6:] = np.inf
    found = judge.judged(states, truth, dt=0.1)
    np.testing.assert_allclose(judge.valid_times(judge.errors_by_time(states, truth), 0.1), [1.0, 0.4, 0.6])
    assert found["always_valid"] == 1 and found["valid_time"]["median"] == pytest.approx(0.6)
    assert found["diverged"] == 1 and found["first_diverged"] == pytest.approx(0.7)
    assert found["relative_l2"]["worst"] == np.inf
    assert found["relative_l2"]["median"] == pytest.approx(np.sqrt(6 * 0.25 / 10))
    assert judge.statistics(states, truth, np.ones(1)) is None


def test_statistics_tell_shifted_and_slower_apart():
    t = np.arange(0, 40, 0.05)
    truth = np.stack([np.sin(t + p) for p in range(4)])[..., None]
    same, shifted, slower = truth, truth + 0.5, np.stack([np.sin(t / 3 + p) for p in range(4)])[..., None]
    usual = np.ones(1)
    assert judge.statistics(same, truth, usual) == {"histogram": 0, "spectrum": pytest.approx(0, abs=1e-7)}
    assert judge.statistics(shifted, truth, usual)["histogram"] == pytest.approx(0.5 / truth.std(), rel=1e-6)
    assert judge.statistics(slower, truth, usual)["spectrum"] > 0.5
    assert judge.statistics(slower, truth, 1e4 * usual) is None, "at rest"


def test_quantities_are_followed():
    names, times = ("x", "x_t"), np.arange(3.0)
    energy = watched_of(names, {"energy": "x_t**2/2 + k*x**2/2"}, problem_from_text(SPRING))["energy"]
    np.testing.assert_allclose(energy(names, times, np.array([[[1.0, 2.0]] * 3])), 4.0)
    assert list(watched_of(("x", "y"), {}, load_problem("lotka_volterra"))) == ["first_integral"]
    assert list(watched_of(("x_1", "x"), {"sum": "x_1 + x + t"}, None)) == ["sum"]  # names from a file
    for text in ("x + speed", "x_tt", "x ="):
        with pytest.raises(ProblemError, match="--watch bad"):
            watched_of(names, {"bad": text}, problem_from_text(SPRING))


# A user's own trajectories


def write_csv(path, header, rows):
    path.write_text(header + "\n" + "\n".join(",".join(map(str, row)) for row in rows) + "\n")
    return path


def test_csv_and_npz_hold_the_same(tmp_path):
    t = 0.1 * np.arange(30)
    states = np.random.default_rng(0).normal(size=(3, 30, 2))
    rows = [(k, round(t[i], 6), *states[k, i]) for k in range(3) for i in range(30)]
    first = read_trajectories(write_csv(tmp_path / "a.csv", "trajectory,t,p,q", rows))
    np.savez(tmp_path / "a.npz", t=t, p=states[..., 0], q=states[..., 1])
    second = read_trajectories(tmp_path / "a.npz")
    assert first.names == second.names == ("p", "q")
    np.testing.assert_allclose(first.states, states)
    np.testing.assert_allclose(second.states, states)
    np.testing.assert_allclose(first.times, t)
    one = read_trajectories(write_csv(tmp_path / "b.csv", "t,p", [(v, v) for v in t]))
    assert one.states.shape == (1, 30, 1)
    np.savez(tmp_path / "c.npz", t=t, x=np.linspace(0, 1, 12), u=np.zeros((2, 30, 12)))
    assert read_trajectories(tmp_path / "c.npz").places.shape == (12,)
    np.savez(tmp_path / "d.npz", t=t, x=np.zeros((2, 30)), y=np.zeros((2, 30)))  # here x is a component
    assert read_trajectories(tmp_path / "d.npz").names == ("x", "y")


T = [0.1 * k for k in range(24)]
GOOD = [(t, 1.0) for t in T]
BAD = {
    "gap": ("t,x", [r for r in GOOD if not 0.35 < r[0] < 0.65], "a gap from t = 0.3 to t = 0.7"),
    "uneven": ("t,x", [(t + 0.02 * (k == 5), 1.0) for k, t in enumerate(T)], "an uneven step from t = 0.4"),
    "nan": ("t,x", [(t, "nan" if k == 3 else 1.0) for k, t in enumerate(T)], r"bad.csv:5: column 'x': 'nan'"),
    "word": ("t,x", [*GOOD[:4], (0.4, "high"), *GOOD[5:]], "'high' is not a finite number"),
    "few": ("t,x", GOOD[:5], "5 states; a trajectory needs 20"),
    "backward": ("t,x", GOOD[::-1], "times have to ascend"),
    "no time": ("s,x", GOOD, "holds no column 't'"),
    "no component": ("t", [(t,) for t in T], "no component beside t"),
    "cells": ("t,x", [*GOOD, (2.4,)], "expected 2 cells"),
    "twice": ("t,x,x", [(t, 1, 1) for t in T], "names a column twice"),
    "empty": ("t,x", [], "holds no states"),
    "unlike": (
        "trajectory,t,x",
        [(0, *r) for r in GOOD] + [(1, *r) for r in GOOD[:-1]],
        "trajectories have to be alike",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_files_that_cannot_be_learned_from(name, tmp_path):
    header, rows, told = BAD[name]
    with pytest.raises(ProblemError, match=told):
        read_trajectories(write_csv(tmp_path / "bad.csv", header, rows))


def test_arrays_that_cannot_be_learned_from(tmp_path):
    t, x = np.array(T), np.ones(24)
    wrong = np.where(t == t[4], np.inf, 1.0)
    for arrays, told in (
        ({"x": x}, "no array 't'"),
        ({"t": t}, "no component"),
        ({"t": t, "y": x[:-1]}, "is of shape"),
        ({"t": t, "y": np.array(["a"] * 24)}, "expected numbers"),
        ({"t": np.stack([t, t]), "y": np.stack([x, x])}, r"'t' is of shape \(2, 24\); expected \(T,\)"),
        (
            {"t": t, "x": np.arange(12), "u": np.ones((2, 24, 11))},
            r"'u' is of shape .*; expected \(24, 12\), or \(n, 24, 12\)",
        ),
        (
            {"t": t, "x": np.arange(12), "u": x[:, None] * np.cos(2 * np.pi * np.arange(12) / 11)},
            "one of the two ends of the period",
        ),
        ({"t": t, "y": np.stack([x, wrong])}, "'y' is not finite at t = 0.4, trajectory 1"),
    ):
        np.savez(tmp_path / "bad.npz", **arrays)
        with pytest.raises(ProblemError, match=told):
            read_trajectories(tmp_path / "bad.npz")
    np.savez(tmp_path / "bad.npz", t=t, x=np.array([0, 0.1, 0.4]), u=np.zeros((24, 3)))
    with pytest.raises(ProblemError, match="evenly spaced"):
        read_trajectories(tmp_path / "bad.npz")
    for name in ("none.csv", "none.npz", "none.txt"):
        with pytest.raises(ProblemError, match="none"):
            read_trajectories(tmp_path / name)


def test_what_is_kept_to_judge_by():
    t = 0.1 * np.arange(200)
    states = np.sin(t)[None, :, None] * np.ones((10, 1, 1))
    found = from_data("own", Trajectories(("x",), t, states), None, Plan())
    assert found.train.states.shape[0] == 8 and found.tests.states.shape == (2, 200, 1) and found.equations is None
    one = from_data("own", Trajectories(("x",), t, states[:1]), None, Plan(horizon=1.0))
    assert one.train.states.shape == (1, 160, 1) and one.tests.states.shape == (3, 20, 1)
    np.testing.assert_allclose(one.tests.states[1, 0], one.tests.states[0, 10])
    with pytest.raises(ProblemError, match="longer than what is kept"):
        from_data("own", Trajectories(("x",), t, states[:1]), None, Plan(horizon=10.0))
    with pytest.raises(ProblemError, match="too few states: 60; the only trajectory needs 100"):
        from_data("own", Trajectories(("x",), t[:60], states[:1, :60]), None, Plan())
    with pytest.raises(ProblemError, match="those of duffing are x, v"):
        from_data("own", Trajectories(("x",), t, states), problem_from_text(DUFFING), Plan())
    field = Trajectories(("u",), t, np.zeros((3, 200, 12, 1)), np.arange(12.0))
    with pytest.raises(ProblemError, match="leave the problem file out"):
        from_data("own", field, problem_from_text(DUFFING), Plan())


def test_own_trajectories_with_their_equations(tmp_path):
    """Those of a driven system, columns in another order: the integrator on its equations follows them."""
    source = tiny(trajectories=6)
    x, v = np.moveaxis(source.train.states, -1, 0)
    np.savez(tmp_path / "own.npz", t=source.train.times, v=v, x=x)
    found = study(from_data("duffing", read_trajectories(tmp_path / "own.npz"), problem_from_text(DUFFING), Plan()), [],
                  seconds=None, steps=1)  # fmt: skip
    assert found.source.train.names == ("x", "v") and found.source.drive(source.train.times).shape[1] == 1
    assert found.outcomes["rk4"].numbers["relative_l2"]["worst"] < 1e-9
    assert not any("do not follow" in note for note in found.source.notes)
    other = problem_from_text(DUFFING.replace("x - x**3", "-x"))
    notes = from_data("duffing", read_trajectories(tmp_path / "own.npz"), other, Plan()).notes
    assert any("the data do not follow the equations of duffing" in note for note in notes)
    t = source.train.times
    rows = [(k, t[i] + 0.3 * k, x[k, i], v[k, i]) for k in range(6) for i in range(len(t))]
    apart = read_trajectories(write_csv(tmp_path / "apart.csv", "trajectory,t,x,v", rows))
    with pytest.raises(ProblemError, match="begin at different times"):
        from_data("duffing", apart, problem_from_text(DUFFING), Plan())
    assert from_data("own", apart, None, Plan()).drive(t).shape[1] == 0


def test_own_trajectories_where_the_equations_cannot_be_solved_for_their_rates():
    t, moved = 0.1 * np.arange(100), DUFFING.replace("b: v_t = x - x**3", "b: x*v_t = 1 - x")
    states = np.ones((3, 100, 2)) + 0.01 * np.sin(t)[None, :, None]
    states[1, 40] = [0, 2]
    with pytest.raises(ProblemError, match=r"duffing: its rates are not finite at t = 4, x = 0, v = 2\."):
        from_data("duffing", Trajectories(("x", "v"), t, states), problem_from_text(moved), Plan())
    with pytest.raises(ProblemError, match="cannot be solved for its rates"):
        truth(equations_of(problem_from_text(moved)), t, np.array([[0.0, 2.0]]))


def test_quantities_that_cannot_be_followed_are_told(duffing, capsys):
    """Where they are not finite on true states; and an invariant in t, for pieces that have times of their own."""
    text = DUFFING + "invariants: {e: x*exp(t)}\n"
    (duffing / "duffing.yaml").write_text(text)
    assert main(["dynamics", "duffing.yaml", *QUICK, "--watch", "logarithm=ln(-x**2)", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["watched"] == ["e"] and list(found["outcomes"]["rk4"]["watched"]) == ["e"]
    (note,) = (n for n in found["notes"] if "logarithm" in n)
    assert note.startswith("logarithm is not followed: it is not finite at t = ") and note.endswith(", a true state")
    equations = equations_of(problem_from_text(text.replace("0.3*cos(2*t)", "0")))
    given = truth(equations, 0.05 * np.arange(60), starts(equations, 6, 0))
    np.savez("own.npz", t=given.times, x=given.states[..., 0], v=given.states[..., 1])
    assert main(["dynamics", "duffing.yaml", "--data", "own.npz", "--steps", "12", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["watched"] == []
    assert main(["dynamics", "duffing.yaml", "--data", "own.npz", "--watch", "m=x*t"]) == 2
    assert "--watch: m mentions t" in capsys.readouterr().err


def test_a_long_run_of_no_length_and_steps_that_are_too_long_are_told(duffing, capsys):
    assert main(["dynamics", "duffing.yaml", *QUICK, "--lyapunov", "1e-5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["long_run"] is None and "second half of the roll-outs: 100 Lyapunov" in " ".join(found["notes"])
    assert not any("too long" in note for note in found["notes"])
    stiff = problem_from_text(SPRING.replace("k: 4", "k: 4000"))
    notes = from_problem(stiff, Plan(trajectories=2, tests=2, dt=0.04)).notes
    assert any(n.startswith("steps of 0.04 are too long for the Runge-Kutta method the data come from") for n in notes)


def test_own_trajectories_at_which_the_equations_have_no_rates():
    t, root = 0.1 * np.arange(100), DUFFING.replace("x - x**3", "sqrt(x)")
    states = np.stack([np.stack([np.sin(t + k), np.cos(t + k)], axis=1) for k in range(5)])
    with pytest.raises(ProblemError, match=r"duffing: its rates are not finite at t = 3.2, x = -0.058\d*, v = -0.99"):
        from_data("duffing", Trajectories(("x", "v"), t, states), problem_from_text(root), Plan())
    with pytest.raises(ProblemError, match="no state differs from the one before"):
        from_data("own", Trajectories(("x",), t, np.ones((3, 100, 1))), None, Plan())
    with pytest.raises(ProblemError, match="--horizon: 1e\\+308 is longer than what is kept"):
        from_data("own", Trajectories(("x",), t, states[..., :1]), None, Plan(horizon=1e308))


def test_a_linear_map_leaves_out_what_data_do_not_determine():
    """States on a line but for noise: across it nothing is known, and a map fitted to noise there grows."""
    random = np.random.default_rng(0)
    along = np.cumprod(np.full((20, 50), 0.98), axis=1)[..., None] * random.normal(size=(20, 1, 1))
    states = along * np.ones(3) + 1e-8 * random.normal(size=(20, 50, 3))
    flow = linear(states, np.zeros((49, 0)))
    found = np.asarray(
        roll_out(flow, states[:, :1] + 0.1 * random.normal(size=(20, 1, 3)), Input(np.arange(49.0), np.zeros((49, 0))))
    )
    assert np.abs(found).max() < 2 * np.abs(states).max()


# The command


@pytest.fixture
def duffing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "duffing.yaml").write_text(DUFFING)
    return tmp_path


def test_the_command_leaves_a_folder(duffing, capsys):
    arguments = ["dynamics", "duffing.yaml", "--model", "feed_forward", "--watch", "energy=v**2/2 + x**4/4 - x**2/2"]
    assert main([*arguments, *QUICK, "--out", "mine"]) == 0
    told = capsys.readouterr().out
    assert "feed_forward" in told and "persistence" in told and "energy" in told and "wrote mine/report.html" in told
    assert sorted(p.name for p in (duffing / "mine").iterdir()) == [
        "dynamics.json", "figure.png", "report.html", "rollouts.npz"]  # fmt: skip
    summary = json.loads((duffing / "mine" / "dynamics.json").read_text())
    assert summary["outcomes"]["feed_forward"]["trained"]["steps"] == 12
    assert summary["outcomes"]["feed_forward"]["watched"]["energy"] > 0
    with np.load(duffing / "mine" / "rollouts.npz") as file:
        assert file["x_truth"].shape == file["x_feed_forward"].shape == (50, len(file["t"]))
    page = (duffing / "mine" / "report.html").read_text()
    assert (
        "pinn dynamics duffing.yaml" in page and "<svg" in page and "http" not in page.replace("http://www.w3.org", "")
    )


def test_the_command_on_own_data_as_json(duffing, capsys):
    t = 0.05 * np.arange(100)
    states = np.stack([np.cos(t + p) for p in range(6)])
    np.savez("own.npz", t=t, p=states)
    arguments = ["dynamics", "--data", "own.npz", "--model", "gru", "--steps", "100", "--lyapunov", "2", "--json"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["system"] == "own" and found["lyapunov_time"] == 2 and "rk4" not in found["outcomes"]
    assert found["folder"].startswith("runs/own/dynamics-") and "no equations" in " ".join(found["notes"])


def test_a_roll_out_that_diverges_is_reported_with_its_time(duffing, capsys):
    t = 0.1 * np.arange(100)
    growth = np.exp(0.4 * t[None, :60] * np.linspace(0.5, 1, 8)[:, None])
    np.savez("own.npz", t=t[:60], p=growth)
    source = from_data("own", read_trajectories(duffing / "own.npz"), None, Plan())
    far = source._replace(tests=source.tests._replace(times=0.1 * np.arange(400),
                                                      states=np.ones((2, 400, 1))))  # fmt: skip
    found = study(far, [], seconds=None, steps=1)
    numbers = found.outcomes["linear"].numbers
    assert numbers["diverged"] == 2 and 0 < numbers["first_diverged"] < 40
    data = summary_of(found)
    assert any(n.startswith("linear: 2 of 2 roll-outs diverged, the first ") for n in data["notes"])
    assert next(row for row in rows(data) if row[0] == "linear")[-3] == "2 of 2"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "give a problem file"),
        (["duffing.yaml", "--model", "gruu"], "--model: unknown model 'gruu'. Did you mean 'gru'?"),
        (["duffing.yaml", "--model", "convolutional"], "steps fields; here is states of a few components"),
        (["nothing.yaml"], "no such file"),
        (["heat"], "ordinary equations in t"),
        (["duffing.yaml", "--dt", "-1"], "--dt -1: expected a number greater than 0"),
        (["duffing.yaml", "--dt", "nan"], "--dt nan"),
        (["duffing.yaml", "--dt", "1"], "are 2 steps; 10 to 200000"),
        (["duffing.yaml", "--dt", "1e-300", "--time", "1e300"], "inf steps"),
        (["duffing.yaml", "--horizon", "0.001"], "0.1 steps"),
        (["duffing.yaml", "--model", ","], "unknown model ''"),
        (["duffing.yaml", "--out", "duffing.yaml/sub"], "cannot be written"),
        (["duffing.yaml", "--seed", "-1"], "--seed -1"),
        (["duffing.yaml", "--watch", "energy"], "expected NAME=EXPRESSION"),
        (["duffing.yaml", "--watch", "e=w**2"], "--watch e: "),
        (["duffing.yaml", "--watch", "e=x", "--watch", "e=v"], "--watch e=v: 'e' is given twice"),
        (["kept.yaml", "--watch", "e=v"], "--watch e: is an invariant of the file already, x**2; take another name"),
        (["allen_cahn", "--trajectories", "1000000"], "--trajectories: 1000010 of"),
        (["allen_cahn", "--trajectories", "2", "--dt", "0.1", "--watch", "m=u"], "here is a field"),
        (["--data", "own.csv", "--dt", "0.1"], "--dt: says how trajectories are made"),
        (["--data", "own.csv"], "own.csv: cannot be read"),
        (["--data", "own.csv", "--set", "a=1"], "--set: changes a problem file"),
        (["duffing.yaml", "--out", "."], "is not an empty folder"),
    ],
)
def test_mistakes_are_told(arguments, told, duffing, capsys):
    (duffing / "kept.yaml").write_text(DUFFING.replace("name: duffing", "name: kept") + "invariants: {e: x**2}\n")
    assert main(["dynamics", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert sorted(p.name for p in duffing.iterdir()) == ["duffing.yaml", "kept.yaml"]


def test_a_study_that_fails_gives_back_what_it_made_and_no_more(duffing, monkeypatch):
    """Folders that were there before stay, empty as they are."""

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pinn.dynamics.study.fit", fail)
    (duffing / "mine" / "here").mkdir(parents=True)
    assert main(["dynamics", "duffing.yaml", *QUICK, "--out", "mine/here"]) == 130
    assert (duffing / "mine" / "here").is_dir()
    assert main(["dynamics", "duffing.yaml", *QUICK, "--out", "mine/new/deep"]) == 130
    assert main(["dynamics", "duffing.yaml", *QUICK]) == 130
    assert sorted(p.name for p in duffing.rglob("*")) == ["duffing.yaml", "here", "mine"]


def test_models_that_are_through_are_kept_after_an_interruption(duffing, capsys):
    """The signal comes while the second of three trains."""
    from pinn.dynamics import study as module

    real = module.fit

    def fit(model, *data, watch, **options):
        if len(told := fit.models) == 1:
            signal.raise_signal(signal.SIGTERM)
        told.append(model)
        return real(model, *data, watch=watch, **options)

    fit.models = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "fit", fit)
        code = main(["dynamics", "duffing.yaml", "--model", "feed_forward,gru,lstm", *QUICK, "--out", "mine"])
    assert code == 130 and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    summary = json.loads((duffing / "mine" / "dynamics.json").read_text())
    assert list(summary["outcomes"]) == ["persistence", "linear", "rk4", "feed_forward"]
    assert any(n.startswith("interrupted while gru was trained") for n in summary["notes"])


def test_models_that_fit():
    assert check_models(["all"], fields=False, equations=False) == [
        "feed_forward", "gru", "lstm", "autoencoder", "adversarial"]  # fmt: skip
    assert check_models(["all"], fields=True, equations=False) == ["convolutional"]
    with pytest.raises(ProblemError, match="needs the equations"):
        check_models(["informed"], fields=False, equations=False)


# What is published


@pytest.mark.slow
def test_the_oscillator_is_followed_over_ten_periods():
    found = study(from_problem(load_problem("oscillator"), Plan()), ["feed_forward", "informed"], seconds=60).outcomes
    assert found["feed_forward"].numbers["relative_l2"]["median"] < 1e-2
    assert found["informed"].numbers["relative_l2"]["median"] < 1e-3


@pytest.mark.slow
def test_the_lorenz_system_is_followed_for_some_lyapunov_times():
    source = from_problem(load_problem("lorenz"), Plan())
    found = study(source, ["feed_forward", "gru"], seconds=300).outcomes
    valid = {n: found[n].numbers["valid_time"]["median"] / source.lyapunov for n in ("feed_forward", "gru")}
    assert max(valid.values()) >= 5 and min(valid.values()) >= 3


def test_the_tables_are_those_of_the_results():
    spec = importlib.util.spec_from_file_location("dynamics_run", EXPERIMENT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    readme = (EXPERIMENT / "README.md").read_text()
    for name in module.STUDIES:
        assert f"<!-- {name} -->\n{module.table(name)}\n<!-- end of {name} -->" in readme
