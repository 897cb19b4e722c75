"""Ends of space at which a problem goes on as its mirror image: derivatives that are zero there are then exact.

Where a coordinate has a slope of zero at an end, and the equations and all other data stay as they are when they are
mirrored there, the solution goes on beyond the end as an even function: inputs of the network that are even about the
end give it the slope zero for any params. Where an unknown is zero at such an end it goes on as an odd one, an odd
factor times an even function. Of equations of order four it is odd with u = u_xx = 0 and even with u_x = u_xxx = 0.
With two such ends of a coordinate it is periodic, over twice their distance, and the inputs are cosines alone.
"""

from typing import NamedTuple

import numpy as np

from pinn.ansatz.face import HardFace, size_of
from pinn.ansatz.features import Mirrors
from pinn.ansatz.symmetry import has_image, has_kink
from pinn.errors import ProblemError
from pinn.problem import TIME, Constraint, Problem, partials_of
from pinn.settings import AnsatzSettings

UNEVEN = "inputs of the network, or parts of the solution in closed form, are not even about that end."


class Flat(NamedTuple):
    """A condition that a derivative is zero at an end, such as u_x = 0 at x=0.

    Attributes:
        name: of the condition.
        unknown: its index.
        axis: of the coordinate whose end it is, and by which is differentiated.
        end: of that coordinate.
        order: of the derivative, one or more.
    """

    name: str
    unknown: int
    axis: int
    end: float
    order: int


def flat_of(constraint: Constraint, problem: Problem) -> Flat | None:
    """Read a condition as a derivative of zero at an end of space that is not periodic; None if it is another."""
    domain, where = problem.domain, dict(constraint.where)
    coordinate = next(iter(where), TIME)
    if len(where) != 1 or coordinate in (TIME, *domain.periodic) or where[coordinate] not in domain.bounds[coordinate]:
        return None
    axis, partials = problem.coordinates.index(coordinate), partials_of(constraint.residual, problem.symbols)
    if len(partials) != 1 or set(partials[0].axes) != {axis} or not _is_text_without_places(constraint, problem):
        return None
    (name,) = (n for n in constraint.residual.needs if n not in problem.parameters)
    given = {n: problem.parameters[n] for n in constraint.residual.needs if n != name}

    def at(value: float) -> float:
        return float(constraint.residual.fn(**given, **{name: value}))

    linear = at(0.0) == 0 and at(1.0) != 0 and np.allclose([at(3.0), at(-2.0)], [3 * at(1.0), -2 * at(1.0)])
    found = Flat(constraint.name, partials[0].unknown, axis, where[coordinate], len(partials[0].axes))
    return found if linear else None


def _is_text_without_places(constraint: Constraint, problem: Problem) -> bool:
    """Say whether a condition is the same all over its face: what depends on places may be zero only at some."""
    residual = constraint.residual
    return residual.tree is not None and not any(c in residual.needs for c in problem.coordinates)


def choose_mirrors(
    problem: Problem,
    faces: list[HardFace],
    settings: AnsatzSettings,
    taken: tuple[int, ...] = (),
    even: int | None = None,
) -> tuple[Mirrors, tuple[str, ...], tuple[str, ...]]:
    """Find the ends that are mirrors.

    Args:
        problem: what is to be solved.
        faces: conditions u = data that are hard.
        settings: ``mirrors`` is auto, none, or names of coordinates at whose ends unknowns are zero.
        taken: axes whose inputs are not even about their ends.
        even: the axis about whose middle the network is even: both of its ends are mirrors, or none.

    Returns:
        The ends; the names of the conditions on derivatives that hold by them; notes on those and on others.

    Raises:
        ProblemError: for a coordinate that is named and has no such end; for derivatives that the settings want hard
            and cannot be.
    """
    flats = [flat for c in problem.conditions if (flat := flat_of(c, problem))]
    named = [] if isinstance(settings.mirrors, str) else settings.mirrors
    unwanted = "ansatz.mirrors is none." if settings.mirrors == "none" else "ansatz.dirichlet is soft."
    wanted, found, why = settings.mirrors != "none" and settings.dirichlet != "soft", {}, {}
    for axis, coordinate in enumerate(problem.coordinates):
        for end in problem.domain.bounds[coordinate]:
            here = [flat for flat in flats if (flat.axis, flat.end) == (axis, end)]
            if here or coordinate in named:
                uneven = settings.inputs or axis in taken or any(face.lifts for face in faces)
                reason = unwanted if not wanted else UNEVEN if uneven else _obstacle(problem, faces, here, axis, end)
                why[axis, end] = reason
                found |= {} if reason else {axis: (*found.get(axis, ()), end)}
        if axis == even and len(found.get(axis, ())) == 1:
            why |= {(axis, end): UNEVEN for end in found.pop(axis)}
        if coordinate in named and axis not in found:
            reasons = dict.fromkeys(why[axis, end] for end in problem.domain.bounds[coordinate])
            told, place = f"no end of {coordinate} is a mirror: {' '.join(reasons)}", named.index(coordinate)
            raise ProblemError(told, ("ansatz", "mirrors", place), coordinate)
    left = {flat.name: why[flat.axis, flat.end] for flat in flats if why[flat.axis, flat.end]}
    if left and settings.dirichlet == "hard":
        name, reason = next(iter(left.items()))
        told = f"condition {name!r} cannot be hard: {reason} With dirichlet: auto it is a term of the loss."
        raise ProblemError(told, ("ansatz", "dirichlet"), "hard")
    notes = [f"condition {name!r} is a term of the loss: {reason}" for name, reason in left.items()]
    return found, tuple(flat.name for flat in flats if flat.name not in left), (*_described(problem, found), *notes)


def _described(problem: Problem, found: Mirrors) -> list[str]:
    ends = [f"{problem.coordinates[axis]}={end:g}" for axis, ends in found.items() for end in ends]
    return [f"the solution is mirrored at {', '.join(ends)}, and so is the network"] if ends else []


def _obstacle(problem: Problem, faces: list[HardFace], flats: list[Flat], axis: int, end: float) -> str:
    """Say why an end is no mirror; an empty sentence if it is one."""
    coordinate, signs = problem.coordinates[axis], []
    place = f"{coordinate}={end:g}"
    zero = [f for f in faces if (f.axis, f.value) == (axis, end) and _is_text_without_places(f.constraint, problem)
            and not size_of(f.data, f, problem.domain)]  # fmt: skip
    names = {*(flat.name for flat in flats), *(face.constraint.name for face in zero)}
    if more := [c.name for c in problem.conditions if dict(c.where) == {coordinate: end} and c.name not in names]:
        return f"{more[0]!r} asks for something else at {place} than what is zero and can be hard."
    for k, unknown in enumerate(problem.unknowns):
        order = max(2, problem.order(coordinate, unknown))
        given = {flat.order for flat in flats if flat.unknown == k} | {0 for face in zero if face.unknown == k}
        if given not in (set(range(0, order, 2)), set(range(1, order, 2))):
            told = ", ".join(f"{unknown}_{coordinate * n}" if n else unknown for n in sorted(given))
            told = f"only {told} is zero" if told else f"neither {unknown} nor its derivatives are zero"
            return f"{told} at {place}, where all even or all odd derivatives below order {order} have to be."
        signs.append(1 if 1 in given else -1)
    for c in (c for c in problem.constraints if coordinate not in c.where):
        try:
            if not has_image(problem, c, coordinate, tuple(signs), end):
                return f"{c.name!r} changes when {coordinate} is mirrored at {place}."
            if not c.where and coordinate in c.residual.needs and has_kink(problem, c, coordinate, end):
                return f"{c.name!r} has a kink at {place} when it is mirrored there."
        except (TypeError, ValueError):  # refused, in words, when it is tried out
            return f"{c.name!r} cannot be evaluated."
    return ""
