"""Solving from Python: call, evaluate, save, load; the user's own network and optimizer."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from untrained import BOX, untrained

import pinn
from pinn.errors import PinnWarning, ProblemError
from pinn.optimizers import OPTIMIZERS, first_order

SHORT = {"stages": [{"optimizer": "levenberg_marquardt", "steps": 12}]}


@pytest.fixture(scope="module")
def solution():
    from conftest import HEAT

    return pinn.solve(pinn.problem_from_text(HEAT), seed=0)


def test_the_error_is_the_error(solution):
    assert solution.status == "done"
    t, x = np.linspace(0, 1, 7)[:, None], np.linspace(0, 1, 9)
    exact = np.exp(-0.1 * np.pi**2 * t) * np.sin(np.pi * x)
    found = np.linalg.norm(solution(t=t, x=x) - exact) / np.linalg.norm(exact)
    assert found < 3 * solution.errors["u"]["relative_l2"] < 1e-2


def test_shapes_and_corners(solution):
    assert solution(t=0.5, x=0.5).shape == ()
    assert solution(t=np.zeros((3, 1)), x=np.linspace(0, 1, 4)).shape == (3, 4)
    np.testing.assert_allclose(solution(t=0, x=[0, 0.5, 1]), [0, 1, 0], atol=1e-14)
    np.testing.assert_allclose(solution(t=[0, 1, 0, 1], x=[0, 0, 1, 1]), 0, atol=1e-14)
    assert solution(t=[], x=[]).shape == (0,)


def test_wrong_coordinates(solution):
    with pytest.raises(ProblemError, match="the coordinate 'x' is missing"):
        solution(t=0)
    with pytest.raises(ProblemError, match="unknown coordinate 'y'"):
        solution(t=0, y=0)
    with pytest.raises(ProblemError, match="do not fit together"):
        solution(t=[1, 2], x=[1, 2, 3])


def test_save_and_load(solution, tmp_path):
    path = solution.save(tmp_path / "heat")
    again = pinn.load_solution(path)
    t, x = np.linspace(0, 1, 5), np.linspace(0, 1, 5)
    np.testing.assert_array_equal(again(t=t, x=x), solution(t=t, x=x))
    assert again.errors == solution.errors
    with pytest.raises(ProblemError, match="no such file"):
        pinn.load_solution(tmp_path / "nothing.npz")
    with pytest.raises(ProblemError, match="is not the folder of a run"):
        pinn.load_solution(tmp_path)
    with pytest.raises(ProblemError, match="pass the folder it is in"):
        pinn.load_solution(tmp_path / "solution.npz")
    assert [solution.save(tmp_path / f"k{k}").name for k in (0.1, 0.2)] == ["k0.1.npz", "k0.2.npz"]


def test_residuals_of_a_solution(solution):
    residuals = pinn.residual_on_grid(solution.problem, solution, 8)
    assert np.sqrt(np.mean(residuals["pde"] ** 2)) < 5 * solution.summary["held_out"]["pde"]["rms"]
    np.testing.assert_allclose(residuals["initial"], 0, atol=1e-14)


def test_own_network(heat_text):
    class Wide(nnx.Module):
        def __init__(self, rngs):
            self.first = nnx.Linear(7, 30, param_dtype=float, rngs=rngs)
            self.second = nnx.Linear(30, 1, param_dtype=float, rngs=rngs)

        def __call__(self, x):
            return self.second(jnp.tanh(self.first(x)))

    problem = pinn.problem_from_text(heat_text)
    for network in (Wide, Wide(nnx.Rngs(0)), pinn.from_flax(Wide)):
        solution = pinn.solve(problem, network=network, training=SHORT)
        assert solution.summary["params"] == 8 * 30 + 31
        assert solution.errors["u"]["relative_l2"] < 1e-2
    for network, says in ((7, "expected a flax.nnx module"), (lambda rngs: 7, "expected a flax.nnx module; got int")):
        with pytest.raises(ProblemError, match=says):
            pinn.solve(problem, network=network)


def test_own_optimizer(heat_text, monkeypatch):
    transformation = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-2))
    monkeypatch.setitem(OPTIMIZERS, "clipped_adam", lambda: first_order(transformation))
    training = {"stages": [{"optimizer": "clipped_adam", "steps": 300}]}
    solution = pinn.solve(pinn.problem_from_text(heat_text), training=training)
    assert solution.errors["u"]["relative_l2"] < 0.5 and solution.summary["steps"] == 300


def test_a_problem_in_python_is_solved_like_its_file(heat_text, tmp_path):
    file = pinn.problem_from_text(heat_text)

    def residual(u_t, u_xx, k):
        return u_t - k * u_xx

    python = pinn.make_problem(
        "mine",
        {"t": (0, 1), "x": (0, 1)},
        ["u"],
        {"pde": residual},
        {"initial": {"where": "t=0", "equation": "u = sin(pi*x)"}, "left": {"where": "x=0", "equation": "u"},
         "right": {"where": "x=1", "equation": "u"}},
        parameters={"k": 0.1},
        settings=file.settings,
    )  # fmt: skip
    ours, theirs = (pinn.solve(p, training=SHORT) for p in (file, python))
    np.testing.assert_allclose(ours(t=0.5, x=0.3), theirs(t=0.5, x=0.3), atol=1e-6)
    # One reference is the formula of the file, the other is made from the functions.
    assert theirs.summary["reference"]["kind"] == "spectral"
    assert theirs.errors["u"]["relative_l2"] == pytest.approx(ours.errors["u"]["relative_l2"], rel=1e-3)
    path = theirs.save(tmp_path / "mine")
    with pytest.raises(ProblemError, match="built in Python; pass it as problem="):
        pinn.load_solution(path)
    with pytest.raises(ProblemError, match="another problem"):
        pinn.load_solution(path, problem=file)
    assert pinn.load_solution(path, problem=python)(t=0.5, x=0.3) == theirs(t=0.5, x=0.3)


def test_systems_give_a_dictionary():
    problem = pinn.make_problem(
        "oscillator",
        {"t": (0, 1)},
        ["x", "v"],
        {"first": "x_t = v", "second": "v_t = -x"},
        {"x0": {"where": "t=0", "equation": "x = 1"}, "v0": {"where": "t=0", "equation": "v = 0"}},
        reference={"kind": "exact", "x": "cos(t)", "v": "-sin(t)"},
    )
    small = {"network": {"width": 8, "depth": 2}, "sampling": {"equations": 100}, "ansatz": {"waves": 0}}
    solution = pinn.solve(problem, training=SHORT, **small)
    values = solution(t=np.linspace(0, 1, 5))
    np.testing.assert_allclose(values["x"], np.cos(np.linspace(0, 1, 5)), atol=1e-4)
    assert set(solution.errors) == {"x", "v"} and solution.errors["v"]["relative_l2"] < 1e-3


def test_precision_is_the_solvers_own_and_not_the_callers(heat_text, solution, tmp_path):
    """A script that never touched jax's settings gets float64, and finds its settings as they were."""
    jax.config.update("jax_enable_x64", False)
    try:
        here = pinn.solve(pinn.problem_from_text(heat_text), seed=0)
        again = pinn.load_solution(here.save(tmp_path / "s"))
        assert here(t=0.5, x=0.5).dtype == again(t=0.5, x=0.5).dtype == np.float64
        assert here(t=0.5, x=0.5) == again(t=0.5, x=0.5)
        exact = pinn.residual_on_grid(here.problem, lambda t, x: jnp.exp(-0.1 * jnp.pi**2 * t) * jnp.sin(jnp.pi * x), 8)
        np.testing.assert_allclose(exact["pde"], 0, atol=1e-14)
        assert not jax.config.jax_enable_x64 and jnp.zeros(1).dtype == jnp.float32
    finally:
        jax.config.update("jax_enable_x64", True)
    np.testing.assert_allclose(here(t=0.5, x=0.3), solution(t=0.5, x=0.3), rtol=1e-12)


def test_wrong_settings(heat_text):
    problem = pinn.problem_from_text(heat_text)
    for arguments, says in (
        ({"seconds": -1}, "should be greater than 0"),
        ({"trainnig": {}}, "Did you mean 'training'"),
        ({"network": {"widht": 3}}, "Did you mean 'width'"),
        ({"ansatz": {"initial": "harder"}}, "unknown value"),
        ({"sampling": {"method": "soboll"}}, "Did you mean 'sobol'"),
        ({"training": {"weights": {"pdd": 5.0}}}, "unknown constraint 'pdd'"),
    ):
        with pytest.raises(ProblemError, match=says):
            pinn.solve(problem, **arguments)


def python_heat(residual, **others):
    conditions = {"initial": "t=0", "left": "x=0", "right": "x=1"}
    return pinn.make_problem(
        "mine",
        {"t": (0, 1), "x": (0, 1)},
        ["u"],
        {"pde": residual},
        {name: {"where": where, "equation": "u"} for name, where in conditions.items()},
        **others,
    )


def test_residuals_jax_cannot_trace_are_refused_before_training():
    with pytest.raises(ProblemError, match=r"equations.pde: calls numpy, or branches on a value"):
        pinn.solve(python_heat(lambda u, u_t, u_xx: u_t - u_xx + np.sin(u)))
    with pytest.raises(ProblemError, match=r"equations.pde: cannot be evaluated at a point"):
        pinn.solve(python_heat(lambda u, u_t, u_xx: u_t @ u_xx))
    with pytest.raises(ProblemError, match="unknown reference 'exat'"):
        pinn.solve(python_heat(lambda u_t, u_xx: u_t - u_xx, reference={"kind": "exat"}))


def test_functions_of_one_name_are_told_apart():
    from pinn.solution import fingerprint

    def residual(u_t, u_xx):
        return u_t - u_xx

    first = fingerprint(python_heat(residual))

    def residual(u_t, u_xx):
        return u_t - 2 * u_xx

    assert fingerprint(python_heat(residual)) != first


def test_decisions_are_in_the_summary(heat_text):
    problem = pinn.problem_from_text(
        heat_text.replace("u = sin(pi*x)}", "u = abs(x - 0.5) - 0.5}").split("reference")[0]
    )
    stage = {"stages": [{"optimizer": "levenberg_marquardt", "steps": 1}], "weights": {"left": 3.0}}
    summary = pinn.solve(problem, training=stage).summary
    assert summary["hard"] == ["left", "right"]
    said = ("condition 'initial' is a term of the loss", "the network: u even", "training.weights.left has no effect")
    for sentence, note in zip(said, summary["notes"], strict=True):
        assert sentence in note


T, X = np.array([0.2, 0.7]), np.array([0.3, 0.9])


def test_derivatives_by_name(solution):
    """Against central differences of the values, whose own error is below 1e-7 here."""
    h = 1e-4
    np.testing.assert_array_equal(solution.u(t=T, x=X), solution(t=T, x=X))
    across = (solution(t=T, x=X + h) - solution(t=T, x=X - h)) / (2 * h)
    np.testing.assert_allclose(solution.u_x(t=T, x=X), across, atol=1e-6)
    for name, lower in (("u_xx", "u_x"), ("u_tx", "u_t"), ("u_xt", "u_t"), ("u_xxx", "u_xx")):
        lower = getattr(solution, lower)
        found = getattr(solution, name)(t=T, x=X)
        np.testing.assert_allclose(found, (lower(t=T, x=X + h) - lower(t=T, x=X - h)) / (2 * h), atol=1e-5)
        assert isinstance(found, np.ndarray) and found.dtype == np.float64
    assert solution.u_x(t=0.5, x=0.5).shape == () and solution.u_x(t=[], x=[]).shape == (0,)
    assert solution.u_t(t=T[:, None], x=np.zeros((1, 3))).shape == (2, 3)


def test_derivatives_of_systems():
    box = untrained(pinn.problem_from_text(BOX))
    point, h = {"x": 0.3, "y": 0.2}, 1e-5
    later, before = box(t=1 + h, **point), box(t=1 - h, **point)
    for name in "uv":
        found = getattr(box, name + "_t")(t=1.0, **point)
        np.testing.assert_allclose(found, (later[name] - before[name]) / (2 * h), rtol=1e-6)
    assert box.u_t(t=1.0, **point) != box.v_t(t=1.0, **point)


def test_names_that_stand_for_nothing(solution):
    assert not hasattr(solution, "v") and not hasattr(solution, "u_y") and not hasattr(solution, "_u")
    with pytest.raises(AttributeError, match=r"'u_xy' is a derivative of 'u' in 'y', which is not a coordinate"):
        _ = solution.u_xy
    with pytest.raises(ProblemError, match="Did you mean 'u_x'"):
        _ = solution.ux
    with pytest.raises(ProblemError, match="up to order 4"):
        solution.partial("u_xxxxx")
    with pytest.raises(ProblemError, match="the coordinate 'x' is missing"):
        solution.u_x(t=0.5)
    assert {"u", "u_x", "u_tx", "save", "errors"} <= set(dir(solution))


def test_copies(solution):
    for again in (copy.copy(solution), copy.deepcopy(solution)):
        assert again.u_x(t=0.5, x=0.3) == solution.u_x(t=0.5, x=0.3)
    with pytest.raises((pickle.PicklingError, AttributeError), match="local"):  # functions; `save` is for files
        pickle.dumps(solution)


def test_unknowns_called_like_attributes():
    problem = pinn.make_problem(
        "p", {"t": (0, 1)}, ["values"], {"e": "values_t = 1"}, {"i": {"where": "t=0", "equation": "values = 2"}}
    )
    named = untrained(problem)
    assert named.values == {} and named.partial("values")(t=0.0) == named(t=0.0) == 2


def test_under_jit_grad_and_vmap(solution):
    one = solution.u_x(t=0.5, x=0.3)
    traced = jax.jit(lambda x: solution(t=0.5, x=x))(0.3)
    assert isinstance(traced, jax.Array) and traced.dtype == jnp.float64 and traced.shape == ()
    np.testing.assert_allclose(traced, solution(t=0.5, x=0.3), rtol=1e-13)
    for name, f in (
        ("grad", jax.grad(lambda x: solution.u(t=0.5, x=x))),
        ("forward", jax.jacfwd(lambda x: solution.u(t=0.5, x=x))),
        ("jit of grad", jax.jit(jax.grad(lambda x: solution.u(t=0.5, x=x)))),
        ("jit", jax.jit(lambda x: solution.u_x(t=0.5, x=x))),
    ):
        np.testing.assert_allclose(f(0.3), one, rtol=1e-12, err_msg=name)
    second = jax.grad(lambda t: solution.u_xx(t=t, x=0.3))(0.5)
    np.testing.assert_allclose(second, solution.u_xxt(t=0.5, x=0.3), rtol=1e-10)
    np.testing.assert_allclose(jax.vmap(solution)(t=T, x=X), solution(t=T, x=X), rtol=1e-13)
    np.testing.assert_allclose(jax.jit(solution)(t=T[:, None], x=X), solution(t=T[:, None], x=X), rtol=1e-13)
    total = jax.jit(lambda a: a * solution(t=T, x=X).sum())(2.0)  # nothing traced is asked of the solution
    np.testing.assert_allclose(total, 2 * solution(t=T, x=X).sum(), rtol=1e-13)
    with pytest.raises(ProblemError, match="do not fit together"):
        jax.jit(solution)(t=np.zeros(2), x=np.zeros(3))


def test_traced_without_x64(solution):
    """A function differentiated in float32 is computed in float32; whoever did not mean that is told."""
    exact = solution.u_x(t=0.5, x=0.3)
    gradient = jax.grad(lambda x: solution.u(t=0.5, x=x))
    with jax.enable_x64(False):
        with pytest.warns(PinnWarning, match="evaluated in float32 here") as caught:
            found = gradient(0.3)
        assert caught[0].filename == __file__
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, exact, rtol=1e-4)
        assert solution.u_x(t=0.5, x=0.3) == exact, "numbers are evaluated in float64 all the same"
        with jax.enable_x64(True):
            np.testing.assert_allclose(gradient(0.3), exact, rtol=1e-12)
        constant = jax.jit(lambda a: a + solution.u_x(t=0.5, x=0.3))(0.0)
        np.testing.assert_allclose(constant, exact, rtol=1e-6)


def test_a_solution_in_float32(heat_text):
    single = untrained(pinn.problem_from_text(heat_text, overrides=["training.precision=float32"]))
    plain = single.u_x(t=0.5, x=0.3)
    traced = jax.grad(lambda x: single.u(t=0.5, x=x))(0.3)
    assert plain.dtype == np.float32
    np.testing.assert_allclose(traced, plain, rtol=1e-5)


def test_points_outside_are_counted_and_answered(solution):
    with pytest.warns(PinnWarning, match=r"^2 of 3 points lie outside of what was solved \(t 0 to 1, x 0 to 1\)") as w:
        values = solution(t=[0.5, 1.5, 0.5], x=[0.5, 0.5, -0.1])
    assert w[0].filename == __file__ and np.isfinite(values).all()
    with pytest.warns(PinnWarning, match="1 of 1 point lies"):
        solution.u_x(t=0.5, x=np.nan)
    solution(t=np.float32(1), x=1 + 1e-9)  # round-off is no matter


def test_a_parameter_of_a_family_outside_its_range_is_refused():
    family = pinn.make_problem(
        "p", {"t": (0, 1), "x": (0, 1), "n": (0.003, 0.05)}, ["u"], {"e": "u_t = n*u_xx"},
        {"i": {"where": "t=0", "equation": "u = sin(pi*x)"}}, periodic=["x"], settings={"network": {"width": 4, "depth": 1}},
    )  # fmt: skip
    solution = untrained(family)
    assert np.isfinite(solution(t=0.5, x=0.5, n=[0.003, 0.05])).all()
    says = r"^n: '0.1': no equation differentiates by n, so that each n is a problem of its own; solved are those from 0.003 to 0.05,"
    for evaluate in (solution, solution.u_x):
        with pytest.raises(ProblemError, match=says):
            evaluate(t=0.5, x=0.5, n=[0.01, 0.1, 0.2])
        with pytest.raises(ProblemError, match=says):  # a number beside what jax traces is known
            jax.grad(lambda x, evaluate=evaluate: evaluate(t=0.5, x=x, n=0.1))(0.5)
    with jax.enable_x64(True):  # no error can be raised of what is traced
        for evaluate in (
            jax.jit(lambda n: solution(t=0.5, x=0.5, n=n)),
            jax.grad(lambda n: solution(t=0.5, x=0.5, n=n)),
        ):
            assert np.isfinite(evaluate(0.01)) and np.isfinite(evaluate(0.05)) and np.isnan(evaluate(0.051))
    with pytest.warns(PinnWarning, match="1 of 1 point lies"):  # of what is differentiated by, as before
        solution(t=2.0, x=0.5, n=0.01)


def test_periodic_coordinates_may_lie_anywhere():
    """The data are a polynomial, which only the domain knows to be periodic."""
    problem = pinn.make_problem(
        "p", {"t": (0, 1), "x": (-1, 1)}, ["u"], {"e": "u_t = u_xx"},
        {"i": {"where": "t=0", "equation": "u = (1 - x**2)**2"}}, periodic=["x"],
        settings={"network": {"width": 4, "depth": 1},
                  "ansatz": {"initial": "hard", "lift": "none", "symmetry": False}},
    )  # fmt: skip
    ring = untrained(problem)
    np.testing.assert_allclose(ring(t=0, x=[-0.5, 1.5, 3.5, -20.5]), (1 - 0.25) ** 2, rtol=1e-12)
    np.testing.assert_allclose(ring.u_x(t=0.5, x=2.25), ring.u_x(t=0.5, x=0.25), rtol=1e-12)
    np.testing.assert_allclose(jax.grad(lambda x: ring.u(t=0.5, x=x))(2.25), ring.u_x(t=0.5, x=0.25), rtol=1e-12)
