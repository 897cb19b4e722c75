"""Differentiation by rule, against differences; and text that reads back as what was written."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pinn.errors import ProblemError
from pinn.language import Binary, Call, Name, Negate, Number, evaluate, parse
from pinn.language.calculus import AT_ZERO, DERIVATIVES, differentiate, substitute, write
from pinn.language.simplify import simplify
from pinn.language.tree import FUNCTIONS, numpy_functions

INSIDE = {"acos": 0.3, "asin": 0.3}  # every other function is tried at 0.7
TEXTS = ["x**3*y - 2/x", "x**y", "2**x", "exp(-x**2/y)*sin(pi*x*y)", "-(x - y)**2/(x + y)", "max(x, y)*min(2*x, y)",
         "sqrt(x)*log(x)", "abs(x - 2)", "x**-2", "(x*y)**0.5", "x - (y - x) - (1 - x)"]  # fmt: skip


def value(node, **at):
    try:
        return float(evaluate(node, {k: np.float64(v) for k, v in at.items()}, numpy_functions()))
    except (
        OverflowError,
        ZeroDivisionError,
    ):  # of literals, which are numbers of Python; what is read from text is refused before
        return float("nan")


def slope(node, x, y, h=1e-6):
    return (value(node, x=x + h, y=y) - value(node, x=x - h, y=y)) / (2 * h)


@pytest.mark.parametrize("function", sorted(set(FUNCTIONS) - {"max", "min"}))
def test_every_function_has_its_derivative(function):
    node, at = Call(function, (Name("x"),)), INSIDE.get(function, 0.7)
    assert function in DERIVATIVES
    # Central differences with 1e-6 are good to about 1e-10.
    assert value(differentiate(node, "x"), x=at) == pytest.approx(slope(node, at, 0.0), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("text", TEXTS)
def test_rules_agree_with_differences(text):
    node = parse(text)
    assert value(differentiate(node, "x"), x=1.3, y=0.7) == pytest.approx(slope(node, 1.3, 0.7), rel=1e-8)


def test_what_vanishes_is_left_out():
    for text, wanted in {
        "u_t - eps*u_xx + 5*u**3 - 5*u": "15*u**2 - 5",
        "u*u_x": "u_x",
        "y": "0",
        "u": "1",
        "sin(2*u)": "2*cos(2*u)",
        "u/y": "1/y",
    }.items():
        assert write(differentiate(parse(text), "u")) == wanted, text


def test_names_are_replaced_by_expressions():
    node = substitute(parse("u_t - k*u_xx"), {"u_t": parse("-y"), "u_xx": Number(0.0)})
    assert write(node) == "-y"
    assert write(substitute(parse("exp(-t)*sin(x) + cos(t)"), {"t": Number(0.0)})) == "sin(x) + 1"
    for function, at_zero in AT_ZERO.items():
        assert value(Call(function, (Number(0.0),))) == at_zero, function


NODES = st.recursive(
    st.sampled_from([Name("x"), Name("y"), Number(2.0), Number(0.5)]),
    lambda inner: st.one_of(
        st.builds(Negate, inner),
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/"]), inner, inner),
        st.builds(lambda a: Binary("**", a, Number(2)), inner),
        st.builds(lambda a: Call("sin", (a,)), inner),
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(NODES)
def test_text_reads_back(node):
    with np.errstate(all="ignore"):
        before = value(node, x=1.3, y=0.7)
        try:
            after = value(parse(write(node)), x=1.3, y=0.7)
        except ProblemError as error:
            assert "constant arithmetic without a finite value" in str(error)
            return
    assert before == pytest.approx(after, rel=1e-12, nan_ok=True)


@settings(max_examples=100, deadline=None)
@given(NODES)
def test_any_expression_is_differentiated(node):
    x, y = 1.3, 0.7
    with np.errstate(all="ignore"):
        by_rule = value(differentiate(node, "x"), x=x, y=y)
        sizes = [abs(value(node, x=x + k * 1e-4, y=y)) for k in (-1, 0, 1)]
        steps = [slope(node, x, y, h) for h in (1e-4, 5e-5)]
    if not np.all(np.isfinite([by_rule, *sizes, *steps])) or abs(steps[0] - steps[1]) > 1e-4 * (1 + abs(steps[1])):
        return  # too steep here for differences to judge
    assert by_rule == pytest.approx((4 * steps[1] - steps[0]) / 3, rel=1e-5, abs=1e-6 + 1e-9 * max(sizes))


@pytest.mark.parametrize(
    ("text", "simple"),
    [
        ("1/(2*sqrt(x**2 + exp(x**2)))*(2*x + exp(x**2)*(2*x))", "x*(1 + exp(x**2))/sqrt(x**2 + exp(x**2))"),
        ("exp(sin(x**2))*(cos(x**2)*(2*x))", "2*x*exp(sin(x**2))*cos(x**2)"),
        ("1/x - x/x**2", "0"),
        ("y + x + (x + y)", "2*(y + x)"),
        ("-(x - y) - (y - x)*2", "x - y"),
        ("1/2 + sign(x - y)*(-1/2)", "(1 - sign(x - y))/2"),
        ("0.5*(2*(y - 1)*x)", "x*(y - 1)"),
        ("x*pi*2*pi", "2*pi**2*x"),
        ("x**1.5*sqrt(x)", "x**2"),
        ("0.1*x/3", "0.03333333333333333*x"),
        ("(x**2)**0.5", "sqrt(x**2)"),
        ("x*0 + 1", "1"),
        ("x*(x - x)**2", "0"),
        ("x + x*(x + y)", "x*(1 + x + y)"),
        ("x/(y - y)", "x/(y - y)"),
    ],
)
def test_expressions_are_collected(text, simple):
    assert write(simplify(parse(text))) == simple


@settings(max_examples=300, deadline=None)
@given(NODES)
def test_collected_expressions_have_the_same_values(node):
    with np.errstate(all="ignore"):
        before, near = (value(node, x=1.3 + h, y=0.7 + 2 * h) for h in (0.0, 1e-13))
        assume(np.isfinite(before) and abs(near - before) <= 1e-10 * abs(before))  # else round-off decides
        simple = simplify(node)
        assert before == pytest.approx(value(simple, x=1.3, y=0.7), rel=1e-9)
    assert write(simplify(simple)) == write(simple)
