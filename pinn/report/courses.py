"""How a run went: loss and unseen loss over steps and seconds, the error over time, where the seconds went."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pinn.problem import TIME
from pinn.report.markup import number, plain
from pinn.report.panels import curves, logarithmic, new_axes, training
from pinn.report.plots import PAGE, Plot, draw
from pinn.solution import Solution

LEAST_SECONDS = 0.05  # worth a mention

History = Sequence[Mapping[str, Any]]
PARTS = ("setup", "compile", "train", "evaluate")


def losses(history: History) -> Iterator[Plot]:
    """Yield the course of training over steps and over seconds; nothing where no step was logged."""
    for over in ("step", "seconds") if history else ():

        def paint(figure: Figure, over: str = over) -> None:
            ax = new_axes(figure)
            training(ax, history, PAGE, over)

        title = f"loss over {over if over != 'step' else 'steps'}"
        end = f"{len(history)} records, from {plain(history[0]['loss'])} to {plain(history[-1]['loss'])}"
        yield Plot(title, draw(paint, f"Curves, {title}: {end}", (4.7, 2.9)))


def error_by_time(solution: Solution) -> Iterator[Plot]:
    """Yield the size of the error at each time, with the edges of the windows."""
    found = {n: e["l2_by_time"] for n, e in (solution.errors or {}).items() if e.get("l2_by_time")}
    if not found or TIME not in solution.grid:
        return
    times = solution.grid[TIME]
    found = {n: np.array([np.nan if v is None else v for v in e], float) for n, e in found.items()}
    edges = (solution.summary.get("windows") or ())[1:-1]

    def paint(figure: Figure) -> None:
        ax = new_axes(figure)
        for edge in edges:
            ax.axvline(edge, color=PAGE.faint, lw=0.8)
        for k, (name, values) in enumerate(found.items()):
            colour = PAGE.lines[k % len(PAGE.lines)]
            curves(ax, times, [(values, {"color": colour, "label": name})], log=True)
        logarithmic(ax, list(found.values()))
        ax.set(xlabel=TIME, ylabel="rms error" if len(solution.grid) > 1 else "absolute error")
        if len(found) > 1:
            figure.legend(loc="outside upper center", ncols=4)

    marks = ", edges of windows as lines" if len(edges) else ""
    worst = max(float(np.nanmax(v)) if np.isfinite(v).any() else np.nan for v in found.values())
    title = f"error by time{marks}"
    yield Plot(title, draw(paint, f"Curves over {TIME}: {title}; largest {plain(worst)}", (4.7, 2.9)))


def seconds_bar(summary: Mapping[str, Any]) -> str:
    """Return where the time went, as a bar and in numbers."""
    spent = {p: s for p in PARTS if (s := (summary.get("seconds") or {}).get(p) or 0) > LEAST_SECONDS}
    if not spent:
        return ""
    total = sum(spent.values())
    bar = "".join(
        f'<span class="part-{p}" style="flex-grow:{max(s / total, 0.004):.4f}"></span>' for p, s in spent.items()
    )
    shown = "".join(f'<li><span class="dot part-{p}"></span>{p} {number(s)} s</li>' for p, s in spent.items())
    return f'<div class="bar" aria-hidden="true">{bar}</div><ul class="legend">{shown}</ul>'
