"""Syntax trees of expressions, and their values over numpy or jax.numpy."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

CONSTANTS = {"pi": math.pi}

# Language name -> name in numpy and jax.numpy. `erf` and `erfc` live in scipy.special.
FUNCTIONS = {
    "abs": "abs",
    "acos": "arccos",
    "asin": "arcsin",
    "atan": "arctan",
    "cos": "cos",
    "cosh": "cosh",
    "erf": "erf",
    "erfc": "erfc",
    "exp": "exp",
    "ln": "log",
    "log": "log",
    "max": "maximum",
    "min": "minimum",
    "sech": "sech",
    "sign": "sign",
    "sin": "sin",
    "sinh": "sinh",
    "sqrt": "sqrt",
    "tan": "tan",
    "tanh": "tanh",
}
ARITY = {"max": 2, "min": 2}  # all others take one argument
NOT_SMOOTH = {"abs", "max", "min", "sign"}

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: _power(a, b),
}


def _power(a: Any, b: Any) -> Any:
    """Raise to a power; small whole ones of numpy arrays by products, which take a tenth of the time."""
    if type(b) is not int or not 2 <= b <= 4 or not isinstance(a, np.ndarray):
        return a**b
    square = a * a
    return square if b == 2 else square * (a if b == 3 else square)


@dataclass(frozen=True, slots=True)
class Number:
    """A literal. An ``int`` stands only as an exponent, so that ``u**3`` stays a product."""

    value: float | int


@dataclass(frozen=True, slots=True)
class Name:
    """A coordinate, unknown, derivative, parameter or constant."""

    name: str


@dataclass(frozen=True, slots=True)
class Negate:
    """Minus its operand."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and one of the `OPERATORS`."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """One of the `FUNCTIONS` with its arguments."""

    function: str
    arguments: tuple["Node", ...]


Node = Number | Name | Negate | Binary | Call


def children(node: Node) -> tuple[Node, ...]:
    """Return the direct operands of a node."""
    match node:
        case Negate(operand):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
        case Call(_, arguments):
            return arguments
    return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and everything below it, parents first, left to right."""
    yield node
    for child in children(node):
        yield from walk(child)


def names(node: Node) -> tuple[str, ...]:
    """Return the names an expression mentions, constants such as pi left out, in order of appearance."""
    found = (n.name for n in walk(node) if isinstance(n, Name) and n.name not in CONSTANTS)
    return tuple(dict.fromkeys(found))


def is_smooth(node: Node) -> bool:
    """Say whether the expression is free of functions with kinks, such as abs."""
    return not any(isinstance(n, Call) and n.function in NOT_SMOOTH for n in walk(node))


@cache
def numpy_functions() -> dict[str, Callable]:
    """Return the functions of the language over numpy arrays."""
    special = {"erf": _of_scipy("erf"), "erfc": _of_scipy("erfc"), "sech": lambda x: 1 / np.cosh(x)}
    return {name: special.get(name) or getattr(np, target) for name, target in FUNCTIONS.items()}


def _of_scipy(name: str) -> Callable:
    """Return a function that imports scipy.special when it is called: most problems never need it."""

    def function(x: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(x)

    return function


@cache
def jax_functions() -> dict[str, Callable]:
    """Return the functions of the language over jax arrays."""
    import jax.numpy as jnp
    import jax.scipy.special

    special = {
        "erf": jax.scipy.special.erf,
        "erfc": jax.scipy.special.erfc,
        "sech": lambda x: 1 / jnp.cosh(x),
    }
    return {name: special.get(name) or getattr(jnp, target) for name, target in FUNCTIONS.items()}


def evaluate(node: Node, values: Mapping[str, Any], functions: Mapping[str, Callable]) -> Any:
    """Compute an expression, elementwise.

    Args:
        node: the tree.
        values: an array or number for each of `names(node)`, of shapes that broadcast.
        functions: `numpy_functions()` or `jax_functions()`.

    Returns:
        The value, of the broadcast shape. Outside a function's domain it is nan or inf, never an exception.
    """
    match node:
        case Number(value):
            return value
        case Name(name):
            return CONSTANTS[name] if name in CONSTANTS else values[name]
        case Negate(operand):
            return -evaluate(operand, values, functions)
        case Binary(operator, left, right):
            return OPERATORS[operator](evaluate(left, values, functions), evaluate(right, values, functions))
        case Call(function, arguments):
            return functions[function](*(evaluate(a, values, functions) for a in arguments))
    raise TypeError(f"not a node of the language: {node!r}")
