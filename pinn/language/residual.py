"""Residuals: arithmetic that is zero where a constraint holds, from text or from a Python function."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from pinn.errors import ProblemError
from pinn.language.calculus import differentiate, substitute, write
from pinn.language.parse import constant_value, parse
from pinn.language.symbols import Symbols
from pinn.language.tree import Binary, Node, Number, evaluate, jax_functions, names, numpy_functions


class Residual(NamedTuple):
    """Arithmetic on values, elementwise; zero where a constraint holds.

    It takes values, not functions: network output, finite differences, spectral derivatives and exact
    formulas can all be put in.

    Attributes:
        needs: the names of its arguments, such as ``("u_t", "u_xx", "eps")``.
        fn: called with ``needs`` as keywords; arrays of shapes that broadcast, of numpy or jax.
        text: how it is written.
        tree: its syntax tree, in which known functions are put in; None for a Python function.
    """

    needs: tuple[str, ...]
    fn: Callable[..., Any]
    text: str
    tree: Node | None = None


def from_text(text: str, symbols: Symbols) -> Residual:
    """Compile ``lhs = rhs``, or an expression that is to vanish, to a `Residual`.

    Args:
        text: for example ``u_t = eps*u_xx`` or ``u_t - eps*u_xx``.
        symbols: the names it may mention.

    Raises:
        ProblemError: for a syntax error or a name that stands for nothing.
    """
    sides = text.split("=")
    if len(sides) > 2:
        raise ProblemError("has more than one '='. Write lhs = rhs, or an expression that is zero.", text=text)
    if len(sides) == 2 and not all(map(str.strip, sides)):
        raise ProblemError("nothing stands on one side of '='.", text=text)
    trees = [parse(side, text, k * (len(sides[0]) + 1)) for k, side in enumerate(sides)]
    tree = _expanded(trees[0] if len(trees) == 1 else Binary("-", trees[0], trees[1]), symbols, text)
    needs = names(tree)
    for name in needs:
        try:
            symbols.check(name)
        except ProblemError as error:
            raise error.under(text=text) from None
    return Residual(needs, _function_of(tree), text, tree)


def with_functions(symbols: Symbols, texts: Mapping[str, str]) -> Symbols:
    """Add known functions, each of which may mention those before it.

    Raises:
        ProblemError: for one that mentions anything but coordinates, parameters and earlier functions.
    """
    known = replace(symbols, unknowns=())
    for name, text in texts.items():
        try:
            if "=" in text:
                raise ProblemError("write what it is, without '='.", text=text)
            for mentioned in names(parse(text, text)):
                if mentioned.partition("_")[0] in symbols.unknowns and mentioned not in symbols.parameters:
                    raise ProblemError(
                        f"mentions the unknown {mentioned!r}; only what is known can stand here.", text=text
                    )
            known = replace(known, functions={**known.functions, name: from_text(text, known).tree})
        except ProblemError as error:
            raise error.under("functions", name) from None
    return replace(known, unknowns=symbols.unknowns)


def _expanded(tree: Node, symbols: Symbols, text: str) -> Node:
    """Put in what known functions stand for."""
    try:
        found = {name: symbols.known(name) for name in names(tree)} if symbols.functions else {}
    except ProblemError as error:
        raise error.under(text=text) from None
    given = {name: known for name, known in found.items() if known is not None}
    return substitute(tree, given) if given else tree


def _function_of(tree: Node) -> Callable[..., Any]:
    def fn(**values: Any) -> Any:
        if all(isinstance(v, (int, float, np.ndarray, np.generic)) for v in values.values()):
            with np.errstate(all="ignore"):
                return evaluate(tree, {k: _as_float(v) for k, v in values.items()}, numpy_functions())
        return evaluate(tree, values, jax_functions())

    return fn


def _as_float(value: Any) -> np.ndarray:
    array = np.asarray(value)
    return array if array.dtype.kind in "fc" else array.astype(float)


def from_function(fn: Callable[..., Any], symbols: Symbols) -> Residual:
    """Make a `Residual` of a Python function whose argument names say what it needs.

    Args:
        fn: for example ``def heat(u_t, u_xx, k): return u_t - k*u_xx``. Elementwise; it is called with
            jax arrays during training and with numpy arrays in checks.
        symbols: the names it may mention.

    Raises:
        ProblemError: if an argument is not a name of the problem.
    """
    label = getattr(fn, "__name__", "residual")
    needs = tuple(inspect.signature(fn).parameters)
    text = f"{label}({', '.join(needs)})"
    for name in needs:
        try:
            symbols.check(name)
        except ProblemError as error:
            raise error.under(text=text) from None
    return Residual(needs, fn, text)


def constant(value: Any, parameters: dict[str, float] | None = None) -> float:
    """Read a number, or text such as ``0.01/pi``, that may mention the parameters given.

    Raises:
        ProblemError: if it is not a finite number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ProblemError("expected a number, or arithmetic such as 0.01/pi.", text=str(value))
    if not isinstance(value, str):
        number = float(value) if abs(value) < 1e300 else math.inf
    else:
        residual = from_text(value, Symbols(parameters=parameters or {})) if "=" not in value else None
        if residual is None:
            raise ProblemError("expected a number, or arithmetic such as 0.01/pi.", text=value)
        exact = constant_value(residual.tree)
        number = float(residual.fn(**{n: parameters[n] for n in residual.needs})) if exact is None else exact
    if not np.isfinite(number):
        raise ProblemError("is not a finite number.", text=str(value))
    return number


def partial_derivative(residual: Residual, name: str) -> Residual:
    """Return the derivative of a residual in one of its arguments: by rule, or by differences of a Python function.

    Differences are central with steps of 1e-5 of the argument's size, good to about 1e-9.
    """
    if name not in residual.needs:
        return Residual((), lambda: np.zeros(()), "0", Number(0.0))
    if residual.tree is not None:
        tree = differentiate(residual.tree, name)
        return Residual(names(tree), _function_of(tree), write(tree), tree)

    def fn(**values: Any) -> Any:
        h = 1e-5 * max(1.0, float(np.max(np.abs(values[name]))))
        ahead, behind = (residual.fn(**values | {name: values[name] + k * h}) for k in (1, -1))
        return (ahead - behind) / (2 * h)

    return Residual(residual.needs, fn, f"d({residual.text})/d({name})")
