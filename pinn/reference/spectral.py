"""A reference made from the problem file itself, by classical methods: resolution is raised until two agree.

Evolution equations on periodic boxes by Fourier modes, on others by Chebyshev collocation; steady problems by Newton's
method; ordinary differential equations by scipy. Its uncertainty is three times the difference of the last two.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from pinn.errors import ProblemError
from pinn.problem import TIME, Problem
from pinn.reference import bounded, ode, periodic, steady
from pinn.reference.base import Reference, relative_l2
from pinn.reference.collocation import Line, Mesh
from pinn.reference.exponential import Stalled
from pinn.reference.terms import Impossible, System

KIND = "spectral"


class Effort(NamedTuple):
    """How far resolution goes.

    Attributes:
        agreement: relative L2 difference at which no further resolution is tried.
        tolerance: of the integration in time at the coarsest resolution; a quarter at each further one.
        finest: the tolerance no resolution goes below.
        periodic: points of periodic coordinates, by their number.
        box: points of each coordinate of a box in two dimensions.
        orders: points of an interval of a line.
        tail: of a Chebyshev series, relative, above which an interval of a line is cut.
        looks: times at which that is looked at.
        ode: tolerances of ordinary differential equations; of linear ones numbers of steps.
        steady: values a steady problem may have.
    """

    agreement: float = 1e-9
    tolerance: float = 1e-8
    finest: float = 1e-11
    periodic: Mapping[int, Sequence[int]] = {1: (64, 128, 256, 512, 1024, 2048, 4096), 2: (16, 32, 64, 128, 256)}
    box: Sequence[int] = (8, 12, 16, 24, 32)
    orders: Sequence[int] = (16, 20)
    tail: float = 1e-8
    looks: int = 81
    ode: Sequence[float] | Sequence[int] = (1e-11, 1e-13)
    steady: int = 3100


FULL = Effort()
LEAST = 1e-12  # uncertainty: round-off of derivatives spares no method
SAFETY = 3  # times the difference of the last two resolutions: their errors may have the same sign, or be round-off
ROUGHLY = 10  # times the tolerance, while a line is cut
WORST = 0.01  # of the worst tail, above which intervals are cut together with it
ROUNDS, MOST = 20, 40  # of cutting, and intervals
# What may be left of a steady residual, and by what factor it has to fall with resolution where it is more.
UNSOLVED, LESS = 0.03, 0.95
# Intervals beside the whole, below which they are not cut: for what is sharp at the first time only, and for the rest.
COARSE, FINE = 2.0**-7, 2.0**-10

Values = dict[str, np.ndarray]


def unfit(problem: Problem) -> str:
    """Say why no reference of this kind can be made of a problem; empty if it may."""
    space = [c for c in problem.coordinates if c != TIME]
    if len(space) > 2:
        family = [c for c in space if not problem.order(c)]
        among = f", {' and '.join(family)} among them, by which no equation differentiates" if family else ""
        return f"it is made in one or two dimensions of space; here are {len(space)}{among}"
    if TIME in problem.domain.periodic:
        return f"{TIME!r} is periodic"
    try:
        if TIME in problem.coordinates:
            System(problem)
    except Impossible as reason:
        return str(reason)
    return ""


def check(problem: Problem) -> None:
    """Refuse a problem of which no such reference can be made.

    Raises:
        ProblemError: saying why.
    """
    extra = [k for k in problem.reference if k != "kind"]
    if extra:
        raise ProblemError("the kind 'spectral' has no further keys.", ("reference", extra[0]))
    if reason := unfit(problem):
        raise ProblemError(f"cannot be made: {reason}. Remove the reference.", ("reference", "kind"), KIND)


def solve(problem: Problem, grid: Mapping[str, np.ndarray], effort: Effort = FULL) -> Reference:
    """Return the solution on a grid; its uncertainty is three times the difference of the last two resolutions.

    Args:
        problem: to be solved.
        grid: one ascending 1-D array per coordinate.
        effort: how far resolution goes.

    Raises:
        Impossible: if the problem is not of a form these methods solve.
        Stalled: if none of them comes to an end.
    """
    before, after, difference, trouble, method = None, None, np.inf, None, ""
    for label, attempt in _resolutions(problem, grid, effort):
        try:
            found = attempt()
        except Stalled as reason:  # a coarse resolution may fail where a finer one does not
            trouble = reason
            if before is not None:  # two that did not agree are better than none
                break
            after = None
            continue
        before, after, method = after, found, label
        if before is not None:
            difference = max(relative_l2(before[n], u) for n, u in after.items())
            if difference <= effort.agreement:
                break
    if after is None or before is None:
        raise trouble or Impossible("only one resolution is small enough to be computed")
    return Reference(KIND, after, max(SAFETY * float(difference), LEAST), method)


def _resolutions(
    problem: Problem, grid: Mapping[str, np.ndarray], effort: Effort
) -> Iterator[tuple[str, Callable[[], Values]]]:
    """Yield one computation after the other, each finer than the last, and what it is called."""
    axes, tolerances = {c: grid[c] for c in problem.coordinates}, _tolerances(effort)
    space = [c for c in problem.coordinates if c != TIME]

    def evolved(evolve: Callable[[Mapping[str, np.ndarray]], np.ndarray]) -> Callable[[], Values]:
        return lambda: _evolved(problem, axes, evolve)

    if TIME not in problem.coordinates:
        lefts: list[float] = []
        for n in steady.sizes(problem, effort.steady):
            yield f"collocation, {n} points to a coordinate", partial(_steady, problem, axes, n, lefts)
    elif not space:
        for fineness in effort.ode:
            steps = isinstance(fineness, int)
            label = f"Gauss's method, {fineness} steps" if steps else f"Runge-Kutta, tolerance {fineness:g}"
            yield label, partial(_ode, ode.linear_at if steps else ode.at, problem, axes, fineness)
    elif set(space) <= set(problem.domain.periodic):
        for n, tolerance in zip(effort.periodic[len(space)], tolerances, strict=False):
            yield (
                f"Fourier modes, {n} points to a coordinate",
                evolved(lambda g, n=n, tolerance=tolerance: periodic.evolve(problem, g, n, tolerance)),
            )
    elif len(space) == 2:
        for n, tolerance in zip(effort.box, tolerances, strict=False):
            mesh = _box(problem, n)
            yield (
                f"Chebyshev collocation, {n} points to a coordinate",
                evolved(lambda g, m=mesh, tolerance=tolerance: bounded.evolve(problem, g, m, tolerance)[0]),
            )
    else:
        edges = _edges(problem, effort)
        for n, tolerance in zip(effort.orders, (effort.tolerance / 10, effort.tolerance / 40), strict=True):
            mesh = _line(problem, edges, n)
            yield (
                f"Chebyshev collocation, {len(edges) - 1} intervals of {n} points",
                evolved(lambda g, m=mesh, tolerance=tolerance: bounded.evolve(problem, g, m, tolerance)[0]),
            )


def _tolerances(effort: Effort) -> list[float]:
    return [max(effort.tolerance / 4**k, effort.finest) for k in range(10)]


def _steady(problem: Problem, grid: Mapping[str, np.ndarray], n: int, lefts: list[float]) -> Values:
    """Solve once; what is left of the residual joins those of coarser resolutions."""
    values, left = steady.at(problem, grid, n)
    coarser = lefts[-1] if lefts else np.inf
    lefts.append(left)
    if left > UNSOLVED and left > LESS * coarser:
        raise Stalled(f"what meets equations and conditions best leaves {left:.0%} of the residual of zero", [])
    return _named(problem, values)


def _named(problem: Problem, values: np.ndarray) -> Values:
    return dict(zip(problem.unknowns, values, strict=True))


def _ode(
    method: Callable[..., np.ndarray], problem: Problem, grid: Mapping[str, np.ndarray], fineness: float
) -> Values:
    return _named(problem, method(problem, _from_start(problem, grid), fineness)[:, -len(grid[TIME]) :])


def _from_start(problem: Problem, grid: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Add the first time, where an integration has to begin, to a grid that leaves it out."""
    start, t = problem.domain.bounds[TIME][0], grid[TIME]
    return dict(grid) | {TIME: t if t[0] == start else np.concatenate([[start], t])}


def _evolved(
    problem: Problem, grid: Mapping[str, np.ndarray], evolve: Callable[[Mapping[str, np.ndarray]], np.ndarray]
) -> Values:
    """Return the unknowns of an evolution on a grid, axes in the order of the coordinates."""
    states = evolve(_from_start(problem, grid))[-len(grid[TIME]) :]
    system = System(problem)
    axis = problem.coordinates.index(TIME)
    return {
        name: np.moveaxis(states[:, system.components.index((j, 0))], 0, axis)
        for j, name in enumerate(problem.unknowns)
    }


def _line(problem: Problem, edges: np.ndarray, n: int) -> Mesh:
    return Mesh(problem, System(problem).space, [Line(edges, n)])


def _box(problem: Problem, n: int) -> Mesh:
    space = System(problem).space
    names = [problem.coordinates[a] for a in space]
    return Mesh(problem, space, [Line(problem.domain.bounds[c], n, c in problem.domain.periodic) for c in names])


def _edges(problem: Problem, effort: Effort) -> np.ndarray:
    """Cut a line into intervals until the solution's Chebyshev series has come to its end in each, at all times."""
    (axis,) = System(problem).space
    lo, hi = problem.domain.bounds[problem.coordinates[axis]]
    edges, grid = np.array([lo, hi]), {problem.coordinates[axis]: np.array([lo, hi])}
    times = np.linspace(*problem.domain.bounds[TIME], effort.looks)
    for _ in range(ROUNDS):
        mesh, trouble = _line(problem, edges, effort.orders[0]), None
        try:
            states = bounded.evolve(problem, grid | {TIME: times}, mesh, ROUGHLY * effort.tolerance)[1]
        except Stalled as reason:
            trouble = reason
            states = np.stack(reason.states)
        scale = np.abs(states).max(axis=(0, 2), keepdims=True) + 1e-300
        parts = states[:1], states[-max(1, len(states) - 1) :]
        at_first, later = (mesh.lines[0].tails(part / scale) for part in parts)
        lengths = np.diff(edges) / (hi - lo)
        tails = np.maximum(at_first * (lengths > COARSE), later * (lengths > FINE))
        # What is not resolved in one interval spoils the others: only those near the worst are cut.
        cut = tails > max(effort.tail, WORST * float(tails.max()))
        if not cut.any() or len(edges) + cut.sum() > MOST:
            if trouble and not cut.any():
                raise trouble
            return edges
        pieces = [np.linspace(a, b, 3 if c else 2)[:-1] for a, b, c in zip(edges[:-1], edges[1:], cut, strict=True)]
        edges = np.append(np.concatenate(pieces), hi)
    return edges
