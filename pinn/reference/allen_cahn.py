"""Allen-Cahn equation from x^2 cos(pi x), periodic on [-1, 1]: Fourier modes and ETDRK4, in numpy.

The initial data have a kink at x = +-1, so a transform of their samples would be off by 1e-5 (512 points) or
2e-7 (8192 points). The modes start from the exact coefficients instead.
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
    refuse,
    relative_l2,
)

KIND = "allen_cahn"
FORM = "u_t - eps*u_xx + r*(u**3 - u) with constants eps > 0 and r"


def initial(x: np.ndarray) -> np.ndarray:
    """Return x^2 cos(pi x)."""
    return x**2 * np.cos(np.pi * x)


def initial_modes(n: int) -> np.ndarray:
    """Return the Fourier coefficients c_k of x^2 cos(pi x) for exp(i pi k (x + 1)), k = 0 ... n/2.

    By integration by parts, the integral of x^2 cos(pi m x) over [0, 1] is 1/3 for m = 0, else 2 (-1)^m / (pi m)^2.
    """
    k = np.arange(n // 2 + 1)

    def moment(m: np.ndarray) -> np.ndarray:
        return np.where(m == 0, 1 / 3, 2 * (-1.0) ** m / (np.pi * np.where(m == 0, 1, m)) ** 2)

    return (-1.0) ** k * 0.5 * (moment(k + 1) + moment(np.abs(k - 1)))


def etdrk4_factors(linear: np.ndarray, dt: float) -> tuple[np.ndarray, ...]:
    """Return e^(L dt), e^(L dt/2) and the four weights of ETDRK4, by means over a circle around each L dt.

    Source: Kassam & Trefethen (2005), SIAM J. Sci. Comput. 26(4), 1214-1233 (ETDRK4, and its contour integrals).
    """
    z = dt * linear[:, None] + np.exp(1j * np.pi * (np.arange(1, 65) - 0.5) / 64)

    def mean(values: np.ndarray) -> np.ndarray:
        return dt * np.mean(values, axis=1).real

    return (
        np.exp(dt * linear),
        np.exp(dt * linear / 2),
        mean((np.exp(z / 2) - 1) / z),
        mean((-4 - z + np.exp(z) * (4 - 3 * z + z**2)) / z**3),
        mean((2 + z + np.exp(z) * (-2 + z)) / z**3),
        mean((-4 - 3 * z - z**2 + np.exp(z) * (4 - z)) / z**3),
    )


def modes(eps: float, rate: float, times: np.ndarray, n: int, dt: float) -> np.ndarray:
    """Integrate the Fourier modes.

    Args:
        eps: diffusion, dimensionless.
        rate: r of the reaction r (u^3 - u).
        times: ascending from 0, (T,).
        n: number of grid points, twice that of modes; products are taken on 2n points, without aliasing.
        dt: longest time step.

    Returns:
        Coefficients for exp(i pi k (x + 1)), k = 0 ... n/2, (T, n/2 + 1).
    """
    linear = -eps * (np.pi * np.arange(n // 2 + 1)) ** 2 + rate

    def cubic(v: np.ndarray) -> np.ndarray:
        u = np.fft.irfft(v, 2 * n, norm="forward")
        return -rate * np.fft.rfft(u**3, norm="forward")[: n // 2 + 1]

    v, out, known = initial_modes(n), [], {}
    out.append(v)
    for gap in np.diff(times):
        steps = max(1, int(np.ceil(gap / dt - 1e-9)))
        length = round(gap / steps, 14)
        if length not in known:
            known[length] = etdrk4_factors(linear, length)
        e, e2, q, f1, f2, f3 = known[length]
        for _ in range(steps):
            n0 = cubic(v)
            a = e2 * v + q * n0
            n1 = cubic(a)
            n2 = cubic(e2 * v + q * n1)
            n3 = cubic(e2 * a + q * (2 * n2 - n0))
            v = e * v + n0 * f1 + 2 * (n1 + n2) * f2 + n3 * f3
        out.append(v)
    return np.array(out)


def constants(problem: Problem) -> tuple[float, float]:
    """Read eps and r off the equation.

    Raises:
        ProblemError: if the problem is another than this module solves.
    """
    f = coefficients(problem, KIND)
    eps, rate = -float(f(u_xx=1.0) - f()), float(f(u=2.0) - f()) / 6
    check_equation(f, lambda u, u_t, u_xx, **_: u_t - eps * u_xx + rate * (u**3 - u), KIND, FORM)
    if not eps > 0:
        raise refuse(KIND, f"Its equation is {FORM}; here eps = {eps:g}.")
    return eps, rate


def check(problem: Problem) -> None:
    """Refuse another problem than the one solved here.

    Raises:
        ProblemError: saying what differs.
    """
    constants(problem)
    check_range(problem, {"x": (-1, 1)}, KIND)
    check_periodic(problem, KIND)
    check_initial(problem, initial, KIND, "x**2*cos(pi*x)")


def solve(problem: Problem, grid: Mapping[str, np.ndarray], n: int = 4096, dt: float = 6.25e-4) -> Reference:
    """Return the solution on a grid; its uncertainty is the difference to half the modes and twice the step."""
    (eps, rate), (t, x) = constants(problem), (grid["t"], grid["x"])
    times = t if t[0] == 0 else np.concatenate([[0.0], t])

    def at(n: int, dt: float) -> np.ndarray:
        u = evaluate(modes(eps, rate, times, n, dt), x)
        u[0] = initial(x)
        return u[len(times) - len(t) :]

    u, coarse = at(n, dt), at(n // 2, 2 * dt)
    return Reference(KIND, {problem.unknowns[0]: oriented(problem, u)}, relative_l2(coarse, u))
