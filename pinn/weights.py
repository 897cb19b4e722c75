"""How much each constraint counts in the loss."""

import math
from collections.abc import Mapping

from pinn.problem import Constraint

# The equation carries an error in its data on to all later times, so data are held more tightly than the
# equation itself. On Allen-Cahn with a soft initial condition 1, 10 and 100 end within a factor of two.
EQUATION, CONDITION = 1.0, 10.0


def scale(weight: float, n: int) -> float:
    """Return sqrt(weight / n), the factor on each of n residuals of a constraint.

    With it the loss r.r / 2 is half the weighted sum of mean squares, whatever the number of points.
    """
    return math.sqrt(weight / n)


def weight_of(constraint: Constraint, given: Mapping[str, float]) -> float:
    """Return the weight of a constraint: as the settings say, else 1 for an equation and 10 for a condition."""
    return given.get(constraint.name, CONDITION if constraint.where else EQUATION)
