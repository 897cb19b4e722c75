"""Lid-driven cavity at Reynolds number 100: its stream function by Chebyshev collocation and Newton's method.

The velocity of a lid of constant speed jumps at its two ends. The flow there is Taylor's between a wall and a plate
scraped along it, a solution of Stokes' equations in closed form; with it taken out of both corners the rest is smooth
enough for polynomials. A lid at rest at its ends needs nothing of it.

Sources: Taylor (1962), in Miscellaneous Papers in Applied Mechanics (Cambridge), for the corner; Botella & Peyret
(1998), Computers & Fluids 27(4), 421-433, for taking it out, and for the figures compared with.

Usage: python experiments/cavity/reference.py  (writes cavity.npz, cavity_corners.npz, cavity_regularized.npz and
cavity_stream.npz)
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.linalg import lstsq
from scipy.optimize import minimize_scalar

sys.path.insert(0, str(Path(__file__).parents[1]))
from data_files import write_data

RE = 100.0
JUMPING, RESTING = (56, 48), (40, 32)  # points to a coordinate; the difference of the two is the uncertainty
GRID = np.linspace(0, 1, 65)
STEPS, ENOUGH = 12, 1e-12
CHANGE = 1e-14  # from a corner, where its limits are taken

# Ghia, Ghia & Shin (1982), J. Comput. Phys. 48(3), 387-411: u on x = 1/2, v on y = 1/2.
GHIA_Y = (0.9766, 0.9688, 0.9609, 0.9531, 0.8516, 0.7344, 0.6172, 0.5, 0.4531, 0.2813, 0.1719, 0.1016, 0.0703,
          0.0625, 0.0547)  # fmt: skip
GHIA_U = (0.84123, 0.78871, 0.73722, 0.68717, 0.23151, 0.00332, -0.13641, -0.20581, -0.21090, -0.15662, -0.10150,
          -0.06434, -0.04775, -0.04192, -0.03717)  # fmt: skip
GHIA_X = (0.9688, 0.9609, 0.9531, 0.9453, 0.9063, 0.8594, 0.8047, 0.5, 0.2344, 0.2266, 0.1563, 0.0938, 0.0781,
          0.0703, 0.0625)  # fmt: skip
GHIA_V = (-0.05906, -0.07391, -0.08864, -0.10313, -0.16914, -0.22445, -0.24533, 0.05454, 0.17527, 0.17507, 0.16077,
          0.12317, 0.10890, 0.10091, 0.09233)  # fmt: skip
BOTELLA = {"least u on x = 1/2": -0.2140424, "largest v on y = 1/2": 0.1795728, "least v on y = 1/2": -0.2538030}


class Flow(NamedTuple):
    """A stream function: values at Chebyshev points (n, n), and whether the corner flows are to be added."""

    values: np.ndarray
    cornered: bool


def corner(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return s, s_x, s_y, L, L_x, L_y of Taylor's flow, L = s_xx + s_yy; the lid y = 0 moves along x at speed 1."""
    c = 1 / (1 - np.pi**2 / 4)
    b, d = -c * np.pi**2 / 4, c * np.pi / 2
    square, angle, line = x**2 + y**2, np.arctan2(y, x), 2 * d * x - 2 * c * y
    s = b * y + (c * x + d * y) * angle
    s_x = c * angle - (c * x + d * y) * y / square
    s_y = b + d * angle + (c * x + d * y) * x / square
    l_x = 2 * d / square - 2 * x * line / square**2
    l_y = -2 * c / square - 2 * y * line / square**2
    return s, s_x, s_y, line / square, l_x, l_y


def corners(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the same of the sum of both corner flows, of a lid y = 1 that moves along x."""
    x = np.where(y < 1, x, np.clip(x, CHANGE, 1 - CHANGE))
    left, right = corner(x, 1 - y), corner(1 - x, 1 - y)
    signs = ((-1, -1), (-1, 1), (1, 1), (-1, -1), (-1, 1), (1, 1))
    return tuple(p * f + q * g for (p, q), f, g in zip(signs, left, right, strict=True))


def points(n: int) -> np.ndarray:
    """Return Chebyshev points of [0, 1], (n,)."""
    return (1 - np.cos(np.pi * np.arange(n) / (n - 1))) / 2


def interpolation(n: int, x: np.ndarray) -> np.ndarray:
    """Return the matrix from values at the points to values at x, (X, n)."""
    weights = np.where(np.arange(n) % 2, -1.0, 1.0) * np.where(np.arange(n) % (n - 1), 1.0, 0.5)
    apart = x[:, None] - points(n)
    hit = np.abs(apart) < 1e-15
    out = weights / np.where(hit, 1, apart)
    out /= out.sum(axis=1, keepdims=True)
    return np.where(hit.any(axis=1, keepdims=True), hit, out)


def differentiation(n: int) -> np.ndarray:
    """Return the matrix of the first derivative, (n, n)."""
    x, k = points(n), np.arange(n)
    weights = np.where(k % 2, -1.0, 1.0) * np.where(k % (n - 1), 1.0, 0.5)
    out = weights[None, :] / weights[:, None] / (x[:, None] - x[None, :] + np.eye(n))
    np.fill_diagonal(out, 0)
    return out - np.diag(out.sum(axis=1))


def solve(n: int, cornered: bool) -> Flow:
    """Solve s_y L_x - s_x L_y = (L_xx + L_yy)/Re with s = 0 and given slopes at the walls.

    Args:
        n: points to a coordinate.
        cornered: a lid of speed 1; otherwise of speed 16 x^2 (1 - x)^2.
    """
    d, one, x = differentiation(n), np.eye(n), points(n)
    d2, d3 = d @ d, d @ d @ d
    s_x, s_y = np.kron(d, one), np.kron(one, d)
    l_x, l_y = np.kron(d3, one) + np.kron(d, d2), np.kron(d2, d) + np.kron(one, d3)
    bilaplacian = np.kron(d2 @ d2, one) + 2 * np.kron(d2, d2) + np.kron(one, d2 @ d2)
    xs, ys = (m.ravel() for m in np.meshgrid(x, x, indexing="ij"))
    with np.errstate(all="ignore"):
        known = corners(xs, ys) if cornered else tuple(np.zeros(n * n) for _ in range(6))

    conditions, right = np.zeros((n * n, n * n)), np.zeros(n * n)
    inner = np.zeros((n, n), bool)
    inner[2:-2, 2:-2] = True
    for i in range(n):
        for j in range(n):
            q = i * n + j
            if i in (0, n - 1) or j in (0, n - 1):
                conditions[q, q], right[q] = 1, -known[0][q]
            elif i in (
                1,
                n - 2,
            ):  # the slope at the wall beside it; at the ring's corners that along the other axis follows
                wall = (0 if i == 1 else n - 1) * n + j
                conditions[q], right[q] = s_x[wall], -known[1][wall]
            elif j in (1, n - 2):
                wall = i * n + (0 if j == 1 else n - 1)
                lid = (1.0 if cornered else 16 * x[i] ** 2 * (1 - x[i]) ** 2) if j == n - 2 else 0.0
                conditions[q], right[q] = s_y[wall], lid - known[2][wall]

    sub = np.flatnonzero(inner)
    linear = bilaplacian[sub] / RE
    a, b, c, e = s_x[sub], s_y[sub], l_x[sub], l_y[sub]
    values = np.zeros(n * n)
    for _ in range(STEPS):
        u, v, f, g = (m @ values + known[k][sub] for m, k in ((b, 2), (a, 1), (c, 4), (e, 5)))
        residual, jacobian = conditions @ values - right, conditions.copy()
        residual[sub] = linear @ values - u * f + v * g
        jacobian[sub] = linear - u[:, None] * c - f[:, None] * b + v[:, None] * e + g[:, None] * a
        scale = 1 / np.abs(jacobian).max(axis=1)
        step = np.linalg.solve(jacobian * scale[:, None], residual * scale)
        values -= step
        if np.abs(step).max() < ENOUGH:
            break
    return Flow(values.reshape(n, n), cornered)


def fields(flow: Flow, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return stream function and velocity on a tensor grid."""
    n = len(flow.values)
    along, across, d = interpolation(n, x), interpolation(n, y).T, differentiation(n)
    s, s_x, s_y = (along @ v @ across for v in (flow.values, d @ flow.values, flow.values @ d.T))
    if flow.cornered:
        with np.errstate(all="ignore"):
            known = corners(*np.meshgrid(x, y, indexing="ij"))
        s, s_x, s_y = s + known[0], s_x + known[1], s_y + known[2]
    return s, s_y, -s_x


def without_corners(flow: Flow, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Return the velocity on a tensor grid less that of both corner flows, 2 on the lid in sum, and plus 1 along x."""
    n = len(flow.values)
    along, across, d = interpolation(n, x), interpolation(n, y).T, differentiation(n)
    return {"u": along @ flow.values @ d.T @ across + 1, "v": -(along @ d @ flow.values @ across)}


def pressure(flow: Flow, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the pressure on a tensor grid, zero at the first corner: the polynomial whose slopes fit best."""
    n = len(flow.values)
    d, s = differentiation(n), flow.values
    u, v = s @ d.T, -d @ s
    lap = d @ d @ s + s @ (d @ d).T
    p_x = lap @ d.T / RE - u * (d @ u) - v * (u @ d.T)
    p_y = -(d @ lap) / RE - u * (d @ v) - v * (v @ d.T)
    m = n - 2  # a lower degree fixes the pressure: no mode is left over
    up, slope = interpolation(m, points(n)), interpolation(m, points(n)) @ differentiation(m)
    matrix = np.concatenate([np.kron(slope, up), np.kron(up, slope), np.eye(1, m * m)])
    right = np.concatenate([p_x.ravel(), p_y.ravel(), [0.0]])
    found = lstsq(matrix, right, lapack_driver="gelsy")[0].reshape(m, m)
    return interpolation(m, x) @ found @ interpolation(m, y).T


def pressure_without_corners(flow: Flow, x: np.ndarray, y: np.ndarray, away: float = 0.08) -> np.ndarray:
    """Return the pressure less that of both corner flows, zero at the first corner, good away from the lid's ends.

    The slopes of h = p + (u^2 + v^2)/2 are (M_y/Re - L v, L u - M_x/Re), with L = s_xx + s_yy and M what of it is left.
    """
    n = len(flow.values)
    d, at = differentiation(n), points(n)
    with np.errstate(all="ignore"):
        known = corners(*np.meshgrid(at, at, indexing="ij"))
    lap = d @ d @ flow.values + flow.values @ (d @ d).T
    s_x, s_y, whole = d @ flow.values + known[1], flow.values @ d.T + known[2], lap + known[3]
    h_x, h_y = lap @ d.T / RE + whole * s_x, whole * s_y - d @ lap / RE
    m = n - 2
    up, slope = interpolation(m, at), interpolation(m, at) @ differentiation(m)
    far = (np.minimum(np.hypot.outer(at, 1 - at), np.hypot.outer(1 - at, 1 - at)) > away).ravel()
    matrix = np.concatenate([np.kron(slope, up)[far], np.kron(up, slope)[far], np.eye(1, m * m)])
    right = np.concatenate([h_x.ravel()[far], h_y.ravel()[far], [0.0]])
    h = interpolation(m, x) @ lstsq(matrix, right, lapack_driver="gelsy")[0].reshape(m, m) @ interpolation(m, y).T
    _, u, v = fields(flow, x, y)
    return h - (u**2 + v**2) / 2


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Return the relative L2 norm of a difference."""
    return float(np.linalg.norm(one - other) / np.linalg.norm(one))


def extremes(flow: Flow) -> dict[str, float]:
    """Return what Botella & Peyret give of the velocity on the centre lines."""
    half = np.array([0.5])

    def least(f, lo: float, hi: float) -> float:
        return float(minimize_scalar(f, bounds=(lo, hi), method="bounded", options={"xatol": 1e-9}).fun)

    return {
        "least u on x = 1/2": least(lambda y: fields(flow, half, np.array([y]))[1].item(), 0.3, 0.6),
        "largest v on y = 1/2": -least(lambda x: -fields(flow, np.array([x]), half)[2].item(), 0.1, 0.4),
        "least v on y = 1/2": least(lambda x: fields(flow, np.array([x]), half)[2].item(), 0.6, 0.95),
    }


def main() -> None:
    """Write the files and print what they were compared with."""
    fine, coarse = (solve(n, True) for n in JUMPING)
    (s, *whole), other = fields(fine, GRID, GRID), fields(coarse, GRID, GRID)
    told = ", ".join(f"{n} {difference(a, b):.1e}" for n, a, b in zip("suv", (s, *whole), other, strict=True))
    print(f"constant lid: stream function and velocity differ by {told}")
    for name, value in extremes(fine).items():
        print(f"  {name}: {value:.7f}, Botella & Peyret {BOTELLA[name]:.7f}")
    u = fields(fine, np.array([0.5]), np.array(GHIA_Y))[1].ravel()
    v = np.array([fields(fine, np.array([x]), np.array([0.5]))[2].item() for x in GHIA_X])
    print(f"  u on x = 1/2 differs from Ghia, Ghia & Shin by {difference(np.array(GHIA_U), u):.1e}, relative L2")
    print(f"  v on y = 1/2 differs from them by {difference(np.array(GHIA_V), v):.1e}")
    write_data("cavity", x=GRID, y=GRID, **dict(zip("uv", whole, strict=True)))
    one, other = (without_corners(flow, GRID, GRID) for flow in (fine, coarse))
    print("less the corner flows: differ by " + ", ".join(f"{n} {difference(one[n], other[n]):.1e}" for n in one))
    for name, full in zip("uv", whole, strict=True):
        sizes = [float(np.sqrt(np.mean(np.square(a)))) for a in (one[name], full)]
        print(f"  root mean square of {name}: {sizes[0]:.3f}, with the corner flows {sizes[1]:.3f}")
    write_data("cavity_corners", x=GRID, y=GRID, **one)

    fine, coarse = (solve(n, False) for n in RESTING)
    one, other = (dict(zip("suv", fields(flow, GRID, GRID), strict=True)) | {"p": pressure(flow, GRID, GRID)}
                  for flow in (fine, coarse))  # fmt: skip
    print("lid at rest at its ends: differ by " + ", ".join(f"{n} {difference(one[n], other[n]):.1e}" for n in one))
    write_data("cavity_stream", x=GRID, y=GRID, s=one.pop("s"))
    write_data("cavity_regularized", x=GRID, y=GRID, **one)


if __name__ == "__main__":
    main()
