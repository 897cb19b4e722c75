"""Which conditions the ansatz may carry exactly, and why others may not.

A hard condition is exact for any params and needs no weight. It is refused where it would change the problem:
where its data have a kink that the pointwise derivatives of the ansatz leave out.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.ansatz.face import HardFace, probes
from pinn.ansatz.lift import lift_end, lift_period
from pinn.ansatz.mirrors import flat_of
from pinn.ansatz.rate import is_rate, with_rate
from pinn.ansatz.smoothness import conflict, jump, roughness
from pinn.errors import ProblemError
from pinn.language.tree import is_smooth
from pinn.problem import TIME, Constraint, Domain, Problem, partials_of
from pinn.settings import AnsatzSettings


def choose_hard(problem: Problem, settings: AnsatzSettings) -> tuple[list[HardFace], tuple[str, ...]]:
    """Decide which conditions the ansatz carries.

    Derivatives of zero at ends of space are left to `pinn.ansatz.mirrors`.

    Returns:
        The hard faces ordered by axis, and a sentence for every condition that could not be one.

    Raises:
        ProblemError: where the settings say hard and a hard condition is impossible.
    """
    faces: list[HardFace] = []
    rates: list[HardFace] = []
    notes: list[str] = []
    # Initial conditions first: a lift that a Dirichlet end calls for belongs to them.
    for constraint in sorted(problem.conditions, key=lambda c: not _is_initial(c, problem.domain)):
        kind = "initial" if _is_initial(constraint, problem.domain) else "dirichlet"
        if getattr(settings, kind) == "soft" or flat_of(constraint, problem):
            continue
        face, reason = _as_face(constraint, problem)
        reason = reason or jump(face, problem)
        if not reason and face.is_rate:
            reason = roughness(face, problem)
            rates += [] if reason else [face]
        elif not reason:
            faces, reason, note = _fit(face, faces, problem, settings)
            notes += [note] if note else []
        if reason and getattr(settings, kind) == "hard":
            raise _refused(constraint, reason, kind)
        if reason:
            notes.append(_soft(constraint, reason))
    for rate in rates:  # the ends they may contradict are known now
        faces, reason = with_rate(rate, faces, problem)
        if reason and settings.initial == "hard":
            raise _refused(rate.constraint, reason, "initial")
        notes += [_soft(rate.constraint, reason)] if reason else []
    return sorted(faces, key=lambda f: (problem.coordinates[f.axis] != TIME, f.axis)), tuple(notes)


def _soft(constraint: Constraint, reason: str) -> str:
    return f"condition {constraint.name!r} is a term of the loss: {reason}"


def _refused(constraint: Constraint, reason: str, kind: str) -> ProblemError:
    return ProblemError(
        f"condition {constraint.name!r} cannot be hard: {reason} With {kind}: auto it is a term of the loss.",
        ("ansatz", kind),
        "hard",
    )


def _fit(
    face: HardFace, faces: list[HardFace], problem: Problem, settings: AnsatzSettings
) -> tuple[list[HardFace], str, str]:
    """Add a face to those already chosen, with a lift where its data do not fit.

    Returns:
        The faces; the reason if it could not be added; and a note on a lift.
    """
    name, note = face.constraint.name, ""
    rough = roughness(face, problem)
    lift, why = lift_period(face, problem, settings.lift) if problem.domain.periodic else (None, "")
    if rough and lift is None:
        return faces, f"{rough} {_sentence(why)}", ""
    if lift is not None:  # also where only higher derivatives jump, which would stay sharp
        face, note = face._replace(lifts=(*face.lifts, lift)), f"condition {name!r} is hard, {why}"
    reason, other = conflict(face, faces, problem)
    if reason and other is not None and _is_initial(other.constraint, problem.domain):
        lift, why = lift_end(other, face, problem, settings.lift)
        if lift is None:
            return faces, f"{reason} {_sentence(why)}", ""
        lifted = other._replace(lifts=(*other.lifts, lift))
        faces = [lifted if f is other else f for f in faces]
        reason, note = "", f"condition {other.constraint.name!r} is hard, {why}"
    return (faces if reason else [*faces, face]), reason, note


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _is_initial(constraint: Constraint, domain: Domain) -> bool:
    return TIME in constraint.where and constraint.where[TIME] == domain.bounds[TIME][0]


def _as_face(constraint: Constraint, problem: Problem) -> tuple[HardFace | None, str]:
    """Read a condition as u = data on a face, or as the rate u_t = data; otherwise say why it is neither."""
    if len(constraint.where) != 1:
        return None, "it holds on an edge or a point, not on a face."
    (coordinate, value), domain = next(iter(constraint.where.items())), problem.domain
    if value not in domain.bounds[coordinate]:
        return None, "it does not lie on the boundary of the domain."
    if coordinate in domain.periodic:
        return None, f"{coordinate!r} is periodic, so its ends are not a boundary."
    partials = partials_of(constraint.residual, problem.symbols)
    rate = is_rate(constraint, problem)
    if len(partials) != 1 or (partials[0].axes and not rate):
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
    name = problem.unknowns[unknown] + ("_" + TIME if rate else "")
    slope = _affine_slope(constraint, problem, name)
    if slope is None:
        return None, "it is not linear in the unknown with a constant factor."

    def data(point: Array) -> Array:
        values = dict(zip(problem.coordinates, point, strict=True)) | dict(problem.parameters)
        values[name] = jnp.zeros((), point.dtype)
        at_zero = constraint.residual.fn(**{n: values[n] for n in constraint.residual.needs})
        return jnp.asarray(-at_zero / slope, point.dtype)

    return HardFace(constraint, unknown, axis, value, data, is_rate=rate), ""


def _affine_slope(constraint: Constraint, problem: Problem, name: str) -> float | None:
    """Return a if the residual is a u + b(x), with u or the rate of that name and a constant a other than 0."""
    points = probes(problem.domain, constraint.where)
    values = dict(zip(problem.coordinates, points.T, strict=True)) | dict(problem.parameters)

    def at(u: float) -> np.ndarray:
        full = values | {name: np.full(len(points), u)}
        return np.asarray(constraint.residual.fn(**{n: full[n] for n in constraint.residual.needs}))

    first, second = at(1.0) - at(0.0), at(3.0) - at(1.0)
    slope = float(first[0])
    affine = np.allclose(second, 2 * slope, rtol=1e-9) and np.allclose(first, slope, rtol=1e-9)
    return slope if affine and np.isfinite(slope) and slope != 0 else None
