"""True solutions: exact formulas and classical solvers, in numpy and scipy only.

Nothing in this folder imports jax or any of the training code, so that a mistake there cannot hide here.
A newcomer's reference is a file with `check` and `solve`, and a line in `KINDS`.
"""

from collections.abc import Mapping
from types import ModuleType

import numpy as np

from pinn.errors import unknown
from pinn.problem import Problem
from pinn.reference import allen_cahn, burgers, exact, kdv
from pinn.reference.base import Grid, Reference, grid_of

KINDS: dict[str, ModuleType] = {"allen_cahn": allen_cahn, "burgers": burgers, "exact": exact, "kdv": kdv}

__all__ = ["KINDS", "Grid", "Reference", "check_reference", "grid_of", "make_reference"]


def check_reference(problem: Problem) -> None:
    """Refuse a reference that does not exist, or that is of another problem than the file's.

    Raises:
        ProblemError: with what does not fit.
    """
    if problem.reference is None:
        return
    kind = problem.reference.get("kind")
    if kind not in KINDS:
        raise unknown("reference", str(kind), KINDS, ("reference", "kind") if kind else ("reference",))
    KINDS[kind].check(problem)


def make_reference(problem: Problem, grid: Mapping[str, np.ndarray]) -> Reference | None:
    """Compute the true solution of a problem.

    Args:
        problem: with or without a reference.
        grid: one ascending 1-D array per coordinate.

    Returns:
        Values on the tensor grid with their own uncertainty; None if the problem names no reference.

    Raises:
        ProblemError: see `check_reference`.
    """
    check_reference(problem)
    return None if problem.reference is None else KINDS[problem.reference["kind"]].solve(problem, grid)
