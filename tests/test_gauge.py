"""What fixes a constant that nothing else fixes: the mean over the domain."""

import jax
import numpy as np
import pytest
from scipy.integrate import simpson

from pinn.config import problem_from_text
from pinn.errors import ProblemError
from pinn.evidence.estimate import estimate
from pinn.findings import findings
from pinn.gauge import mean_rule, seen_by
from pinn.reference import make_reference
from pinn.settings import make_settings
from pinn.solution import build_ansatz

TEXT = """\
name: plates
coordinates: {x: [0, 2], y: [0, 1]}
unknowns: [u]
parameters: {h: 0, m: 3}
equations:
  pde: u_xx + u_yy = -2*pi**2*cos(pi*x)*cos(pi*y)
conditions:
  left: {where: x=0, equation: u_x + h*u = 0}
  right: {where: x=2, equation: u_x = 0}
  bottom: {where: y=0, equation: u_y = 0}
  top: {where: y=1, equation: u_y = 0}
means: {u: m/2}
network: {width: 6, depth: 2}
"""
GRID = {"x": np.linspace(0, 2, 9), "y": np.linspace(0, 1, 7)}
TRUTH = 1.5 + np.cos(np.pi * GRID["x"])[:, None] * np.cos(np.pi * GRID["y"])
FORMULA = "reference: {kind: exact, u: cos(pi*x)*cos(pi*y)}\n"


def test_the_ansatz_has_the_mean_and_its_derivatives_do_not_change():
    problem = problem_from_text(TEXT)
    free = problem_from_text(TEXT.replace("means: {u: m/2}\n", ""))
    with jax.enable_x64(True):
        ansatz, other = (build_ansatz(p, make_settings(p.settings)) for p in (problem, free))
        params = ansatz.network.init(jax.random.PRNGKey(1))
        u, v = (lambda x, n=a.network: n.apply(params, jax.numpy.stack(x))[0] for a in (ansatz, other))
        x, y = np.linspace(0, 2, 601), np.linspace(0, 1, 601)
        values = jax.jit(jax.vmap(lambda x: jax.vmap(lambda y: u((x, y)))(y)))(x)
        assert simpson(simpson(values, x=y), x=x) / 2 == pytest.approx(1.5, abs=1e-7)
        place = (0.3, 0.7)
        assert abs(float(u(place) - v(place))) > 1e-3  # the network's own mean is another
        np.testing.assert_allclose(*(jax.hessian(f)(jax.numpy.array(place)) for f in (u, v)), rtol=1e-12)


def test_references_have_the_mean():
    made, why = make_reference(problem_from_text(TEXT), GRID)
    assert made is not None, why
    np.testing.assert_allclose(made.values["u"], TRUTH, atol=1e-8)


def test_the_error_that_is_estimated_has_none():
    problem = problem_from_text(TEXT)

    def fields(points):
        x, y = np.pi * points.T
        u = 1.001 * np.cos(x) * np.cos(y)
        return {"u": 1.5 + u, "u_x": -1.001 * np.pi * np.sin(x) * np.cos(y), "u_xx": -(np.pi**2) * u,
                "u_y": -1.001 * np.pi * np.cos(x) * np.sin(y), "u_yy": -(np.pi**2) * u}  # fmt: skip

    found, why = estimate(problem, fields, ())
    assert found is not None, why
    true = 1e-3 * 0.5 / np.sqrt(1.5**2 + 0.25)
    assert found.errors["u"] == pytest.approx(true, rel=0.05)


@pytest.mark.parametrize("h", ["0", "1e-300"])
def test_a_constant_that_is_open_is_found_however_it_is_written(h):
    open_ = problem_from_text(TEXT.replace("means: {u: m/2}\n", "").replace("h: 0", f"h: {h}"))
    found = [f.message for f in findings(open_) if f.topic == "undetermined"]
    assert len(found) == 1 and "up to a constant" in found[0] and "means: {u: 0}" in found[0]
    closed = problem_from_text(TEXT)
    assert not [f for f in findings(closed) if f.topic == "undetermined"]


def test_zero_does_not_solve_what_has_a_mean():
    text = TEXT.replace("-2*pi**2*cos(pi*x)*cos(pi*y)", "0")
    assert not [f for f in findings(problem_from_text(text)) if f.topic == "count"]
    assert [f for f in findings(problem_from_text(text.replace("m/2", "0"))) if f.topic == "count"]


def test_constraints_that_see_a_constant():
    assert seen_by(problem_from_text(TEXT), "u") == ""
    assert seen_by(problem_from_text(TEXT.replace("means: {u: m/2}", "").replace("h: 0", "h: 0.1")), "u") == "left"


BAD = {
    ("{u: m/2}", "{v: 0}"): "plates.yaml:12:12: means.v: unknown unknown 'v'. Allowed: u.",
    ("{u: m/2}", "{u: x}"): "means.u: 'x': unknown name 'x'",
    ("{u: m/2}", "{u: [1]}"): "means.u: '[1]'",
    ("{u: m/2}", "[u]"): "plates.yaml:12:8: means",
    ("h: 0", "h: 1"): "means.u: 'm/2': the mean of 'u' is not open: 'left' changes where a constant is added to it",
    ("y: [0, 1]}", "y: [0, 1], n: [0, 1]}"): 'one for each n. Write a condition at a point instead: {where: "x=0, y=0"',
    ("y: [0, 1]}", "y: [0, 1], z: [0, 1], w: [0, 1]}"): "here there is one for each z",
    ("network:", FORMULA + "network:"): "the formula has a mean of",
}


@pytest.mark.parametrize("change", BAD, ids=lambda c: c[1].strip()[:20])
def test_bad_means(change):
    from pinn.reference import check_reference

    text = TEXT.replace(*change)
    assert text != TEXT
    with pytest.raises(ProblemError) as caught:
        check_reference(problem_from_text(text, "plates.yaml"))
    assert BAD[change] in str(caught.value)


def test_a_formula_of_the_right_mean_is_believed():
    from pinn.reference import check_reference

    check_reference(problem_from_text(TEXT + FORMULA.replace("u: cos", "u: 1.5 + cos")))


def test_time_has_a_mean_of_its_own_at_each_moment():
    text = TEXT.replace("y: [0, 1]}", "t: [0, 1], y: [0, 1]}")
    with pytest.raises(ProblemError, match="here there is one for each t"):
        problem_from_text(text)


def test_nothing_at_all_has_no_mean():
    from pinn.reference import check_reference

    text = TEXT.replace("-2*pi**2*cos(pi*x)*cos(pi*y)", "0").replace("m/2", "0")
    check_reference(problem_from_text(text + "reference: {kind: exact, u: 0*x}\n"))


def test_the_page_says_what_the_mean_is():
    from pinn.report.page import statement

    said = statement(problem_from_text(TEXT))
    assert "over the domain" in said and "u = 1.5" in said


def test_a_mean_in_more_than_three_dimensions():
    sides = "".join(f"  {c}{end}: {{where: {c}={end}, equation: u_{c} = 0}}\n" for c in "abcd" for end in (0, 1))
    text = "name: p\ncoordinates: {a: [0, 1], b: [0, 1], c: [0, 1], d: [0, 1]}\nunknowns: [u]\nmeans: {u: 0}\n"
    text += "equations: {e: u_aa + u_bb + u_cc + u_dd = cos(pi*a)}\nconditions:\n" + sides
    with pytest.raises(ProblemError, match="a mean is taken in 3 dimensions at most; in 4 it takes too many points"):
        problem_from_text(text)


def test_a_mean_over_a_period_is_taken_in_equal_steps():
    """Which are exact for a wave that Gauss's nodes do not resolve."""
    text = "name: p\ncoordinates: {x: [0, 1]}\nperiodic: [x]\nunknowns: [u]\nmeans: {u: 0}\nequations: {e: u_xx = 0}\n"
    (nodes,), (weights,) = mean_rule(problem_from_text(text))
    assert abs(weights @ np.cos(200 * np.pi * nodes)) < 1e-14 and weights.sum() == pytest.approx(1, rel=1e-14)
