"""How much each constraint counts in the loss."""

import math
from collections.abc import Mapping


def scale(weight: float, n: int) -> float:
    """Return sqrt(weight / n), the factor on each of n residuals of a constraint.

    With it the loss r.r / 2 is half the weighted sum of mean squares, whatever the number of points.
    """
    return math.sqrt(weight / n)


def weight_of(name: str, given: Mapping[str, float]) -> float:
    """Return the weight of a constraint: 1 unless the settings say otherwise."""
    return given.get(name, 1.0)
