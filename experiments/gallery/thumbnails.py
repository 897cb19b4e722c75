"""One small picture of a solution: curves along one coordinate, else a map; of more coordinates than two, a slice."""

import io
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from pinn.problem import TIME
from pinn.report.panels import PRINT, pixels, scale_of
from pinn.yaml_text import read_yaml

WIDTH, HEIGHT = 240, 168  # pixels
FLAT = 1e-6  # of its size, below which a line is drawn flat
COLOURS = 96  # a palette of few colours makes the file small


def draw(solution: Path, file: Path, target: Path) -> None:
    """Draw the solution of a run.

    Args:
        solution: solution.npz of its folder.
        file: the problem it solves.
        target: a PNG file.
    """
    said = read_yaml(file)
    coordinates, unknowns = [str(c) for c in said["coordinates"]], [str(u) for u in said["unknowns"]]
    with np.load(solution) as arrays:
        grid = {c: arrays[c] for c in coordinates}
        values = {u: arrays[u] for u in unknowns}
    image = lines(grid[coordinates[0]], values) if len(coordinates) == 1 else chart(grid, values[unknowns[0]])
    target.parent.mkdir(parents=True, exist_ok=True)
    image.convert("RGB").quantize(COLOURS).save(target, optimize=True)


def lines(x: np.ndarray, values: dict[str, np.ndarray]) -> Image.Image:
    """Draw every unknown, each to its own height."""
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
    ax = figure.add_axes((0.02, 0.02, 0.96, 0.96))
    for k, v in enumerate(values.values()):
        low, high = float(np.nanmin(v)), float(np.nanmax(v))
        changes = high - low > FLAT * max(abs(low), abs(high))
        ax.plot(
            x,
            (v - low) / (high - low) if changes else np.full_like(v, 0.5),
            color=PRINT.lines[k % len(PRINT.lines)],
            lw=1.2,
        )
    ax.set(xticks=[], yticks=[], ylim=(-0.08, 1.08))
    ax.margins(x=0)
    buffer = io.BytesIO()
    figure.savefig(buffer)
    return Image.open(buffer)


def chart(grid: dict[str, np.ndarray], values: np.ndarray) -> Image.Image:
    """Draw values as colours over two coordinates: of more, at the last time and the middle of the others.

    Args:
        grid: ascending places, by coordinate.
        values: on their tensor grid.
    """
    names = list(grid)
    shown = ([TIME] if len(names) == 2 and TIME in names else []) + [n for n in names if n != TIME]
    across, up = shown[:2]
    index = [slice(None) if n in (across, up) else -1 if n == TIME else len(grid[n]) // 2 for n in names]
    flat = values[tuple(index)]
    if names.index(across) < names.index(up):
        flat = flat.T
    colours, norm = scale_of(flat, "solution")
    flat = pixels(flat, grid[across], grid[up])[::-1]
    image = Image.fromarray((colours(norm(flat))[..., :3] * 255).astype(np.uint8))
    return image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
