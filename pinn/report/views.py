"""Which pictures show a solution: curves along one coordinate, maps and slices over two, frames over more."""

from collections.abc import Iterator, Mapping
from itertools import combinations, islice
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from pinn.problem import TIME
from pinn.reference import Grid
from pinn.report.defects import order_of
from pinn.report.markup import plain
from pinn.report.panels import curves, heat_map, logarithmic, new_axes
from pinn.report.plots import PAGE, Plot, draw
from pinn.solution import Solution

SLICES = 5
PORTRAITS = 6
ROUND_OFF = 1e-7  # of the largest error: where data are met exactly, there is no error to show


class Seen(NamedTuple):
    """One quantity on a tensor grid.

    Attributes:
        title: as a caption says it.
        kind: "solution" or "error", which decides the colours; of the second, absolute values.
        grid: one ascending array per coordinate.
        values: axes in the order of the coordinates.
        shared: what it has its colours from; None for itself.
    """

    title: str
    kind: str
    grid: Grid
    values: np.ndarray
    shared: np.ndarray | None = None


def quantities(solution: Solution, residuals: Mapping[str, np.ndarray], grid: Grid) -> list[Seen]:
    """List what there is to see: each unknown, its reference and error; then the residual of each equation.

    Args:
        solution: evaluated.
        residuals: absolute, by equation.
        grid: on which they are.
    """
    out = []
    for name in solution.problem.unknowns:
        values, true = solution.values[name], solution.reference.get(name)
        out.append(Seen(f"{name}, solution", "solution", solution.grid, values, true))
        if true is not None:
            out.append(Seen(f"{name}, reference", "solution", solution.grid, true))
            out.append(Seen(f"{name}, absolute error", "error", solution.grid, np.abs(values - true)))
    return out + [Seen(f"absolute residual of {n}", "error", grid, r) for n, r in residuals.items()]


def maps(solution: Solution, seen: list[Seen]) -> Iterator[Plot]:
    """Yield a heat map of each quantity over two coordinates, time across where there is time."""
    across, up = order_of(solution.problem.coordinates)
    turned = solution.problem.coordinates == (across, up)
    for one in seen:
        values = one.values.T if turned else one.values

        def paint(figure: Figure, one: Seen = one, values: np.ndarray = values) -> None:
            ax = new_axes(figure)
            heat_map(ax, one.grid[across], one.grid[up], values, one.kind, one.shared)
            ax.set(xlabel=across, ylabel=up)

        yield Plot(one.title, draw(paint, f"Heat map over {across} and {up}: {one.title}; {extent(one.values)}"))


def slices(solution: Solution) -> Iterator[Plot]:
    """Yield, for each unknown, the solution along space at several times, the reference dashed, and the error."""
    time, space = order_of(solution.problem.coordinates)
    axis = solution.problem.coordinates.index(time)
    times, x = solution.grid[time], solution.grid[space]
    chosen = np.linspace(0, len(times) - 1, SLICES).round().astype(int)
    colours = colormaps["viridis"](np.linspace(0.12, 0.82, SLICES))
    for name in solution.problem.unknowns:
        values, true = solution.values[name], solution.reference.get(name)

        def paint(
            figure: Figure, values: np.ndarray = values, true: np.ndarray | None = true, name: str = name
        ) -> None:
            ax, lines = new_axes(figure), []
            for k, colour in zip(chosen, colours, strict=True):
                lines.append((values.take(k, axis), {"color": colour, "label": f"{time} = {times[k]:g}"}))
                if true is not None:
                    lines.append((true.take(k, axis), {"color": PAGE.ink, "lw": 0.8, "ls": (0, (4, 3))}))
            curves(ax, x, lines)
            ax.set(xlabel=space, ylabel=name)
            figure.legend(loc="outside upper center", ncols=3)

        def paint_error(figure: Figure, values: np.ndarray = values, true: np.ndarray | None = true) -> None:
            ax, errors = new_axes(figure), np.abs(values - true)
            lines = [
                (errors.take(k, axis), {"color": colour, "lw": 1.1, "label": f"{time} = {times[k]:g}"})
                for k, colour in zip(chosen, colours, strict=True)
                if np.nanmax(errors.take(k, axis)) > ROUND_OFF * np.nanmax(errors)
            ]
            curves(ax, x, lines, log=True)
            ax.set(xlabel=space, ylabel="absolute error")
            figure.legend(loc="outside upper center", ncols=3)

        dashed = ", the reference dashed" if true is not None else ""
        title = f"{name} at several times{dashed}"
        yield Plot(title, draw(paint, f"Curves over {space}: {title}; {extent(values)}"))
        if true is not None:
            title = f"{name}, absolute error at several times"
            yield Plot(title, draw(paint_error, f"Curves over {space}: {title}; {extent(np.abs(values - true))}"))


def along(solution: Solution) -> Iterator[Plot]:
    """Yield curves over the only coordinate: each unknown with its reference."""
    (x,) = solution.problem.coordinates
    for name in solution.problem.unknowns:
        values, true = solution.values[name], solution.reference.get(name)

        def paint(
            figure: Figure, values: np.ndarray = values, true: np.ndarray | None = true, name: str = name
        ) -> None:
            ax, lines = new_axes(figure), [(values, {"color": PAGE.lines[0], "label": "solution"})]
            if true is not None:
                lines.append((true, {"color": PAGE.ink, "lw": 0.9, "ls": (0, (4, 3)), "label": "reference"}))
            curves(ax, solution.grid[x], lines)
            ax.set(xlabel=x, ylabel=name)
            figure.legend(loc="outside upper center", ncols=2)

        dashed = ", the reference dashed" if true is not None else ""
        yield Plot(f"{name}{dashed}", draw(paint, f"Curve of {name} over {x}{dashed}; {extent(values)}"))


def sizes_along(solution: Solution, seen: list[Seen]) -> Iterator[Plot]:
    """Yield curves over the only coordinate: all errors, all residuals."""
    (x,) = solution.problem.coordinates
    for word in ("error", "residual"):
        group = [s for s in seen if s.kind == "error" and word in s.title]
        if group:
            yield _together(x, f"absolute {word}s", word, group)


def _together(x: str, title: str, word: str, group: list[Seen]) -> Plot:
    def paint(figure: Figure) -> None:
        ax = new_axes(figure)
        for k, one in enumerate(group):
            label = one.title.removesuffix(", absolute error").removeprefix("absolute residual of ").replace("$", r"\$")
            style = {"color": PAGE.lines[k % len(PAGE.lines)], "lw": 1.1, "label": label}
            curves(ax, one.grid[x], [(one.values, style)], log=True)
        logarithmic(ax, [one.values for one in group])
        ax.set(xlabel=x, ylabel=f"absolute {word}")
        figure.legend(loc="outside upper center", ncols=3)

    return Plot(title, draw(paint, f"Curves over {x}: {title}; largest {plain(_largest(group))}"))


def portraits(solution: Solution) -> Iterator[Plot]:
    """Yield the phase portraits of a system in time: pairs of unknowns, beginning at the dot."""
    if solution.problem.coordinates != (TIME,):
        return
    for a, b in islice(combinations(solution.problem.unknowns, 2), PORTRAITS):

        def paint(figure: Figure, a: str = a, b: str = b) -> None:
            ax = new_axes(figure)
            ax.plot(solution.values[a], solution.values[b], color=PAGE.lines[0], lw=1.4)
            if solution.reference:
                ax.plot(solution.reference[a], solution.reference[b], color=PAGE.ink, lw=0.9, ls=(0, (4, 3)))
            ax.plot(solution.values[a][:1], solution.values[b][:1], "o", color=PAGE.lines[0], ms=6)
            ax.set(xlabel=a, ylabel=b)

        yield Plot(f"phase portrait of {a} and {b}", draw(paint, f"Phase portrait: {b} over {a}, beginning at the dot"))


def extent(values: np.ndarray) -> str:
    """Say from where to where values go."""
    found = values[np.isfinite(values)]
    if not found.size:
        return "no finite values"
    return f"values from {plain(float(found.min()))} to {plain(float(found.max()))}"


def _largest(group: list[Seen]) -> float:
    return float(np.nanmax([np.nanmax(np.where(np.isfinite(g.values), g.values, 0)) for g in group]))
