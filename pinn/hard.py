"""Which conditions the ansatz may carry exactly, and why others may not.

A hard condition is exact for any params and needs no weight. It is refused where it would change the problem:
where its data have a kink that the pointwise derivatives of the ansatz leave out.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.errors import ProblemError
from pinn.language.tree import is_smooth
from pinn.problem import TIME, Constraint, Domain, Problem, partials_of
from pinn.settings import AnsatzSettings

SAMPLES, ZOOMS = 2001, 3  # how finely data are searched for jumps: to 1e-10 of the range


def _tolerance() -> float:
    """Of data that should agree, relative to their size; round-off of doubles is 1e-16, of singles 1e-7."""
    return max(1e-9, 100 * float(jnp.finfo(jnp.zeros(()).dtype).eps))


class HardFace(NamedTuple):
    """A condition u = data on one face, to be carried by the ansatz.

    Attributes:
        constraint: the condition.
        unknown: index of the unknown it fixes.
        axis: the coordinate held fixed.
        value: where, along that coordinate.
        data: point (d,) -> value of the unknown.
    """

    constraint: Constraint
    unknown: int
    axis: int
    value: float
    data: Callable[[Array], Array]


def choose_hard(problem: Problem, settings: AnsatzSettings) -> tuple[list[HardFace], tuple[str, ...]]:
    """Decide which conditions the ansatz carries.

    Returns:
        The hard faces ordered by axis, and a sentence for every condition that could not be one.

    Raises:
        ProblemError: where the settings say hard and a hard condition is impossible.
    """
    faces: list[HardFace] = []
    notes: list[str] = []
    for constraint in problem.conditions:
        kind = "initial" if _is_initial(constraint, problem.domain) else "dirichlet"
        wish = getattr(settings, kind)
        if wish == "soft":
            continue
        face, reason = _as_face(constraint, problem)
        reason = reason or _jump(face, problem) or _roughness(face, problem) or _conflict(face, faces, problem)
        if reason and wish == "hard":
            raise ProblemError(f"condition {constraint.name!r} cannot be hard: {reason}", ("ansatz", kind), "hard")
        if reason:
            notes.append(f"condition {constraint.name!r} is a term of the loss: {reason}")
        else:
            faces.append(face)
    return sorted(faces, key=lambda f: f.axis), tuple(notes)


def _is_initial(constraint: Constraint, domain: Domain) -> bool:
    return TIME in constraint.where and constraint.where[TIME] == domain.bounds[TIME][0]


def _as_face(constraint: Constraint, problem: Problem) -> tuple[HardFace | None, str]:
    """Read a condition as u = data on a face; otherwise say why it is not that."""
    if len(constraint.where) != 1:
        return None, "it holds on an edge or a point, not on a face."
    (coordinate, value), domain = next(iter(constraint.where.items())), problem.domain
    if value not in domain.bounds[coordinate]:
        return None, "it does not lie on the boundary of the domain."
    if coordinate in domain.periodic:
        return None, f"{coordinate!r} is periodic, so its ends are not a boundary."
    partials = partials_of(constraint.residual, problem.symbols)
    if len(partials) != 1 or partials[0].axes:
        return None, "it is not of the form u = data."
    if constraint.residual.tree is None:
        return None, "it is a Python function, whose smoothness cannot be read."
    if not is_smooth(constraint.residual.tree):
        return (
            None,
            "its data have kinks (abs, sign, min, max), which the derivatives of a hard condition leave out.",
        )
    unknown = partials[0].unknown
    axis = problem.coordinates.index(coordinate)
    slope = _affine_slope(constraint, problem, unknown)
    if slope is None:
        return None, "it is not linear in the unknown with a constant factor."

    def data(point: Array) -> Array:
        values = dict(zip(problem.coordinates, point, strict=True)) | dict(problem.parameters)
        values[problem.unknowns[unknown]] = jnp.zeros((), point.dtype)
        at_zero = constraint.residual.fn(**{n: values[n] for n in constraint.residual.needs})
        return jnp.asarray(-at_zero / slope, point.dtype)

    return HardFace(constraint, unknown, axis, value, data), ""


def _affine_slope(constraint: Constraint, problem: Problem, unknown: int) -> float | None:
    """Return a if the residual is a u + b(x) with a constant a other than 0."""
    points = _probes(problem.domain, constraint.where)
    values = dict(zip(problem.coordinates, points.T, strict=True)) | dict(problem.parameters)

    def at(u: float) -> np.ndarray:
        full = values | {problem.unknowns[unknown]: np.full(len(points), u)}
        return np.asarray(constraint.residual.fn(**{n: full[n] for n in constraint.residual.needs}))

    first, second = at(1.0) - at(0.0), at(3.0) - at(1.0)
    slope = float(first[0])
    affine = np.allclose(second, 2 * slope, rtol=1e-9) and np.allclose(first, slope, rtol=1e-9)
    return slope if affine and np.isfinite(slope) and slope != 0 else None


def _probes(domain: Domain, where: dict[str, float], n: int = 64) -> np.ndarray:
    """Return fixed pseudo-random points (n, d) with some coordinates held."""
    unit = np.random.default_rng(0).random((n, len(domain.bounds)))
    columns = [
        np.full(n, where[c]) if c in where else lo + (hi - lo) * unit[:, i]
        for i, (c, (lo, hi)) in enumerate(domain.bounds.items())
    ]
    return np.stack(columns, axis=1)


def _roughness(face: HardFace, problem: Problem) -> str:
    """Say where the data of a face are not as smooth across a periodic end as the equation needs.

    A jump in a derivative below the order of the equation puts a delta function into the equation, which
    no pointwise residual sees: the hard ansatz would solve another problem, with zero residual everywhere.
    """
    for coordinate in problem.domain.periodic:
        axis, (lo, hi) = problem.coordinates.index(coordinate), problem.domain.bounds[coordinate]
        points = jnp.asarray(_probes(problem.domain, dict(face.constraint.where), 8), float)
        derivative = face.data
        for order in range(problem.order(coordinate)):
            at_lo, at_hi = (jax.jit(jax.vmap(derivative))(points.at[:, axis].set(end)) for end in (lo, hi))
            size = 1 + float(jnp.abs(at_lo).max() + jnp.abs(at_hi).max())
            worst = int(jnp.abs(at_lo - at_hi).argmax())
            if not abs(float(at_lo[worst] - at_hi[worst])) <= _tolerance() * size:
                name = problem.unknowns[face.unknown] + ("_" + coordinate * order if order else "")
                return (
                    f"its data are not periodic: {name} is {float(at_lo[worst]):.4g} at {coordinate}={lo:g} and "
                    f"{float(at_hi[worst]):.4g} at {coordinate}={hi:g}. A hard condition would solve "
                    "the equation without that kink, which is a different problem."
                )
            derivative = _derivative(derivative, axis)
    return ""


def _jump(face: HardFace, problem: Problem) -> str:
    """Say where the data of a face, or a derivative the equation needs to be continuous, jumps or is not finite."""
    fixed = next(iter(_probes(problem.domain, dict(face.constraint.where), 1)))
    for axis, coordinate in enumerate(problem.coordinates):
        if axis == face.axis:
            continue
        derivative = face.data
        for order in range(max(1, problem.order(coordinate))):
            name = problem.unknowns[face.unknown] + ("_" + coordinate * order if order else "")
            place = _find_jump(derivative, jnp.asarray(fixed, float), axis, problem.domain.bounds[coordinate])
            if place is not None:
                return (
                    f"its data are not smooth: {name} jumps or is not finite at {coordinate}={place:.6g}, which the "
                    "pointwise derivatives of a hard condition leave out."
                )
            derivative = _derivative(derivative, axis)
    return ""


def _find_jump(f: Callable[[Array], Array], point: Array, axis: int, bounds: tuple[float, float]) -> float | None:
    """Look for a jump of f along an axis by zooming in on where it changes most.

    A smooth function changes less over a shorter interval; across a jump the change stays.
    """

    @jax.jit
    def along(places: Array) -> Array:
        return jax.vmap(lambda place: f(point.at[axis].set(place)))(places)

    (a, b), changes, size = bounds, [], 0.0
    for _ in range(ZOOMS):
        places = np.linspace(a, b, SAMPLES)
        values = np.asarray(along(jnp.asarray(places, point.dtype)))
        if not np.isfinite(values).all():
            return float(places[int(np.argmin(np.isfinite(values)))])
        k = int(np.abs(np.diff(values)).argmax())
        changes.append(abs(values[k + 1] - values[k]))
        (a, b), size = places[k : k + 2], max(size, float(np.abs(values).max()))
    noise = 1e3 * float(jnp.finfo(point.dtype).eps) * (1 + size)
    return float(a) if changes[-1] > max(noise, 1e-4 * changes[0]) else None


def _derivative(f: Callable[[Array], Array], axis: int) -> Callable[[Array], Array]:
    return lambda x: jax.jvp(f, (x,), (jnp.zeros_like(x).at[axis].set(1),))[1]


def _conflict(face: HardFace, faces: list[HardFace], problem: Problem) -> str:
    """Say which other hard face contradicts this one where they meet."""
    for other in faces:
        if other.unknown != face.unknown:
            continue
        if (other.axis, other.value) == (face.axis, face.value):
            return f"{other.constraint.name!r} is already hard on the same face."
        if other.axis == face.axis:
            continue
        where = dict(face.constraint.where) | dict(other.constraint.where)
        points = jnp.asarray(_probes(problem.domain, where, 8), float)
        mine, theirs = (jax.jit(jax.vmap(f.data))(points) for f in (face, other))
        worst = int(jnp.abs(mine - theirs).argmax())
        if not float(jnp.abs(mine - theirs)[worst]) <= _tolerance() * (1 + float(jnp.abs(mine).max())):
            return (
                f"where it meets {other.constraint.name!r} the data differ "
                f"({float(theirs[worst]) + 0.0:.4g} there, {float(mine[worst]) + 0.0:.4g} here)."
            )
    return ""
