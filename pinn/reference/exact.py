"""A true solution given by a formula in the problem file, checked against the equations before it is believed."""

from collections.abc import Callable, Mapping

import numpy as np

from pinn.errors import ProblemError, unknown
from pinn.language import Residual, Symbols, from_text
from pinn.problem import Constraint, Problem
from pinn.reference.base import Reference
from pinn.reference.differences import ACCURACY, stencil

KIND = "exact"
Function = Callable[[np.ndarray], np.ndarray]  # points (N, d) -> values (N,)


def formulas(problem: Problem) -> dict[str, Residual]:
    """Compile the formula of every unknown.

    Raises:
        ProblemError: for a missing or superfluous formula, or one that is not a function of the coordinates.
    """
    given = {k: v for k, v in problem.reference.items() if k != "kind"}
    symbols = Symbols(problem.coordinates, (), problem.parameters)
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


def _function(formula: Residual, problem: Problem) -> Function:
    def f(points: np.ndarray) -> np.ndarray:
        values = dict(zip(problem.coordinates, points.T, strict=True)) | dict(problem.parameters)
        return np.broadcast_to(formula.fn(**{n: values[n] for n in formula.needs}), len(points)).astype(float)

    return f


def check(problem: Problem) -> None:
    """Refuse a formula that does not satisfy the equations, the conditions and the periodicity.

    Derivatives are sixth-order differences with steps of a thousandth of the range, good to about 1e-6 of the
    terms involved.

    Raises:
        ProblemError: naming the constraint and a point where it fails.
    """
    functions = [_function(f, problem) for f in formulas(problem).values()]
    for constraint in problem.constraints:
        points = _inner_points(problem, constraint.where)
        residual, size = _residual(problem, constraint, functions, points)
        _refuse_if_large(problem, residual, size, points, repr(constraint.name))
    for coordinate in problem.domain.periodic:
        lo, hi = (_inner_points(problem, {coordinate: end}) for end in problem.domain.bounds[coordinate])
        axis, inside = problem.coordinates.index(coordinate), _inner_points(problem, {})
        for order in range(max(1, problem.order(coordinate))):
            for f in functions:
                at_lo, at_hi = (_differentiate(problem, f, points, [axis] * order) for points in (lo, hi))
                # Of the solution anywhere: at its ends it may well be zero.
                among = np.abs(_differentiate(problem, f, inside, [axis] * order)).max()
                size = 1e-4 * float(max(among, np.abs(at_lo).max())) + 1e-6 * float(np.abs(f(inside)).max())
                _refuse_if_large(problem, at_lo - at_hi, size, lo, f"the periodicity in {coordinate!r}")


def _refuse_if_large(problem: Problem, residual: np.ndarray, size: float, points: np.ndarray, what: str) -> None:
    worst = int(np.argmax(np.where(np.isfinite(residual), np.abs(residual), np.inf)))
    if abs(residual[worst]) <= size:
        return
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
    problem: Problem, constraint: Constraint, functions: list[Function], points: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return a constraint's residual (N,), and the size below which it counts as zero."""
    symbols = problem.symbols
    values = dict(zip(problem.coordinates, points.T, strict=True)) | dict(problem.parameters)
    terms, solutions = [np.zeros(1)], [np.abs(f(_inner_points(problem, {}))).max() for f in functions]
    for name in constraint.residual.needs:
        if name not in values:
            partial = symbols.partial(name)
            values[name] = _differentiate(problem, functions[partial.unknown], points, list(partial.axes))
            terms.append(values[name])
    values |= {p: np.asarray(v) for p, v in problem.parameters.items()}
    residual = constraint.residual.fn(**{n: values[n] for n in constraint.residual.needs})
    size = 1e-4 * max(float(np.abs(t).max()) for t in terms) + 1e-6 * float(max(solutions))
    return np.broadcast_to(residual, len(points)), size


def _differentiate(problem: Problem, f: Function, points: np.ndarray, axes: list[int]) -> np.ndarray:
    """Differentiate a formula along the given axes, one after another, staying inside the domain."""
    if not axes:
        return f(points)
    axis, order = axes[0], axes.count(axes[0])
    lo, hi = list(problem.domain.bounds.values())[axis]
    rest = [a for a in axes if a != axis]
    h = (hi - lo) * 1e-3 * order
    half = (order + ACCURACY) // 2
    x = points[:, axis]
    total = np.zeros(len(points))
    # Points within reach of an end use a stencil that looks inwards.
    shift = np.clip(np.round((lo - x) / h + half), 0, half) - np.clip(np.round((x - hi) / h + half), 0, half)
    for offset in np.unique(shift).astype(int):
        mine = shift == offset
        offsets = tuple(range(offset - half, offset + half + 1))
        for j, w in zip(offsets, stencil(order, offsets), strict=True):
            moved = points[mine].copy()
            moved[:, axis] += j * h
            total[mine] += w * _differentiate(problem, f, moved, rest)
    return total / h**order


def solve(problem: Problem, grid: Mapping[str, np.ndarray]) -> Reference:
    """Return the formula's values on a grid; their uncertainty is round-off."""
    axes = np.meshgrid(*(grid[c] for c in problem.coordinates), indexing="ij")
    points = np.stack([a.ravel() for a in axes], axis=1)
    values = {name: _function(f, problem)(points).reshape(axes[0].shape) for name, f in formulas(problem).items()}
    return Reference(KIND, values, float(np.finfo(float).eps))
