"""Evolution on boxes with ends: Chebyshev collocation in space, conditions met exactly at all times.

The state z is the solution at fewer points than it has values v: z = P v. With the conditions, B v + g(t) = 0, it fixes
the values, v = S z - T g(t), where (S, T) is the inverse of P and B together; and z' = P f(t, v).
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pinn.language import Residual
from pinn.language.residual import partial_derivative
from pinn.problem import TIME, Constraint, Problem
from pinn.reference.collocation import Mesh, blocks, kron, on_grid
from pinn.reference.exponential import integrate
from pinn.reference.terms import Impossible, Slot, System, call

WORK = 5_000_000_000  # products of numbers, about a minute, before an integration is given up


class Faces:
    """The conditions in space as rows on the values of the unknowns: B v + g(t) = 0.

    Args:
        system: of the problem.
        mesh: of its space.

    Raises:
        Impossible: for conditions that are not linear in the unknowns with factors constant in time.
    """

    def __init__(self, system: System, mesh: Mesh):
        self.system, self.mesh, self.rows, self.parts = system, mesh, [], []
        start = system.problem.domain.bounds[TIME][0]
        for condition in system.problem.conditions:
            if dict(condition.where) != {TIME: start}:
                self._add(condition)
        m = len(system.orders)
        self.rows = np.concatenate([*self.rows, np.zeros((0, m * mesh.size))])

    def _add(self, condition: Constraint) -> None:
        system, mesh, name = self.system, self.mesh, condition.name
        if TIME in condition.where:
            raise Impossible(f"{name!r} holds at a time other than the first")
        try:
            place = mesh.place(condition.where)
        except KeyError:
            raise Impossible(f"{name!r} holds inside the domain") from None
        slots = system.slots((condition,))
        owners = {n: system.components[s.component] for n, s in slots.items() if s.component < system.count}
        if len(owners) < len(slots) or any(k for _, k in owners.values()):
            raise Impossible(f"{name!r} is on a derivative in {TIME}")
        if len({system.orders[j] for j, _ in owners.values()}) > 1:
            raise Impossible(f"{name!r} ties unknowns of different order in {TIME}")
        slopes = self._slopes(condition, slots, place)
        rows = np.zeros((len(place), len(system.orders), mesh.size))
        for n, slot in slots.items():
            rows[:, owners[n][0]] += slopes[n][:, None] * mesh.matrix(slot.axes)[place]
        self.rows.append(rows.reshape(len(place), -1))
        self.parts.append((condition.residual, tuple(slots), place))

    def _given(self, place: np.ndarray, t: float) -> dict[str, np.ndarray]:
        points = {name: x.ravel()[place] for name, x in self.mesh.points.items()}
        return points | {TIME: np.full(len(place), t)} | dict(self.system.problem.parameters)

    def _slopes(self, condition: Constraint, slots: Mapping[str, Slot], place: np.ndarray) -> dict[str, np.ndarray]:
        """Return the factor of each slot, which must be the same whatever the state and the time."""
        rng, (lo, hi) = np.random.default_rng(0), self.system.problem.domain.bounds[TIME]
        found = []
        for t in (lo, lo + 0.37 * (hi - lo)):
            values = self._given(place, t) | {n: rng.normal(size=len(place)) for n in slots}
            slopes = {n: call(partial_derivative(condition.residual, n), values) for n in slots}
            found.append({n: np.broadcast_to(s, len(place)) for n, s in slopes.items()})
        if not all(np.allclose(found[0][n], found[1][n], rtol=1e-6, atol=1e-9) for n in slots):
            raise Impossible(f"{condition.name!r} is not linear with factors that are constant in time")
        return found[0]

    def data(self, t: float, order: int = 0) -> np.ndarray:
        """Return g(t), or a derivative of it in time, (rows,)."""
        return np.concatenate([*(self._data(*part, t, order) for part in self.parts), np.zeros(0)])

    def _data(self, residual: Residual, names: Sequence[str], place: np.ndarray, t: float, order: int) -> np.ndarray:
        def at(residual: Residual, t: float) -> np.ndarray:
            values = self._given(place, t) | {n: np.zeros(len(place)) for n in names}
            return np.broadcast_to(call(residual, values), len(place))

        if residual.tree is not None or not order:
            for _ in range(order):
                residual = partial_derivative(residual, TIME)
            return at(residual, t)
        lo, hi = self.system.problem.domain.bounds[TIME]
        h = 1e-3 * (hi - lo)
        far, near = (at(residual, t + k * h) - at(residual, t - k * h) for k in (2, 1))
        return (8 * near - far) / (12 * h)


class Bounded:
    """The semi-discrete problem z' = F(t, z).

    Args:
        problem: an evolution with ends in space.
        mesh: of its space.

    Raises:
        Impossible: see `System` and `Faces`.
    """

    def __init__(self, problem: Problem, mesh: Mesh):
        self.problem, self.mesh, self.system = problem, mesh, System(problem)
        self.faces, self.start = Faces(self.system, mesh), problem.domain.bounds[TIME][0]
        orders = [[problem.order(name, u) for name in mesh.names] for u in problem.unknowns]
        self.reductions = [kron([line.reduction(k) for line, k in zip(mesh.lines, ks, strict=True)]) for ks in orders]
        joints = blocks([mesh.joints(ks) for ks in orders])
        rows = np.concatenate([self.faces.rows, joints])
        size = sum(map(len, self.reductions))
        inverse = _inverse(blocks(self.reductions), rows)
        self.inner, self.outer = inverse[:, :size], inverse[:, size : size + len(self.faces.rows)]
        self.parts = np.cumsum([0, *map(len, self.reductions)])
        # Where in the state each component stands: all unknowns, then all their rates where they are of order two.
        lengths = [len(self.reductions[j]) for j, _ in self.system.components]
        self.starts = np.cumsum([0, *lengths])

    def component(self, z: np.ndarray, index: int) -> np.ndarray:
        """Return the part of a state that belongs to a component."""
        return z[self.starts[index] : self.starts[index + 1]]

    def values(self, t: float, z: np.ndarray) -> np.ndarray:
        """Return all components at all points, (count, *shape)."""
        system, m = self.system, len(self.system.orders)
        by_order = []
        for k in range(max(system.orders)):
            inner = [self.component(z, system.components.index((j, k))) if k < order else np.zeros(len(p))
                     for j, (order, p) in enumerate(zip(system.orders, self.reductions, strict=True))]  # fmt: skip
            v = self.inner @ np.concatenate(inner) - self.outer @ self.faces.data(t, k)
            by_order.append(v.reshape(m, *self.mesh.shape))
        return np.stack([by_order[k][j] for j, k in system.components])

    def slots_of(self, values: np.ndarray) -> Callable[[Slot], np.ndarray]:
        """Return what a slot's values are, given those of the components."""
        return lambda slot: self.mesh.differentiate(values[slot.component], slot.axes)

    def given(self, t: float) -> dict[str, np.ndarray]:
        """Return the coordinates of all points at a time."""
        return {TIME: np.full(self.mesh.shape, t)} | self.mesh.points

    def reduced(self, values: np.ndarray) -> np.ndarray:
        """Return the state of given values of the components, (count, *shape)."""
        return np.concatenate([
            self.reductions[j] @ part.ravel() for (j, _), part in zip(self.system.components, values, strict=True)
        ])  # fmt: skip

    def rates(self, t: float, z: np.ndarray) -> np.ndarray:
        """Return F(t, z)."""
        values = self.values(t, z)
        return self.reduced(self.system.rates(self.slots_of(values), self.given(t), self.mesh.shape))

    def jacobian(self, t: float, z: np.ndarray) -> np.ndarray:
        """Return dF/dz."""
        system, size, values = self.system, self.mesh.size, self.values(t, z)
        slopes = system.linearised(self.slots_of(values), self.given(t), self.mesh.shape)
        out = np.zeros((len(z), len(z)))
        for row, (j, k) in enumerate(system.components):
            here = slice(self.starts[row], self.starts[row + 1])
            if k + 1 < system.orders[j]:
                column = system.components.index((j, k + 1))
                out[here, self.starts[column] : self.starts[column + 1]] = np.eye(len(self.reductions[j]))
                continue
            for slot, by_unknown in slopes.items():
                owner, level = system.components[slot.component]
                moved = self.reductions[j] @ (by_unknown[j].ravel()[:, None] * self.mesh.matrix(slot.axes))
                moved = moved @ self.inner[owner * size : (owner + 1) * size]
                for other in range(len(system.orders)):
                    if (other, level) in system.components:
                        column = system.components.index((other, level))
                        out[here, self.starts[column] : self.starts[column + 1]] += moved[
                            :, self.parts[other] : self.parts[other + 1]
                        ]
        return out

    def measure(self, z: np.ndarray) -> np.ndarray:
        """Return the root mean square of each component of a state, given as (1, z)."""
        parts = [self.component(z[0], k) for k in range(self.system.count)]
        return np.array([np.sqrt(np.mean(part**2)) for part in parts])


def _inverse(equations: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    """Invert reduction and conditions together.

    Raises:
        Impossible: if there are fewer rows than values, or they say the same twice.
    """
    matrix = np.concatenate([equations, conditions])
    if len(matrix) < matrix.shape[1]:
        raise Impossible("there are fewer conditions at the ends than derivatives in space ask for")
    scaled = 1 / np.maximum(np.abs(matrix).max(axis=1), 1e-300)
    square = len(matrix) == matrix.shape[1]
    try:
        inverse = (np.linalg.inv if square else np.linalg.pinv)(scaled[:, None] * matrix)
        off = np.abs(inverse @ (scaled[:, None] * matrix) - np.eye(matrix.shape[1])).max()
    except np.linalg.LinAlgError:
        off = np.inf
    if not off < 1e-6:
        raise Impossible("the conditions at the ends do not fix the solution")
    return inverse * scaled


def evolve(
    problem: Problem, grid: Mapping[str, np.ndarray], mesh: Mesh, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Integrate a problem on a mesh.

    Returns:
        The components on the grid, (times, count, ...), and on the mesh.

    Raises:
        Impossible: see `Bounded`.
        Stalled: see `integrate`; its states are values on the mesh.
    """
    discrete, shape = Bounded(problem, mesh), mesh.shape
    given = discrete.given(discrete.start)
    first = discrete.system.initial(given, shape)
    z = discrete.reduced(first)
    values = discrete.slots_of(discrete.values(discrete.start, z))
    discrete.system.check_solvable(discrete.system.arguments(given, values), shape)
    states = integrate(
        lambda t, z: discrete.rates(t, z[0])[None],
        lambda t, z: discrete.jacobian(t, z[0])[None],
        z[None],
        grid[TIME],
        tolerance,
        discrete.measure,
        lambda t, z: discrete.values(t, z[0]),
        WORK // len(z) ** 2,
    )
    on_mesh = np.stack(states)
    return on_grid(on_mesh, mesh.interpolation(grid)), on_mesh
