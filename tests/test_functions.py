"""Known functions of a problem file, and references that leave an unknown out."""

from dataclasses import replace

import numpy as np
import pytest

import pinn
from pinn.config import load_problem, problem_from_text
from pinn.errors import ProblemError
from pinn.fingerprint import fingerprint
from pinn.language.tree import evaluate, numpy_functions
from pinn.report import mathml
from pinn.report.page import statement

DARCY = """
name: darcy
coordinates: {x: [0, 1], y: [0, 1]}
unknowns: [p]
parameters: {c: 1}
functions: {a: c*cos(pi*x), k: exp(a*cos(pi*y))}
equations: {pde: k*(p_xx + p_yy) + k_x*p_x + k_y*p_y = 0}
conditions:
  left: {where: x=0, equation: p = 1}
  right: {where: x=1, equation: p = k_x}
  bottom: {where: y=0, equation: p_y = 0}
  top: {where: y=1, equation: p_y = 0}
"""


def test_derivatives_of_known_functions_have_names():
    """The shipped file has the same equation, written out and divided by k."""
    named, written = problem_from_text(DARCY), load_problem("darcy")
    rng = np.random.default_rng(0)
    values = {n: rng.random(9) for n in ("x", "y", "p_x", "p_y", "p_xx", "p_yy")} | {"c": 1.0}
    one, other = (p.equations[0].residual for p in (named, written))
    assert set(one.needs) == {"x", "y", "c", "p_x", "p_y", "p_xx", "p_yy"}
    k = np.exp(np.cos(np.pi * values["x"]) * np.cos(np.pi * values["y"]))
    found = one.fn(**{n: values[n] for n in one.needs})
    np.testing.assert_allclose(found, k * other.fn(**{n: values[n] for n in other.needs}), rtol=1e-12)


@pytest.mark.parametrize("name", ["k_x", "k_xy", "k_yyx"])
def test_derivatives_against_differences(name):
    problem = problem_from_text(DARCY)

    def at(label, x, y):
        return evaluate(problem.symbols.known(label), {"x": x, "y": y, "c": 1.0}, numpy_functions())

    lower, last = (name[:-1], name[-1]) if len(name) > 3 else ("k", name[-1])
    x, y, h = np.array([0.2, 0.7]), np.array([0.9, 0.4]), 1e-5
    dx, dy = (h, 0) if last == "x" else (0, h)
    np.testing.assert_allclose(
        at(name, x, y), (at(lower, x + dx, y + dy) - at(lower, x - dx, y - dy)) / (2 * h), rtol=1e-6
    )


WRONG = {
    "k: exp(a*cos(pi*z))": "functions.k: 'exp(a*cos(pi*z))': unknown name 'z'",
    "k: exp(p)": "functions.k: 'exp(p)': mentions the unknown 'p'; only what is known can stand here",
    "k: k = 2": "functions.k: 'k = 2': write what it is, without '='",
    "k: exp(b), b: x": "functions.k: 'exp(b)': unknown name 'b'",
    "k: exp(a_z)": "'a_z' is a derivative of 'a' in 'z', which is not a coordinate",
    "k: exp(a_xxxxx)": "order 5; derivatives go up to order 4",
    "k: exp(": "cannot be read",
    "k: 1, p: 2": "functions: 'p' is already one of the unknowns",
    "k: 1, sin: 2": "'sin' is already a function",
    "k: 1, c: 2": "'c' is already one of the parameters",
    "k: 1, k_x: 2": "functions: 'k_x' cannot be a name here; use letters and digits",
    "k: [1]": "functions.k",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_functions(text):
    with pytest.raises(ProblemError) as error:
        problem_from_text(DARCY.replace("k: exp(a*cos(pi*y))", text), "darcy.yaml")
    assert WRONG[text] in str(error.value) and str(error.value).startswith("darcy.yaml:6")


def test_a_parameter_may_not_read_as_a_derivative_of_a_function():
    with pytest.raises(ProblemError, match="parameter 'k_x' reads as a derivative"):
        problem_from_text(DARCY.replace("{c: 1}", "{c: 1, k_x: 2}"))
    with pytest.raises(ProblemError, match="unknown name 'kk_x'"):
        problem_from_text(DARCY.replace("k_x*p_x", "kk_x*p_x"))


def test_functions_are_part_of_what_is_solved():
    problem = problem_from_text(DARCY)
    other = problem_from_text(DARCY.replace("cos(pi*y))}", "cos(2*pi*y))}"))
    assert fingerprint(problem) != fingerprint(other)
    assert fingerprint(replace(problem, title="of another name")) == fingerprint(problem)


def test_functions_from_python_and_in_exact_references():
    make = dict(
        coordinates={"x": (0, 1)}, unknowns=["u"], functions={"g": "sin(pi*x)"},
        equations={"pde": "u_xx = g_xx"}, reference={"kind": "exact", "u": "g"},
        conditions={"left": {"where": "x=0", "equation": "u = g"}, "right": {"where": "x=1", "equation": "u = g"}},
    )  # fmt: skip
    problem = pinn.make_problem("p", **make)
    quick = {"seconds": None, "stages": [{"optimizer": "gauss_newton", "steps": 30}]}
    settings = {"network": {"width": 8, "depth": 1}, "sampling": {"equations": 50, "held_out": 100}}
    solution = pinn.solve(problem, training=quick, evidence={"estimate": False, "bound": False}, **settings)
    assert solution.errors["u"]["relative_l2"] < 1e-3


def test_functions_are_typeset_as_they_were_written():
    problem = problem_from_text(DARCY)
    page = statement(problem)
    assert 'alttext="k = exp(a*cos(pi*y))"' in page and 'alttext="k*(p_xx + p_yy) + k_x*p_x + k_y*p_y = 0"' in page
    assert "<mi>k</mi></mrow><mrow>" in mathml.name("k_x", problem.symbols)


def test_corner_flows_of_the_cavity_are_those_of_its_reference():
    """Against the formulas of experiments/cavity, which were derived by hand."""
    import importlib.util
    from pathlib import Path

    file = Path(__file__).parent.parent / "experiments" / "cavity" / "reference.py"
    spec = importlib.util.spec_from_file_location("cavity_reference", file)
    by_hand = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(by_hand)
    problem, rng = load_problem("cavity_corners"), np.random.default_rng(0)
    x, y = rng.random((2, 20))
    values = {"x": x, "y": y, **problem.parameters}
    known = by_hand.corners(x, y)
    for name, index in (("S", 0), ("S_x", 1), ("S_y", 2)):
        found = evaluate(problem.symbols.known(name), values, numpy_functions())
        np.testing.assert_allclose(found, known[index], atol=1e-6)
    walls = {"x": np.array([0.0, 1.0])[:, None] + 0 * y, "y": y[None, :] + np.zeros((2, 1)), **problem.parameters}
    at = {n: evaluate(problem.symbols.known(n), walls, numpy_functions()) for n in "UVEF"}
    np.testing.assert_allclose(at["U"], -at["E"], atol=1e-6)
    np.testing.assert_allclose(at["V"], at["F"] * [[-1], [1]], atol=1e-6)


# References that leave an unknown out ---------------------------------------------------------------------------------

PAIR = """
name: pair
coordinates: {t: [0, 1]}
unknowns: [u, v]
equations: {first: u_t = v, second: v_t = -u}
conditions: {u0: {where: t=0, equation: u = 0}, v0: {where: t=0, equation: v = 1}}
reference: {kind: file, path: known.npz, unknowns: [u]}
network: {width: 8, depth: 1}
sampling: {equations: 50, held_out: 100}
training: {windows: 1, stages: [{optimizer: gauss_newton, steps: 30}]}
"""


def test_a_file_may_leave_an_unknown_out(tmp_path):
    t = np.linspace(0, 1, 21)
    np.savez(tmp_path / "known.npz", t=t, u=np.sin(t))
    solution = pinn.solve(problem_from_text(PAIR, folder=str(tmp_path)))
    assert solution.errors["u"]["relative_l2"] < 1e-3 and list(solution.errors) == ["u"]
    assert solution.summary["no_reference"] == "that of the file leaves out v"
    assert solution.summary["estimate"]["v"]["effectivity"] is None


@pytest.mark.parametrize(
    ("given", "said"),
    [("[w]", "unknown unknown 'w'"), ("[]", "list the unknowns"), ("u", "list the unknowns"), ("[v]", "holds no 'v'")],
)
def test_wrong_lists_of_unknowns(given, said, tmp_path):
    np.savez(tmp_path / "known.npz", t=np.linspace(0, 1, 21), u=np.zeros(21))
    with pytest.raises(ProblemError, match=said):
        problem_from_text(PAIR.replace("[u]}", given + "}"), folder=str(tmp_path))
