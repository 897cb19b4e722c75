"""Gauss-Newton with the boldest step that keeps its promise."""

from typing import Literal

from pinn.optimizers.base import Optimizer
from pinn.optimizers.damped import damped_least_squares


def gauss_newton(
    *,
    damping: float = 1e-3,
    shrink: float = 0.01,
    grow: float = 5.0,
    acceptance: float = 0.075,
    choose: Literal["boldest", "lowest"] = "boldest",
    memory: float = 2.0,
) -> Optimizer:
    """Step by -(J^T J + lambda I)^-1 J^T r, with the smallest lambda on a ladder whose decrease is real.

    Each step begins with a bold lambda, ``shrink`` times the last one that served, and grows it until the actual
    decrease of r.r is more than ``acceptance`` times what the linear model predicts. Taking the boldest acceptable
    step rather than the safest is what makes the method fast on these problems: the loss stays high for some tens of
    steps and then falls by many orders.

    Args:
        damping: the first lambda, > 0, in units of J^T J.
        shrink: factor on the last lambda for the first trial of a step, in (0, 1).
        grow: factor on lambda after a rejected trial, > 1.
        acceptance: ratio of actual to predicted decrease that a trial has to exceed, in (0, 1).
        choose: "boldest" as described; "lowest" takes the trial with the lowest loss instead, for comparison.
        memory: GiB the Jacobian may take; beyond it J^T J is summed up over blocks of rows.

    Returns:
        The optimizer. A step costs O(N P^2 + P^3) for N residuals and P params, or O(P N^2 + N^3) if N < P.

    Raises:
        ProblemError: if an argument is outside its range.

    Source:
        More (1978), Lecture Notes in Mathematics 630, 105-116 (ratio test); the choice of the largest acceptable
        radius is that of DSGNAR, arXiv:2607.02194, here without its sketch.
    """
    return damped_least_squares(
        damping=damping,
        shrink=shrink,
        grow=grow,
        acceptance=acceptance,
        lowest=choose == "lowest",
        memory=memory,
        patience=10,
    )
