"""The three traces of a graph: values forward, tangents forward, adjoints backward; with symbols and with numbers."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pinn.errors import ProblemError
from pinn.language import Binary, Call, Name, Node, Number
from pinn.language.calculus import differentiate, product, quotient, total, write
from pinn.language.tree import evaluate, names, numpy_functions
from pinn.trace.graph import Graph, Step, operation_count, rename

DOT, BAR = "\N{COMBINING DOT ABOVE}", "\N{COMBINING MACRON}"
DOMAINS = {
    "acos": "its argument has to lie between -1 and 1",
    "asin": "its argument has to lie between -1 and 1",
    "ln": "its argument has to be positive",
    "log": "its argument has to be positive",
    "sqrt": "its argument must not be negative",
    "**": "a number below zero has no such power, and zero none below zero",
}
KINKS = {  # function -> what is zero at its kinks
    "abs": lambda a: a,
    "max": lambda a, b: Binary("-", a, b),
    "min": lambda a, b: Binary("-", a, b),
    "sign": lambda a: a,
}
SHORT = 80  # characters of an expression that is told


class Row(NamedTuple):
    """A line of a trace.

    Attributes:
        symbol: what gets a value.
        formula: how, in symbols.
        numbers: the same with numbers put in; nothing where a value is given.
        value: the result.
        operations: how many operators and functions the formula has.
    """

    symbol: str
    formula: str
    numbers: str
    value: float
    operations: int


def primal_sweep(graph: Graph, point: Mapping[str, float]) -> list[Row]:
    """Compute the value of every step, first to last.

    Args:
        graph: of an expression.
        point: the value of each input.

    Raises:
        ProblemError: where a step has no finite value, naming it.
    """
    rows, values = [], {}
    for k, step in enumerate(graph.steps):
        if k < len(graph.inputs):
            value = float(point[graph.inputs[k]])
            row = Row(step.symbol, graph.inputs[k], "", value, 0)
        else:
            row = _row(step.symbol, step.operation, values)
        if not np.isfinite(row.value):
            reason = _no_value(step, row, values)
            raise ProblemError(f"{_node(graph, step, row.numbers)} has no value: {reason}.")
        values[step.symbol] = row.value
        rows.append(row)
    return rows


def tangent_sweep(graph: Graph, values: Mapping[str, float], seed: Mapping[str, float]) -> list[Row]:
    """Compute the derivative of every step along a direction, first to last.

    Args:
        graph: of an expression.
        values: of its steps by symbol, from `primal_sweep`.
        seed: the direction, by input; those not named are held fixed.

    Raises:
        ProblemError: where a derivative is not finite, naming the step.
    """
    rows, known = [], dict(values)
    for k, step in enumerate(graph.steps):
        symbol = dotted(step.symbol)
        if k < len(graph.inputs):
            value = float(seed.get(graph.inputs[k], 0.0))
            row = Row(symbol, dotted(graph.inputs[k]), "", value, 0)
        else:
            formula: Node = Number(0.0)
            for operand in map(graph.steps.__getitem__, step.operands):
                partial = _partial(graph, step, operand, values)
                formula = total(formula, _times(Name(dotted(operand.symbol)), partial))
            row = _row(symbol, formula, known)
        known[symbol] = row.value
        rows.append(row)
    return rows


def adjoint_sweep(graph: Graph, values: Mapping[str, float]) -> list[Row]:
    """Compute the derivative of the result in every step, last to first; a step used twice gets two rows.

    Args:
        graph: of an expression.
        values: of its steps by symbol, from `primal_sweep`.

    Raises:
        ProblemError: where a derivative is not finite, naming the step.
    """
    last = barred(graph.steps[-1].symbol)
    rows, known = [Row(last, barred(graph.result), "", 1.0, 0)], dict(values) | {last: 1.0}
    for step in reversed(graph.operations):
        if barred(step.symbol) not in known:
            continue
        for operand in map(graph.steps.__getitem__, step.operands):
            symbol = barred(operand.symbol)
            formula = _times(Name(barred(step.symbol)), _partial(graph, step, operand, values))
            if symbol in known:
                formula = total(Name(symbol), formula)
            row = _row(symbol, formula, known)
            known[symbol] = row.value
            rows.append(row)
    return rows


def _times(change: Node, partial: Node) -> Node:
    """Return a product, of 1/a as a quotient."""
    match partial:
        case Binary("/", Number(1.0), divisor):
            return quotient(change, divisor)
    return product(change, partial)


def _partial(graph: Graph, step: Step, operand: Step, values: Mapping[str, float]) -> Node:
    """Return the derivative of a step in one of its operands, in symbols."""
    at = f"at {operand.symbol} = {_text(values[operand.symbol])}"
    match step.operation:
        case Name(operand.symbol):
            return Number(1.0)
        case Call(function, arguments) if function in KINKS and _evaluated(KINKS[function](*arguments), values) == 0:
            what = "jumps" if function == "sign" else "has a kink"
            raise ProblemError(f"{_node(graph, step)} {what} {at}, and has no derivative there.")
        case Binary("**", base, exponent) if operand.symbol not in names(base) and _evaluated(base, values) == 0:
            if _evaluated(exponent, values) > 0:  # zero however it is raised, where the rule has 0*log(0)
                return Number(0.0)
    partial = differentiate(step.operation, operand.symbol)
    if not np.isfinite(_evaluated(partial, values)):
        raise ProblemError(f"{_node(graph, step)} has no finite derivative in {operand.symbol} {at}.")
    return partial


def _node(graph: Graph, step: Step, numbers: str = "") -> str:
    """Name a step: what it is of the steps before, and what it stands for."""
    own, text = write(step.operation), write(graph.expression(step.symbol))
    whole = f", which is {text}," if own != text and len(text) <= SHORT else ""
    return f"the node {step.symbol} = {own}" + (f" = {numbers}" if numbers else "") + whole


def dotted(symbol: str) -> str:
    """Return the name of a tangent."""
    return symbol[0] + DOT + symbol[1:]


def barred(symbol: str) -> str:
    """Return the name of an adjoint."""
    return symbol[0] + BAR + symbol[1:]


def _row(symbol: str, formula: Node, values: Mapping[str, float]) -> Row:
    put_in = {n: _operand(values[n]) for n in names(formula)}
    value = float(_evaluated(formula, values))
    if isinstance(formula, Name) and put_in:
        put_in = {formula.name: _text(values[formula.name])}
    numbers = re.sub(r"\(\((-[^()]*)\)\)", r"(\1)", write(rename(formula, put_in)))  # ln((-1)) is ln(-1)
    return Row(symbol, write(formula), numbers, value, operation_count(formula))


def _evaluated(formula: Node, values: Mapping[str, float]) -> np.float64:
    with np.errstate(all="ignore"):
        given = {n: np.float64(values[n]) for n in names(formula)}
        return np.float64(evaluate(formula, given, numpy_functions()))


def _no_value(step: Step, row: Row, values: Mapping[str, float]) -> str:
    match step.operation:
        case Binary("/", _, divisor) if _evaluated(divisor, values) == 0:
            return "it divides by zero"
        case Binary(kind, _, _) | Call(kind, _):
            large = np.isinf(row.value) and kind not in ("ln", "log") and not row.numbers.startswith("0**")
            return "it is too large for double precision" if large else DOMAINS.get(kind, "it is not a number")
    return "it is not a number"


def _operand(value: float) -> str:
    text = _text(value)
    return f"({text})" if text.startswith("-") else text


def _text(value: float) -> str:
    return f"{value:.5g}"
