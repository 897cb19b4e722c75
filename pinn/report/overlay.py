"""The figure of several runs: their losses against seconds and steps, and their errors against time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from pinn.runs import Run

STYLES = ("-", "--", ":", "-.")  # of unknowns; the colour is the run's
COLORS = 20


def save_overlay(runs: Sequence[Run], path: Path) -> None:
    """Draw three panels with a curve per run that has such numbers; all runs are named.

    Args:
        runs: at least one.
        path: ends in a format matplotlib writes.
    """
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.6 + 0.2 * len(runs)), layout="constrained")
    for index, run in enumerate(runs):
        style = {"color": plt.get_cmap("tab10" if len(runs) <= 10 else "tab20")(index % COLORS), "lw": 1.2}
        for ax, against in zip(axes, ("seconds", "step"), strict=False):
            _loss(ax, run, against, style)
        _by_time(axes[2], run, style)
        label = f"{run.path}" if run.status == "done" else f"{run.path}, {run.status}"
        axes[0].plot([], [], label=_plain(label), **style)
    axes[0].set(title="loss against seconds", xlabel="seconds", ylabel="training loss", yscale="log")
    axes[1].set(title="loss against steps", xlabel="step", yscale="log")
    axes[2].set(title="error by time (root mean square)", xlabel="t", yscale="log")
    if axes[2].lines:
        # Exact initial data leave round-off at one time, which would flatten all the rest.
        axes[2].set_ylim(bottom=min(np.nanpercentile(line.get_ydata(), 1) for line in axes[2].lines) / 2)
    else:
        axes[2].text(0.5, 0.5, "no run has an error by time", ha="center", transform=axes[2].transAxes)
    for ax in axes:
        ax.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=max(1, min(4, len(runs))), fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _plain(label: str) -> str:
    """Keep matplotlib from reading dollars as formulas, and a leading underscore as a wish to be left out."""
    label = label.replace("$", r"\$")
    return f" {label}" if label.startswith("_") else label


def _loss(ax: Axes, run: Run, against: str, style: dict[str, Any]) -> None:
    points = [(r[against], r["loss"]) for r in run.log if isinstance(r.get("loss"), (int, float)) and r["loss"] > 0]
    if points:
        ax.plot(*zip(*points, strict=True), marker="" if len(points) > 1 else ".", **style)


def _by_time(ax: Axes, run: Run, style: dict[str, Any]) -> None:
    for index, entry in enumerate((run.summary.get("errors") or {}).values()):
        values = np.array(entry.get("l2_by_time") or [], dtype=float)  # null becomes nan
        times = times_of(run, len(values))
        shown = np.where(values > 0, values, np.nan)  # an error of 0, as of exact data, has no logarithm
        if times is not None and np.isfinite(shown).any():
            ax.plot(times, shown, ls=STYLES[index % len(STYLES)], **style)


def times_of(run: Run, count: int) -> np.ndarray | None:
    """Return the times errors were taken at, from the solution; evenly spaced over the run's time if it is gone."""
    try:
        with np.load(run.path / "solution.npz", allow_pickle=False) as arrays:
            times = arrays["t"]
    except (OSError, ValueError, KeyError, EOFError):
        windows = run.summary.get("windows") or [0.0, 1.0]
        times = np.linspace(windows[0], windows[-1], count)
    return times if times.shape == (count,) else None
