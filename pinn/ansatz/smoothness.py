"""Where data are not as smooth as a hard condition has to be: jumps, ends that do not fit, faces that disagree.

Each function looks for one obstacle and returns a sentence; an empty one if there is none.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.ansatz.face import HardFace, PointValue, agreement, derivative, probes, size_of
from pinn.problem import Problem

SAMPLES, ZOOMS = 2001, 3  # how finely data are searched for jumps: to 1e-10 of the range


def roughness(face: HardFace, problem: Problem) -> str:
    """Say where the data of a face are not as smooth across a periodic end as the equation needs.

    A jump in a derivative below the order of the equation puts a delta function into the equation, which
    no pointwise residual sees: the hard ansatz would solve another problem, with zero residual everywhere.
    """
    for coordinate in problem.domain.periodic:
        axis, (lo, hi) = problem.coordinates.index(coordinate), problem.domain.bounds[coordinate]
        points = jnp.asarray(probes(problem.domain, dict(face.constraint.where), 8), float)
        values = face.data
        for order in range(problem.order(coordinate)):
            at_lo, at_hi = (jax.jit(jax.vmap(values))(points.at[:, axis].set(end)) for end in (lo, hi))
            worst = int(jnp.abs(at_lo - at_hi).argmax())
            if not abs(float(at_lo[worst] - at_hi[worst])) <= agreement(values, face, problem.domain):
                name = face.symbol(problem.unknowns, coordinate * order)
                return (
                    f"its data are not periodic: {name} is {float(at_lo[worst]):.4g} at {coordinate}={lo:g} and "
                    f"{float(at_hi[worst]):.4g} at {coordinate}={hi:g}. A hard condition would solve "
                    "the equation without that kink, which is a different problem."
                )
            values = derivative(values, axis)
    return ""


def jump(face: HardFace, problem: Problem) -> str:
    """Say where the data of a face, or a derivative the equation needs to be continuous, jumps or is not finite."""
    fixed = next(iter(probes(problem.domain, dict(face.constraint.where), 1)))
    for axis, coordinate in enumerate(problem.coordinates):
        if axis == face.axis:
            continue
        values = face.data
        for order in range(max(1, problem.order(coordinate))):
            name = face.symbol(problem.unknowns, coordinate * order)
            bounds = problem.domain.bounds[coordinate]
            size = size_of(values, face, problem.domain)
            place = _find_jump(values, jnp.asarray(fixed, float), axis, bounds, size)
            if place is not None:
                return (
                    f"its data are not smooth: {name} jumps or is not finite at {coordinate}={place:.6g}, which the "
                    "pointwise derivatives of a hard condition leave out."
                )
            values = derivative(values, axis)
    return ""


def _find_jump(f: PointValue, point: Array, axis: int, bounds: tuple[float, float], size: float) -> float | None:
    """Look for a jump of f, of a certain size, along an axis by zooming in on where it changes most.

    A smooth function changes less over a shorter interval; across a jump the change stays.
    """

    @jax.jit
    def along(places: Array) -> Array:
        return jax.vmap(lambda place: f(point.at[axis].set(place)))(places)

    (a, b), changes = bounds, []
    for _ in range(ZOOMS):
        places = np.linspace(a, b, SAMPLES)
        found = np.asarray(along(jnp.asarray(places, point.dtype)))
        if not np.isfinite(found).all():
            return float(places[int(np.argmin(np.isfinite(found)))])
        k = int(np.abs(np.diff(found)).argmax())
        changes.append(abs(found[k + 1] - found[k]))
        (a, b), size = places[k : k + 2], max(size, float(np.abs(found).max()))
    noise = 1e3 * float(jnp.finfo(point.dtype).eps) * size
    return float(a) if changes[-1] > max(noise, 1e-4 * changes[0]) else None


def conflict(face: HardFace, faces: list[HardFace], problem: Problem) -> tuple[str, HardFace | None]:
    """Say which other hard face contradicts this one, and give it if they differ in their data where they meet."""
    for other in faces:
        if other.unknown != face.unknown:
            continue
        if (other.axis, other.value) == (face.axis, face.value):
            return f"{other.constraint.name!r} is already hard on the same face.", None
        if other.axis == face.axis:
            continue
        where = dict(face.constraint.where) | dict(other.constraint.where)
        points = jnp.asarray(probes(problem.domain, where, 8), float)
        mine, theirs = (jax.jit(jax.vmap(f.data))(points) for f in (face, other))
        worst = int(jnp.abs(mine - theirs).argmax())
        near = max(agreement(f.data, f, problem.domain) for f in (face, other))
        if not float(jnp.abs(mine - theirs)[worst]) <= near:
            return (
                f"where it meets {other.constraint.name!r} the data differ "
                f"({float(theirs[worst]) + 0.0:.4g} there, {float(mine[worst]) + 0.0:.4g} here)."
            ), other
    return "", None
