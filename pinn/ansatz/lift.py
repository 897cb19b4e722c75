"""The corner lift: the singular part of a solution whose data do not fit where they meet the boundary.

Initial data with a jump in value or slope across a periodic end, or with another value than a Dirichlet end demands,
make a solution that is smooth only for t > 0. Near such a corner it behaves like the heat equation's answer to a
step or a kink, which is known in closed form; with that taken out, what is left can be fitted by a network. Diffusion,
velocity and reaction rate follow from the equation by differentiation, the jumps from the data. A kink of the data that
is left where it is stays sharp for ever, and what is trained beside it would have to be as sharp: jumps of derivatives
up to the fifth are taken out.

What a nonlinear equation makes of a kink is singular too, as |s|^3 and higher odd powers, but far from the kink it is
a smooth function of A, as f(|s|) is of |s|; within q of it, it has a shape of its own. Inputs of the network are
therefore A and q exp(-(s/q)^2), in the notation of `pinn.ansatz.kinks`.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import erf, erfc

from pinn.ansatz.face import HardFace, Lift, agreement, derivative
from pinn.ansatz.kinks import bernoulli, ratio, spread, squared
from pinn.ansatz.linearity import is_linear
from pinn.problem import TIME, Problem
from pinn.settings import LiftKind

ORDER = 5  # of the highest derivative whose jump is taken out
REACH = 6  # in units of q: erfc(6) is 2e-17
SPREAD = 5  # periods: a corner that diffusion spreads further is soon gone, and is not lifted
NEVER = {32: 1e-14, 64: 1e-24}  # of the time range, by bits: t is kept above it, where 1/q^4 is finite


class Law(NamedTuple):
    """The equation as it acts on a small disturbance at a corner: u_t = D u_xx - v u_x - c u + b u^2.

    Attributes:
        diffusion: D, > 0.
        velocity: v.
        rate: c.
        bend: b.
    """

    diffusion: float
    velocity: float
    rate: float
    bend: float

    def __str__(self) -> str:
        """Name the three numbers of the linear part."""
        return f"diffusion {self.diffusion:.4g}, velocity {self.velocity:.4g}, reaction rate {self.rate:.4g}"


def lift_period(face: HardFace, problem: Problem, kind: LiftKind) -> tuple[Lift | None, str]:
    """Lift the jumps of initial data across the ends of the one periodic coordinate.

    The sum of data and lift is smooth for t > 0, and solves the linearised equation near the corner:

        e^(-c t) S(t, x - v t) - S(0, x),     S being small near the corner,

    where S is a periodic function with the jumps of the data in value and slope, smoothed by diffusion; S(0, .) is made
    of Bernoulli's polynomials, which jump in one derivative only. Jumps of higher derivatives are smoothed and carried
    likewise, without the decay, which is a smaller effect for them. A kink adds what the square of it makes to second
    order, b (J/2)^2 q^4/(4 D) h(s/q) exp(-5 c t/3); see `pinn.ansatz.kinks.squared`.

    Returns:
        The lift and a sentence on it; or None and the reason.
    """
    if problem.coordinates[face.axis] != TIME or len(problem.domain.periodic) != 1:
        return None, "a lift is known only for initial data and one periodic coordinate."
    (coordinate,) = problem.domain.periodic
    axis, (lo, hi) = problem.coordinates.index(coordinate), problem.domain.bounds[coordinate]
    if problem.order(coordinate) != 2:
        return None, f"a lift is known only for equations of order two in {coordinate}."
    ends = [_corner(problem, face, axis, end) for end in (lo, hi)]
    law, reason = _law(kind, problem, face, axis, *ends)
    if law is None:
        return None, reason
    found = _jumps(face, problem, axis)
    if not any(found):
        return None, f"none of its derivatives up to the order {ORDER} jumps."
    furthest = float(_clock(problem, face, law)(jnp.full(2, problem.domain.bounds[TIME][1]))[1])
    if furthest > SPREAD * (hi - lo):
        return None, f"diffusion spreads it over many periods of {coordinate}: sqrt(4 D t) reaches {furthest:.3g}."
    lift = _periodic(problem, axis, face, found, law, furthest)
    names = ("value", "slope", *(f"derivative {k}" for k in range(2, ORDER + 1)))
    jumps = [f"{x:.4g} in {n}" for n, x in zip(names, found, strict=True) if x]
    noun = "jump" if len(jumps) == 1 else "jumps"
    return lift, f"its {noun} of {', '.join(jumps)} across the ends of {coordinate} lifted out ({law})"


def lift_end(initial: HardFace, end: HardFace, problem: Problem, kind: LiftKind) -> tuple[Lift | None, str]:
    """Lift the difference between a Dirichlet end and the initial data there: (g - f) e^(-c t) erfc(s/q).

    It stays at the end: a velocity is not followed.

    Returns:
        The lift of the initial face and a sentence on it; or None and the reason.
    """
    corner = _corner(problem, initial, end.axis, end.value)
    law, reason = _law(kind, problem, initial, end.axis, corner)
    if law is None:
        return None, reason
    step, clock = float(end.data(corner) - initial.data(corner)), _clock(problem, initial, law)

    def part(point: Array) -> Array:
        t, q = clock(point)
        return step * jnp.exp(-law.rate * t) * erfc(ratio(jnp.abs(point[end.axis] - end.value), q))

    return Lift(part), f"its difference of {step:.4g} to {end.constraint.name!r} lifted out ({law})"


def linearise(problem: Problem, face: HardFace, axis: int, *corners: Array) -> tuple[Law | None, str]:
    """Differentiate the equation with respect to u_t, u_xx, u_x, u and u twice, at the mean of the data at corners.

    Returns:
        The law; or None and the reason.
    """
    space = problem.coordinates[axis]
    if len(problem.coordinates) != 2 or len(problem.unknowns) != 1 or len(problem.equations) != 1:
        return None, "a lift is known only for one equation in t and one other coordinate."
    if problem.order(TIME) != 1 or problem.order(space) != 2:
        return None, f"a lift is known only for equations of order one in t and two in {space}."
    (equation,), (u,) = problem.equations, problem.unknowns
    slope = derivative(face.data, axis)
    table = {"": face.data, f"_{space}": slope, f"_{space}{space}": derivative(slope, axis)}
    values = dict.fromkeys(equation.residual.needs, 0.0) | dict(problem.parameters)
    values |= dict(zip(problem.coordinates, map(float, corners[0]), strict=True))
    values |= {u + suffix: sum(float(f(x)) for x in corners) / len(corners) for suffix, f in table.items()}

    given = {n: jnp.asarray(values[n], float) for n in equation.residual.needs}

    def by(name: str, order: int = 1) -> float:
        if name not in given:
            return 0.0
        f = functools.reduce(
            lambda f, _: jax.grad(f), range(order), lambda x: equation.residual.fn(**given | {name: x})
        )
        return float(f(given[name]))

    try:
        inertia = by(f"{u}_{TIME}")
        if not inertia:
            return None, f"the equation does not depend on {u}_{TIME} at the corner."
        law = Law(-by(f"{u}_{space}{space}") / inertia, by(f"{u}_{space}") / inertia, by(u) / inertia,
                  -by(u, 2) / 2 / inertia)  # fmt: skip
    except (TypeError, ValueError):  # cannot be traced: refused, in words, when it is tried out
        return None, "the equation cannot be differentiated at the corner."
    if not all(map(math.isfinite, law)):
        return None, "the equation has no finite derivatives at the corner."
    if not law.diffusion > 0:
        return None, f"no diffusion smooths it (the coefficient of {u}_{space}{space} gives {law.diffusion:.3g})."
    return law, ""


def _law(kind: LiftKind, problem: Problem, face: HardFace, axis: int, *corners: Array) -> tuple[Law | None, str]:
    if kind == "none":
        return None, "the settings want no lift."
    law, reason = linearise(problem, face, axis, *corners)
    if law and kind == "heat":
        law = law._replace(velocity=0.0, rate=0.0, bend=0.0)
    if law and law.rate < 0 and not is_linear(problem):  # what grows at first need not grow for ever
        law = law._replace(rate=0.0)
    return law, reason


def _corner(problem: Problem, face: HardFace, axis: int, end: float) -> Array:
    middle = jnp.asarray([sum(b) / 2 for b in problem.domain.bounds.values()], float)
    return middle.at[face.axis].set(face.value).at[axis].set(end)


def _clock(problem: Problem, face: HardFace, law: Law) -> Callable[[Array], tuple[Array, Array]]:
    """Return point -> time since the face, and sqrt(4 D t)."""
    never = NEVER[jnp.finfo(jnp.zeros(()).dtype).bits] * problem.domain.length(TIME)

    def clock(point: Array) -> tuple[Array, Array]:
        t = point[face.axis] - face.value
        return t, jnp.sqrt(4 * law.diffusion * jnp.maximum(t, never))

    return clock


def _jumps(face: HardFace, problem: Problem, axis: int) -> list[float]:
    """Return by how much the data and their derivatives at the lower end exceed those at the upper."""
    found, f = [], face.data
    lo, hi = (_corner(problem, face, axis, end) for end in problem.domain.bounds[problem.coordinates[axis]])
    for _ in range(ORDER + 1):
        jump = float(f(lo) - f(hi))
        found.append(jump if abs(jump) > agreement(f, face, problem.domain) else 0.0)
        f = derivative(f, axis)
    return found


def _periodic(problem: Problem, axis: int, face: HardFace, jumps: Sequence[float], law: Law, furthest: float) -> Lift:
    """Make the lift of known jumps; ``furthest`` is the largest q, which says how many periods are felt."""
    lo, hi = problem.domain.bounds[problem.coordinates[axis]]
    period, clock, slope = hi - lo, _clock(problem, face, law), jumps[1]
    count = max(1, math.ceil(REACH * furthest / period))  # of periods felt, on either side
    images = np.arange(-count, count + 1)

    def sharp(order: int, s: Array) -> Array:
        """Return what jumps by one in a derivative where s passes a multiple of the period, for s in one period."""
        return -(period**order) * bernoulli(order + 1, s / period)

    def evolved(order: int, s: Array, q: Array) -> Array:
        """Return what diffusion makes of ``sharp`` inside a period; its second derivative is that two orders lower."""
        return sum((q * q / 4) ** j / math.factorial(j) * sharp(order - 2 * j, s) for j in range(order // 2 + 1))

    def smoothing(order: int, s: Array, q: Array) -> Array:
        """Return what the corners add to it, at all multiples of the period."""
        # The side is that of the image: at s = 0 and s = L, the two faces of a corner, it is no longer in s.
        sides = np.ones(images.size) if order % 2 else -np.copysign(1.0, images + 0.5)
        return jnp.sum(sides / 2 * spread(order, jnp.abs(s + images * period), q))

    def part(point: Array) -> Array:
        t, q = clock(point)
        here = point[axis] - lo  # not modulo: at the far end the data are those of that end
        carried = jnp.mod(point[axis] - lo - law.velocity * t, period)
        total = jnp.zeros_like(t)
        for order, jump in enumerate(jumps):
            decay = jnp.exp(-law.rate * t) if order < 2 else 1.0
            smooth = evolved(order, carried, q) + smoothing(order, carried, q)
            total = total + jump * (decay * smooth - sharp(order, here)) if jump else total
        nearest = jnp.minimum(carried, period - carried)
        amount = law.bend * (slope / 2) ** 2 * q**4 / (4 * law.diffusion)
        return total + amount * jnp.exp(-5 / 3 * law.rate * t) * squared(ratio(nearest, q))

    def coordinates(point: Array, at: Array) -> Array:
        """Return the smoothed distance to the nearest corner, made periodic by a parabola, in [-1, 1]; and its layer.

        The shape of the layer exp(-(s/q)^2) follows the point's time as the distance does, its height q the time
        that is meant: once a window has ended nothing of it may grow further.
        """
        _, q = clock(point)
        s = point[axis] - lo - law.velocity * (point[face.axis] - face.value)
        s = s - period * jnp.round(s / period)
        others = jnp.sum(spread(1, jnp.abs(s + images[images != 0] * period), q))
        z = ratio(jnp.abs(s), q)
        layer = jnp.exp(-(z**2))
        smoothed = q / jnp.sqrt(jnp.pi) * layer + jnp.abs(s) * erf(z) - s * s / period
        return 8 / period * jnp.stack([smoothed + others - period / 8, clock(at)[1] * layer])

    return Lift(part, coordinates if slope else None)
