"""Problems without time: equations and conditions by collocation, solved together by Newton's method.

There are more rows than values, because equations are asked to hold inside the box and conditions all along its
faces; a smooth solution meets both, and what they leave open, such as the constant of a pressure, is chosen least.
On an interval with as many conditions as there are orders of equations, equations are asked to hold at fewer points,
by their order, and there are as many rows as values: what is rough at this resolution is met too.
Of several solutions of a nonlinear problem, Newton's method finds the one it comes to from zero.

Source: Driscoll & Hale (2016), IMA J. Numer. Anal. 36(1), 108-132, for the fewer points.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from pinn.gauge import mean_rule
from pinn.language.residual import partial_derivative
from pinn.problem import Constraint, Problem, partials_of
from pinn.reference import chebyshev
from pinn.reference.collocation import Line, Mesh, kron, on_grid
from pinn.reference.exponential import Stalled
from pinn.reference.terms import Impossible, call

STEPS, HALVINGS = 40, 12
ENOUGH = 1e-12  # of the size of the solution: a step below it is the last


class Rows:
    """The residuals of one constraint at its points, as functions of all values.

    Its `size` is how large the entries of its Jacobian are about zero. Those of high derivatives grow like powers of
    the resolution: unscaled, least squares would give up conditions to make a residual fit that no mesh resolves.

    Args:
        problem: names the unknowns.
        mesh: where the values are.
        constraint: an equation or a condition.
        fewer: number of points along an interval that an equation gives up.
    """

    def __init__(self, problem: Problem, mesh: Mesh, constraint: Constraint, fewer: int = 0):
        self.problem, self.residual = problem, constraint.residual
        if constraint.where:
            try:
                chosen = mesh.place(constraint.where)
            except KeyError:
                raise Impossible(f"{constraint.name!r} holds inside the domain") from None
            pick, weights = np.eye(mesh.size)[chosen], np.full(len(chosen), 1 / np.sqrt(len(chosen)))
        else:
            pick = kron([_inside(line, fewer) for line in mesh.lines])
            weights = np.full(len(pick), 1 / np.sqrt(len(pick)))
        self.weights = weights
        self.given = {n: pick @ x.ravel() for n, x in mesh.points.items()} | dict(problem.parameters)
        self.names = {p: n for n in constraint.residual.needs if n not in self.given
                      for p in [problem.symbols.partial(n)]}  # fmt: skip
        self.matrices = {p.axes: pick @ mesh.matrix(p.axes) for p in partials_of(constraint.residual, problem.symbols)}
        with np.errstate(all="ignore"):
            slopes = self.jacobian(np.zeros((len(problem.unknowns), mesh.size))) / self.weights[:, None]
        size = float(np.sqrt(np.mean(np.abs(slopes).max(axis=1) ** 2)))
        self.size = size if np.isfinite(size) and size > 0 else 1.0

    def arguments(self, state: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the residual is called with, for values (m, size)."""
        return self.given | {n: self.matrices[p.axes] @ state[p.unknown] for p, n in self.names.items()}

    def values(self, state: np.ndarray) -> np.ndarray:
        """Return the weighted residuals, (rows,)."""
        return self.weights * np.broadcast_to(call(self.residual, self.arguments(state)), len(self.weights))

    def jacobian(self, state: np.ndarray) -> np.ndarray:
        """Return their derivatives in all values, (rows, m * size)."""
        arguments, size = self.arguments(state), state.shape[1]
        out = np.zeros((len(self.weights), state.size))
        for p, name in self.names.items():
            slope = np.broadcast_to(call(partial_derivative(self.residual, name), arguments), len(self.weights))
            out[:, p.unknown * size : (p.unknown + 1) * size] += (self.weights * slope)[:, None] * self.matrices[p.axes]
        return out


class Mean:
    """The residual of what the mean of an unknown is to be, as `Rows`.

    Args:
        problem: says what the mean is.
        mesh: where the values are.
        name: of the unknown.
    """

    size = 1.0

    def __init__(self, problem: Problem, mesh: Mesh, name: str):
        axes, weights = mean_rule(problem)
        nodes = dict(zip(problem.coordinates, axes, strict=True))
        self.index, self.value = problem.unknowns.index(name), problem.means[name]
        along = zip(weights, mesh.interpolation(nodes), strict=True)
        self.weights = kron([weight[None] @ matrix for weight, matrix in along])[0]

    def values(self, state: np.ndarray) -> np.ndarray:
        """Return the residual, (1,)."""
        return np.array([self.weights @ state[self.index] - self.value])

    def jacobian(self, state: np.ndarray) -> np.ndarray:
        """Return its derivatives in all values, (1, m * size)."""
        out = np.zeros((1, *state.shape))
        out[0, self.index] = self.weights
        return out.reshape(1, -1)


def _inside(line: Line, fewer: int) -> np.ndarray:
    """Return the matrix to the points of a line where equations are asked to hold."""
    if line.periodic:
        return np.eye(line.size)
    return chebyshev.interpolation(line.n, chebyshev.inner_nodes(line.n - fewer))


def _orders(problem: Problem) -> dict[str, int]:
    """Return the orders of the equations on an interval, if its conditions are as many; nothing else."""
    found = {c.name: max((len(p.axes) for p in partials_of(c.residual, problem.symbols)), default=0)
             for c in problem.equations}  # fmt: skip
    fits = len(problem.coordinates) == 1 and not problem.domain.periodic and not problem.means
    return found if fits and sum(found.values()) == len(problem.conditions) else {}


def solve(problem: Problem, mesh: Mesh) -> tuple[np.ndarray, float]:
    """Return the values of the unknowns on a mesh, (m, size), and their residual, relative to that of zero.

    Newton's method from zero; a step that does not lower the residual is halved.

    Raises:
        Impossible: for conditions inside the domain, and where something is left open.
        Stalled: if it does not converge.
    """
    orders = _orders(problem)
    rows: list[Rows | Mean] = [Rows(problem, mesh, c, orders.get(c.name, 0)) for c in problem.constraints]
    rows += [Mean(problem, mesh, n) for n in problem.means]
    state = np.zeros((len(problem.unknowns), mesh.size))

    def residual(state: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.concatenate([r.values(state) / r.size for r in rows])

    def unscaled(state: np.ndarray) -> float:
        return float(np.linalg.norm(np.concatenate([r.values(state) for r in rows])))

    now, size = residual(state), unscaled(state)

    def result(state: np.ndarray, rank: int) -> tuple[np.ndarray, float]:
        if rank < state.size:
            raise Impossible("the equations and conditions leave something open, such as a constant that may be added")
        return state, unscaled(state) / size if size else 0.0

    for count in range(STEPS):
        step, rank = _step(np.concatenate([r.jacobian(state) / r.size for r in rows]), now)
        step = step.reshape(state.shape)
        for halving in range(HALVINGS):
            ahead = state - step * 0.5**halving
            then = residual(ahead)
            if np.linalg.norm(then) <= np.linalg.norm(now) * (1 - 1e-4 * 0.5**halving):
                break
        else:
            if np.linalg.norm(step) <= 1e-6 * (np.linalg.norm(state) + 1e-300):
                return result(state, rank)  # round-off
            raise Stalled(f"Newton's method came to rest after {count} steps at a residual that is not small", [])
        state, now = ahead, then
        if np.linalg.norm(step) <= ENOUGH * np.linalg.norm(state):
            return result(state, rank)
    raise Stalled(f"Newton's method did not converge in {STEPS} steps", [])


def _step(matrix: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the least-squares step and the rank of the equations."""
    from scipy.linalg import lstsq  # here, since `pinn check` is to answer at once

    if not (np.all(np.isfinite(matrix)) and np.all(np.isfinite(right))):
        raise Stalled("the equations are not finite at a guess of Newton's method", [])
    size = np.abs(matrix).max(axis=0)
    scale = 1 / np.where(size > 0, size, 1)
    try:
        found, _, rank, _ = lstsq(matrix * scale, right, cond=1e-14, lapack_driver="gelsy")
        return scale * found, int(rank)
    except np.linalg.LinAlgError:
        raise Stalled("the linear equations of a step of Newton's method could not be solved", []) from None


def mesh_of(problem: Problem, n: int) -> Mesh:
    """Return the mesh with n points to a coordinate."""
    lines = [Line(b, n, c in problem.domain.periodic) for c, b in problem.domain.bounds.items()]
    return Mesh(problem, tuple(range(len(lines))), lines)


def at(problem: Problem, grid: Mapping[str, np.ndarray], n: int) -> tuple[np.ndarray, float]:
    """Return the solution on a tensor grid, (m, ...), and what is left of the residual."""
    mesh = mesh_of(problem, n)
    state, left = solve(problem, mesh)
    return on_grid(state.reshape(-1, *mesh.shape), mesh.interpolation(grid)), left


def sizes(problem: Problem, most: int) -> Sequence[int]:
    """Return the numbers of points to a coordinate, growing, that give no more than some values."""
    m, d = len(problem.unknowns), len(problem.coordinates)
    return [n for n in (8, 16, 24, 32, 48, 64, 128, 256, 512, 1024) if m * n**d <= most]
