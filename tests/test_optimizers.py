"""Every optimizer on linear least squares and Rosenbrock, compiled once; options checked."""

import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

import pinn
from pinn.config import problem_from_text
from pinn.errors import ProblemError
from pinn.optimizers import OPTIMIZERS, Block, PointwiseResidual, linearize, make_optimizer
from pinn.optimizers.base import mean_absolute
from pinn.optimizers.first_order import optax_optimizers, optax_schedules
from pinn.optimizers.normal import SMALL, gram, normal_equations, solve_damped
from pinn.surroundings import lapack_on_one_thread
from pinn.training.memory import step_bytes

A = jnp.array([[2.0, 1.0], [1.0, 3.0], [0.0, 1.0]])
B = A @ jnp.array([1.0, -2.0])
PROBLEMS = {  # residual, start, solution
    "linear": (lambda p: A @ p - B, jnp.zeros(2), [1.0, -2.0]),
    "rosenbrock": (
        lambda p: jnp.stack([10.0 * (p[1] - p[0] ** 2), 1.0 - p[0]]),
        jnp.array([-1.2, 1.0]),
        [1.0, 1.0],
    ),
}
DECAY = {"schedule": "exponential_decay", "init_value": 5e-2, "transition_steps": 500, "decay_rate": 0.9}
BUDGET = {  # name -> options, steps allowed, distance then required on (linear, Rosenbrock)
    "adagrad": ({"learning_rate": 0.5}, 6000, (1e-6, 1e-1)),
    "adam": ({"learning_rate": 3e-2}, 4000, (1e-6, 1e-2)),
    "adam, schedule": ({"learning_rate": DECAY}, 6000, (1e-6, 1e-2)),
    "gauss_newton": ({}, 60, (1e-8, 1e-8)),
    "gauss_newton, lowest": ({"choose": "lowest"}, 60, (1e-8, 1e-8)),
    "lbfgs": ({}, 60, (1e-8, 1e-6)),
    "levenberg_marquardt": ({}, 60, (1e-8, 1e-8)),
    "ssbroyden": ({}, 80, (1e-8, 1e-7)),
    "rmsprop": ({"learning_rate": 1e-3}, 8000, (1e-2, 1e-2)),
    "sgd": ({"learning_rate": 1e-3, "momentum": 0.9}, 6000, (1e-6, 1e-2)),
}


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("label", BUDGET)
def test_solves_and_compiles_once(label, problem):
    residual, start, solution = PROBLEMS[problem]
    options, steps, tolerances = BUDGET[label]
    optimizer = make_optimizer(label.split(",")[0], options)
    step = jax.jit(lambda p, s: optimizer.step(residual, p, s))
    params, state = start, optimizer.init(start)
    for _ in range(steps):
        params, state, _ = step(params, state)
    np.testing.assert_allclose(params, solution, atol=tolerances[list(PROBLEMS).index(problem)])
    assert step._cache_size() == 1, "compiled more than once: a leaf changed dtype"


def test_own_optimizers_are_all_tried():
    assert set(OPTIMIZERS) <= set(BUDGET)


NEEDS = {"noisy_sgd": {"key": 0}}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # optax itself calls some of its own deprecated
@pytest.mark.parametrize("name", sorted(optax_optimizers()))
def test_every_optax_optimizer_takes_a_finite_step(name):
    options = {"learning_rate": 1e-2} if name not in ("lbfgs", "polyak_sgd") else {}
    optimizer = make_optimizer(name, options | NEEDS.get(name, {}))
    residual, start, _ = PROBLEMS["linear"]
    params = {"w": start}
    state = optimizer.init(params)
    step = jax.jit(lambda p, s: optimizer.step(lambda p: residual(p["w"]), p, s))
    for _ in range(3):
        params, state, info = step(params, state)
    assert np.isfinite(params["w"]).all() and np.isfinite(info.loss)
    assert not np.array_equal(params["w"], start)


def test_schedules_are_found():
    assert {"exponential_decay", "cosine_decay_schedule", "warmup_cosine_decay_schedule"} <= set(optax_schedules())


def test_levenberg_marquardt_never_raises_the_loss():
    residual, params, _ = PROBLEMS["rosenbrock"]
    optimizer = make_optimizer("levenberg_marquardt", {"damping": 1e-6})
    state, losses, dampings = optimizer.init(params), [], []
    step = jax.jit(lambda p, s: optimizer.step(residual, p, s))
    for _ in range(30):
        params, state, info = step(params, state)
        losses.append(float(info.loss))
        dampings.append(float(info.damping))
    assert all(b <= a for a, b in itertools.pairwise(losses))
    assert max(dampings) > 1e-6, "this start should need a larger damping"


def test_levenberg_marquardt_stays_where_every_trial_is_nan():
    def residual(p):
        return jnp.where(jnp.abs(p - 1) < 1e-12, p, jnp.nan)

    optimizer, params = make_optimizer("levenberg_marquardt", {}), jnp.ones(2)
    after, state, info = optimizer.step(residual, params, optimizer.init(params))
    np.testing.assert_array_equal(after, params)
    assert not info.accepted and np.isfinite(state.damping)


def test_levenberg_marquardt_in_single_precision():
    optimizer = make_optimizer("levenberg_marquardt", {})
    a, b = A.astype(jnp.float32), B.astype(jnp.float32)
    params = jnp.zeros(2, jnp.float32)
    state = optimizer.init(params)
    step = jax.jit(lambda p, s: optimizer.step(lambda p: a @ p - b, p, s))
    for _ in range(20):
        params, state, info = step(params, state)
    assert params.dtype == state.damping.dtype == info.loss.dtype == jnp.float32
    np.testing.assert_allclose(params, [1.0, -2.0], atol=1e-5)


def test_linearize_of_a_plain_function():
    r, jac = linearize(PROBLEMS["linear"][0], jnp.zeros(2))
    np.testing.assert_allclose(r, -B)
    np.testing.assert_allclose(jac, A)


def test_mean_absolute_is_the_weighted_mean_of_absolute_values():
    data = jnp.array([1.0, -2.0, 4.0])
    blocks = (
        Block(lambda p, x: jnp.stack([p * x]), data, jnp.sqrt(jnp.array([5.0]) / 3)),
        Block(lambda p, x: jnp.stack([p + x]), data, jnp.sqrt(jnp.array([1.0]) / 3)),
    )
    expected = 5 * np.mean(np.abs(2 * data)) + np.mean(np.abs(2 + data))
    np.testing.assert_allclose(mean_absolute(PointwiseResidual(blocks), jnp.array(2.0)), expected, rtol=1e-14)


def test_least_absolute_values_ignore_an_outlier():
    """The mean square goes to the mean, the mean absolute value to the median."""
    data = jnp.array([0.0, 0.0, 0.0, 0.0, 10.0])
    ends = {}
    for loss in ("mean_square", "mean_absolute"):
        optimizer = make_optimizer("sgd", {"learning_rate": 1e-2}, loss)
        params, state = jnp.array(3.0), optimizer.init(jnp.array(3.0))
        residual = PointwiseResidual((Block(lambda p, x: jnp.stack([p - x]), data, jnp.sqrt(jnp.array([0.2]))),))
        step = jax.jit(lambda p, s, o=optimizer, r=residual: o.step(r, p, s))
        for _ in range(2000):
            params, state, _ = step(params, state)
        ends[loss] = float(params)
    assert abs(ends["mean_square"] - 2.0) < 1e-3
    assert abs(ends["mean_absolute"]) < 2e-2


@pytest.mark.parametrize(
    ("name", "options", "loss", "says"),
    [
        ("adamm", {}, "mean_square", "Did you mean 'adam'"),
        ("adam", {}, "mean_square", "needs the option 'learning_rate'"),
        ("adam", {"learning_rate": -1}, "mean_square", "greater than 0"),
        ("adam", {"learning_rate": 1e-3, "nesterov": 3}, "mean_square", "true or false"),
        ("adam", {"learning_rate": 1e-3, "b1": True}, "mean_square", "expected a number"),
        ("adam", {"learning_rate": {"init_value": 1}}, "mean_square", "unknown schedule 'None'"),
        ("levenberg_marquardt", {"dampin": 1}, "mean_square", "Did you mean 'damping'"),
        ("levenberg_marquardt", {}, "mean_absolute", "sum of squares"),
    ],
)
def test_bad_options(name, options, loss, says):
    with pytest.raises(ProblemError, match=says):
        make_optimizer(name, options, loss)


# --- normal equations -----------------------------------------------------------------------------------


def pointwise(key, rows, inputs=3):
    """Two kinds of residuals of a small model, with two values and one value a row."""
    data = jax.random.normal(key, (rows, inputs))
    params = {"a": jax.random.normal(key, (inputs, 2)), "b": jnp.ones(2)}
    first = Block(lambda p, x: jnp.tanh(x @ p["a"] + p["b"]), data, jnp.array([0.5, 2.0]))
    second = Block(lambda p, x: jnp.sum(x @ p["a"], keepdims=True), data[: rows // 2], jnp.array([3.0]))
    return PointwiseResidual((first, second)), params


def dense(residual, params):
    r, jac = linearize(residual, params)
    return np.asarray(r), np.asarray(jac)


def test_jacobian_of_pointwise_residuals_is_that_of_jax():
    residual, params = pointwise(jax.random.PRNGKey(0), 7)
    r, jac = dense(residual, params)
    flat, unravel = jax.flatten_util.ravel_pytree(params)
    np.testing.assert_allclose(jac, jax.jacfwd(lambda p: residual(unravel(p)))(flat), rtol=1e-13, atol=1e-14)
    np.testing.assert_array_equal(r, residual(params))


@pytest.mark.parametrize(("rows", "memory"), [(7, 2**30), (7, 500), (7, 100), (2, 2**30)])
def test_normal_equations_against_dense_algebra(rows, memory):
    """Whole, in blocks whose last one is filled up, and in the N x N form."""
    residual, params = pointwise(jax.random.PRNGKey(1), rows)
    r, jac = dense(residual, params)
    system = jax.jit(lambda p: normal_equations(residual, p, memory)[:3])(params)
    np.testing.assert_allclose(system[0], 0.5 * r @ r, rtol=1e-13)
    np.testing.assert_allclose(system[1], jac.T @ r, rtol=1e-12, atol=1e-12)
    assert bool(system[2])
    move = jax.jit(lambda p: normal_equations(residual, p, memory).solve(jnp.asarray(0.1)))(params)
    np.testing.assert_allclose(move, -np.linalg.solve(jac.T @ jac + 0.1 * np.eye(8), jac.T @ r), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_symmetric_product_of_blas_is_the_product(dtype):
    jac = jax.random.normal(jax.random.PRNGKey(0), (9, 5)).astype(dtype)
    found = jax.jit(gram)(jac)
    assert found.dtype == jac.dtype
    np.testing.assert_allclose(np.tril(found), np.tril(jac.T @ jac), rtol=1e-5 if dtype == "float32" else 1e-13)


def test_what_does_not_fit_into_the_machine_is_refused_before_it_starts(heat_text):
    problem = problem_from_text(heat_text)
    with pytest.raises(ProblemError, match=r"needs about .* GiB, and this machine has") as refused:
        pinn.solve(problem, network={"width": 20000})
    assert "network.width or sampling.equations" in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"sampling": {"held_out": 10**9}}, "sampling.held_out: the residual at 1000000000 points after training"),
        ({"sampling": {"equations": 10**9}, "training": {"stages": [{"optimizer": "adam", "learning_rate": 1e-3,
          "steps": 1}]}}, "sampling.equations: the residual at"),
        ({"network": {"width": 500, "depth": 4}, "training": {"stages": [{"optimizer": "ssbroyden", "steps": 1}]}},
         "a step of ssbroyden with 7"),
    ],
)  # fmt: skip
def test_more_points_or_params_than_fit_are_refused(heat_text, settings, says):
    with pytest.raises(ProblemError, match="GiB, and this machine has") as refused:
        pinn.solve(problem_from_text(heat_text), **settings)
    assert says in str(refused.value)


def test_blocks_of_rows_take_less_memory():
    assert step_bytes(1000, 10**6, 8, 2**30) < 0.2 * step_bytes(1000, 10**6, 8, 2**40)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("size", [SMALL - 1, SMALL + 1])
def test_products_and_factors_called_out_of_a_step_are_those_of_numpy(dtype, size):
    """Below and above the size from which BLAS and LAPACK are called."""
    jac = np.random.default_rng(0).standard_normal((2 * size, size)).astype(dtype)
    right, lam = jac[0], np.asarray(0.1, dtype)
    # Sums of 500 products, and a matrix whose condition is a few tens.
    tolerance = 1e3 * float(jnp.finfo(dtype).eps)
    normal = jax.jit(gram)(jac)
    np.testing.assert_allclose(normal, jac.T @ jac, rtol=tolerance, atol=tolerance * size)
    found = jax.jit(solve_damped)(normal, lam, right)
    expected = np.linalg.solve(np.asarray(normal, float) + 0.1 * np.eye(size), right)
    np.testing.assert_allclose(found, expected, rtol=100 * tolerance, atol=tolerance)
    assert found.dtype == normal.dtype == dtype
    assert not np.isfinite(jax.jit(solve_damped)(-normal, lam, right)).any()
    many = jax.jit(jax.vmap(solve_damped, (None, 0, None)))(normal, jnp.asarray([0.1, 1.0], dtype), right)
    np.testing.assert_allclose(many[0], found, rtol=100 * tolerance, atol=tolerance)


def test_the_lapack_of_scipy_runs_on_one_thread_while_training():
    def threads(package):
        found = ThreadpoolController().info()
        return {e["num_threads"] for e in found if package in Path(e["filepath"]).parts[-2]}

    before = threads("numpy"), threads("scipy")
    with lapack_on_one_thread():
        assert threads("scipy") <= {1} and threads("numpy") == before[0]
    assert (threads("numpy"), threads("scipy")) == before


@pytest.mark.parametrize("rows", [9, 40])
def test_small_networks_keep_what_their_normal_equations_lose(rows):
    """A direction a billion times weaker than the others is found from J, and lost in J^T J."""
    params, keys = {"w": jnp.zeros(6)}, jax.random.split(jax.random.PRNGKey(0))
    left, right = (jnp.linalg.qr(jax.random.normal(k, (n, 6)))[0] for k, n in zip(keys, (rows, 6), strict=True))
    jac, wanted = left @ jnp.diag(jnp.array([1, 1, 1, 1, 1, 1e-9])) @ right.T, jnp.arange(1.0, 7.0)
    lam = jnp.asarray(1e-22)
    move = jax.jit(lambda p: normal_equations(lambda p: jac @ (p["w"] - wanted), p, 2**30).solve(lam))(params)
    np.testing.assert_allclose(move, wanted, rtol=1e-3)
    assert not np.allclose(solve_damped(jac.T @ jac, lam, jac.T @ (jac @ wanted)), wanted, rtol=1e-3)
