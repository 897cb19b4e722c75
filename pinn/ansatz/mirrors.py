"""Ends of space at which a problem goes on as its mirror image: a slope of zero there is then exact.

Where a coordinate has a slope of zero at an end, and the equations and all other data stay as they are when they are
mirrored there, the solution goes on beyond the end as an even function: inputs of the network that are even about the
end give it the slope zero for any params. Where an unknown is zero at such an end it goes on as an odd one, an odd
factor times an even function. With two such ends of a coordinate the solution is periodic, over twice their distance,
and the inputs are cosines alone.
"""

import numpy as np

from pinn.ansatz.face import HardFace, probes, size_of
from pinn.ansatz.features import Mirrors
from pinn.ansatz.symmetry import has_image
from pinn.errors import ProblemError
from pinn.problem import TIME, Constraint, Problem, partials_of
from pinn.settings import AnsatzSettings

HIGHEST = 2  # order of the equations: of higher ones a slope of zero does not make the solution even


def is_zero_slope(constraint: Constraint, problem: Problem) -> bool:
    """Say whether a condition is u_x = 0 at an end of x, which is no time and not periodic."""
    domain, where = problem.domain, dict(constraint.where)
    coordinate = next(iter(where), TIME)
    if len(where) != 1 or coordinate in (TIME, *domain.periodic) or where[coordinate] not in domain.bounds[coordinate]:
        return False
    partials = partials_of(constraint.residual, problem.symbols)
    if len(partials) != 1 or partials[0].axes != (problem.coordinates.index(coordinate),):
        return False
    points = probes(domain, where)
    values = dict(zip(problem.coordinates, points.T, strict=True)) | dict(problem.parameters)
    name = f"{problem.unknowns[partials[0].unknown]}_{coordinate}"

    def at(slope: float) -> np.ndarray:
        full = values | {name: np.full(len(points), slope)}
        return np.asarray(constraint.residual.fn(**{n: full[n] for n in constraint.residual.needs}), float)

    one, three = at(1.0), at(3.0)
    return bool(np.all(at(0.0) == 0) and np.all(one != 0) and np.allclose(three, 3 * one) and np.ptp(one) == 0)


def choose_mirrors(
    problem: Problem, faces: list[HardFace], settings: AnsatzSettings, taken: tuple[int, ...] = ()
) -> tuple[Mirrors, tuple[str, ...], tuple[str, ...]]:
    """Find the ends that are mirrors.

    Args:
        problem: what is to be solved.
        faces: conditions u = data that are hard.
        settings: ``mirrors`` is auto, none, or names of coordinates at whose ends unknowns are zero.
        taken: axes whose inputs are not even about their ends.

    Returns:
        The ends; the names of the conditions on slopes that hold by them; notes on those and on others.

    Raises:
        ProblemError: for a coordinate that is named and has no such end; for slopes that the settings want hard and
            cannot be.
    """
    slopes = [c for c in problem.conditions if is_zero_slope(c, problem)]
    wanted, found, why = settings.mirrors != "none" and settings.dirichlet != "soft", {}, {}
    for axis, coordinate in enumerate(problem.coordinates):
        if coordinate == TIME or coordinate in problem.domain.periodic:
            continue
        named = not isinstance(settings.mirrors, str) and coordinate in settings.mirrors
        for end in problem.domain.bounds[coordinate]:
            here = [c for c in slopes if dict(c.where) == {coordinate: end}]
            if (wanted and here) or named:
                reason = _obstacle(problem, faces, here, axis, end, settings, taken)
                why[coordinate, end] = reason
                found |= {axis: (*found.get(axis, ()), end)} if not reason else {}
        if named and axis not in found:
            raise ProblemError(f"no end of {coordinate} is a mirror: {why[coordinate, end]}", ("ansatz", "mirrors"))
    left = {c.name: reason for c in slopes if (reason := why.get(_end(c), "so the settings want it."))}
    if left and settings.dirichlet == "hard":
        name, reason = next(iter(left.items()))
        told = f"condition {name!r} cannot be hard: {reason} With dirichlet: auto it is a term of the loss."
        raise ProblemError(told, ("ansatz", "dirichlet"), "hard")
    notes = [f"condition {name!r} is a term of the loss: {reason}" for name, reason in left.items()]
    return found, tuple(c.name for c in slopes if c.name not in left), (*_described(problem, found), *notes)


def _end(constraint: Constraint) -> tuple[str, float]:
    return next(iter(constraint.where.items()))


def _described(problem: Problem, found: Mirrors) -> list[str]:
    ends = [f"{problem.coordinates[axis]}={end:g}" for axis, ends in found.items() for end in ends]
    return [f"the solution is mirrored at {', '.join(ends)}, and so is the network"] if ends else []


def _obstacle(
    problem: Problem, faces: list[HardFace], slopes: list[Constraint], axis: int, end: float, settings: AnsatzSettings,
    taken: tuple[int, ...],
) -> str:  # fmt: skip
    """Say why an end is no mirror; an empty sentence if it is one."""
    coordinate = problem.coordinates[axis]
    place = f"{coordinate}={end:g}"
    if settings.inputs or axis in taken or any(face.lifts for face in faces):
        return "inputs of the network, or a part of the solution in closed form, are not even about that end."
    flat = {partials_of(c.residual, problem.symbols)[0].unknown for c in slopes}
    zero = {f.unknown: f for f in faces if (f.axis, f.value) == (axis, end) and not size_of(f.data, f, problem.domain)}
    names = {*(c.name for c in slopes), *(f.constraint.name for f in zero.values())}
    if more := [c.name for c in problem.conditions if dict(c.where) == {coordinate: end} and c.name not in names]:
        return f"{more[0]!r} asks for something else at {place} than a slope of zero or a hard value of zero."
    for k, unknown in enumerate(problem.unknowns):
        if (k in flat) == (k in zero):
            told = "both a slope and a value" if k in flat else "neither a slope nor a hard value"
            return f"at {place}, {unknown} has {told} of zero."
        if problem.order(coordinate, unknown) > HIGHEST:
            return f"{unknown} is differentiated more than twice by {coordinate}."
    signs = tuple(1 if k in flat else -1 for k in range(len(problem.unknowns)))
    for c in problem.constraints:
        if coordinate not in c.where and not has_image(problem, c, coordinate, signs, end):
            return f"{c.name!r} changes when {coordinate} is mirrored at {place}."
    return ""
