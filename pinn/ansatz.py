"""From a bare network to one that lives on the domain: inputs of size one, exact periodicity, hard conditions.

An ansatz is a `Network` made from a `Network`, so nothing downstream knows whether a condition is hard or
soft. Hard conditions after Lagaris, Likas & Fotiadis (1998), IEEE Trans. Neural Networks 9(5), 987-1000:

    u = G + Phi N,

where G takes the data on every hard face (transfinite interpolation: Gordon & Hall 1973, Numer. Math. 21,
109-129) and Phi vanishes there.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.errors import ProblemError
from pinn.language.tree import is_smooth
from pinn.networks import Network
from pinn.problem import TIME, Constraint, Domain, Problem, partials_of
from pinn.settings import AnsatzSettings

TOLERANCE = 1e-9  # of data that should agree, relative to their size; round-off of doubles is 1e-16


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


class Ansatz(NamedTuple):
    """What became of a network, and what the conditions became.

    Attributes:
        network: the ansatz.
        hard: names of the constraints it satisfies by construction; they need no loss term.
        notes: sentences on what was decided and why.
    """

    network: Network
    hard: tuple[str, ...]
    notes: tuple[str, ...]


def feature_count(domain: Domain, harmonics: int) -> int:
    """Number of inputs `encode` makes of a point."""
    return sum(2 * harmonics if c in domain.periodic else 1 for c in domain.coordinates)


def encode(domain: Domain, harmonics: int) -> Callable[[Array], Array]:
    """Return the map from a point (d,) to input features of size one.

    A coordinate becomes (-1, 1) over its range; a periodic one becomes cosines and sines of its first
    ``harmonics`` multiples, so that whatever the network does is periodic with all derivatives.
    """

    def features(point: Array) -> Array:
        parts = []
        for axis, (coordinate, (lo, hi)) in enumerate(domain.bounds.items()):
            if coordinate in domain.periodic:
                multiples = 2 * math.pi / (hi - lo) * jnp.arange(1, harmonics + 1, dtype=point.dtype)
                phase = multiples * (point[axis] - lo)
                parts += [jnp.cos(phase), jnp.sin(phase)]
            else:
                parts.append((2 * (point[axis : axis + 1] - lo) / (hi - lo)) - 1)
        return jnp.concatenate(parts)

    return features


def make_ansatz(problem: Problem, build: Callable[[int, int], Network] | Network, settings: AnsatzSettings) -> Ansatz:
    """Put features and hard conditions around a network.

    Args:
        problem: what is to be solved.
        build: (number of features, number of unknowns) -> network; or a network of that shape.
        settings: which conditions are to be hard.

    Raises:
        ProblemError: if the settings demand a hard condition that would change the problem.
    """
    inputs, outputs = feature_count(problem.domain, settings.harmonics), len(problem.unknowns)
    inner = build if isinstance(build, Network) else build(inputs, outputs)
    features = encode(problem.domain, settings.harmonics)
    _check_shape(inner, inputs, outputs)
    faces, notes = choose_hard(problem, settings)

    def apply(params: Any, point: Array) -> Array:
        free = inner.apply(params, features(point))
        parts = [_carry(free[k], k, faces, problem.domain, point) for k in range(outputs)]
        return jnp.stack(parts)

    return Ansatz(Network(inner.init, apply), tuple(f.constraint.name for f in faces), notes)


def _check_shape(network: Network, inputs: int, outputs: int) -> None:
    key, features = jax.random.PRNGKey(0), jax.ShapeDtypeStruct((inputs,), jnp.zeros(()).dtype)
    try:
        found = jax.eval_shape(lambda key, x: network.apply(network.init(key), x), key, features).shape
    except (TypeError, ValueError) as error:
        found = str(error).splitlines()[0]
    if found != (outputs,):
        raise ProblemError(
            f"the network has to map the {inputs} input features of a point to {outputs} unknown"
            f"{'s' if outputs > 1 else ''}, ({inputs},) to ({outputs},); it gives {found}.",
            ("network",),
        )


def _carry(free: Array, unknown: int, faces: list[HardFace], domain: Domain, point: Array) -> Array:
    """Return G + Phi times the free value, for one unknown."""
    mine = [face for face in faces if face.unknown == unknown]
    vanishing = jnp.ones((), point.dtype)
    for axis, (lo, hi) in enumerate(domain.bounds.values()):
        ends = [face.value for face in mine if face.axis == axis]
        scale = len(ends) ** 2 / (hi - lo) ** len(ends)  # so that Phi reaches one
        for end in ends:
            vanishing = vanishing * (point[axis] - end if end == lo else end - point[axis])
        vanishing = vanishing * scale if ends else vanishing
    return _interpolate(mine, domain, point) + vanishing * free


def _interpolate(faces: list[HardFace], domain: Domain, point: Array) -> Array:
    """Return G: for each axis in turn, blend in what is still missing on its faces."""
    if not faces:
        return jnp.zeros((), point.dtype)
    axis = faces[-1].axis
    here = [face for face in faces if face.axis == axis]
    before = [face for face in faces if face.axis != axis]
    total = _interpolate(before, domain, point)
    lo, hi = list(domain.bounds.values())[axis]
    for face in here:
        other_end = lo + hi - face.value
        blend = 1.0 if len(here) == 1 else (point[axis] - other_end) / (face.value - other_end)
        on_face = point.at[axis].set(face.value)
        total = total + blend * (face.data(on_face) - _interpolate(before, domain, on_face))
    return total


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
        reason = reason or _roughness(face, problem) or _conflict(face, faces, problem)
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
            tolerance = max(TOLERANCE, 100 * float(jnp.finfo(points.dtype).eps))
            if abs(float(at_lo[worst] - at_hi[worst])) > tolerance * size:
                name = problem.unknowns[face.unknown] + ("_" + coordinate * order if order else "")
                return (
                    f"its data are not periodic: {name} is {float(at_lo[worst]):.4g} at {coordinate}={lo:g} and "
                    f"{float(at_hi[worst]):.4g} at {coordinate}={hi:g}. A hard condition would solve "
                    "the equation without that kink, which is a different problem."
                )
            derivative = _derivative(derivative, axis)
    return ""


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
        if float(jnp.abs(mine - theirs)[worst]) > TOLERANCE * (1 + float(jnp.abs(mine).max())):
            return (
                f"where it meets {other.constraint.name!r} the data differ "
                f"({float(theirs[worst]) + 0.0:.4g} there, {float(mine[worst]) + 0.0:.4g} here)."
            )
    return ""
