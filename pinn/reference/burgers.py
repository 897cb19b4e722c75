"""Burgers equation from -sin(pi x) on [-1, 1], by the Cole-Hopf transform, in numpy.

Source: Basdevant et al. (1986), Computers & Fluids 14(1), 23-41; the transform is due to Hopf
(1950), Comm. Pure Appl. Math. 3(3), 201-230, and Cole (1951), Quart. Appl. Math. 9(3), 225-236.
"""

from collections.abc import Mapping

import numpy as np

from pinn.problem import Problem
from pinn.reference.base import (
    Reference,
    check_equation,
    check_initial,
    check_range,
    coefficients,
    data_of,
    oriented,
    refuse,
    relative_l2,
)

KIND = "burgers"
FORM = "u_t + u*u_x - nu*u_xx with a constant nu > 0"


def initial(x: np.ndarray) -> np.ndarray:
    """Return -sin(pi x)."""
    return -np.sin(np.pi * x)


def cole_hopf(nu: float, t: np.ndarray, x: np.ndarray, step: float = 0.05) -> np.ndarray:
    """Return the solution on a tensor grid.

    u is a mean of -sin(pi (x - c z)), c = sqrt(4 nu t), with weight exp(-z^2 - cos(pi (x - c z)) / (2 pi nu)).
    The integrand is analytic and decays like a Gaussian, so the trapezoidal rule converges exponentially;
    its width in z does not depend on nu.

    Args:
        nu: viscosity, > 0, dimensionless.
        t: times, (T,).
        x: places, (X,).
        step: of the trapezoidal rule in z.

    Returns:
        u, (T, X).
    """
    reach = np.sqrt(1 / (np.pi * nu) + 45.0)  # beyond it the weight is below exp(-45) of its largest
    z = np.arange(-np.ceil(reach / step), np.ceil(reach / step) + 1) * step
    rows = []
    for time in t:
        y = np.pi * (x[:, None] - np.sqrt(4 * nu * time) * z)
        exponent = -(z**2) - np.cos(y) / (2 * np.pi * nu)
        weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))
        rows.append(-(weight * np.sin(y)).sum(axis=1) / weight.sum(axis=1))
    return np.array(rows)


def viscosity(problem: Problem) -> float:
    """Read nu off the equation.

    Raises:
        ProblemError: if the problem is another than this module solves.
    """
    f = coefficients(problem, KIND)
    nu = -float(f(u_xx=1.0) - f())
    check_equation(f, lambda u, u_t, u_x, u_xx, **_: u_t + u * u_x - nu * u_xx, KIND, FORM)
    if not nu > 0:
        raise refuse(KIND, f"Its equation is {FORM}; here nu = {nu:g}.")
    return nu


def check(problem: Problem) -> None:
    """Refuse another problem than the one solved here.

    Raises:
        ProblemError: saying what differs.
    """
    viscosity(problem)
    check_range(problem, {"x": (-1, 1)}, KIND)
    check_initial(problem, initial, KIND, "-sin(pi*x)")
    for constraint in problem.conditions:
        if "x" not in constraint.where:
            continue
        zero, one = data_of(constraint, problem, t=np.linspace(0, 1, 5))
        if (
            set(constraint.where) != {"x"}
            or abs(constraint.where["x"]) != 1
            or not np.all(zero == 0)
            or not np.all(one != 0)
        ):
            raise refuse(KIND, f"It has u = 0 at both ends, or is periodic; {constraint.name!r} says otherwise.")


def solve(problem: Problem, grid: Mapping[str, np.ndarray], step: float = 0.05) -> Reference:
    """Return the solution on a grid; its uncertainty is the difference to twice the step."""
    nu, t, x = viscosity(problem), grid["t"], grid["x"]
    u = cole_hopf(nu, t, x, step)
    return Reference(KIND, {problem.unknowns[0]: oriented(problem, u)}, relative_l2(cole_hopf(nu, t, x, 2 * step), u))
