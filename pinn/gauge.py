"""The constant that equations and conditions leave open, such as that of a pressure, and the mean that fixes it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pinn.errors import ProblemError, unknown
from pinn.language import constant
from pinn.language.residual import partial_derivative
from pinn.problem import TIME, Constraint, Problem

SAMPLES = 64
SHIFT = 0.7  # of no meaning: a constant that is added
NODES, MOST, DIMENSIONS = 4096, 128, 3  # of quadrature, in all and along a coordinate; that a mean is taken in


def _tries(problem: Problem) -> Iterator[tuple[Constraint, dict[str, Any]]]:
    """Yield the constraints, each with random values of all that it may mention."""
    rng = np.random.default_rng(0)
    for constraint in problem.constraints:
        values: dict[str, Any] = {n: rng.standard_normal(SAMPLES) for n in constraint.residual.needs}
        for c, (lo, hi) in problem.domain.bounds.items():
            values[c] = np.full(SAMPLES, constraint.where[c]) if c in constraint.where else rng.uniform(lo, hi, SAMPLES)
        yield constraint, values | problem.parameters


def seen_by(problem: Problem, name: str) -> str:
    """Name the first constraint that changes where a constant is added to an unknown; empty if none does.

    By trying, at random values: it does not matter how an equation is written.
    """
    for constraint, values in _tries(problem):
        with np.errstate(all="ignore"):
            here, there = (
                np.asarray(constraint.residual.fn(**{n: v[n] for n in constraint.residual.needs}), float)
                for v in (values, values | ({name: values[name] + SHIFT} if name in values else {}))
            )
        if np.any(~np.isclose(here, there, rtol=1e-12, atol=0, equal_nan=True)):
            return constraint.name
    return ""


def open_together(problem: Problem, names: Sequence[str]) -> list[str]:
    """Name unknowns that may all be larger by constants at once, though none may alone; none if there are no such.

    By the null vectors of the derivatives of all constraints in these unknowns, at random values.
    """
    if len(names) < 2:
        return []
    rows = []
    for constraint, values in _tries(problem):
        slopes = (partial_derivative(constraint.residual, n) for n in names)
        with np.errstate(all="ignore"):
            found = [np.broadcast_to(s.fn(**{n: values[n] for n in s.needs}), SAMPLES) for s in slopes]
        rows.append(np.stack(found, axis=1))
    matrix = np.concatenate(rows)
    sizes = np.abs(matrix).max(axis=0)
    if not np.all(np.isfinite(matrix)) or not np.all(sizes > 0):
        return []
    _, singular, vectors = np.linalg.svd(matrix / sizes, full_matrices=False)
    if singular[-1] > 1e-12 * singular[0]:
        return []
    return [n for n, part in zip(names, vectors[-1], strict=True) if abs(part) > 1e-6]


def means_of(given: Mapping[str, Any], problem: Problem) -> dict[str, float]:
    """Read what the means over the domain are to be, and check that they are open.

    Args:
        given: numbers, or arithmetic of parameters, by unknown.
        problem: without them.

    Raises:
        ProblemError: for an unknown that does not exist, or whose mean the equations and conditions know already; and
            where there is time, a coordinate no equation differentiates by, or more than three dimensions.
    """
    found = {}
    for name, value in given.items():
        key, written = ("means", name), str(value)
        if name not in problem.unknowns:
            raise unknown("unknown", name, problem.unknowns, key)
        try:
            found[name] = constant(value, dict(problem.parameters))
        except ProblemError as error:
            raise error.under(*key) from None
        if idle := [c for c in problem.coordinates if c == TIME or not problem.order(c)]:
            point = ", ".join(f"{c}={lo:g}" for c, (lo, _) in problem.domain.bounds.items() if c not in idle)
            raise ProblemError(
                f"a mean over the domain fixes one constant; here there is one for each {idle[0]}. Write a condition "
                f'at a point instead: {{where: "{point}", equation: {name} = ...}}.',
                key, written,
            )  # fmt: skip
        if len(problem.coordinates) > DIMENSIONS:
            raise ProblemError(
                f"a mean is taken in {DIMENSIONS} dimensions at most; in {len(problem.coordinates)} it takes too many "
                "points. Write a condition at a point instead.",
                key, written,
            )  # fmt: skip
        if seen := seen_by(problem, name):
            raise ProblemError(
                f"the mean of {name!r} is not open: {seen!r} changes where a constant is added to it. Remove one.",
                key, written,
            )  # fmt: skip
    return found


def mean_rule(problem: Problem) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return quadrature of a mean along each coordinate: nodes and weights, (n,) each.

    Gauss's rule, exact for polynomials of degree 2 n - 1, and equal steps where it is periodic. Of n nodes: 128 in one
    dimension, 64 in two, 16 in three.
    """
    n = min(MOST, int(NODES ** (1 / len(problem.coordinates)) + 1e-9))
    axes, weights = [], []
    for coordinate, (lo, hi) in problem.domain.bounds.items():
        nodes, weight = np.polynomial.legendre.leggauss(n)
        if coordinate in problem.domain.periodic:
            nodes, weight = -1 + 2 * np.arange(n) / n, np.full(n, 2 / n)
        axes.append(lo + (hi - lo) * (nodes + 1) / 2)
        weights.append(weight / 2)
    return axes, weights


def mean_points(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Return quadrature of a mean over the domain: points (N, d), weights (N,)."""
    axes, weights = ([a.ravel() for a in np.meshgrid(*along, indexing="ij")] for along in mean_rule(problem))
    return np.stack(axes, axis=1), np.prod(weights, axis=0)
