"""Reflections: found where they are, not found where they are not, and kept by the network whatever its params."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pinn.ansatz import make_ansatz
from pinn.ansatz.symmetry import Reflection, describe, find_reflection
from pinn.config import load_problem, problem_from_text
from pinn.networks import make_network
from pinn.settings import AnsatzSettings

BURGERS = """
name: mine
coordinates: {t: [0, 1], x: [-1, 3]}
unknowns: [u]
parameters: {nu: 0.1}
equations:
  pde: u_t + u*u_x = nu*u_xx
conditions:
  initial: {where: t=0, equation: u = sin(pi*(x - 1)/2)}
  left: {where: x=-1, equation: u = 0}
  right: {where: x=3, equation: u = 0}
"""
SYSTEM = """
name: waves
coordinates: {t: [0, 1], x: [0, 2]}
periodic: [x]
unknowns: [h, v]
equations:
  mass: h_t + v_x = 0
  momentum: v_t + h_x = 0
conditions:
  height: {where: t=0, equation: h = cos(pi*x)}
  velocity: {where: t=0, equation: v = sin(pi*x)}
"""


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("allen_cahn", Reflection(1, 0.0, (1,))),
        ("burgers", Reflection(1, 0.0, (-1,))),
        ("heat", Reflection(1, 0.5, (1,))),
        ("kdv", None),
    ],
)
def test_reflections_of_the_shipped_problems(name, found):
    assert find_reflection(load_problem(name)) == found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("+ u*u_x", "+ u_x"),  # the equation is not symmetric
        ("+ u*u_x", "+ x*u_x"),  # nor here, about the middle at x = 1
        ("sin(pi*(x - 1)/2)", "sin(pi*(x - 1)/2) + 1e-6*cos(pi*(x - 1)/2)"),  # the data are not
        ("x=3, equation: u = 0", "x=3, equation: u = 1e-6"),  # the ends are not
        ("u_t + u*u_x = nu*u_xx", "1e-20*(u_t + u_x) = 1e-20*nu*u_xx"),  # nor if the units make it small
        ("x=3, equation: u = 0", "x=3, equation: u_x = 0"),  # nor of one kind
    ],
)
def test_a_problem_that_is_nearly_symmetric_is_not(old, new):
    assert find_reflection(problem_from_text(BURGERS)) == Reflection(1, 1.0, (-1,))
    assert old in BURGERS
    assert find_reflection(problem_from_text(BURGERS.replace(old, new))) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sin(pi*(x - 1)/2)", "exp(-1000*(x + 0.7)**2)"),  # data are local
        ("nu*u_xx", "nu*u_xx + exp(-1000*(x + 0.7)**2 - 1000*(t - 0.3)**2)"),  # or a source is, in time too
        ("sin(pi*(x - 1)/2)", "1e-15*sin(pi*(x - 1.1)/2)"),  # or small beside one
    ],
)
def test_what_is_local_or_small_is_not_overlooked(old, new):
    assert old in BURGERS
    assert find_reflection(problem_from_text(BURGERS.replace(old, new))) is None


def test_residuals_without_a_value_for_zero_may_be_symmetric():
    text = BURGERS.replace("u_t + u*u_x", "u_t + log(u**2)").replace("sin(", "cos(")
    assert find_reflection(problem_from_text(text)) == Reflection(1, 1.0, (1,))


@pytest.mark.parametrize(
    ("equation", "linear"),
    [
        ("u_t = nu*u_xx - x*u + sin(t)", True),
        ("u_t + u*u_x = nu*u_xx", False),
        ("u_t = nu*u_xx - max(0, u - 5)", False),  # small values do not tell
        ("u_t = 1e5*u_xx + u**3", False),
        ("0 = 3", True),
    ],
)
def test_linear_equations(equation, linear):
    from pinn.ansatz.linearity import is_linear

    text = BURGERS.replace("u_t + u*u_x = nu*u_xx", equation if "u" in equation else "u_t*0 + u_xx*0 = 3")
    assert is_linear(problem_from_text(text)) is linear


def test_unknowns_have_signs_of_their_own():
    problem = problem_from_text(SYSTEM)
    reflection = find_reflection(problem)
    assert reflection == Reflection(1, 1.0, (1, -1))
    assert "h even, v odd" in describe(problem, reflection)


@pytest.mark.parametrize("text", [BURGERS, SYSTEM, BURGERS.replace("sin(", "cos(").replace("+ u*u_x", "- u**2")])
def test_the_network_has_the_symmetry_for_any_params(text):
    problem = problem_from_text(text)
    ansatz = make_ansatz(problem, lambda i, o: make_network("mlp", i, o, {}), AnsatzSettings())
    assert ansatz.reflection is not None
    params = ansatz.network.init(jax.random.PRNGKey(3))
    points = jax.random.uniform(jax.random.PRNGKey(4), (20, 2), float, 0, 1)
    u = jax.vmap(lambda p: ansatz.network.apply(params, p))
    images = jax.vmap(ansatz.reflection.mirror)(points)
    np.testing.assert_allclose(u(images), u(points) * jnp.asarray([ansatz.reflection.signs], float), atol=1e-13)
    free = make_ansatz(problem, lambda i, o: make_network("mlp", i, o, {}), AnsatzSettings(symmetry=False))
    v = jax.vmap(lambda p: free.network.apply(free.network.init(jax.random.PRNGKey(3)), p))
    assert (
        free.reflection is None
        and np.abs(v(images) - v(points) * jnp.asarray([ansatz.reflection.signs], float)).max() > 1e-3
    )


def test_points_are_folded_into_one_half():
    points = Reflection(1, 1.0, (1,)).fold(jnp.asarray([[0.2, -0.5], [0.3, 2.0]]))
    np.testing.assert_allclose(points, [[0.2, 2.5], [0.3, 2.0]])
