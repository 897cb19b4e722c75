"""A solution given by a formula, from which source terms and conditions follow by the rules of calculus.

Source: Roache (2002), J. Fluids Eng. 124(1), 4-10, the method of manufactured solutions.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from pinn.errors import ProblemError
from pinn.language import from_text
from pinn.language.calculus import difference, substitute, write
from pinn.language.tree import Node, Number
from pinn.problem import TIME, Constraint, Problem
from pinn.reference import exact
from pinn.reference.base import Reference

KIND = "manufactured"


def complete(problem: Problem) -> Problem:
    """Add to each equation and condition what makes the formulas a solution, and the conditions that are missing.

    Where the file gives no condition at the first time, or at an end that is not periodic, the unknown and as many of
    its derivatives as the equations ask for are prescribed there.

    Raises:
        ProblemError: for a formula that mentions an unknown, or an equation that is a Python function.
    """
    formulas = {name: f.tree for name, f in exact.formulas(problem).items()}
    constraints = [_shifted(c, problem, formulas) for c in (*problem.constraints, *_missing(problem))]
    return replace(problem, constraints=tuple(constraints))


def _missing(problem: Problem) -> list[Constraint]:
    """Return conditions, still without data, for places the file says nothing about."""
    out, taken = [], {c.name for c in problem.constraints}
    for coordinate, ends in problem.domain.bounds.items():
        if coordinate in problem.domain.periodic:
            continue
        for end in ends[:1] if coordinate == TIME else ends:
            if any(dict(c.where) == {coordinate: end} for c in problem.conditions):
                continue
            for name in problem.unknowns:
                order = problem.order(coordinate, name)
                count = order if coordinate == TIME else (order + 1) // 2
                for k in range(count):
                    symbol = name + ("_" + coordinate * k if k else "")
                    label = f"{symbol}_at_{coordinate}_{'begin' if end == ends[0] else 'end'}"
                    while label in taken:
                        label += "_"
                    out.append(Constraint(label, {coordinate: end}, from_text(symbol, problem.symbols)))
    return out


def _shifted(constraint: Constraint, problem: Problem, formulas: Mapping[str, Node]) -> Constraint:
    """Subtract from a residual what it is on the formulas."""
    residual = constraint.residual
    if residual.tree is None:
        raise ProblemError(
            "is a Python function, whose source term cannot be derived; write it as text.",
            ("equations", constraint.name),
        )
    fixed = {c: Number(float(v)) for c, v in constraint.where.items()}
    given = {n: substitute(tree, fixed) for n, tree in exact.on_formulas(residual, problem, formulas).items()}
    source = substitute(substitute(residual.tree, given), fixed)
    text, place = write(difference(residual.tree, source)), f", at {constraint.place}," if constraint.where else ""
    try:
        return constraint._replace(residual=from_text(text, problem.symbols))
    except ProblemError as error:
        raise ProblemError(
            f"the source term of {constraint.name!r}{place} cannot be made from the formulas: {error.message}",
            ("reference", problem.unknowns[0]),
            str(problem.reference[problem.unknowns[0]]),
        ) from None


def check(problem: Problem) -> None:
    """Check the completed problem against its formulas, and their periodicity.

    Raises:
        ProblemError: see `exact.check`.
    """
    exact.check(problem)


def solve(problem: Problem, grid: Mapping[str, np.ndarray]) -> Reference:
    """Return the formulas' values on a grid; their uncertainty is round-off."""
    return exact.solve(problem, grid)._replace(kind=KIND)
