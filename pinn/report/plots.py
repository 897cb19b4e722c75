"""Figures as SVG inside the page: text in the page's own font and colour, heat maps as pictures inside."""

import io
import re
from base64 import b64encode
from collections.abc import Callable
from html import escape
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import imsave

from pinn.report.panels import Palette

# Colours that stand for those of the style sheet, light or dark.
ROLES = {
    "#010101": "currentColor",
    "#010102": "var(--faint)",
    **{f"#0102{k:02x}": f"var(--line-{k})" for k in range(1, 7)},
}
INK, FAINT, *LINES = ROLES
PAGE = Palette(INK, FAINT, tuple(LINES))
THEME = {
    "svg.fonttype": "none",
    "image.composite_image": False,  # pictures keep their own pixels
    "font.size": 9.5,
    "axes.titlesize": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.grid": False,
    "axes.unicode_minus": True,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.constrained_layout.use": True,
}
# What a browser does by itself, or would do worse if told.
SHORTER = (
    (r" font-family: [^;]*;", ""),
    (r"font: [^;\"]*?(\d[\d.]*)px[^;\"]*", r"font-size: \1px"),
    (r' style="image-rendering:[^"]*"', ""),
    (r' transform="rotate\(-?0 [^"]*"', ""),
    (r"<defs>\s*</defs>", ""),
)
SIZE = (4.0, 2.85)  # inches, which here only say how large text is beside the axes


class Plot(NamedTuple):
    """A figure of the page.

    Attributes:
        caption: as text.
        svg: the picture, with its description for those who cannot see it.
    """

    caption: str
    svg: str


def draw(paint: Callable[[Figure], None], description: str, size: tuple[float, float] = SIZE, salt: str = "") -> str:
    """Return what a function paints on a figure as an ``svg`` element.

    Args:
        paint: called with an empty figure.
        description: read out in place of the picture.
        size: width and height.
        salt: what sets the names inside apart from those of other pictures of the page.
    """
    with matplotlib.rc_context(THEME | {"svg.hashsalt": salt or description}):
        figure = Figure(figsize=size)
        paint(figure)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return _inline(file.getvalue(), description, size)


def _inline(text: str, description: str, size: tuple[float, float]) -> str:
    """Turn a file of matplotlib's into an element: without header, style, and names nothing refers to."""
    body = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.S)
    body = body.replace("xlink:href", "href")
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", body))
    body = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used or m[1].startswith("frame-") else "", body)
    for pattern, shorter in SHORTER:
        body = re.sub(pattern, shorter, body)
    body = re.sub(r' d="[^"]+"', lambda m: re.sub(r"(\.\d\d)\d+", r"\1", m[0]), body)
    for colour, role in ROLES.items():
        body = body.replace(colour, role)
    body = re.sub(r"\s*\n\s*", "\n", body)
    width, height = (round(72 * s, 2) for s in size)
    label = escape(description)
    return f'<svg class="plot" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{label}">{body}</svg>'


def picture(values: np.ndarray, colours: Colormap, norm: Normalize) -> str:
    """Return values (rows from below, columns) as a picture inside a link."""
    file = io.BytesIO()
    shown = np.clip(values, norm.vmin, norm.vmax)
    imsave(file, np.flipud(colours(norm(np.ma.masked_invalid(shown)), bytes=True)), format="png")
    return "data:image/png;base64," + b64encode(file.getvalue()).decode()
