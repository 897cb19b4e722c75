"""The figure of a run: solution, reference, error and loss."""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
import itertools

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

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
    figure, axes = plt.subplots(rows, columns, figsize=(4.6 * columns, 3.3 * rows), squeeze=False, layout="constrained")
    for row, name in enumerate(unknowns):
        panels = {f"{name}, solution": solution.values[name]}
        if solution.reference:
            panels[f"{name}, reference"] = solution.reference[name]
            panels[f"{name}, absolute error"] = np.abs(solution.values[name] - solution.reference[name])
        for ax, (title, values) in zip(axes[row], panels.items(), strict=True):
            _panel(figure, ax, solution, title, values)
    grid = axes[-1, 0].get_gridspec()
    for ax in axes[-1]:
        ax.remove()
    _loss(figure.add_subplot(grid[-1, :]), history)
    figure.suptitle(_title(solution).replace("$", r"\$"))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _title(solution: Solution) -> str:
    name = solution.problem.title or solution.problem.name
    found = solution.errors
    if not found:
        return f"{name}: error not known"
    each = ", ".join(f"{v['relative_l2']:.1e} of {k}" for k, v in found.items())
    return f"{name}: relative L2 error {each}"


def _panel(figure: Any, ax: Axes, solution: Solution, title: str, values: np.ndarray) -> None:
    coordinates, error = solution.problem.coordinates, "error" in title
    if len(coordinates) == 1:
        (ax.semilogy if error else ax.plot)(solution.grid[coordinates[0]], values)
        ax.set(title=title, xlabel=coordinates[0])
        return
    across, up = coordinates[-2:]
    # With more than two coordinates, the last two are shown at the end of the others.
    others = coordinates[:-2]
    if others:
        values = values[(-1,) * len(others)]
        title += " at " + ", ".join(f"{c}={solution.grid[c][-1]:g}" for c in others)
    limit = float(np.abs(values).max()) or 1.0
    style = {"cmap": "magma"} if error else {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    mesh = ax.pcolormesh(
        solution.grid[across], solution.grid[up], values.T, shading="nearest", rasterized=True, **style
    )
    figure.colorbar(mesh, ax=ax)
    ax.set(title=title, xlabel=across, ylabel=up)


def _loss(ax: Axes, history: list[dict[str, Any]]) -> None:
    steps, losses = [r["step"] for r in history], [r["loss"] for r in history]
    ax.semilogy(steps, losses, lw=1)
    for before, after in itertools.pairwise(history):
        for key, style in (("stage", "--"), ("window", "-"), ("attempt", ":")):
            if before[key] != after[key]:
                ax.axvline(before["step"], color="0.6", lw=0.8, ls=style)
        label = after["optimizer"] if before["stage"] < after["stage"] else ""
        label = f"window {after['window'] + 1}" if before["window"] != after["window"] else label
        ax.annotate(label, (before["step"], 0.99), xycoords=ax.get_xaxis_transform(), fontsize=8, va="top", rotation=90)
    title = "training loss (points are redrawn, so it jumps"
    title += "; a dotted line begins a window again)" if any(r["attempt"] for r in history) else ")"
    ax.set(title=title, xlabel="step", ylabel="loss")
    ax.grid(alpha=0.3)
