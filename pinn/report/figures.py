"""The figure of a run: solution, reference, error and loss."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinn.report.defects import order_of
from pinn.report.panels import PRINT, curves, heat_map, training
from pinn.solution import Solution


def save_figure(solution: Solution, history: list[dict[str, Any]], path: Path) -> None:
    """Draw one row per unknown, solution, reference and error, and below them the loss.

    Args:
        solution: evaluated.
        history: logged steps.
        path: ends in ``.png``.
    """
    unknowns, columns = solution.problem.unknowns, 3 if solution.reference else 1
    rows = len(unknowns) + 1
    figure = Figure(figsize=(4.6 * columns, 3.3 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for row, name in enumerate(unknowns):
        panels = {f"{name}, solution": solution.values[name]}
        if name in solution.reference:
            panels[f"{name}, reference"] = solution.reference[name]
            panels[f"{name}, absolute error"] = np.abs(solution.values[name] - solution.reference[name])
        for ax, (title, values) in zip(axes[row], panels.items(), strict=False):
            _panel(ax, solution, title, values)
        for ax in axes[row][len(panels) :]:
            ax.remove()
    grid = axes[-1, 0].get_gridspec()
    for ax in axes[-1]:
        ax.remove()
    _loss(figure.add_subplot(grid[-1, :]), history)
    figure.suptitle(_title(solution).replace("$", r"\$"))
    figure.savefig(path, dpi=110)


def _title(solution: Solution) -> str:
    name = solution.problem.title or solution.problem.name
    found = solution.errors
    if not found:
        return f"{name}: error not known"
    each = ", ".join(f"{v['relative_l2']:.1e} of {k}" for k, v in found.items())
    return f"{name}: relative L2 error {each}"


def _panel(ax: Axes, solution: Solution, title: str, values: np.ndarray) -> None:
    coordinates, kind = solution.problem.coordinates, "error" if "error" in title else "solution"
    if len(coordinates) == 1:
        curves(ax, solution.grid[coordinates[0]], [(values, {"color": PRINT.lines[0]})], log=kind == "error")
        ax.set(title=title, xlabel=coordinates[0])
        return
    # With more than two coordinates, the last two are shown at the end of the others.
    *others, across, up = order_of(coordinates)
    left = [c for c in coordinates if c in (across, up)]
    values = values[tuple(-1 if c in others else slice(None) for c in coordinates)]
    if others:
        title += " at " + ", ".join(f"{c}={solution.grid[c][-1]:g}" for c in others)
    heat_map(ax, solution.grid[across], solution.grid[up], values.T if left == [across, up] else values, kind)
    ax.set(title=title, xlabel=across, ylabel=up)


def _loss(ax: Axes, history: list[dict[str, Any]]) -> None:
    title = "loss (points are redrawn, so it jumps; bands are windows of time"
    title += "; a dotted line begins a window again)" if any(r["attempt"] for r in history) else ")"
    if history:
        training(ax, history, PRINT)
    ax.set_title(title)
