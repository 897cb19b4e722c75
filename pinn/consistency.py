"""Conditions no solution can satisfy, which are refused: two values of one thing, and places that are none."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from pinn.errors import ProblemError
from pinn.problem import Constraint, Partial, Problem
from pinn.reference.terms import call

POINTS = 16  # of a face, at which values are compared
SAME = 1e-9  # relative, of values that are one


def check_families(problem: Problem) -> None:
    """At each value of a coordinate no equation differentiates by is a problem of its own: none is singled out.

    Raises:
        ProblemError: for a condition at such a value, or a period.
    """
    told = "no equation differentiates by {0}, so that each {0} is a problem of its own; "
    for condition in problem.conditions:
        for coordinate, value in condition.where.items():
            if not problem.order(coordinate):
                raise ProblemError(
                    told.format(coordinate) + f"{coordinate}={value:g} is no place for a condition. Leave it out.",
                    ("conditions", condition.name, "where"),
                )
    for coordinate in problem.domain.periodic:
        if not problem.order(coordinate):
            raise ProblemError(told.format(coordinate) + "it has no period. Leave it out.", ("periodic",))


def check_repeated(problem: Problem) -> None:
    """Compare conditions that say what the same unknown, or derivative, is at the same place.

    Raises:
        ProblemError: if they say different things.
    """
    for one, other in combinations(problem.conditions, 2):
        if dict(one.where) != dict(other.where):
            continue
        first, second = _value(one, problem), _value(other, problem)
        if not first or not second or first[0] != second[0]:
            continue
        apart = np.abs(first[1] - second[1])
        k = int(np.argmax(apart))
        if apart[k] > SAME * max(1.0, abs(first[1][k])):
            place = ", ".join(f"{c}={v:g}" for c, v in one.where.items())
            raise ProblemError(
                f"asks {first[0]} to be {second[1][k]:.3g} somewhere at {place}, where {one.name!r} asks for "
                f"{first[1][k]:.3g}. No solution does both; leave one of them out.",
                ("conditions", other.name, "equation"), other.residual.text,
            )  # fmt: skip


def _value(condition: Constraint, problem: Problem) -> tuple[str, np.ndarray] | None:
    """Return the one name a condition is linear in, and its value at points of the place; None if it is another."""
    residual = condition.residual
    names = [n for n in residual.needs if isinstance(problem.symbols.partial(n), Partial)]
    if residual.tree is None or len(names) != 1:
        return None
    random, bounds = np.random.default_rng(0), problem.domain.bounds
    points: Mapping[str, np.ndarray] = {
        c: np.full(POINTS, condition.where[c]) if c in condition.where else random.uniform(lo, hi, POINTS)
        for c, (lo, hi) in bounds.items()
    }
    given = {**points, **dict(problem.parameters)}
    with np.errstate(all="ignore"):
        zero, one, two = (
            np.broadcast_to(call(residual, given | {names[0]: np.full(POINTS, v)}), POINTS) for v in (0.0, 1.0, 2.0)
        )
        slope = one - zero
        found = 0.0 - zero / slope
    linear = np.all(slope != 0) and np.allclose(two - one, slope) and np.all(np.isfinite(found))
    return (names[0], found) if linear else None
