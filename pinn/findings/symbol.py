"""Which type evolution equations and steady ones of order two are of, by their symbols linearised at random states."""

from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from pinn.language.residual import partial_derivative
from pinn.problem import TIME, Problem, partials_of
from pinn.reference.terms import Impossible, Slot, System, call

SAMPLES = 40
# Wave numbers, in lengths of the domain, that count as short: whatever has the highest order decides.
WAVES = 2 * np.pi * np.array([1e6, 2e6])
DIRECTIONS = 8  # of waves, beside those along one coordinate


def type_of(problem: Problem) -> tuple[str, bool]:
    """Return the type in words, empty if not known; and whether short waves grow, the faster the shorter they are."""
    try:
        return _evolution(problem) if TIME in problem.coordinates else (_steady(problem), False)
    except (Impossible, np.linalg.LinAlgError):
        return "", False


def _somewhere(problem: Problem, fixed: dict[str, float]) -> dict[str, np.ndarray]:
    """Return random points, by coordinate."""
    rng = np.random.default_rng(0)
    inside = {c: rng.uniform(lo, hi, SAMPLES) for c, (lo, hi) in problem.domain.bounds.items()}
    return inside | {c: np.full(SAMPLES, v) for c, v in fixed.items()}


def _evolution(problem: Problem) -> tuple[str, bool]:
    system = System(problem)
    if not system.space:
        return "ordinary differential equations in time", False
    points, rng = _somewhere(problem, {TIME: problem.domain.bounds[TIME][0]}), np.random.default_rng(1)
    try:
        state = system.initial(points, (SAMPLES,))
    except Impossible:
        state = rng.normal(size=(system.count, SAMPLES))
    values: dict[Slot, np.ndarray] = {}

    def of(slot: Slot) -> np.ndarray:
        if slot not in values:
            values[slot] = rng.normal(size=SAMPLES) if slot.axes else state[slot.component]
        return values[slot]

    slopes = system.linearised(of, points, (SAMPLES,))
    found = [np.linalg.eigvals(m[np.all(np.isfinite(m), axis=(1, 2))]) for m in _symbols(system, slopes)]
    grow, decay, turn = (
        [float(part(f).max(initial=0.0)) for f in found]
        for part in (lambda f: f.real, lambda f: -f.real, lambda f: np.abs(f.imag))
    )
    if grow[1] > 1.5 * grow[0] and grow[1] > 1e-6 * turn[1]:
        return "", True
    orders = [np.log2(s[1] / s[0]) if s[0] > 0 else 0.0 for s in (decay, turn)]
    if orders[0] > 1.5 and decay[1] > 1e-6 * turn[1]:
        return "parabolic" + (" and dispersive" if orders[1] > 1.5 and turn[1] > 1e-3 * decay[1] else ""), False
    return ("dispersive" if orders[1] > 1.5 else "hyperbolic" if orders[1] > 0.5 else ""), False


def _directions(count: int) -> np.ndarray:
    """Return unit vectors along each coordinate of space and at random, (D, count)."""
    random = np.random.default_rng(3).normal(size=(DIRECTIONS if count > 1 else 0, count))
    found = np.concatenate([np.eye(count), random])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def _symbols(system: System, slopes: dict[Slot, np.ndarray]) -> list[np.ndarray]:
    """Return, for each wave number, the matrices that act on the components: at every point, for every direction."""
    problem, out = system.problem, []
    for k in WAVES:
        matrices = []
        for direction in _directions(len(system.space)):
            wave = {a: 1j * k * d / problem.domain.length(problem.coordinates[a])
                    for a, d in zip(system.space, direction, strict=True)}  # fmt: skip
            matrix = np.zeros((SAMPLES, system.count, system.count), complex)
            for row, (j, level) in enumerate(system.components):
                if level + 1 < system.orders[j]:
                    matrix[:, row, system.components.index((j, level + 1))] = 1
                    continue
                for slot, by_unknown in slopes.items():
                    matrix[:, row, slot.component] += by_unknown[j] * np.prod([wave[a] for a in slot.axes])
            matrices.append(matrix)
        out.append(np.concatenate(matrices))
    return out


def _steady(problem: Problem) -> str:
    """Look at the signs of the principal symbol of one equation of order two."""
    residual, u = problem.equations[0].residual, problem.unknowns[0]
    space = [c for c in problem.coordinates if problem.order(c)]  # without the parameters of a family
    d = len(space)
    if len(problem.unknowns) > 1 or d < 2 or max(len(p.axes) for p in partials_of(residual, problem.symbols)) != 2:
        return ""
    rng, values = np.random.default_rng(1), _somewhere(problem, {}) | dict(problem.parameters)
    values |= {n: rng.normal(size=SAMPLES) for n in residual.needs if n not in values}
    symbol = np.zeros((SAMPLES, d, d))
    for a, b in combinations_with_replacement(range(d), 2):
        name: Any = f"{u}_{space[a]}{space[b]}"
        slope = np.broadcast_to(call(partial_derivative(residual, name), values), SAMPLES)
        symbol[:, a, b] += slope / 2
        symbol[:, b, a] += slope / 2
    found = np.linalg.eigvalsh(symbol)
    zero = np.abs(found) <= 1e-12 * np.abs(found).max(axis=1, keepdims=True)
    signs = np.where(zero, 0.0, np.sign(found)).sum(axis=1)
    if np.all(zero.sum(axis=1) == 1) and np.all(np.abs(signs) == d - 1):
        return "parabolic"
    if np.all(np.abs(signs) == d):
        return "elliptic"
    return "hyperbolic" if not zero.any() and np.all(np.abs(signs) == d - 2) else "of mixed type"
