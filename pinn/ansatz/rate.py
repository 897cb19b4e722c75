"""Initial rates: the conditions u_t = data of equations of order two in t, carried by the face that carries u = data.

With both, u = u_0 + (t - t_0) r_0 + ... + Phi (N(t, x) - N(t_0, x) - (t - t_0) N_t(t_0, x)): what the network adds
begins with neither value nor rate.
"""

import jax
import jax.numpy as jnp

from pinn.ansatz.face import HardFace, agreement, derivative, probes
from pinn.problem import TIME, Constraint, Problem, partials_of


def is_rate(constraint: Constraint, problem: Problem) -> bool:
    """Say whether a condition prescribes only u_t at the beginning, of an unknown of order two in t."""
    if TIME not in problem.coordinates or dict(constraint.where) != {TIME: problem.domain.bounds[TIME][0]}:
        return False
    partials = partials_of(constraint.residual, problem.symbols)
    axes = (problem.coordinates.index(TIME),)
    return (
        len(partials) == 1
        and partials[0].axes == axes
        and problem.order(TIME, problem.unknowns[partials[0].unknown]) == 2
    )


def with_rate(rate: HardFace, faces: list[HardFace], problem: Problem) -> tuple[list[HardFace], str]:
    """Let an initial face carry a rate too, and return the reason if it cannot."""
    own = [f for f in faces if f.unknown == rate.unknown]
    initial = next((f for f in own if (f.axis, f.value) == (rate.axis, rate.value)), None)
    if initial is None:
        return faces, f"no initial condition of {problem.unknowns[rate.unknown]!r} itself is hard."
    if initial.lifts:
        return faces, f"{initial.constraint.name!r} is hard with a lift, whose rate is not known at the beginning."
    if reason := _conflict(rate, [f for f in own if f.axis != rate.axis], problem):
        return faces, reason
    return [f._replace(rate=rate) if f is initial else f for f in faces], ""


def _conflict(rate: HardFace, ends: list[HardFace], problem: Problem) -> str:
    """Say where the data of an end begin with another rate."""
    for end in ends:
        points = jnp.asarray(probes(problem.domain, {**rate.constraint.where, **end.constraint.where}, 8), float)
        begins = derivative(end.data, rate.axis)
        mine, theirs = (jax.jit(jax.vmap(f))(points) for f in (rate.data, begins))
        worst = int(jnp.abs(mine - theirs).argmax())
        near = max(agreement(rate.data, rate, problem.domain), agreement(begins, end, problem.domain))
        if not float(jnp.abs(mine - theirs)[worst]) <= near:
            return (
                f"where it meets {end.constraint.name!r} the rates differ "
                f"({float(theirs[worst]) + 0.0:.4g} there, {float(mine[worst]) + 0.0:.4g} here)."
            )
    return ""
