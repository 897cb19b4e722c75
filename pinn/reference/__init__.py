"""True solutions: exact formulas, classical solvers and given data, in numpy and scipy only.

Nothing in this folder imports jax or any of the training code, so that a mistake there cannot hide here.
A newcomer's reference is a file with `check` and `solve`, and a line in `KINDS`.
"""

from collections.abc import Mapping
from types import ModuleType

import numpy as np

from pinn.errors import ProblemError, unknown
from pinn.problem import Problem
from pinn.reference import allen_cahn, burgers, cache, exact, kdv, manufactured, spectral, tabulated
from pinn.reference.base import Grid, Reference, grid_of
from pinn.reference.exponential import Stalled
from pinn.reference.terms import Impossible

KINDS: dict[str, ModuleType] = {
    "allen_cahn": allen_cahn,
    "burgers": burgers,
    "exact": exact,
    "file": tabulated,
    "kdv": kdv,
    "manufactured": manufactured,
    "spectral": spectral,
}
AT_ONCE = {"exact", "file", "manufactured"}  # kinds whose values only have to be read or evaluated
USELESS = 0.3  # relative uncertainty of what is no reference any more
NONE = "none"  # the file's way to ask for no reference

__all__ = [
    "KINDS",
    "Grid",
    "Reference",
    "check_reference",
    "evaluation_grid",
    "grid_of",
    "kind_of",
    "make_reference",
    "reference_at_once",
]


def kind_of(problem: Problem) -> str:
    """Return the kind of reference of a problem: that of the file, or else one made from its equations."""
    return str(problem.reference["kind"]) if problem.reference else spectral.KIND


def check_reference(problem: Problem) -> None:
    """Refuse a reference that does not exist, or that is of another problem than the file's.

    Raises:
        ProblemError: with what does not fit.
    """
    if problem.reference is None:
        return
    kind = problem.reference.get("kind")
    if kind == NONE:
        if extra := [k for k in problem.reference if k != "kind"]:
            raise ProblemError("the kind 'none' has no further keys.", ("reference", extra[0]))
        return
    if not isinstance(kind, str) or kind not in KINDS:
        raise unknown("reference", str(kind), [*KINDS, NONE], ("reference", "kind") if kind else ("reference",))
    KINDS[kind].check(problem)


def evaluation_grid(problem: Problem) -> Grid:
    """Return the grid a solution is compared on: that of the data where they are given, else a uniform one."""
    return tabulated.read(problem)[0] if kind_of(problem) == tabulated.KIND else grid_of(problem.domain)


def make_reference(problem: Problem, grid: Mapping[str, np.ndarray]) -> tuple[Reference | None, str]:
    """Compute the true solution of a problem.

    Args:
        problem: with or without a reference of its own.
        grid: one ascending 1-D array per coordinate.

    Returns:
        Values on the tensor grid with their own uncertainty, or None; and if so, why there are none.

    Raises:
        ProblemError: see `check_reference`.
    """
    check_reference(problem)
    kind = kind_of(problem)
    if kind == NONE:
        return None, "the file asks for none"
    if kind in AT_ONCE:
        return KINDS[kind].solve(problem, grid), ""
    if kind == spectral.KIND and (reason := spectral.unfit(problem)):
        return None, reason
    if (kept := cache.load(problem, grid)) is not None:
        return kept, ""
    try:
        made = KINDS[kind].solve(problem, grid)
    except (Impossible, Stalled) as reason:
        return None, str(reason)
    if made.uncertainty is not None and made.uncertainty > USELESS:
        return None, f"{made.method} is still uncertain by {made.uncertainty:.0e}"
    cache.save(problem, grid, made)
    return made, ""


def reference_at_once(problem: Problem) -> Reference | None:
    """Return the reference on the evaluation grid if it takes no time: a formula, data, or one that was kept."""
    kind = kind_of(problem)
    if kind == NONE:
        return None
    grid = evaluation_grid(problem)
    return KINDS[kind].solve(problem, grid) if kind in AT_ONCE else cache.load(problem, grid)
