"""A trace as tables, for the terminal and for a page of its own."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from pinn.report.graphs import paint_graph, size_of
from pinn.report.markup import section, table
from pinn.report.page import document
from pinn.report.plots import PAGE, draw
from pinn.trace import Row, Trace

AGREE = 1e-12  # of two ways to add up the same sum
# Two libraries differ in the last digit of an exp; what comes after may be sensitive to it.
FAR = "jax differs by more than round-off, unless a step is sensitive to the last digits of the one before"
LEGIBLE = 60  # pixels an inch of a graph has at least; wider ones scroll
Table = tuple[str, list[str], list[list[str]], list[str]]  # title, heads, rows, heads of the columns of numbers


def tables(trace: Trace) -> list[Table]:
    """Return the three sweeps, the gradient, and what each way of differentiating costs."""
    tangent = f"Forward tangent trace, in the direction of {trace.wrt}"
    return [
        _sweep("Forward primal trace", trace.primal),
        *([_sweep(tangent, trace.tangent)] if trace.tangent else []),
        _sweep("Reverse adjoint trace", trace.adjoint),
        ("Result", ["", "value", "by the rules of calculus"], _results(trace), ["value"]),
        ("Operations", ["for", "operators and functions"], _costs(trace), ["operators and functions"]),
    ]


def _sweep(title: str, rows: Sequence[Row]) -> Table:
    lines = [[r.symbol, f"= {r.formula}", f"= {r.numbers}" if r.numbers else "", f"{r.value:.6g}"] for r in rows]
    return title, ["", "in symbols", "in numbers", "value"], lines, ["value"]


def _results(trace: Trace) -> list[list[str]]:
    name = trace.graph.result
    first = [name, f"{trace.value:.10g}", trace.text]
    return [first, *([f"d{name}/d{n}", f"{v:.10g}", trace.formulas[n]] for n, v in trace.gradient.items())]


def _costs(trace: Trace) -> list[list[str]]:
    many = len(trace.point)
    names = {
        "value": "the value, equal parts computed once",
        "repeated": "the value, equal parts repeated as written",
        "forward": f"value and tangents along {trace.wrt or 'nothing'}, one forward sweep",
        "all_forward": f"value and gradient, {many} forward sweep{'s' * (many != 1)}",
        "reverse": "value and gradient, one reverse sweep",
        "formulas": "value and gradient by formulas, equal parts repeated",
    }
    return [[names[key], str(count)] for key, count in trace.counts.items()]


def verdict(apart: Mapping[str, float]) -> str:
    """Say whether jax finds the same."""
    each = ", ".join(f"{name} by {value:.0e}" if value else f"{name} by nothing" for name, value in apart.items())
    if not np.isfinite(list(apart.values())).all():
        return f"jax has no finite number somewhere here: {each} apart."
    return f"{'jax agrees' if all(value <= AGREE for value in apart.values()) else FAR}: {each} apart."


def page(trace: Trace, apart: Mapping[str, float]) -> str:
    """Return a page with the graph and the tables, as text."""
    size = size_of(trace.graph)
    picture = draw(lambda figure: paint_graph(figure, trace, PAGE), "graph of operations", size)
    wide = f'<div style="min-width: {LEGIBLE * size[0]:.0f}px">{picture}</div>'
    at = ", ".join(f"{n} = {v:g}" for n, v in trace.point.items())
    parts = [
        section(f"part-{k}", title, table([escape(h) for h in heads], [[escape(c) for c in row] for row in rows]))
        for k, (title, heads, rows, _) in enumerate(tables(trace))
    ]
    return document(escape(trace.text), "trace", [
        f"<p>at {escape(at)}</p>" if at else "",
        section("graph", "The graph", f'<div class="scroll" tabindex="0">{wide}</div>'),
        *parts,
        f"<p>{escape(verdict(apart))}</p>",
    ])  # fmt: skip
