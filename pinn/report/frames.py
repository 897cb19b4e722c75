"""Solutions over more than two coordinates: maps over two of them, a slider over the first."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from pinn.report.defects import order_of
from pinn.report.panels import heat_map, new_axes, pixels, scale_of
from pinn.report.plots import Plot, draw, picture
from pinn.report.views import Seen, extent
from pinn.solution import Solution

PICTURES = 200  # in all; what the page may weigh
FRAMES = (6, 25)  # fewest and most


class Film(NamedTuple):
    """Plots whose pictures a slider changes.

    Attributes:
        plots: showing the last frame.
        slider: the element that moves them, hidden from those whose browser runs no scripts.
        data: pictures by plot, and the label of each frame, as a ``script`` element.
    """

    plots: list[Plot]
    slider: str
    data: str


def film(solution: Solution, seen: list[Seen]) -> Film:
    """Return frames of all quantities at the same values of the first coordinate, others in their middle."""
    moving, *_ = order_of(solution.problem.coordinates)
    count = int(np.clip(PICTURES // max(1, len(seen)), *FRAMES))
    shown = solution.grid[moving]
    places = shown[np.linspace(0, len(shown) - 1, min(count, len(shown))).round().astype(int)]
    plots, pictures = [], {}
    for k, one in enumerate(seen):
        plot, frames = _reel(solution, one, f"frame-{k}", places)
        plots.append(plot)
        pictures[f"frame-{k}"] = frames
    labels = [f"{moving} = {p:.4g}" for p in places]
    data = json.dumps({"labels": labels, "pictures": pictures}).replace("</", "<\\/")
    return Film(plots, _slider(moving, labels), f'<script type="application/json" id="film">{data}</script>')


def _slider(moving: str, labels: list[str]) -> str:
    last = len(labels) - 1
    return (
        '<div class="slider" hidden><button type="button" id="play" aria-label="play">&#9654;</button>'
        f'<input type="range" id="frame" min="0" max="{last}" value="{last}" step="1" aria-label="{moving}">'
        f'<output id="at" for="frame">{labels[-1]}</output></div>'
        f"<noscript><p>Shown at {labels[-1]}; the slider over {moving} needs scripts.</p></noscript>"
    )


def _reel(solution: Solution, one: Seen, label: str, places: np.ndarray) -> tuple[Plot, list[str]]:
    """Return the plot of the last frame, and the pictures of all."""
    moving, *still, across, up = order_of(solution.problem.coordinates)
    x, y = one.grid[across], one.grid[up]
    frames = list(_cuts(solution, one, moving, still, (up, across), places))
    shared = one.values if one.shared is None else one.shared
    colours, norm = scale_of(shared, one.kind)

    def paint(figure: Figure) -> None:
        ax = new_axes(figure)
        heat_map(ax, x, y, frames[-1], one.kind, shared).set_gid(label)
        ax.set(xlabel=across, ylabel=up)

    fixed = "".join(f", {c} = {one.grid[c][len(one.grid[c]) // 2]:.3g}" for c in still)
    text = f"Heat map over {across} and {up}, moving in {moving}{fixed}: {one.title}; {extent(one.values)}"
    return Plot(one.title + fixed, draw(paint, text, (4.0, 3.2), label)), [
        picture(pixels(f, x, y), colours, norm) for f in frames
    ]


def _cuts(
    solution: Solution, one: Seen, moving: str, still: list[str], plane: tuple[str, str], places: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield values over the plane, (len(up), len(across)), at the nearest points of the moving coordinate."""
    names = list(solution.problem.coordinates)
    for place in places:
        at = {c: len(one.grid[c]) // 2 for c in still} | {moving: int(np.abs(one.grid[moving] - place).argmin())}
        cut = one.values[tuple(at.get(c, slice(None)) for c in names)]
        left = [c for c in names if c not in at]
        yield cut if left == list(plane) else cut.T
