"""Residual blocks and the vector r: scaled right, zero on exact solutions, cheap and correct Jacobian."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from pinn import registry
from pinn.config import load_problem
from pinn.derivatives import with_parts
from pinn.networks import make_network
from pinn.residuals import needed_axes, residual_blocks, residual_vector, sample
from pinn.settings import SamplingSettings

SAMPLING = SamplingSettings(equations=30, conditions=8)
KEY = jax.random.PRNGKey(0)


def heat_exact(x):
    return jnp.stack([jnp.exp(-0.1 * jnp.pi**2 * x[0]) * jnp.sin(jnp.pi * x[1])])


def test_residuals_vanish_on_the_exact_solution_and_not_beside_it():
    problem = load_problem("heat")
    points = sample(problem, problem.constraints, SAMPLING, KEY)
    for name, block in residual_blocks(problem, problem.constraints, heat_exact, points).items():
        np.testing.assert_allclose(block, 0, atol=1e-14, err_msg=name)

    def beside(x):
        return heat_exact(x) + 1e-3 * jnp.sin(3 * x.sum() + 0.5)

    for name, block in residual_blocks(problem, problem.constraints, beside, points).items():
        assert np.abs(block).max() > 1e-5, name


def small(name="burgers"):
    problem = load_problem(name)
    network = make_network("mlp", 2, 1, {"width": 4, "depth": 2})
    points = sample(problem, problem.constraints, SAMPLING, KEY)
    return problem, network, points, network.init(KEY)


def vector(problem, network, weights, points):
    """Residuals of a bare network, with nothing added."""
    axes = with_parts(needed_axes(problem, problem.constraints))
    nothing = {place: {a: jnp.zeros((len(x), 1)) for a in axes} for place, x in points.items()}
    u = lambda params, x, before: network.apply(params, x)
    return residual_vector(problem, problem.constraints, u, weights, points, nothing, nothing)


def test_loss_is_half_the_weighted_sum_of_mean_squares():
    problem, network, points, params = small()
    r = vector(problem, network, {"initial": 7.0}, points)(params)
    blocks = residual_blocks(problem, problem.constraints, lambda x: network.apply(params, x), points)
    weights = {"pde": 1.0, "initial": 7.0, "left": 10.0, "right": 10.0}
    expected = sum(weights[n] * jnp.mean(b**2) for n, b in blocks.items()) / 2
    np.testing.assert_allclose(0.5 * r @ r, expected, rtol=1e-13)


def test_jacobian_of_rows_is_the_jacobian():
    problem, network, points, params = small()
    residual_fn = vector(problem, network, {}, points)
    flat, unravel = ravel_pytree(params)
    r, jac = jax.jit(residual_fn.linearize)(params)
    np.testing.assert_allclose(r, residual_fn(params), rtol=1e-13, atol=1e-15)
    expected = jax.jit(jax.jacrev(lambda p: residual_fn(unravel(p))))(flat)
    np.testing.assert_allclose(jac, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", registry.RESIDUALS)
def test_text_and_python_agree_on_a_network(name):
    problem, network, points, params = small(name)
    python = problem.equations[0]._replace(
        residual=problem.equations[0].residual._replace(
            fn=registry.RESIDUALS[name],
            needs=tuple(registry.RESIDUALS[name].__annotations__)[:-1],
        )
    )

    def block(constraint):
        return residual_blocks(problem, [constraint], lambda x: network.apply(params, x), points)["pde"]

    np.testing.assert_allclose(block(problem.equations[0]), block(python), rtol=0, atol=1e-13)


def test_systems_share_points_and_derivatives():
    from pinn.statement import make_problem

    problem = make_problem(
        "wave",
        {"t": (0, 1), "x": (0, 1)},
        ["u", "v"],
        {"first": "u_t = v", "second": "v_t = u_xx"},
        {
            "u0": {"where": "t=0", "equation": "u = sin(pi*x)"},
            "v0": {"where": "t=0", "equation": "v = 0"},
            "left": {"where": "x=0", "equation": "u"},
            "right": {"where": "x=1", "equation": "u"},
        },
    )

    def exact(x):
        c = jnp.cos(jnp.pi * x[0]) * jnp.sin(jnp.pi * x[1])
        return jnp.stack([c, -jnp.pi * jnp.sin(jnp.pi * x[0]) * jnp.sin(jnp.pi * x[1])])

    points = sample(problem, problem.constraints, SAMPLING, KEY)
    assert set(points) == {"interior", "t=0", "x=0", "x=1"}
    blocks = residual_blocks(problem, problem.constraints, exact, points)
    assert list(blocks) == ["first", "second", "u0", "v0", "left", "right"]
    for name, block in blocks.items():
        np.testing.assert_allclose(block, 0, atol=1e-13, err_msg=name)
