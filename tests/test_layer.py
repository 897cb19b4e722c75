"""The coordinate stretched around a layer: where it is taken, and what it keeps of the problem."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pinn.ansatz import make_ansatz
from pinn.ansatz.layer import stretched
from pinn.config import load_problem, problem_from_text
from pinn.errors import ProblemError
from pinn.networks import make_network
from pinn.problem import Domain
from pinn.registry import shipped
from pinn.settings import AnsatzSettings


def ansatz(problem, **settings):
    return make_ansatz(problem, lambda i, o: make_network("mlp", i, o, {"width": 4}), AnsatzSettings(**settings))


def noted(problem, **settings):
    return [n for n in ansatz(problem, **settings).notes if "stretched" in n]


def test_burgers_falls_fastest_in_the_middle():
    assert noted(load_problem("burgers")) == ["an input is stretched around x=0, where a layer may form"]
    assert not noted(load_problem("burgers"), layer="none") and not noted(load_problem("burgers"), symmetry=False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("-sin(pi*x)", "sin(pi*x)"),
        ("-sin(pi*x)", "x**3 - x**5"),
        ("+ u*u_x", "+ sin(pi*x)*u_x"),
        ("-sin(pi*x)", "cos(pi*x/2)"),
    ],
    ids=["rises in the middle", "falls faster elsewhere", "linear", "not odd"],
)
def test_where_no_layer_is_expected(old, new):
    text = shipped()["burgers"].read_text().replace(old, new).split("reference")[0]
    assert not noted(problem_from_text(text))


def test_a_place_may_be_named():
    assert noted(load_problem("allen_cahn"), layer=0.5) == [
        "an input is stretched around x=0.5, where a layer may form"
    ]
    with pytest.raises(ProblemError, match="expected a place between -1 and 1, the range of x"):
        ansatz(load_problem("allen_cahn"), layer=2.0)


def test_a_place_needs_one_coordinate_beside_time():
    text = "name: p\ncoordinates: {x: [0, 1]}\nunknowns: [u]\nequations: {pde: u_xx = 1}\n"
    text += "conditions: {left: {where: x=0, equation: u = 0}, right: {where: x=1, equation: u = 0}}\n"
    with pytest.raises(ProblemError, match="needs a problem in t and one other coordinate"):
        ansatz(problem_from_text(text), layer=0.5)


@pytest.mark.parametrize("periodic", [(), ("x",)])
@pytest.mark.parametrize("even", [False, True])
def test_the_coordinate_has_the_symmetry_and_the_period_and_is_steep_at_the_layer(periodic, even):
    domain = Domain({"t": (0.0, 1.0), "x": (1.0, 5.0)}, periodic)
    with jax.enable_x64(True):
        f = stretched(domain, 1, 3.7, even)
        x = jnp.linspace(1, 5, 4001)
        y, slope = jax.vmap(f)(x), jax.vmap(jax.grad(f))(x)
        assert np.all(np.abs(y) <= 1 + 1e-12) and abs(float(f(jnp.asarray(3.7)))) < 1e-12
        steep = float(x[np.argmax(np.abs(slope))])
        mirrored = 3 - (3.7 - 3) if even else 3.7
        assert min(abs(steep - 3.7), abs(steep - mirrored), abs(steep - 1.7) if periodic else 9) < 2e-3
        assert np.max(np.abs(slope)) > 10
        if even:
            np.testing.assert_allclose(jax.vmap(f)(6 - x), y, atol=1e-12)
        if periodic:
            np.testing.assert_allclose(jax.vmap(f)(x + 4), y, atol=1e-9)
