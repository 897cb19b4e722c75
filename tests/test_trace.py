"""The three traces of an expression, against textbook values and against jax."""

import json
import math
import os
import subprocess
import sys
import time
from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pinn.__main__ import main
from pinn.errors import ProblemError
from pinn.language import Binary, Call, Name, Negate, Number, names, parse
from pinn.language.calculus import differentiate, write
from pinn.language.simplify import simplify
from pinn.language.tree import evaluate, jax_functions, numpy_functions
from pinn.report.graphs import _math, save_graph
from pinn.trace import differences, trace
from pinn.trace.graph import make_graph

TEXTBOOK = "ln(x1) + x1*x2 - sin(x2)"  # Baydin et al. (2018), tables 2 and 3, at (2, 5)


def agrees(found):
    return all(apart <= 1e-12 for apart in differences(found).values())  # nan is not


def lines(rows):
    return [(row.symbol, row.formula, round(row.value, 3)) for row in rows]


def test_the_textbook_example_line_by_line():
    found = trace(TEXTBOOK, {"x1": 2, "x2": 5})
    assert lines(found.primal) == [
        ("v₋₁", "x1", 2),
        ("v₀", "x2", 5),
        ("v₁", "ln(v₋₁)", 0.693),
        ("v₂", "v₋₁*v₀", 10),
        ("v₃", "sin(v₀)", -0.959),
        ("v₄", "v₁ + v₂", 10.693),
        ("v₅", "v₄ - v₃", 11.652),
    ]
    assert [row.value for row in found.tangent] == [1, 0, 0.5, 5, 0, 5.5, 5.5]
    assert [round(row.value, 3) for row in found.adjoint] == [1, 1, -1, 1, 1, -0.284, 5, 1.716, 5.5]
    assert found.tangent[3].formula == "v̇₋₁*v₀ + v̇₀*v₋₁" and found.tangent[3].numbers == "1*5 + 0*2"
    assert found.adjoint[-1].formula == "v̄₋₁ + v̄₁/v₋₁" and found.adjoint[-1].numbers == "5 + 1/2"
    assert found.gradient["x1"] == 5.5 and math.isclose(found.gradient["x2"], 2 - math.cos(5))
    assert found.formulas == {"x1": "1/x1 + x2", "x2": "x1 - cos(x2)"}


def test_the_tangent_belongs_to_the_variable_asked_for():
    found = trace(TEXTBOOK, {"x1": 2, "x2": 5}, wrt="x2")
    assert [row.value for row in found.tangent[:2]] == [0, 1]
    assert math.isclose(found.tangent[-1].value, found.gradient["x2"])


def test_equal_parts_are_computed_once_and_named_by_letters():
    x = 0.7
    found = trace("sqrt(x**2 + exp(x**2))", {"x": x}, letters=True)
    assert [(r.symbol, r.formula) for r in found.primal] == [
        ("x", "x"), ("a", "x**2"), ("b", "exp(a)"), ("c", "a + b"), ("d", "sqrt(c)"),
    ]  # fmt: skip
    assert (found.counts["value"], found.counts["repeated"]) == (4, 5)
    assert math.isclose(found.gradient["x"], x * (1 + math.exp(x * x)) / found.value, rel_tol=1e-15)
    assert found.formulas == {"x": "x*(1 + exp(x**2))/sqrt(x**2 + exp(x**2))"}
    assert (found.counts["reverse"], found.counts["formulas"]) == (12, 15)  # each with the value


@pytest.mark.parametrize(
    ("text", "point", "gradient"),
    [
        ("exp(sin(x**2))", {"x": 1.3}, lambda x: [math.exp(math.sin(x * x)) * math.cos(x * x) * 2 * x]),
        ("x1*x2 + sin(x1)", {"x1": 2.0, "x2": -3.0}, lambda a, b: [b + math.cos(a), a]),
        ("x*x*x", {"x": 2.0}, lambda x: [3 * x * x]),
        ("max(x, y) + abs(x)", {"x": -2.0, "y": 1.0}, lambda x, y: [-1.0, 1.0]),
        ("x", {"x": 3.0}, lambda x: [1.0]),
        ("2*pi", {}, list),
        ("x**y", {"x": 0.0, "y": 2.0}, lambda x, y: [0.0, 0.0]),
        ("y*f*result", {"y": 3.0, "f": 2.0, "result": 1.0}, lambda y, f, r: [f * r, y * r, y * f]),
    ],
)
def test_gradients_known_in_closed_form(text, point, gradient):
    found = trace(text, point)
    np.testing.assert_allclose(list(found.gradient.values()), gradient(*point.values()), rtol=1e-14)
    assert agrees(found)


def test_a_reverse_sweep_costs_the_same_for_many_variables():
    """Of a sum of squares: forward sweeps grow with the square of the number of variables, the reverse one does not."""

    def counts(n):
        return trace("+".join(f"x{k}**2" for k in range(n)), {f"x{k}": 1.0 for k in range(n)}).counts

    few, many = counts(5), counts(20)
    assert many["reverse"] <= 4.2 * few["reverse"] and many["all_forward"] >= 12 * few["all_forward"]


VARIABLES = ("x", "y", "z")
LEAVES = st.sampled_from([Name(n) for n in (*VARIABLES, "pi")]) | st.integers(1, 9).map(lambda n: Number(float(n)))
POWERS = st.sampled_from([Number(2.0), Number(3.0), Number(0.5), Number(2.5), Negate(Number(1.0)), Negate(Number(2.5))])
SMOOTH = [
    "acos",
    "asin",
    "atan",
    "cos",
    "cosh",
    "erf",
    "erfc",
    "exp",
    "ln",
    "sech",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
]


def bigger(inner):
    return (
        st.builds(Negate, inner)
        | st.builds(Binary, st.sampled_from("+-*/"), inner, inner)
        | st.builds(lambda base, n: Binary("**", base, n), inner, POWERS | inner)
        | st.builds(lambda f, a: Call(f, (a,)), st.sampled_from(SMOOTH), inner)
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.recursive(LEAVES, bigger, max_leaves=12), st.tuples(*[st.floats(0.3, 2.0)] * 3))
def test_random_expressions_against_jax(tree, numbers):
    text = write(tree)
    try:
        point = {n: v for n, v in zip(VARIABLES, numbers, strict=True) if n in names(parse(text))}
    except ProblemError:
        assume(False)  # constants alone, without a finite value
    try:
        found = trace(text, point)
    except ProblemError:
        assert has_no_value(parse(text), point), "refused, though jax finds nothing wrong"
        assume(False)  # so that all that count are compared
    assume(max(map(abs, [found.value, *found.gradient.values()])) < 1e6)  # beyond, round-off of the inner steps counts
    assert agrees(found)


def has_no_value(tree, point):
    """Say whether jax too finds a step whose value or derivative is not finite."""
    graph = make_graph(tree, tuple(point))
    at = {name: jnp.asarray(value) for name, value in point.items()}

    def value(at, step):
        return jnp.asarray(evaluate(graph.expression(step.symbol), at, jax_functions()), float)

    try:
        found = [jax.value_and_grad(value)(at, step) for step in graph.operations]
    except ZeroDivisionError:  # of constants
        return True
    return not all(np.isfinite(leaf) for leaf in jax.tree.leaves(found))


@pytest.mark.parametrize(
    ("text", "point", "says"),
    [
        (
            "ln(x - 3)",
            {"x": 2},
            r"the node v₂ = ln\(v₁\) = ln\(-1\), which is ln\(x - 3\), has no value: .* to be positive",
        ),
        ("sqrt(x)", {"x": -1}, r"the node v₁ = sqrt\(v₀\) = sqrt\(-1\), .* has no value: .* must not be negative"),
        ("1 + sqrt(x)", {"x": 0}, r"the node v₁ = sqrt\(v₀\), .* has no finite derivative in v₀ at v₀ = 0"),
        ("1/x", {"x": 0}, "it divides by zero"),
        ("x/1e-320", {"x": 1}, "it is too large for double precision"),
        ("2*abs(x - 1)", {"x": 1}, r"the node v₂ = abs\(v₁\), which is abs\(x - 1\), has a kink at v₁ = 0"),
        ("max(x, 2*x)", {"x": 0}, "has a kink at v₀ = 0, and has no derivative there"),
        ("sign(x)", {"x": 0}, "jumps at v₀ = 0"),
        ("exp(x*x)", {"x": 100}, "the node v₂ = exp.* too large for double precision"),
        ("x**0.5", {"x": -1}, "a number below zero has no such power"),
        ("x**40*x**40", {"x": 1e9}, "too large for double precision"),
        ("x + y", {"x": 1}, "'x [+] y': needs a value of y; write y=1"),
        ("x", {"x": 1, "yy": 2}, "unknown variable 'yy'. Allowed: x"),
        ("x", {"x": math.nan}, "x: 'nan': give a finite number"),
        ("foo(x)", {"x": 1}, "unknown function 'foo'"),
        ("sin*x", {"x": 1}, "'sin' is a function; write its argument in parentheses"),
        ("x ^ 2", {"x": 1}, r"Write \*\*"),
    ],
)
def test_what_cannot_be_traced_names_the_node(text, point, says):
    with pytest.raises(ProblemError, match=says):
        trace(text, point)


def test_variables_are_numbered_as_given_and_the_result_has_a_name_of_its_own(capsys):
    assert main(["trace", "y*b", "b=2", "y=-3"]) == 0
    printed = capsys.readouterr().out
    assert "v₋₁  = b" in printed and "v₀   = y" in printed and "df/dy" in printed and "f\N{COMBINING MACRON}" in printed
    assert "= (-3)*2" in printed


def test_the_result_has_a_name_of_its_own(tmp_path):
    found = trace("sin(exp(sin(cos(exp(sin(cos(y)))))))", {"y": 0.1}, letters=True)
    assert found.graph.result == "result" and [s.symbol for s in found.graph.steps][-2:] == ["f", "g"]


@pytest.mark.parametrize("text", ["_x**2*alpha", "x_1*x1 + _", "x*y_2b"])
def test_names_of_any_form_are_drawn(text, tmp_path):
    found = trace(text, dict.fromkeys(names(parse(text)), 2.0), letters=True)
    save_graph(found, tmp_path / "graph.png", "png")
    assert (tmp_path / "graph.png").stat().st_size > 1000


def test_names_that_differ_look_different():
    shown = [_math(name) for name in ("x1", "x_1", "_", "_1", "x", "x_")]
    assert len(set(shown)) == len(shown) and shown[0] == "$x_{1}$" and shown[2] == r"$\mathrm{\_}$"


@pytest.mark.parametrize(
    ("text", "slope"),
    [
        (reduce(lambda t, _: f"max(0, {t})", range(40), "x"), 1.0),
        (reduce(lambda t, _: f"({t})**y", range(25), "x"), 1.0),  # at x = y = 1
        ("((((1.1*x)**64)**64)**64)**64", None),
    ],
    ids=["max in max", "power of a power", "large coefficients"],
)
def test_deep_expressions_take_no_time(text, slope):
    """Formulas of parts that are repeated grow with their depth, and not with two to its power."""
    began = time.process_time()
    tree = parse(text)
    formula = simplify(differentiate(tree, "x"))
    if slope is not None:
        assert evaluate(formula, {"x": 1.0, "y": 1.0}, numpy_functions()) == slope
    assert time.process_time() - began < 10


def test_what_is_not_finite_in_jax_is_told_and_is_null_in_json(capsys):
    assert main(["trace", "sech(x)", "x=800", "--json"]) == 0
    data = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert data["gradient"] == {"x": 0} and data["differences"]["jax.jvp"] is None
    assert main(["trace", "sech(x)", "x=800"]) == 0
    assert "jax has no finite number somewhere here" in capsys.readouterr().out


def test_a_terminal_without_subscripts_gets_plain_ones():
    env = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "pinn", "trace", "x1*x2", "x1=2", "x2=5"]
    done = subprocess.run(command, env=env, capture_output=True, check=True)
    printed = done.stdout.decode("ascii")
    assert "v-1 " in printed and "v'1" in printed and "v~0" in printed and "?" not in printed and not done.stderr


def test_a_value_that_is_wrong_is_told():
    found = trace(TEXTBOOK, {"x1": 2, "x2": 5})
    wrong = found._replace(primal=[*found.primal[:-1], found.primal[-1]._replace(value=11.0)])
    assert agrees(found) and not agrees(wrong)


def test_more_steps_than_letters():
    with pytest.raises(ProblemError, match="more than there are letters"):
        trace("+".join(f"sin({k}*x)" for k in range(1, 20)), {"x": 1}, letters=True)


def test_the_command(tmp_path, capsys):
    picture, page = tmp_path / "graph.png", tmp_path / "trace.html"
    arguments = ["trace", TEXTBOOK, "x1=2", "x2=5", "--plot", str(picture), "--html", str(page)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "v₂   = v₋₁*v₀    = 2*5" in printed and "dy/dx2  1.716337815  x1 - cos(x2)" in printed
    assert "jax agrees: the value by nothing, jax.jvp by" in printed and f"wrote {page}" in printed
    assert picture.read_bytes().startswith(b"\x89PNG") and "<svg" in page.read_text(encoding="utf-8")
    assert main(arguments) == 2
    assert "exists. Choose another name" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["graph.png", "trace.html"], "nothing half-written is left"
    assert main(["trace", "sin(x)", "x=pi/2", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["value"] == 1 and [row["symbol"] for row in data["primal"]] == ["v₀", "v₁"]


def test_an_expression_may_begin_with_a_minus(capsys):
    assert main(["trace", "-h**2", "h=3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gradient"] == {"h": -6}


def test_what_is_no_operation_costs_nothing(capsys):
    assert trace("3", {}).counts == dict.fromkeys(trace("x", {"x": 1}).counts, 0)
    assert main(["trace", "3"]) == 0
    assert capsys.readouterr().out.startswith("3\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sin(x)"], "error: 'sin(x)': needs a value of x; write x=1, for example."),
        (["sin(x)", "x"], "error: 'x': expected a variable and its value, such as x=2."),
        (["sin(x)", "x=1", "x=2"], "error: 'x=2': x is given twice."),
        (["sin(x)", "x=one"], "unknown name 'one'"),
        (["sin(x)", "x=1", "--wrt", "y"], "error: wrt: unknown variable 'y'. Allowed: x."),
        (["sin(x)", "x=1", "--plot", "graph.doc"], "error: --plot graph.doc: the name has to end in .png, .pdf, .svg."),
        (["sin(x", "x=1"], "cannot be read at column"),
    ],
)
def test_mistakes_at_the_command(arguments, says, capsys):
    assert main(["trace", *arguments]) == 2
    printed = capsys.readouterr()
    assert says in printed.err and not printed.out
