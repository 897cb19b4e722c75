"""How wrong a solution is: errors against a reference, and residuals on points no step has seen."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pinn.problem import TIME, Problem
from pinn.reference.base import relative_l2


def errors(values: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray], problem: Problem) -> dict[str, Any]:
    """Measure the difference to a reference on a tensor grid.

    Args:
        values: the solution, by unknown.
        truth: the reference, of the same shapes.
        problem: for the time axis.

    Returns:
        By unknown: ``relative_l2`` = ||u - truth|| / ||truth|| over all grid points, ``linf`` the largest absolute
        difference, and ``l2_by_time`` the root mean square difference at each time (None without time).
    """
    out = {}
    for name, true in truth.items():
        difference = values[name] - true
        by_time = None
        if TIME in problem.coordinates and len(problem.coordinates) > 1:
            axis = problem.coordinates.index(TIME)
            others = tuple(i for i in range(true.ndim) if i != axis)
            by_time = np.sqrt(np.mean(difference**2, axis=others)).tolist()
        elif TIME in problem.coordinates:
            by_time = np.abs(difference).tolist()
        out[name] = {
            "relative_l2": relative_l2(values[name], true),
            "linf": float(np.abs(difference).max()),
            "l2_by_time": by_time,
        }
    return out


def total_relative_l2(errors_by_unknown: Mapping[str, Mapping[str, Any]]) -> float:
    """Return the largest relative L2 error among the unknowns: what a target is held against."""
    return max(entry["relative_l2"] for entry in errors_by_unknown.values())


def sizes(blocks: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Return root mean square and maximum of each constraint's residual."""
    return {
        name: {"rms": float(np.sqrt(np.mean(np.square(r)))), "max": float(np.abs(r).max())}
        for name, r in ((name, np.asarray(r)) for name, r in blocks.items())
    }
