"""A coordinate stretched around the place where a layer forms.

A layer that is a thousandth of the domain wide is out of a perceptron's reach in the coordinate itself; in

    asinh(s/w) / asinh(L/w),   s the distance to its place, L the length of the domain, w = L/500,

it takes the same room as its surroundings. The coordinate has to be there before the layer is: windows take over the
params of those before, and a coordinate that appears with the layer is worth little (experiments/accuracy). So the
place is one that can be told from the problem: the middle of the domain, where the equation is nonlinear, the solution
odd about it, and its initial data fall nowhere faster.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.ansatz.face import HardFace, derivative
from pinn.ansatz.linearity import is_linear
from pinn.ansatz.symmetry import Reflection
from pinn.places import layer_axis
from pinn.problem import TIME, Domain, Problem
from pinn.settings import AnsatzSettings

WIDTH = 1 / 500  # of the domain
PLACES = 1001  # at which the data are looked at


def find_layer(
    problem: Problem, faces: list[HardFace], reflection: Reflection | None, settings: AnsatzSettings
) -> tuple[int, float] | None:
    """Return the axis of the one coordinate beside time and where along it a layer is to be expected; or None.

    Raises:
        ProblemError: for a place that the settings name and the domain does not have.
    """
    domain = problem.domain
    beside = [axis for axis, coordinate in enumerate(domain.coordinates) if coordinate != TIME]
    if settings.layer not in ("auto", "none"):
        return layer_axis(problem, settings.layer), settings.layer
    if settings.layer == "none" or len(beside) != 1 or len(domain.coordinates) != 2:
        return None
    initial = [f for f in faces if f.axis != beside[0]]
    if reflection is None or reflection.even or len(initial) != len(problem.unknowns) or is_linear(problem):
        return None
    return (beside[0], reflection.middle) if _steepest_there(domain, beside[0], reflection.middle, initial) else None


def _steepest_there(domain: Domain, axis: int, middle: float, initial: list[HardFace]) -> bool:
    """Say whether data that change their sign at the middle fall fastest there: characteristics run together."""
    places = jnp.linspace(*domain.bounds[domain.coordinates[axis]], PLACES)
    for face in initial:
        point = jnp.asarray([face.value, face.value], float)
        slope = derivative(face.data, axis)
        slopes = np.asarray(jax.vmap(lambda x, point=point, slope=slope: slope(point.at[axis].set(x)))(places))
        there = float(slope(point.at[axis].set(middle)))
        if there < 0 and abs(there) >= (1 - 1e-6) * np.max(np.abs(slopes)):
            return True
    return False


def stretched(domain: Domain, axis: int, center: float, even: bool) -> Callable[[Array], Array]:
    """Return place -> the stretched coordinate, in [-1, 1].

    Args:
        domain: the box.
        axis: of the coordinate.
        center: where the layer is.
        even: whether the coordinate is to be even about the middle of its range.
    """
    coordinate = domain.coordinates[axis]
    (lo, hi), length = domain.bounds[coordinate], domain.length(coordinate)
    middle, turn, width = (lo + hi) / 2, 2 * math.pi / length, WIDTH * length
    c = center - middle

    def distance(x: Array) -> Array:
        """Return x - c near the layer, made periodic or even where the problem is."""
        if coordinate in domain.periodic:
            if not even:
                return jnp.sin(turn * (x - c)) / turn
            return (math.cos(turn * c) - jnp.cos(turn * x)) / turn / math.hypot(math.sin(turn * c), turn * width)
        return (x * x - c * c) / math.hypot(2 * c, width) if even else x - c

    def place(x: Array) -> Array:
        return jnp.arcsinh(distance(x - middle) / width) / math.asinh(length / width)

    return place
