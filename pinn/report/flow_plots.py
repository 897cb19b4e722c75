"""Pictures of a study of learned dynamics: errors over time, roll-outs, statistics, the course of training."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pinn.dynamics.judge import THRESHOLD, errors_by_time, spectrum
from pinn.dynamics.study import Study
from pinn.dynamics.trajectories import MEMORY
from pinn.report.panels import PRINT, Palette, curves, heat_map, logarithmic, new_axes
from pinn.report.plots import PAGE, Plot, draw

DASHES = {"persistence": ":", "linear": "--", "rk4": "-."}  # of baselines; what is not here is a model
WIDE = (6.4, 2.85)
BINS = 60
LEAST = 1e-14  # of an error that is shown


def plain_name(name: str) -> str:
    """Return a name in which matplotlib sees no formula: names come from files."""
    return name.replace("$", r"\$")


def style(name: str, found: Study, palette: Palette) -> dict[str, Any]:
    """Return how the line of a model or baseline is drawn."""
    if name in DASHES:
        return {"color": palette.faint, "ls": DASHES[name], "lw": 1.2, "label": name}
    models = [n for n in found.outcomes if n not in DASHES]
    return {"color": palette.lines[models.index(name) % len(palette.lines)], "lw": 1.4, "label": name}


def paint_growth(ax: Axes, found: Study, palette: Palette) -> None:
    """Draw the median error over time since the last known state, and the threshold."""
    since = found.times - found.source.tests.times[MEMORY - 1]
    lines = []
    for name, outcome in found.outcomes.items():
        with np.errstate(all="ignore"):
            median = np.median(errors_by_time(outcome.states, found.truth), axis=0)
        shown = np.where(np.isfinite(median) & (median < 1e3), np.maximum(median, LEAST), np.nan)
        lines.append((shown, style(name, found, palette)))
    curves(ax, since, lines, log=True)
    logarithmic(ax, [v for v, _ in lines], share=0)
    ax.axhline(THRESHOLD, color=palette.ink, lw=0.7)
    ax.set(xlabel="time since the last known state", ylabel="relative error, median")


def error_growth(found: Study) -> Plot:
    """Return the growth of all errors."""

    def paint(figure: Figure) -> None:
        paint_growth(new_axes(figure), found, PAGE)
        figure.legend(loc="outside upper center", ncols=5)

    title = f"error over time; a prediction is valid up to the line at {THRESHOLD:g}"
    return Plot(title, draw(paint, f"Curves: {title}", (8.0, 3.4)))


def paint_path(ax: Axes, found: Study, component: int, palette: Palette, trajectory: int = 0) -> None:
    """Draw one component of one roll-out of each model beside the truth."""
    true = found.truth[trajectory, :, component]
    room = true.max() - true.min() or 1.0
    for name, outcome in found.outcomes.items():
        if name not in DASHES:
            with np.errstate(all="ignore"):
                path = outcome.states[trajectory, :, component]
                path = np.where(np.abs(path - true.mean()) < 2 * room, path, np.nan)
            ax.plot(found.times, path, **style(name, found, palette) | {"lw": 1.1})
    ax.plot(found.times, true, color=palette.ink, lw=0.9, ls=(0, (4, 3)), label="truth")
    ax.margins(x=0)
    ax.set(xlabel="t", ylabel=plain_name(found.source.train.names[component]))


def paths(found: Study) -> Iterator[Plot]:
    """Yield the first roll-out: curves by component, or maps of a field."""
    if found.source.tests.places is not None:
        yield from _field_maps(found)
        return
    for k, name in enumerate(found.source.train.names):

        def paint(figure: Figure, k: int = k) -> None:
            paint_path(new_axes(figure), found, k, PAGE)
            if k == 0:
                figure.legend(loc="outside upper center", ncols=4)

        title = f"{name} from the first of the new states, the truth dashed"
        yield Plot(title, draw(paint, f"Curves over t: {title}", WIDE, salt=f"path {k}"))


def _field_maps(found: Study) -> Iterator[Plot]:
    places, true = found.source.tests.places, found.truth[0]
    shown = {"truth": true} | {n: o.states[0] for n, o in found.outcomes.items() if n not in DASHES}
    for k, component in enumerate(found.source.train.names):
        for name, values in shown.items():
            for kind in ("solution",) if name == "truth" else ("solution", "error"):
                with np.errstate(all="ignore"):
                    data = values[..., k] if kind == "solution" else np.abs(values[..., k] - true[..., k])

                def paint(figure: Figure, data: np.ndarray = data, kind: str = kind, k: int = k) -> None:
                    ax = new_axes(figure)
                    heat_map(ax, found.times, places, data.T, kind, true[..., k].T if kind == "solution" else None)
                    ax.set(xlabel="t", ylabel="x")

                title = f"{component}, {name}" + (", absolute error" if kind == "error" else "")
                yield Plot(title, draw(paint, f"Heat map over t and x: {title}", salt=title))


def long_run(found: Study) -> Iterator[Plot]:
    """Yield histograms and power spectra in the long run, by component."""
    if found.source.tests.places is not None:
        return
    true = found.long_truth
    kept = {n: o.long for n, o in found.outcomes.items() if o.numbers["statistics"] and n not in DASHES}
    for k, component in enumerate(found.source.train.names):
        low, high = true[..., k].min(), true[..., k].max()
        edges = np.linspace(low, high if high > low else low + 1, BINS)

        def histogram(figure: Figure, k: int = k, edges: np.ndarray = edges, component: str = component) -> None:
            ax = new_axes(figure)
            for name, states in kept.items():
                ax.stairs(density(states[..., k], edges), edges, color=style(name, found, PAGE)["color"])
            ax.stairs(density(true[..., k], edges), edges, color=PAGE.ink, ls="--")
            ax.set(xlabel=plain_name(component), ylabel="density")

        def power(figure: Figure, k: int = k) -> None:
            ax = new_axes(figure)
            dt = found.source.tests.dt
            lines = [
                (spectrum(s, dt)[1][1:, k], {"color": style(n, found, PAGE)["color"], "lw": 1.1})
                for n, s in kept.items()
            ]
            lines.append((spectrum(true, dt)[1][1:, k], {"color": PAGE.ink, "lw": 0.9, "ls": (0, (4, 3))}))
            curves(ax, spectrum(true, dt)[0][1:], lines, log=True)
            ax.set(xlabel="frequency", ylabel="power", xscale="log")

        yield Plot(
            f"histogram of {component}, the truth dashed", draw(histogram, f"Histogram of {component}", salt=f"h{k}")
        )
        yield Plot(
            f"power spectrum of {component}, the truth dashed",
            draw(power, f"Power spectrum of {component}", salt=f"s{k}"),
        )


def density(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the share of values in each bin, over its width."""
    return np.histogram(values, edges)[0] / (values.size * np.diff(edges))


def losses(found: Study) -> Iterator[Plot]:
    """Yield the loss on windows held out, over the seconds of training."""

    def paint(figure: Figure) -> None:
        ax, shown = new_axes(figure), []
        for name, outcome in found.outcomes.items():
            if outcome.fitted:
                x, y = np.array([(r["seconds"], r["held_out"]) for r in outcome.fitted.history]).T
                ax.plot(x, y, **style(name, found, PAGE), marker="" if len(x) > 1 else ".")
                shown.append(y)
        logarithmic(ax, shown, share=0)
        ax.set(xlabel="seconds", ylabel="loss on windows held out")
        figure.legend(loc="outside upper center", ncols=4)

    yield Plot(
        "loss on windows held out; of each model its own, not to be compared",
        draw(paint, "Curves: loss over seconds", WIDE),
    )


def save_figure(found: Study, file: BinaryIO) -> None:
    """Draw the growth of errors, and the first component of the first roll-out or its map.

    Args:
        found: the study.
        file: open for bytes; a PNG is written.
    """
    figure = Figure(figsize=(8, 6), layout="constrained")
    above, below = figure.subplots(2, 1)
    paint_growth(above, found, PRINT)
    figure.legend(*above.get_legend_handles_labels(), loc="outside upper center", ncols=5)
    if found.source.tests.places is None:
        paint_path(below, found, 0, PRINT)
    else:
        name = next(n for n in found.outcomes if n not in DASHES)
        with np.errstate(all="ignore"):
            error = np.abs(found.outcomes[name].states[0, ..., 0] - found.truth[0, ..., 0])
        heat_map(below, found.times, found.source.tests.places, error.T, "error")
        below.set(xlabel="t", ylabel="x", title=f"{name}, absolute error from the first of the new fields")
    figure.savefig(file, dpi=110, format="png")
