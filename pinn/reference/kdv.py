"""Korteweg-de Vries equation from cos(pi x), periodic on [-1, 1]: Fourier modes with an integrating factor.

The linear part is solved exactly, the rest by an error-controlled Runge-Kutta method of order eight from scipy.
Initial data of Zabusky & Kruskal (1965), Phys. Rev. Lett. 15(6), 240-243.
"""

from collections.abc import Mapping

import numpy as np

from pinn.problem import Problem
from pinn.reference.base import (
    Reference,
    check_equation,
    check_initial,
    check_periodic,
    check_range,
    coefficients,
    evaluate,
    oriented,
    relative_l2,
)

KIND = "kdv"
FORM = "u_t + u*u_x + d*u_xxx with a constant d"


def initial(x: np.ndarray) -> np.ndarray:
    """Return cos(pi x)."""
    return np.cos(np.pi * x)


def modes(dispersion: float, times: np.ndarray, n: int, tolerance: float = 1e-12) -> np.ndarray:
    """Integrate the Fourier modes of u_t + u u_x + d u_xxx = 0.

    Args:
        dispersion: d, dimensionless.
        times: ascending from 0, (T,).
        n: number of grid points; the upper third of the modes is kept at zero, so that products are not aliased.
        tolerance: of the integrator, relative and absolute.

    Returns:
        Coefficients for exp(i pi k (x + 1)), k = 0 ... n/2, (T, n/2 + 1).
    """
    from scipy.integrate import solve_ivp

    k = np.pi * np.arange(n // 2 + 1)
    kept = np.arange(n // 2 + 1) <= n // 3
    x = -1 + 2 * np.arange(n) / n

    def turned(t: float) -> np.ndarray:
        return np.exp(1j * dispersion * k**3 * t)

    def rate(t: float, w: np.ndarray) -> np.ndarray:
        u = np.fft.irfft(w * turned(t), n, norm="forward")
        return -0.5j * k * kept * np.fft.rfft(u * u, norm="forward") / turned(t)

    start = np.fft.rfft(initial(x), norm="forward") * kept
    found = solve_ivp(rate, (0.0, times[-1]), start, method="DOP853", t_eval=times, rtol=tolerance, atol=tolerance / 10)
    return (found.y * np.stack([turned(t) for t in times], axis=1)).T


def constants(problem: Problem) -> float:
    """Read d off the equation.

    Raises:
        ProblemError: if the problem is another than this module solves.
    """
    f = coefficients(problem, KIND)
    dispersion = float(f(u_xxx=1.0) - f())
    check_equation(f, lambda u, u_t, u_x, u_xxx, **_: u_t + u * u_x + dispersion * u_xxx, KIND, FORM)
    return dispersion


def check(problem: Problem) -> None:
    """Refuse another problem than the one solved here.

    Raises:
        ProblemError: saying what differs.
    """
    constants(problem)
    check_range(problem, {"x": (-1, 1)}, KIND)
    check_periodic(problem, KIND)
    check_initial(problem, initial, KIND, "cos(pi*x)")


def solve(problem: Problem, grid: Mapping[str, np.ndarray], n: int = 512) -> Reference:
    """Return the solution on a grid, uncertain by the difference to 3/4 of the modes and a looser tolerance."""
    dispersion, (t, x) = constants(problem), (grid["t"], grid["x"])
    times = t if t[0] == 0 else np.concatenate([[0.0], t])

    def at(n: int, tolerance: float) -> np.ndarray:
        return evaluate(modes(dispersion, times, n, tolerance), x)[len(times) - len(t) :]

    u, coarse = at(n, 1e-12), at(3 * n // 4, 1e-10)
    return Reference(KIND, {problem.unknowns[0]: oriented(problem, u)}, relative_l2(coarse, u))
