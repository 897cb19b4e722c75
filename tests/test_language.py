"""The expression language: its values, its limits, and what it refuses."""

import math
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinn.errors import ProblemError
from pinn.language import Symbols, constant, evaluate, from_function, from_text, names, parse
from pinn.language.tree import ARITY, FUNCTIONS, jax_functions, numpy_functions

SYMBOLS = Symbols(("t", "x", "y"), ("u", "v"), {"eps": 1e-4, "u_max": 2.0})

VALUES = {  # text -> value at a = 2, b = 3
    "a + b*a": 8.0,
    "-a**2": -4.0,
    "a**-1": 0.5,
    "2**a**b": 256.0,
    "a/b/a": 1 / 3,
    "a - b - a": -3.0,
    "+a": 2.0,
    "a*(b + 1)": 8.0,
    "1.5e-3*a": 3e-3,
    "sin(pi/a)": 1.0,
    "max(a, b) - min(a, b)": 1.0,
    "ln(exp(a)) + log(1)": 2.0,
    "sech(0) + cosh(0) + sinh(0)": 2.0,
    "erf(0) + erfc(0)": 1.0,
    "abs(-a) + sign(-b) + sqrt(4)": 3.0,
    "tanh(0) + tan(0) + asin(0) + acos(1) + atan(0) + cos(0)": 1.0,
    "a\n  + b": 5.0,
}


@pytest.mark.parametrize("text", VALUES)
@pytest.mark.parametrize("functions", [numpy_functions, jax_functions])
def test_values(text, functions):
    value = evaluate(parse(text), {"a": 2.0, "b": 3.0}, functions())
    np.testing.assert_allclose(value, VALUES[text], rtol=1e-15, atol=1e-15)


def test_every_function_agrees_between_numpy_and_jax():
    x = np.linspace(0.1, 0.9, 7)
    for name in FUNCTIONS:
        arguments = (x, x[::-1])[: ARITY.get(name, 1)]
        ours, theirs = (
            numpy_functions()[name](*arguments),
            jax_functions()[name](*map(jnp.asarray, arguments)),
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-14, err_msg=name)


def test_names_leave_out_constants():
    assert names(parse("u_t - eps*u_xx + pi*u")) == ("u_t", "eps", "u_xx", "u")


def test_one_residual_for_numpy_and_jax():
    residual = from_text("u_t = eps*u_xx + sin(u)", SYMBOLS)
    values = {"u_t": 0.3, "u_xx": 2.0, "u": 0.7, "eps": 1e-4}
    expected = 0.3 - (1e-4 * 2.0 + math.sin(0.7))
    in_numpy = residual.fn(**{k: np.full(3, v) for k, v in values.items()})
    in_jax = residual.fn(**{k: jnp.full(3, v) for k, v in values.items()})
    assert isinstance(in_numpy, np.ndarray) and isinstance(in_jax, jax.Array)
    np.testing.assert_allclose(in_numpy, expected, rtol=1e-15)
    np.testing.assert_allclose(in_jax, expected, rtol=1e-15)


def test_whole_powers_have_derivatives_at_zero():
    residual = from_text("u**3 + u**2", SYMBOLS)
    assert jax.grad(lambda u: residual.fn(u=u))(0.0) == 0.0


def test_derivative_names():
    assert SYMBOLS.partial("u").axes == ()
    assert SYMBOLS.partial("u_xt") == SYMBOLS.partial("u_tx") == (0, (0, 1))
    assert SYMBOLS.partial("v_xy") == (1, (1, 2))
    assert SYMBOLS.partial("u_max") is None, "a parameter is not a derivative"


REFUSED = {  # text -> what the message has to say
    "u_t - ep*u_xx": "unknown name 'ep'. Did you mean 'eps'?",
    "i*u_t + u_xx": "unknown name 'i'. All numbers are real: write a complex unknown as two",
    "u_z": "derivative of 'u' in 'z', which is not a coordinate. Coordinates: t, x, y.",
    "u_": "not a coordinate",
    "u_xxxxx": "order 5",
    "u +": "column",
    "5u": "Write products with *",
    "u^3": "Write **, as in u**3",
    "u == 1": "more than one '='",
    "= u": "nothing stands on one side",
    "": "empty",
    "  ": "empty",
    "sine(u)": "unknown function 'sine'. Did you mean 'sin'?",
    "sin": "is a function",
    "sin(u, x)": "sin takes 1 argument; got 2",
    "max(u)": "max takes 2 arguments; got 1",
    "sin(x=u)": "more than one '='|not arithmetic|column",
    "u if x else t": "not arithmetic|reserved",
    "lambda: u": "not arithmetic|reserved",
    "lambda*u": "reserved",
    "[u]": "not arithmetic",
    "u[0]": "not arithmetic",
    "u.real": "not arithmetic",
    "'u'": "not arithmetic",
    "True": "not arithmetic",
    "1j": "not arithmetic",
    "u and x": "not arithmetic",
    "u < 1": "not arithmetic",
    "u // 2": "not arithmetic",
    "u % 2": "not arithmetic",
    "u @ u": "not arithmetic",
    "~u": "not arithmetic",
    "not u": "not arithmetic",
    "(u := 1)": "column|not arithmetic|more than one",
    "{u}": "not arithmetic",
    "f'{u}'": "not arithmetic",
    "sin(*x)": "not arithmetic",
    "ü": "not part of the language",
    "u\x00": "not part of the language",
    "u # comment": "is not part of the language",
    "1/0": "without a finite value",
    "u*(1/0)": "without a finite value",
    "log(-1)": "without a finite value",
    "1e999": "too large",
    "9**9**9": "exponent 3.8742e+08",
    "u**1000": "exponent 1000",
    "__import__('os')": "unknown function '__import__'|not arithmetic",
    "().__class__": "not arithmetic",
    "(" * 10_000 + "u" + ")" * 10_000: "may have 4000 characters",
    "(" * 200 + "u" + ")" * 200: "nested 200 deep",
    "u" + "+u" * 500: "operations deep",
    "-" * 3000 + "u": "deep|too complicated",
    "u+" * 500_000 + "u": "may have 4000 characters",
    "9" * 3999: "too large|column",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda t: t[:20])
def test_refused_within_a_second(text):
    began = time.process_time()
    with pytest.raises(ProblemError) as caught:
        from_text(text, SYMBOLS)
    assert time.process_time() - began < 1
    message = str(caught.value)
    assert any(part in message for part in REFUSED[text].split("|")), message
    assert len(message) < 1500, "a message has to be readable"


def test_text_without_unknown_is_left_to_the_problem():
    assert from_text("x + 1", SYMBOLS).needs == ("x",)


def test_functions_name_their_needs():
    residual = from_function(lambda u, u_t, eps: u_t - eps * u, SYMBOLS)
    assert residual.needs == ("u", "u_t", "eps")
    with pytest.raises(ProblemError, match="unknown name 'w'"):
        from_function(lambda u, w: u, SYMBOLS)


@pytest.mark.parametrize(("given", "value"), [(3, 3.0), ("0.01/pi", 0.01 / math.pi), ("-1", -1.0), ("2*eps", 2e-4)])
def test_constants(given, value):
    assert constant(given, {"eps": 1e-4}) == value


@pytest.mark.parametrize("given", [True, None, [1], "x", "1 = 1", "abc", float("nan"), float("inf"), "1/0", "eps/0"])
def test_constants_refuse(given):
    with pytest.raises(ProblemError):
        constant(given, {"eps": 1e-4})


# --- any text at all gives a value or the one error type -------------------------------------------------

ALPHABET = st.sampled_from([*"utxyv_+-*/().,=^ 0123456789eπ'[]{}:#@%&<>!~\n\t\\\"", "sin(", "u_xx", "**", "log("])


def value_or_problem_error(text):
    try:
        residual = from_text(text, SYMBOLS)
    except ProblemError as error:
        assert str(error)
        return
    values = {n: np.array([0.5, -0.25]) for n in residual.needs}
    out = residual.fn(**values)
    assert np.shape(out) in {(), (2,)}


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(ALPHABET, max_size=40).map("".join))
def test_language_like_text(text):
    value_or_problem_error(text)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(max_size=60))
def test_arbitrary_text(text):
    value_or_problem_error(text)


def expressions():
    leaves = st.sampled_from(["u", "u_t", "v_xy", "x", "t", "eps", "pi", "2.0", "0.5", "1e-3", "0.0"])
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**"]), inner).map(
                lambda t: f"({t[0]}){t[1]}({t[2]})"
            ),
            st.tuples(st.sampled_from(["sin", "exp", "sqrt", "log", "tanh"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
            inner.map(lambda t: f"-{t}"),
        ),
        max_leaves=20,
    )


@settings(max_examples=300, deadline=None, derandomize=True)
@given(expressions())
def test_well_formed_expressions_agree_with_python(text):
    """Python's own arithmetic on numpy numbers is the judge of precedence and values."""
    try:
        residual = from_text(text, SYMBOLS)
    except ProblemError:
        return  # constant arithmetic without a value, or too large an exponent
    values = {n: np.float64(0.3 + 0.1 * i) for i, n in enumerate(residual.needs)}
    scope = {n: getattr(np, n) for n in ("sin", "exp", "sqrt", "log", "tanh")} | {"pi": np.float64(np.pi)} | values
    with np.errstate(all="ignore"):
        try:
            expected = eval(text, {"__builtins__": {}}, scope)
        except (OverflowError, ZeroDivisionError):
            return  # Python's whole numbers raise where doubles are infinite
        if isinstance(expected, complex):
            return  # Python takes roots of negative literals into the complex plane
    np.testing.assert_allclose(residual.fn(**values), np.float64(expected), rtol=1e-12)
