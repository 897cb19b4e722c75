"""Problems built in Python meet the same checks as files."""

import numpy as np
import pytest

from pinn import registry
from pinn.config import load_problem
from pinn.errors import ProblemError
from pinn.statement import make_problem

HEAT = {
    "name": "heat",
    "coordinates": {"t": (0, 1), "x": (0, 1)},
    "unknowns": ["u"],
    "equations": {"pde": "u_t - u_xx"},
    "conditions": {
        "initial": {"where": "t=0", "equation": "u - sin(pi*x)"},
        "left": {"where": {"x": 0}, "equation": "u"},
        "right": {"where": "x=1", "equation": "u"},
    },
}


def test_text_and_python_give_the_same_residual():
    """To round-off: the two forms order their sums differently."""
    for name in registry.RESIDUALS:
        file = load_problem(name)
        values = dict(zip(("u", "u_t", "u_x", "u_xx"), np.random.default_rng(0).normal(size=(4, 100)), strict=True))
        values |= dict(file.parameters)
        text = file.equations[0].residual
        python = registry.RESIDUALS[name]
        needs = python.__code__.co_varnames[: python.__code__.co_argcount]
        ours = text.fn(**{n: values[n] for n in text.needs})
        theirs = python(**{n: values[n] for n in needs})
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13, err_msg=name)
        assert np.abs(ours).max() > 1, "this test could not fail"


def test_a_whole_problem_in_python_agrees_with_its_file():
    file, python = load_problem("allen_cahn"), registry.allen_cahn_python()
    assert file.domain == python.domain and file.parameters == python.parameters
    rng = np.random.default_rng(1)
    for ours, theirs in zip(file.constraints, python.constraints, strict=True):
        assert (ours.name, dict(ours.where)) == (theirs.name, dict(theirs.where))
        values = {n: rng.normal(size=50) for n in ours.residual.needs if n != "eps"} | {"eps": 1e-4}
        np.testing.assert_allclose(
            ours.residual.fn(**{n: values[n] for n in ours.residual.needs}),
            theirs.residual.fn(**{n: values[n] for n in theirs.residual.needs}),
            rtol=0,
            atol=1e-12,
        )


def test_order_and_places():
    problem = make_problem(**HEAT)
    assert (problem.order("t"), problem.order("x")) == (1, 2)
    assert [c.place for c in problem.constraints] == ["interior", "t=0", "x=0", "x=1"]


def test_ordinary_differential_equation():
    problem = make_problem(
        "decay", {"t": (0, 2)}, ["y"], {"ode": "y_t = -y"}, {"start": {"where": "t=0", "equation": "y = 1"}}
    )
    assert problem.order("t") == 1


def test_first_order_in_space_needs_one_end():
    def advection(*ends):
        conditions = {e: {"where": e, "equation": "u"} for e in ends} | {"i": {"where": "t=0", "equation": "u"}}
        return make_problem("a", HEAT["coordinates"], ["u"], {"pde": "u_t + u_x"}, conditions)

    assert advection("x=0").name == "a"
    with pytest.raises(ProblemError, match="nothing is said about x=0 and x=1"):
        advection()


def test_steady_problem_has_no_initial_condition():
    conditions = {e: {"where": e, "equation": "u"} for e in ("x=0", "x=1", "y=0", "y=1")}
    poisson = make_problem("p", {"x": (0, 1), "y": (0, 1)}, ["u"], {"pde": "u_xx + u_yy = 1"}, conditions)
    assert len(poisson.conditions) == 4


def test_python_functions_are_checked():
    with pytest.raises(
        ProblemError, match=r"equations.pde: 'wrong\(u_t, u_zz\)': 'u_zz' is a derivative of 'u' in 'z'"
    ):

        def wrong(u_t, u_zz):
            return u_t - u_zz

        make_problem(**HEAT | {"equations": {"pde": wrong}})


def test_every_unknown_has_to_appear():
    with pytest.raises(ProblemError, match="no equation mentions the unknown 'v'"):
        make_problem(**HEAT | {"unknowns": ["u", "v"], "equations": {"a": "u_t - u_xx", "b": "u_t - u_xx"}})


def test_a_condition_at_one_member_of_a_family_is_refused():
    family = HEAT | {"coordinates": {"t": (0, 1), "x": (0, 1), "k": (1, 2)}, "equations": {"pde": "u_t - k*u_xx"}}
    make_problem(**family)
    for where in ("k=1", "x=0, k=1.5"):
        more = family["conditions"] | {"one": {"where": where, "equation": "u"}}
        with pytest.raises(ProblemError, match=r"one\.where: no equation differentiates by k, so that each k is"):
            make_problem(**family | {"conditions": more})
