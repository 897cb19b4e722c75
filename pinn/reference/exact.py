"""A true solution given by a formula in the problem file, checked against the equations before it is believed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pinn.errors import ProblemError, unknown
from pinn.gauge import mean_points
from pinn.language import Residual, from_text
from pinn.language.calculus import differentiate
from pinn.language.residual import partial_derivative
from pinn.language.tree import Node, evaluate, numpy_functions
from pinn.problem import Constraint, Problem
from pinn.reference.base import Reference
from pinn.reference.terms import call

KIND = "exact"
TOLERANCE = 1e-4  # of the terms of a residual: a formula may have rounded constants
ZERO = 1e-8  # of the solution: a residual below TOLERANCE times that is none, where all of its terms vanish
SAFETY, ROUND_OFF = 3, 1e-10  # times the mismatch a formula is uncertain; what is below is taken for round-off
EPS = 1e-13  # of the largest name: residuals below it are round-off


def formulas(problem: Problem) -> dict[str, Residual]:
    """Compile the formula of every unknown.

    Raises:
        ProblemError: for a missing or superfluous formula, or one that is not a function of the coordinates.
    """
    given = {k: v for k, v in problem.reference.items() if k != "kind"}
    symbols = replace(problem.symbols, unknowns=())
    for name in given:
        if name not in problem.unknowns:
            raise unknown("unknown", name, problem.unknowns, ("reference", name))
    out = {}
    for name in problem.unknowns:
        if name not in given:
            raise ProblemError(f"gives no formula for {name!r}; write {name}: ... .", ("reference",))
        try:
            out[name] = from_text(str(given[name]), symbols)
        except ProblemError as error:
            raise error.under("reference", name) from None
    return out


def on_formulas(residual: Residual, problem: Problem, trees: Mapping[str, Node]) -> dict[str, Node]:
    """Return what each unknown and derivative of a residual is, by the rules of calculus."""
    out = {}
    for name in residual.needs:
        partial = None if name in problem.coordinates else problem.symbols.partial(name)
        if partial is not None:
            out[name] = _derivative(problem, trees[problem.unknowns[partial.unknown]], partial.axes)
    return out


def _derivative(problem: Problem, tree: Node, axes: Sequence[int]) -> Node:
    for axis in axes:
        tree = differentiate(tree, problem.coordinates[axis])
    return tree


def _values(tree: Node, problem: Problem, points: np.ndarray) -> np.ndarray:
    """Evaluate an expression at points (N, d), (N,)."""
    given = dict(zip(problem.coordinates, points.T, strict=True)) | dict(problem.parameters)
    with np.errstate(all="ignore"):
        return np.broadcast_to(evaluate(tree, given, numpy_functions()), len(points)).astype(float)


def check(problem: Problem) -> None:
    """Refuse a formula that does not satisfy the equations, the conditions and the periodicity.

    Raises:
        ProblemError: naming the constraint and a point where it fails.
    """
    mismatch(problem)


def mismatch(problem: Problem) -> float:
    """Return the largest residual of a formula at random points, beside its terms or the solution.

    Raises:
        ProblemError: naming the constraint and a point where it is above `TOLERANCE`.
    """
    trees = {name: f.tree for name, f in formulas(problem).items()}
    solutions = max(float(np.abs(_values(t, problem, _inner_points(problem, {}))).max()) for t in trees.values())
    found = [0.0]
    for constraint in problem.constraints:
        points = _inner_points(problem, constraint.where)
        residual, size, parts = _residual(problem, constraint, trees, points)
        # A large derivative with a small factor counts as what it adds.
        tolerable = max(min(size, parts), ZERO * solutions)
        off = _refuse_if_large(problem, residual, tolerable, points, repr(constraint.name))
        found.append(off / parts if off > EPS * size and parts else 0.0)
    for name, mean in problem.means.items():
        points, weights = mean_points(problem)
        formula, size = float(weights @ _values(trees[name], problem, points)), max(abs(mean), solutions)
        if not abs(formula - mean) <= TOLERANCE * size:
            raise ProblemError(
                f"the formula has a mean of {formula:.6g} over the domain, and means.{name} says {mean:g}.",
                ("reference", name), str(problem.reference[name]),
            )  # fmt: skip
        found.append(abs(formula - mean) / size if size else 0.0)
    for coordinate in problem.domain.periodic:
        lo, hi = (_inner_points(problem, {coordinate: end}) for end in problem.domain.bounds[coordinate])
        axis, inside = problem.coordinates.index(coordinate), _inner_points(problem, {})
        for order in range(max(1, problem.order(coordinate))):
            for tree in (_derivative(problem, t, [axis] * order) for t in trees.values()):
                at_lo, at_hi, among = (_values(tree, problem, points) for points in (lo, hi, inside))
                # Of the solution anywhere: at its ends it may well be zero.
                size = max(float(np.abs(among).max()), float(np.abs(at_lo).max()), ZERO * solutions)
                off = _refuse_if_large(problem, at_lo - at_hi, size, lo, f"the periodicity in {coordinate!r}")
                found.append(off / max(size, solutions) if off else 0.0)
    return max(found)


def _refuse_if_large(problem: Problem, residual: np.ndarray, size: float, points: np.ndarray, what: str) -> float:
    """Return the largest residual, if it is tolerable beside a size."""
    worst = int(np.argmax(np.where(np.isfinite(residual), np.abs(residual), np.inf)))
    if abs(residual[worst]) <= TOLERANCE * size:
        return float(abs(residual[worst]))
    where = ", ".join(f"{c}={v:.3g}" for c, v in zip(problem.coordinates, points[worst], strict=True))
    raise ProblemError(
        f"the formula does not satisfy {what}: its residual is {residual[worst]:.3g} at {where}. "
        "Mend the formula, the equation or the condition.",
        ("reference", problem.unknowns[0]),
        str(problem.reference[problem.unknowns[0]]),
    )


def _inner_points(problem: Problem, where: Mapping[str, float], n: int = 40) -> np.ndarray:
    """Return random points with some coordinates held fixed, (n, d)."""
    unit = np.random.default_rng(2).random((n, len(problem.coordinates)))
    columns = [
        np.full(n, where[c]) if c in where else lo + (hi - lo) * unit[:, i]
        for i, (c, (lo, hi)) in enumerate(problem.domain.bounds.items())
    ]
    return np.stack(columns, axis=1)


def _residual(
    problem: Problem, constraint: Constraint, trees: Mapping[str, Node], points: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """Return a constraint's residual (N,), the size of the largest name in it, and of what the largest adds inside."""
    residual = constraint.residual
    values = dict(zip(problem.coordinates, points.T, strict=True)) | dict(problem.parameters)
    terms = {n: _values(t, problem, points) for n, t in on_formulas(residual, problem, trees).items()}
    values |= terms | {p: np.asarray(v) for p, v in problem.parameters.items()}
    found = residual.fn(**{n: values[n] for n in residual.needs})
    inside = _inner_points(problem, {})
    parts = [
        np.abs(call(partial_derivative(residual, n), values)).max() * np.abs(_values(t, problem, inside)).max()
        for n, t in on_formulas(residual, problem, trees).items()
    ]
    size = max((float(np.abs(t).max()) for t in terms.values()), default=0.0)
    return np.broadcast_to(found, len(points)), size, float(max(parts, default=0.0))


def solve(problem: Problem, grid: Mapping[str, np.ndarray]) -> Reference:
    """Return the formula's values on a grid; they are as uncertain as the formula fails the equations."""
    mesh = dict(
        zip(problem.coordinates, np.meshgrid(*(grid[c] for c in problem.coordinates), indexing="ij"), strict=True)
    )
    points = np.stack([mesh[c].ravel() for c in problem.coordinates], axis=1)
    shape = next(iter(mesh.values())).shape
    values = {name: _values(f.tree, problem, points).reshape(shape) for name, f in formulas(problem).items()}
    off = SAFETY * mismatch(problem)
    return Reference(KIND, values, off if off > ROUND_OFF else float(np.finfo(float).eps))
