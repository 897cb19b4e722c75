"""Residuals on small grids: what a user's own test calls."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from pinn.config import load_problem
from pinn.errors import ProblemError
from pinn.grid import residual_on_grid
from pinn.statement import make_problem


def heat(t, x):
    return jnp.exp(-0.1 * jnp.pi**2 * t) * jnp.sin(jnp.pi * x)


def heat_values(n=(31, 41)):
    t, x = np.linspace(0, 1, n[0])[:, None], np.linspace(0, 1, n[1])
    return np.exp(-0.1 * np.pi**2 * t) * np.sin(np.pi * x)


def test_functions_by_autodiff():
    residuals = residual_on_grid(load_problem("heat"), heat, 16)
    assert {name: r.shape for name, r in residuals.items()} == {
        "pde": (16, 16),
        "initial": (16,),
        "left": (16,),
        "right": (16,),
    }
    for name, r in residuals.items():
        np.testing.assert_allclose(r, 0, atol=1e-14, err_msg=name)
    wrong = residual_on_grid(load_problem("heat"), lambda t, x: 1.01 * heat(t, x) + 0.01, {"t": 5, "x": 7})
    assert wrong["pde"].shape == (5, 7)
    assert all(np.abs(wrong[name]).max() > 1e-3 for name in ("initial", "left", "right"))


def test_values_by_finite_differences_at_sixth_order():
    def error(n):
        return np.abs(residual_on_grid(load_problem("heat"), heat_values((n, n)))["pde"]).max()

    assert np.log2(error(13) / error(25)) > 5


def test_values_by_spectral_derivatives():
    problem = make_problem(
        "advection",
        {"t": (0, 1), "x": (-1, 1)},
        ["u"],
        {"pde": "u_t + u_x"},
        {"initial": {"where": "t=0", "equation": "u = sin(pi*x)"}},
        periodic=["x"],
    )
    t, x = np.linspace(0, 1, 33)[:, None], np.linspace(-1, 1, 16, endpoint=False)
    residuals = residual_on_grid(problem, np.sin(np.pi * (x - t)))
    np.testing.assert_allclose(residuals["pde"], 0, atol=1e-6)  # differences in t
    np.testing.assert_allclose(residuals["initial"], 0, atol=1e-15)
    assert np.abs(residual_on_grid(problem, np.sin(np.pi * (x + t)))["pde"]).max() > 1
    coarse = residual_on_grid(problem, np.sin(np.pi * (x - t)), derivatives="finite_difference")["pde"]
    assert np.abs(coarse).max() > np.abs(residuals["pde"]).max()


def test_functions_that_are_not_periodic_are_noticed():
    problem = load_problem("allen_cahn")
    for f, size in ((lambda t, x: jnp.cos(jnp.pi * x) + 0 * t, 0), (lambda t, x: x**2 + 0 * t, 4)):
        residuals = residual_on_grid(problem, f, np.int64(6))
        assert residuals["periodic x: u"].shape == (6,)
        np.testing.assert_allclose(residuals["periodic x: u_x"], -size, atol=1e-12)


def test_systems_and_python_residuals():
    def prey(a, b, a_t):
        return a_t - a * (1 - b)

    problem = make_problem(
        "lotka",
        {"t": (0, 1)},
        ["a", "b"],
        {"prey": prey, "predator": "b_t = b*(a - 1)"},
        {"a0": {"where": "t=0", "equation": "a = 1"}, "b0": {"where": "t=0", "equation": "b = 1"}},
    )
    for f in (
        lambda t: (1.0 + 0 * t, 1.0 + 0 * t),
        lambda t: {"b": 1.0 + 0 * t, "a": 1.0 + 0 * t},
        {"a": np.ones(20), "b": np.ones(20)},
    ):
        residuals = residual_on_grid(problem, f, 20)
        assert residuals["a0"].shape == ()
        for name, r in residuals.items():
            np.testing.assert_allclose(r, 0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    ("f", "options", "says"),
    [
        (lambda y: y, {}, "has to take the coordinates t, x by name"),
        (lambda t, x: np.sin(x), {}, "uses numpy or math, or branches"),
        (lambda t, x: math.sin(x), {}, "uses numpy or math, or branches"),
        (lambda t, x: x if x > 0 else -x, {}, "uses numpy or math, or branches"),
        (lambda t, x: (x, x), {}, "one number for each of u"),
        (lambda t, x: {"v": x}, {}, "no values for 'u'"),
        (np.zeros(5), {}, "one axis for each of t, x"),
        ({"v": np.zeros((5, 5))}, {}, "unknown unknown 'v'"),
        (np.zeros((3, 3)), {}, "too few"),
        (np.zeros((20, 20)), {"derivatives": "spectral"}, "need a periodic coordinate"),
        (np.zeros((20, 20)), {"derivatives": "spectrl"}, "Did you mean 'spectral'"),
        (heat, {"n": {"t": 5}}, "n says nothing about 'x'"),
    ],
)
def test_misuse(f, options, says):
    with pytest.raises(ProblemError, match=says):
        residual_on_grid(load_problem("heat"), f, **options)
