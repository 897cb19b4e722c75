"""Reflections that leave a problem as it is: its only solution is then even or odd, and so is the network.

An even or odd network spends nothing on the other half of the domain, which is worth as much as twice the
params and twice the points.
"""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.problem import TIME, Constraint, Problem

SAMPLES = 8192  # arguments at which residuals are compared: data may be local
MOST_UNKNOWNS = 4  # all their signs are tried
TOLERANCE = 1e-12  # round-off of a mirrored coordinate is 1e-16 of its range


class Reflection(NamedTuple):
    """A coordinate is mirrored at the middle of its range, and unknowns keep or change their sign.

    Attributes:
        axis: the coordinate.
        middle: of its range.
        signs: of the unknowns, 1 for even and -1 for odd ones, (m,).
    """

    axis: int
    middle: float
    signs: tuple[int, ...]

    @property
    def even(self) -> bool:
        """Whether no unknown changes its sign."""
        return all(sign == 1 for sign in self.signs)

    def mirror(self, point: Array) -> Array:
        """Return the mirror image of a point (d,)."""
        return jnp.where(jnp.arange(point.size) == self.axis, 2 * self.middle - point, point)

    def fold(self, points: Array) -> Array:
        """Move points (N, d) of the lower half to their images in the upper one."""
        column = points[:, self.axis]
        return points.at[:, self.axis].set(self.middle + jnp.abs(column - self.middle))


def find_reflection(problem: Problem) -> Reflection | None:
    """Look for a coordinate and signs of the unknowns under which every constraint turns into one of the problem.

    Residuals are compared at many random arguments, so that a symmetry is found whatever the residuals are written in;
    and where all unknowns are zero, so that small data count as much as large ones.

    Returns:
        The first found; None if there is none.
    """
    if len(problem.unknowns) > MOST_UNKNOWNS:
        return None
    for coordinate, signs in itertools.product(
        (c for c in problem.coordinates if c != TIME), itertools.product((1, -1), repeat=len(problem.unknowns))
    ):
        try:
            middle = sum(problem.domain.bounds[coordinate]) / 2
            if all(has_image(problem, c, coordinate, signs, middle) for c in problem.constraints):
                return Reflection(problem.coordinates.index(coordinate), middle, signs)
        except (TypeError, ValueError):  # cannot be evaluated: refused, in words, when it is tried out
            return None
    return None


def describe(problem: Problem, reflection: Reflection) -> str:
    """Say what was found."""
    odd = {u: "odd but for its mean" if problem.means.get(u) else "odd" for u in problem.unknowns}
    parts = [f"{u} {'even' if s == 1 else odd[u]}" for u, s in zip(problem.unknowns, reflection.signs, strict=True)]
    where = f"{problem.coordinates[reflection.axis]} about {reflection.middle:g}"
    return f"the problem is symmetric in {where}, and so is the network: {', '.join(parts)}"


def has_image(problem: Problem, constraint: Constraint, coordinate: str, signs: tuple[int, ...], mirror: float) -> bool:
    """Say whether the mirrored constraint is one of the problem's, up to the sign of its residual.

    Args:
        problem: for its other constraints.
        constraint: which is mirrored.
        coordinate: along which.
        signs: of the unknowns, 1 for even and -1 for odd ones, (m,).
        mirror: at which place.
    """
    where = {k: 2 * mirror - v if k == coordinate else v for k, v in constraint.where.items()}

    def is_there(other: Constraint) -> bool:
        near = (abs(other.where[k] - v) <= 1e-12 * problem.domain.length(k) for k, v in where.items())
        return other.where.keys() == where.keys() and all(near)

    here = [c for c in problem.constraints if is_there(c)]
    drawn = [_arguments(problem, constraint, unknowns) for unknowns in (1.0, 0.0)]
    values = [_value(constraint, problem, sample) for sample in drawn]
    for other in here:
        images = [_value(other, problem, _mirrored(problem, sample, coordinate, signs, mirror)) for sample in drawn]
        if any(all(_agree(image, sign * v) for image, v in zip(images, values, strict=True)) for sign in (1, -1)):
            return True
    return False


def has_kink(problem: Problem, constraint: Constraint, coordinate: str, place: float) -> bool:
    """Say whether a residual jumps or has a kink at a place, by how its first and second differences shrink."""
    sample, first, second = _arguments(problem, constraint, 1.0), [], []

    def at(step: float) -> np.ndarray:
        places = np.full(SAMPLES, place + step * problem.domain.length(coordinate))
        return _value(constraint, problem, sample | {coordinate: places})

    def largest(values: np.ndarray) -> float:
        return float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))

    there, steps = at(0.0), (1e-3, 5e-4)
    with np.errstate(invalid="ignore"):
        for step in steps:
            after, before = at(step), at(-step)
            first.append(largest(after - before))
            second.append(largest(after - 2 * there + before))
    noise = 1e-12 * (largest(there) + first[0] / steps[0])
    # Of a smooth function they shrink to a half and to a quarter; of a jump not at all, of a kink to a half.
    return first[1] > max(0.75 * first[0], noise) or second[1] > max(0.4 * second[0], noise)


def _agree(image: np.ndarray, values: np.ndarray) -> bool:
    """Compare relative to the largest value, so that units do not matter, where values are defined: both or neither."""
    defined = np.isfinite(values)
    if (defined != np.isfinite(image)).any():
        return False
    values, image = values[defined], image[defined]  # none are, as where log(u) is asked for u = 0
    return bool(np.abs(image - values).max(initial=0.0) <= TOLERANCE * np.abs(values).max(initial=0.0))


def _arguments(problem: Problem, constraint: Constraint, unknowns: float) -> dict[str, np.ndarray]:
    """Draw points of the constraint's place, and values for every derivative any constraint mentions.

    Args:
        problem: for its names.
        constraint: for its place.
        unknowns: how large the unknowns and their derivatives are.
    """
    rng = np.random.default_rng(0)
    names = sorted({n for c in problem.constraints for n in c.residual.needs})
    point = {c: np.full(SAMPLES, constraint.where[c]) if c in constraint.where else rng.uniform(*b, SAMPLES)
             for c, b in problem.domain.bounds.items()}  # fmt: skip
    values = {n: unknowns * rng.standard_normal(SAMPLES) for n in names}
    return values | {n: np.asarray(v) for n, v in problem.parameters.items()} | point


def _mirrored(
    problem: Problem, values: Mapping[str, np.ndarray], coordinate: str, signs: tuple[int, ...], mirror: float
) -> dict[str, np.ndarray]:
    axis, mirrored = problem.coordinates.index(coordinate), dict(values)
    mirrored[coordinate] = 2 * mirror - values[coordinate]
    for name in values:
        partial = None if name in problem.coordinates else problem.symbols.partial(name)
        if partial is not None:
            mirrored[name] = values[name] * signs[partial.unknown] * (-1) ** partial.axes.count(axis)
    return mirrored


def _value(constraint: Constraint, problem: Problem, values: Mapping[str, np.ndarray]) -> np.ndarray:
    with np.errstate(all="ignore"):  # a random argument may lie outside what a function is defined for: nan
        found = constraint.residual.fn(**{n: values[n] for n in constraint.residual.needs})
    return np.broadcast_to(np.asarray(found, float), SAMPLES)
