"""The residuals of a solution's equations on a grid, and the parts of a grid that are shown."""

from collections.abc import Mapping

import numpy as np

from pinn.evidence.fields import fields_of
from pinn.evidence.gather import field_names
from pinn.problem import TIME
from pinn.reference import Grid
from pinn.solution import Solution, in_precision

# Points at which residuals are evaluated, along the first and the other shown coordinates.
POINTS = {1: (1001,), 2: (101, 128), 3: (25, 40, 40)}


def order_of(coordinates: tuple[str, ...]) -> tuple[str, ...]:
    """Return the coordinates with time first: what is shown across, or moves from frame to frame."""
    return (*(c for c in coordinates if c == TIME), *(c for c in coordinates if c != TIME))


def thinned(grid: Grid, coordinates: tuple[str, ...]) -> Grid:
    """Return some points of a grid, evenly chosen, the first and the last among them.

    Of coordinates beyond the third only the middle is kept.
    """
    counts = POINTS[min(3, len(coordinates))]
    found = {}
    for k, name in enumerate(order_of(coordinates)):
        points = grid[name]
        count = counts[k] if k < len(counts) else 1
        at = np.linspace(0, len(points) - 1, min(count, len(points))).round().astype(int)
        found[name] = points[at if count > 1 else [len(points) // 2]]
    return {name: found[name] for name in coordinates}


def residuals_of(solution: Solution, grid: Grid) -> Mapping[str, np.ndarray]:
    """Evaluate the residual of each equation.

    Args:
        solution: trained.
        grid: one ascending array per coordinate.

    Returns:
        By equation, absolute values on the tensor grid, axes in the order of the coordinates.
    """
    problem = solution.problem
    mesh = np.meshgrid(*(grid[c] for c in problem.coordinates), indexing="ij")
    given = dict(zip(problem.coordinates, mesh, strict=True)) | dict(problem.parameters)
    with in_precision(solution.settings), np.errstate(all="ignore"):
        # The names the evidence was gathered from: after a run, they are compiled.
        fields = fields_of(problem, solution.ansatz, solution.params, field_names(problem))
        found = fields(np.stack([a.ravel() for a in mesh], axis=1))
        values = given | {n: v.reshape(mesh[0].shape) for n, v in found.items()}
        return {
            e.name: np.abs(np.broadcast_to(e.residual.fn(**{n: values[n] for n in e.residual.needs}), mesh[0].shape))
            for e in problem.equations
        }
