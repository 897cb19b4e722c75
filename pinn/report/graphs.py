"""A graph of elementary operations, drawn: values above the nodes, adjoints below."""

import re
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch

from pinn.report.panels import PRINT, Palette
from pinn.trace import Graph, Trace
from pinn.trace.graph import plain_symbol
from pinn.trace.sweeps import barred

COLUMN, ROW = 1.9, 1.35  # inches between nodes
RADIUS = 0.27
BEND = 1.6  # inches a curved arrow's middle is pulled aside, twice


def save_graph(trace: Trace, path: Path, kind: str) -> None:
    """Draw a trace's graph into a file, as png, pdf or svg."""
    figure = Figure(figsize=size_of(trace.graph), layout="constrained")
    paint_graph(figure, trace, PRINT)
    figure.savefig(path, format=kind, dpi=150)


def size_of(graph: Graph) -> tuple[float, float]:
    """Return a figure's width and height in inches."""
    places = _places(graph)
    return COLUMN * (1 + places[:, 0].max()) + 1.4, ROW * (1 + np.ptp(places[:, 1])) + 0.3


def paint_graph(figure: Figure, trace: Trace, palette: Palette) -> None:
    """Draw inputs on the left and the result on the right.

    Args:
        figure: empty, of `size_of` the graph.
        trace: its graph is drawn.
        palette: values are written in its ink, adjoints in its second line colour.
    """
    ax = figure.add_subplot()
    ax.set_axis_off()
    ax.set_aspect("equal")
    places = _places(trace.graph) * [COLUMN, ROW]
    values = {row.symbol: row.value for row in trace.primal}
    adjoints = {row.symbol: row.value for row in trace.adjoint}
    for k, step in enumerate(trace.graph.steps):
        for operand in step.operands:
            _arrow(ax, places[operand], places[k], palette)
    for k, step in enumerate(trace.graph.steps):
        (x, y), formula = places[k], trace.primal[k].formula
        ax.add_patch(_circle(x, y, palette))
        ax.text(x, y, _math(step.symbol), ha="center", va="center", color=palette.ink, fontsize=12)
        given = "" if formula == step.symbol else f"{formula} = "
        ax.text(x, y + RADIUS + 0.08, f"{given}{values[step.symbol]:.4g}", ha="center", va="bottom", color=palette.ink,
                fontsize=9)  # fmt: skip
        adjoint = adjoints.get(barred(step.symbol), 0.0)
        ax.text(x, y - RADIUS - 0.08, f"{_math(step.symbol, 'bar')} = {adjoint:.4g}", ha="center", va="top",
                color=palette.lines[1], fontsize=9)  # fmt: skip
    ax.set_xlim(places[:, 0].min() - 1.2, places[:, 0].max() + 1.2)
    ax.set_ylim(places[:, 1].min() - 0.85, places[:, 1].max() + 0.75)


def _math(symbol: str, accent: str = "") -> str:
    """Write a symbol for matplotlib: its number set low, with a dot or a bar over what comes before."""
    name, subscript = re.fullmatch(r"(.*?)(-?\d*)", plain_symbol(symbol)).groups()
    escaped = name.replace("_", r"\_")
    letter = name if len(name) == 1 and name != "_" else rf"\mathrm{{{escaped}}}"
    over = rf"\{accent}{{{letter}}}" if accent else letter
    return f"${over}" + (f"_{{{subscript}}}$" if subscript else "$")


def _places(graph: Graph) -> np.ndarray:
    """Return columns and rows (n, 2): operations right of their operands, near the mean of their rows."""
    columns = []
    for step in graph.steps:
        columns.append(1 + max((columns[k] for k in step.operands), default=-1))
    columns[len(graph.inputs) :] = [max(c, 1) for c in columns[len(graph.inputs) :]]
    rows = np.zeros(len(columns))
    for column in range(max(columns) + 1):
        here = [k for k, c in enumerate(columns) if c == column]
        wanted = [np.mean([rows[o] for o in graph.steps[k].operands] or [-k]) for k in here]
        for place, j in enumerate(sorted(range(len(here)), key=lambda j: -wanted[j])):
            rows[here[j]] = (len(here) - 1) / 2 - place
    return np.stack([np.array(columns, float), rows], axis=1)


def _circle(x: float, y: float, palette: Palette) -> Circle:
    return Circle((x, y), RADIUS, fill=False, edgecolor=palette.lines[0], linewidth=1.4)


def _arrow(ax: Axes, start: np.ndarray, end: np.ndarray, palette: Palette) -> None:
    far = end[0] - start[0] > 1.5 * COLUMN  # then around what may stand between
    bend = BEND / np.hypot(*(end - start)) if far else 0.0
    side = np.array([RADIUS, 0.0])
    ax.add_patch(
        FancyArrowPatch(
            start + side, end - side, arrowstyle="-|>", mutation_scale=9, color=palette.faint,
            connectionstyle=f"arc3,rad={bend}", shrinkA=0, shrinkB=0, linewidth=1.0,
        )
    )  # fmt: skip
