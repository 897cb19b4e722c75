"""What is drawn on one pair of axes: a heat map, curves, the course of training. For the figure and for the page."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from pinn.report.markup import SUPERSCRIPTS

PIXELS = 256  # of a heat map, along each side
DECADES = 6  # shown of an error, below its largest value
SPIKE = 10.0  # above this many times what 99 of 100 values stay below, all have one colour; at kinks some are infinite
MOST_RECORDS = 1200  # of a log that are drawn
MOST_MARKS = 60  # of attempts that are drawn


class Palette(NamedTuple):
    """Colours of lines and text.

    Attributes:
        ink: of text, axes and what is compared with.
        faint: of grids, marks and bands.
        lines: of curves.
    """

    ink: str
    faint: str
    lines: tuple[str, ...]


PRINT = Palette("black", "0.6", ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown"))


def scale_of(values: np.ndarray, kind: str) -> tuple[Colormap, Normalize]:
    """Return colours for values: diverging about zero for solutions, from dark to light by decades for errors.

    Args:
        values: all that share the colours.
        kind: "solution" or "error".
    """
    found = values[np.isfinite(values)]
    if kind == "error":
        found = found[found > 0]
        top = min(float(found.max()), SPIKE * float(np.quantile(found, 0.99))) if found.size else 1.0
        low = max(float(np.quantile(found, 0.02)) if found.size else 0.1, top * 10.0**-DECADES)
        return colormaps["magma"], LogNorm(min(low, top / 10), top, clip=True)
    low, high = (float(found.min()), float(found.max())) if found.size else (0.0, 0.0)
    if min(abs(low), abs(high)) > 0.5 * (high - low) and low * high > 0:  # far from zero, which says nothing then
        return colormaps["viridis"], Normalize(low, high if high > low else low + 1)
    limit = max(abs(low), abs(high)) or 1.0
    return colormaps["RdBu_r"], Normalize(-limit, limit)


def pixels(values: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return values (len(y), len(x)) at evenly spread places, at most 256 along each side, by the nearest point."""

    def nearest(points: np.ndarray) -> np.ndarray:
        even = np.linspace(points[0], points[-1], min(len(points), PIXELS))
        return np.abs(points[None, :] - even[:, None]).argmin(axis=1)

    return values[np.ix_(nearest(y), nearest(x))]


def heat_map(ax: Axes, x: np.ndarray, y: np.ndarray, values: np.ndarray, kind: str, shared: Any = None) -> AxesImage:
    """Draw values (len(y), len(x)) over x and y, with a bar of colours.

    Args:
        ax: where.
        x: places across, ascending.
        y: places upwards, ascending.
        values: nan where there are none.
        kind: "solution" or "error"; of the second, absolute values.
        shared: values that are to have the same colours; those drawn if not given.
    """
    colours, norm = scale_of(values if shared is None else shared, kind)
    even = np.clip(pixels(values, x, y), norm.vmin, norm.vmax)  # nan stays
    extent = (float(x[0]), float(x[-1]), float(y[0]), float(y[-1]))
    image = ax.imshow(even, colours, norm, aspect="auto", interpolation="none", origin="lower", extent=extent)
    beyond = np.any(values > norm.vmax * (1 + 1e-9))
    bar = ax.figure.colorbar(image, ax=ax, pad=0.02, extend="max" if beyond else "neither")
    if kind == "error":
        tens(bar.ax.yaxis, norm.vmin, norm.vmax)
    return image


def ten(value: float, _: Any = None) -> str:
    """Write a power of ten, or its multiple."""
    mantissa, _, exponent = f"{value:.0e}".partition("e")
    return ("" if mantissa == "1" else mantissa + "·") + "10" + str(int(exponent)).translate(SUPERSCRIPTS)


def tens(axis: Any, low: float, high: float) -> None:
    """Label a logarithmic axis in characters; between few powers of ten, their multiples too."""
    span = np.log10(high / low)
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if span < 1.5 else (1, 3) if span < 2.5 else (1,), numticks=7))
    axis.set_major_formatter(FuncFormatter(ten))
    axis.set_minor_locator(NullLocator())


def curves(ax: Axes, x: np.ndarray, lines: Sequence[tuple[np.ndarray, Mapping[str, Any]]], log: bool = False) -> None:
    """Draw curves over x, each with its style; on a logarithmic axis, nothing where there is a zero."""
    for values, style in lines:
        shown = np.where(values > 0, values, np.nan) if log else values
        ax.plot(x, shown, **{"lw": 1.6} | dict(style))
    if log:
        logarithmic(ax, [v for v, _ in lines])
    ax.margins(x=0)


def logarithmic(ax: Axes, values: Sequence[np.ndarray], share: float = 0.04) -> None:
    """Make the axis upwards logarithmic, around the positive values.

    Args:
        ax: where.
        values: what is drawn.
        share: of the smallest values that may fall below: where conditions hold exactly, errors are round-off.
    """
    positive = np.concatenate([np.ravel(v)[np.isfinite(np.ravel(v)) & (np.ravel(v) > 0)] for v in values])
    if not positive.size:
        return
    low, high = max(float(np.quantile(positive, share)), positive.max() * 1e-20) / 1.6, positive.max() * 1.6
    ax.set_yscale("log")
    ax.set_ylim(low, high)
    tens(ax.yaxis, low, high)


def training(ax: Axes, history: Sequence[Mapping[str, Any]], palette: Palette, over: str = "step") -> None:
    """Draw the loss, and that on unseen points, with windows as bands and new attempts as dotted lines.

    Args:
        ax: where.
        history: logged steps.
        palette: of the lines.
        over: "step" or "seconds".
    """
    _marks(ax, history, palette, over)
    shown = history[:: max(1, len(history) // MOST_RECORDS)]
    x = np.array([r[over] for r in shown], float)
    numbers = {key: np.array([_number(r.get(key)) for r in shown]) for key in ("held_out", "loss")}
    labels = {"loss": "training points", "held_out": "unseen points"}
    colours = {"loss": palette.lines[0], "held_out": palette.lines[1]}
    lines = [
        (v, {"label": labels[k], "color": colours[k], "lw": 1.1, "alpha": 0.9})
        for k, v in numbers.items()
        if np.isfinite(v).any()
    ]
    if lines:
        curves(ax, x, lines)
        logarithmic(ax, [v for v, _ in lines], share=0)
    if len(lines) > 1:
        ax.legend()
    ax.set(xlabel=over if over == "step" else "seconds", ylabel="loss")


def _marks(ax: Axes, history: Sequence[Mapping[str, Any]], palette: Palette, over: str) -> None:
    begins = [(history[0][over], history[0]["window"])]
    begins += [(b[over], b["window"]) for a, b in pairwise(history) if a["window"] != b["window"]]
    ends = [at for at, _ in begins[1:]] + [history[-1][over]]
    for (at, window), end in zip(begins, ends, strict=True):
        if window % 2:
            ax.axvspan(at, end, color=palette.faint, alpha=0.18, lw=0)
        if 1 < len(begins) <= 14:
            middle = ((at + end) / 2, 0.985)
            ax.annotate(str(window + 1), middle, xycoords=ax.get_xaxis_transform(), fontsize=7, ha="center", va="top")
    for key, style in (("attempt", ":"), ("stage", "--")):
        changes = [b[over] for a, b in pairwise(history) if a["window"] == b["window"] and a[key] != b[key]]
        for at in changes if len(changes) <= MOST_MARKS else ():
            ax.axvline(at, color=palette.faint, lw=0.8, ls=style)


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)


def new_axes(figure: Figure) -> Axes:
    """Return axes that fill a figure, without a frame above and to the right."""
    ax = figure.add_subplot()
    ax.spines[["top", "right"]].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    return ax
