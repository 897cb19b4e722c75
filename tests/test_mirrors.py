"""Ends at which a problem goes on as its mirror image: slopes of zero that hold for any params."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pinn import make_problem
from pinn.ansatz import make_ansatz
from pinn.ansatz.hard import choose_hard
from pinn.ansatz.mirrors import choose_mirrors, is_zero_slope
from pinn.config import load_problem
from pinn.derivatives import partials
from pinn.errors import ProblemError
from pinn.networks import make_network
from pinn.residuals import residual_blocks, sample
from pinn.settings import AnsatzSettings, SamplingSettings, make_settings

KEY = jax.random.PRNGKey(0)


def build(inputs, outputs):
    return make_network("mlp", inputs, outputs, {"width": 6, "depth": 2})


def rod(left="u_x = 0", right="u_x = 0", equation="u_t = u_xx", initial="u = 2 + cos(pi*x)"):
    """From x = 1 to x = 3."""
    conditions = {"initial": ("t=0", initial), "left": ("x=1", left), "right": ("x=3", right)}
    conditions = {n: {"where": w, "equation": e} for n, (w, e) in conditions.items() if e}
    return make_problem("rod", {"t": (0, 1), "x": (1, 3)}, ["u"], {"pde": equation}, conditions)


def mirrors_of(problem, **settings):
    options = AnsatzSettings(**settings)
    return choose_mirrors(problem, choose_hard(problem, options)[0], options)


# Which ends are mirrors


@pytest.mark.parametrize(
    ("problem", "ends", "reason"),
    [
        (rod(), {1: (1.0, 3.0)}, ""),
        (rod("-3*u_x", "u = exp(-t)", initial="u = 2 - (x - 1)**2/4"), {1: (1.0,)}, ""),
        (rod(right="u_x = 0.1"), {1: (1.0,)}, ""),
        (rod(equation="u_t = (1 + sin(pi*x)**2)*u_xx - u**3"), {1: (1.0, 3.0)}, ""),
        (rod(equation="u_t = x*u_xx"), {}, "'pde' changes when x is mirrored at x=1"),
        (rod(equation="u_t = u_xx - u_x"), {}, "'pde' changes"),
        (rod(equation="u_t = u_xx + sqrt(x - 1)"), {}, "'pde' changes"),  # nan beyond the end
        (rod(initial="u = x**2"), {}, "'initial' changes"),
        (rod(equation="u_t = -u_xxxx"), {}, "u is differentiated more than twice by x"),
    ],
)  # fmt: skip
def test_ends_that_are_mirrors(problem, ends, reason):
    found, names, notes = mirrors_of(problem)
    assert found == ends
    assert set(names) == {c.name for c in problem.conditions if is_zero_slope(c, problem) and dict(c.where)["x"] in
                          ends.get(1, ())}  # fmt: skip
    assert (not reason and len(notes) <= 1) or any(reason in note for note in notes)


def test_a_clamped_end_is_none():
    """With a value and a slope of zero at one end nothing is even."""
    where = {"a": ("x=0", "u = 0"), "b": ("x=0", "u_x = 0"), "c": ("x=1", "u = 1")}
    conditions = {n: {"where": w, "equation": e} for n, (w, e) in where.items()}
    problem = make_problem("start", {"x": (0, 1)}, ["u"], {"ode": "u_xx = -u"}, conditions)
    found, names, notes = mirrors_of(problem)
    assert not found and not names and "has both a slope and a value of zero" in notes[0]


def test_of_systems_every_unknown_has_its_condition():
    def walls(second):
        conditions = {n: {"where": w, "equation": e} for n, (w, e) in {
            "h0": ("t=0", "h = 1 + 0.1*cos(pi*x)"), "v0": ("t=0", "v = 0"), "slope": ("x=0", "h_x = 0"), "wall": ("x=0", second),
        }.items()}  # fmt: skip
        return make_problem(
            "basin", {"t": (0, 1), "x": (0, 1)}, ["h", "v"], {"mass": "h_t + h*v_x + v*h_x", "momentum": "v_t + v*v_x + h_x"},
            conditions,
        )  # fmt: skip

    assert mirrors_of(walls("v = 0"))[0] == {1: (0.0,)}, "h is even and v is odd"
    for second, reason in (("v = t", "'wall' asks for something else"), ("v_x = 0", "'mass' changes")):
        found, _, notes = mirrors_of(walls(second))
        assert not found and reason in notes[0]
    assert not mirrors_of(walls("v = 0"), dirichlet="soft")[0], "v is not hard"


def test_ends_of_value_zero_are_mirrors_where_they_are_asked_for():
    problem = rod("u = 0", "u = 0", initial="u = sin(pi*(x - 1))")
    assert not mirrors_of(problem)[0]
    assert mirrors_of(problem, mirrors=["x"])[0] == {1: (1.0, 3.0)}
    with pytest.raises(ProblemError, match="no end of x is a mirror: 'pde' changes when x is mirrored at x=3"):
        mirrors_of(rod("u = 0", "u = 0", "u_t = u_xx + 1", "u = sin(pi*(x - 1))"), mirrors=["x"])


def test_what_the_settings_want():
    assert not mirrors_of(rod(), mirrors="none")[0]
    assert "is a term of the loss" in mirrors_of(rod(), mirrors="none")[2][0]
    assert mirrors_of(rod(), dirichlet="hard")[0]
    with pytest.raises(ProblemError, match="'left' cannot be hard: 'pde' changes"):
        mirrors_of(rod(equation="u_t = x*u_xx"), dirichlet="hard")
    assert not mirrors_of(rod(), inputs=["x"])[0], "an input of one's own need not be even"


# What an ansatz with mirrors is

MIXED = [
    rod(),
    rod(right="u = exp(-t)", initial="u = 2 - (x - 1)**2/4"),
    rod(left="u = exp(-t)", initial="u = 2 - (3 - x)**2/4"),
    rod(right="u_x = -u", initial="u = cos(x - 1)"),
]


@pytest.mark.parametrize("index", range(len(MIXED)))
@pytest.mark.parametrize("carried", [True, "state"])
def test_hard_for_any_params(index, carried):
    problem = MIXED[index]
    ansatz = make_ansatz(problem, build, AnsatzSettings(carried=carried))
    slopes = {c.name for c in problem.conditions if is_zero_slope(c, problem)}
    assert slopes and slopes < set(ansatz.hard)
    points = sample(problem, problem.constraints, SamplingSettings(equations=50, conditions=50), KEY)
    params = ansatz.network.init(KEY)
    blocks = jax.jit(
        lambda p: residual_blocks(problem, problem.constraints, lambda x: ansatz.network.apply(params, x), p)
    )(points)
    for name in ansatz.hard:
        np.testing.assert_allclose(blocks[name], 0, atol=2e-13, err_msg=name)
    assert np.abs(blocks["pde"]).max() > 1e-2


def test_a_string_is_odd_about_its_ends():
    """All even derivatives vanish there; and what is in between is not all zero."""
    problem = load_problem("wave")
    ansatz = make_ansatz(problem, build, make_settings(problem.settings).ansatz)
    params = ansatz.network.init(KEY)
    at = jax.jit(lambda x: partials(lambda p: ansatz.network.apply(params, p), jnp.stack([jnp.asarray(0.2), x]),
                                    {(), (1, 1), (1, 1, 1, 1)}))  # fmt: skip
    for end in (0.0, 1.0):
        for axes, value in at(jnp.asarray(end)).items():
            if len(axes) % 2:
                continue
            np.testing.assert_allclose(value, 0, atol=1e-10, err_msg=str(axes))
    assert abs(at(jnp.asarray(0.3))[()][0]) > 1e-2


def test_shipped_slopes_of_zero_are_hard():
    for name, hard in (("poisson_neumann", 4), ("cooling_rod", 2), ("robin", 2)):
        problem = load_problem(name)
        assert len(make_ansatz(problem, build, make_settings(problem.settings).ansatz).hard) == hard
