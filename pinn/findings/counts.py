"""How many conditions a problem has: too few at the ends of a coordinate, or none that is not met by zero."""

from collections.abc import Iterator

import numpy as np

from pinn.errors import Key
from pinn.findings.corners import SAMPLES, points_of
from pinn.language.symbols import Partial
from pinn.problem import TIME, Constraint, Problem, partials_of
from pinn.reference.terms import call

NUMBERS = ("none", "one", "two", "three", "four")


def too_few(problem: Problem) -> Iterator[tuple[Key, str | None, str]]:
    """Name the unknowns that have fewer conditions at the ends of a coordinate than their order calls for.

    An equation of order n in x has n conditions at the two ends, or fewer solutions than one are left out. Of equations
    of first order that evolve, each unknown brings one: a wave enters at one end.
    """
    for coordinate in problem.coordinates:
        if coordinate == TIME or coordinate in problem.domain.periodic:
            continue
        orders = {name: problem.order(coordinate, name) for name in problem.unknowns}
        if _is_hyperbolic(problem, coordinate):
            moving = [name for name, order in orders.items() if order]
            found = _at_ends(problem, coordinate, moving)
            if len(found) < len(moving):
                yield ("conditions",), None, _sentence(" and ".join(moving), 1, coordinate, len(moving), found)
            continue
        for name, order in orders.items():
            found = _at_ends(problem, coordinate, [name])
            if order >= 2 and len(found) < order:
                yield ("conditions",), None, _sentence(name, order, coordinate, order, found)


def _is_hyperbolic(problem: Problem, coordinate: str) -> bool:
    first = all(problem.order(coordinate, name) <= 1 for name in problem.unknowns)
    return first and TIME in problem.coordinates and all(problem.order(TIME, n) == 1 for n in problem.unknowns)


def _at_ends(problem: Problem, coordinate: str, names: list[str]) -> list[str]:
    wanted = {problem.unknowns.index(name) for name in names}
    return [
        c.name
        for c in problem.conditions
        if set(c.where) == {coordinate} and wanted & {p.unknown for p in partials_of(c.residual, problem.symbols)}
    ]


def _sentence(names: str, order: int, coordinate: str, wanted: int, found: list[str]) -> str:
    have = ", ".join(found) or "none"
    count = NUMBERS[wanted] if wanted < len(NUMBERS) else str(wanted)
    return (
        f"of order {order} in {coordinate}, {names} call{'s' if ' ' not in names else ''} for {count} "
        f"condition{'s' if wanted > 1 else ''} at the ends of {coordinate}; found {len(found)} ({have}). "
        "With fewer, more than one solution is left."
    )


def zero_solves(problem: Problem) -> list[str]:
    """Name the unknowns that satisfy all that is said of them by being zero everywhere, whatever the others are.

    Where a constraint fails though all candidates are zero, none of those it mentions is one.
    """
    mentioned = [({p.unknown for p in partials_of(c.residual, problem.symbols)}, c) for c in problem.constraints]
    candidates, known = {k for k, name in enumerate(problem.unknowns) if not problem.means.get(name)}, False
    with np.errstate(all="ignore"):
        while not known:
            failed = [m for m, c in mentioned if m & candidates and not _vanishes(c, problem, candidates)]
            candidates, known = candidates.difference(*failed), not failed
    return [problem.unknowns[k] for k in sorted(candidates)]


def _vanishes(constraint: Constraint, problem: Problem, zero: set[int]) -> bool:
    """Say whether a constraint holds where some unknowns are zero and the others are anything."""
    rng = np.random.default_rng(0)
    values = points_of(problem, dict(constraint.where)) | dict(problem.parameters)
    for name in constraint.residual.needs:
        if isinstance(partial := problem.symbols.partial(name), Partial):
            values[name] = rng.standard_normal(SAMPLES) * (partial.unknown not in zero)
    return not np.any(call(constraint.residual, values))
