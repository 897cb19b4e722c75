"""All of a trace: an expression at a point, its three sweeps, what they cost, and what jax says of them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pinn.errors import ProblemError, unknown
from pinn.language import Node, names, parse
from pinn.language.calculus import differentiate, write
from pinn.language.simplify import simplify
from pinn.language.tree import FUNCTIONS, evaluate, jax_functions
from pinn.trace.graph import Graph, make_graph, operation_count
from pinn.trace.sweeps import Row, adjoint_sweep, barred, primal_sweep, tangent_sweep


class Trace(NamedTuple):
    """What is known of an expression at a point.

    Attributes:
        text: the expression.
        tree: the same, read.
        point: the value of each variable.
        graph: its elementary operations.
        primal: values, forward.
        wrt: the variable whose tangent is one.
        tangent: derivatives in that variable, forward.
        adjoint: derivatives of the result, backward.
        gradient: derivative of the result in each variable, from the adjoints.
        formulas: the same by the rules of calculus, simplified, as text.
        counts: operators and functions of the ``value`` (equal parts shared, and ``repeated``); of the value and one
            ``forward`` sweep, ``all_forward`` ones, the ``reverse`` one; of the value and the ``formulas``, repeated.
    """

    text: str
    tree: Node
    point: dict[str, float]
    graph: Graph
    primal: list[Row]
    wrt: str
    tangent: list[Row]
    adjoint: list[Row]
    gradient: dict[str, float]
    formulas: dict[str, str]
    counts: dict[str, int]

    @property
    def value(self) -> float:
        """The result."""
        return self.primal[-1].value


def trace(text: str, point: Mapping[str, float], wrt: str | None = None, letters: bool = False) -> Trace:
    """Differentiate an expression step by step.

    Args:
        text: an expression of the language, such as ``ln(x1) + x1*x2 - sin(x2)``.
        point: the value of each of its variables, which are numbered in this order.
        wrt: the variable the tangents belong to; by default the first.
        letters: call steps a, b, c, ... instead of v₁, v₂, ...

    Raises:
        ProblemError: for an expression that cannot be read, variables that are missing or do not occur, and points
            where a step has no value or no derivative.
    """
    tree = parse(text)
    _check(text, names(tree), point, wrt)
    variables = tuple(point)
    wrt = wrt or (variables[0] if variables else "")
    graph = make_graph(tree, variables, letters)
    primal = primal_sweep(graph, point)
    values = {row.symbol: row.value for row in primal}
    tangents = {name: tangent_sweep(graph, values, {name: 1.0}) for name in variables}
    adjoint = adjoint_sweep(graph, values)
    found = {row.symbol: row.value for row in adjoint}  # the last row of a symbol is the whole sum
    symbols = dict(zip(variables, graph.steps, strict=False))
    formulas = {name: simplify(differentiate(tree, name)) for name in variables}
    value = sum(operation_count(step.operation) > 0 for step in graph.operations)
    return Trace(
        text,
        tree,
        {name: float(point[name]) for name in variables},
        graph,
        primal,
        wrt,
        tangents.get(wrt, []),
        adjoint,
        {name: found.get(barred(step.symbol), 0.0) for name, step in symbols.items()},
        {name: write(formula) for name, formula in formulas.items()},
        {
            "value": value,
            "repeated": graph.repeated,
            "forward": value + _cost(tangents.get(wrt, [])),
            "all_forward": value + sum(map(_cost, tangents.values())),
            "reverse": value + _cost(adjoint),
            "formulas": graph.repeated + sum(map(operation_count, formulas.values())),
        },
    )


def differences(trace: Trace) -> dict[str, float]:
    """Return how far jax is from the sweeps, relative: its value, and at most its ``jax.jvp`` and its ``jax.vjp``."""
    import jax

    variables = list(trace.point)

    def f(*values: jax.Array) -> jax.Array:
        return jax.numpy.asarray(evaluate(trace.tree, dict(zip(variables, values, strict=True)), jax_functions()))

    with jax.enable_x64(True):
        at = tuple(jax.numpy.asarray(v, float) for v in trace.point.values())
        value, pulled = jax.vjp(f, *at)
        reverse = pulled(jax.numpy.ones_like(value))
        along = tuple(jax.numpy.asarray(float(name == trace.wrt)) for name in variables)
        forward = jax.jvp(f, at, along)[1] if variables else 0.0
    tangent = trace.tangent[-1].value if trace.tangent else 0.0
    return {
        "the value": _apart([trace.value], [value]),
        "jax.jvp": _apart([tangent], [forward]),
        "jax.vjp": _apart(list(trace.gradient.values()), list(reverse)),
    }


def _apart(ours: list[float], theirs: list) -> float:
    """Return the largest difference, relative to the largest number where that is above one."""
    a, b = np.asarray(ours, float), np.asarray(theirs, float)
    return float(np.max(np.abs(a - b), initial=0.0) / max(1.0, np.max(np.abs(b), initial=0.0)))


def _cost(rows: list[Row]) -> int:
    return sum(row.operations for row in rows)


def _check(text: str, variables: tuple[str, ...], point: Mapping[str, float], wrt: str | None) -> None:
    for name in variables:
        if name in FUNCTIONS:
            raise ProblemError(f"{name!r} is a function; write its argument in parentheses.", text=text)
    for name, value in point.items():
        if name not in variables:
            raise unknown("variable", name, variables, text=text)
        if not np.isfinite(value):
            raise ProblemError("give a finite number.", (name,), str(value))
    if missing := [name for name in variables if name not in point]:
        raise ProblemError(f"needs a value of {', '.join(missing)}; write {missing[0]}=1, for example.", text=text)
    if wrt is not None and wrt not in variables:
        raise unknown("variable", wrt, variables, ("wrt",))
