"""Levenberg-Marquardt with its classical control of the damping."""

from pinn.optimizers.base import Optimizer
from pinn.optimizers.damped import damped_least_squares


def levenberg_marquardt(*, damping: float = 1e-3, shrink: float = 1 / 3, grow: float = 4.0) -> Optimizer:
    """Step by -(J^T J + lambda I)^-1 J^T r; lambda shrinks after a success and grows until the loss decreases.

    Args:
        damping: the first lambda, > 0, in units of J^T J.
        shrink: factor on lambda after a successful step, in (0, 1).
        grow: factor on lambda after a failed trial, > 1.

    Returns:
        The optimizer. A step costs O(N P^2 + P^3) for N residuals and P params, or O(P N^2 + N^3) if N < P.

    Raises:
        ProblemError: if an argument is outside its range.

    Source:
        Marquardt (1963), SIAM J. Appl. Math. 11(2), 431-441.
    """
    return damped_least_squares(damping=damping, shrink=shrink, grow=grow, acceptance=0.0)
