"""An evolution problem as v' = F(t, v): what its residuals say of the highest derivatives in time, in numpy.

An unknown of order k in t gives k components of the state, itself and its derivatives below order k. A residual is
evaluated on the values of components and of their derivatives in space, wherever those come from.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np

from pinn.language import Residual
from pinn.language.calculus import differentiate, is_constant
from pinn.language.residual import partial_derivative
from pinn.problem import TIME, Constraint, Problem


class Impossible(Exception):
    """No reference can be made of this problem; the message says why."""


class Slot(NamedTuple):
    """What a name in a residual stands for.

    Attributes:
        component: index into the state; of the highest derivatives, the number of components and more.
        axes: the coordinates it is differentiated in, time left out.
    """

    component: int
    axes: tuple[int, ...] = ()


Values = Callable[[Slot], np.ndarray]


class System:
    """The names of an evolution problem, sorted by what they stand for.

    Args:
        problem: with time as one of its coordinates.

    Raises:
        Impossible: where an equation cannot be solved for the highest derivatives in time.
    """

    def __init__(self, problem: Problem):
        self.problem, self.axis = problem, problem.coordinates.index(TIME)
        self.orders = tuple(problem.order(TIME, name) for name in problem.unknowns)
        for name, order in zip(problem.unknowns, self.orders, strict=True):
            if not order:
                raise Impossible(f"no equation has a derivative of {name!r} in {TIME}")
        self.components = tuple((j, k) for j, order in enumerate(self.orders) for k in range(order))
        self.space = tuple(i for i in range(len(problem.coordinates)) if i != self.axis)
        for constraint in problem.equations:
            for name in constraint.residual.needs:
                slot = self.slot(name)
                if slot is not None and slot.component >= self.count and slot.axes:
                    raise Impossible(f"{name!r} mixes the highest derivative in {TIME} with one in space")

    @property
    def count(self) -> int:
        """Number of components of the state."""
        return len(self.components)

    def slot(self, name: str) -> Slot | None:
        """Say what a name stands for; None for coordinates and parameters."""
        partial = None if name in self.problem.coordinates else self.problem.symbols.partial(name)
        if partial is None:
            return None
        k = partial.axes.count(self.axis)
        space = tuple(a for a in partial.axes if a != self.axis)
        if k > self.orders[partial.unknown]:
            raise Impossible(f"{name!r} has a higher order in {TIME} than the equations")
        top = k == self.orders[partial.unknown]
        return Slot(self.count + partial.unknown if top else self.components.index((partial.unknown, k)), space)

    def slots(self, constraints: tuple[Constraint, ...]) -> dict[str, Slot]:
        """Return the slots of all names of some constraints."""
        found = {n: self.slot(n) for c in constraints for n in c.residual.needs}
        return {name: slot for name, slot in found.items() if slot is not None}

    @cached_property
    def below(self) -> dict[str, Slot]:
        """The slots of the equations that are known from the state."""
        return {n: s for n, s in self.slots(self.problem.equations).items() if s.component < self.count}

    @cached_property
    def tops(self) -> tuple[str, ...]:
        """The names of the highest derivatives, by unknown."""
        return tuple(n + "_" + TIME * k for n, k in zip(self.problem.unknowns, self.orders, strict=True))

    def arguments(self, given: Mapping[str, np.ndarray], values: Values) -> dict[str, np.ndarray]:
        """Return what residuals are called with: coordinates, parameters and what the state says."""
        return dict(given) | dict(self.problem.parameters) | {n: values(s) for n, s in self.below.items()}

    def residuals(self, arguments: Mapping[str, np.ndarray], tops: np.ndarray) -> np.ndarray:
        """Evaluate all equations, (m, ...), for given highest derivatives, (m, ...)."""
        full = dict(arguments) | dict(zip(self.tops, tops, strict=True))
        found = [call(c.residual, full) for c in self.problem.equations]
        return np.stack([np.broadcast_to(r, tops.shape[1:]) for r in found])

    def highest(self, arguments: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
        """Solve the equations for the highest derivatives in time, (m, *shape)."""
        zero = np.zeros((len(self.orders), *shape))
        base = self.residuals(arguments, zero)
        matrix = self.matrix(arguments, base) if self.constant is None else self.constant
        if len(matrix) == 1:
            return -base / matrix[0]
        if self.constant is not None:
            return -np.tensordot(np.linalg.inv(matrix), base, axes=1)
        return -np.moveaxis(np.linalg.solve(_last(matrix, 2), _last(base, 1)[..., None])[..., 0], -1, 0)

    @cached_property
    def constant(self) -> np.ndarray | None:
        """The derivatives of the equations in the highest derivatives, (m, m), if they are the same everywhere."""
        trees = [c.residual.tree for c in self.problem.equations]
        if any(t is None or not is_constant(differentiate(t, top), self.problem.parameters)
               for t in trees for top in self.tops):  # fmt: skip
            return None
        values = {n: np.asarray(v) for n, v in self.problem.parameters.items()}
        found = [[float(call(partial_derivative(c.residual, top), values)) for top in self.tops]
                 for c in self.problem.equations]  # fmt: skip
        return np.array(found) if abs(np.linalg.det(found)) > 0 else None

    def matrix(self, arguments: Mapping[str, np.ndarray], base: np.ndarray) -> np.ndarray:
        """Return the derivatives of the equations in the highest derivatives, (m, m, ...)."""
        columns = []
        for j in range(len(self.orders)):
            unit = np.zeros_like(base)
            unit[j] = 1
            columns.append(self.residuals(arguments, unit) - base)
        return np.stack(columns, axis=1)

    def check_solvable(self, arguments: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> None:
        """Refuse equations that are not linear in the highest derivatives, or do not fix them.

        Raises:
            Impossible: saying so.
        """
        tops = np.random.default_rng(0).normal(size=(len(self.orders), *shape))
        with np.errstate(all="ignore"):
            base = self.residuals(arguments, np.zeros_like(tops))
            matrix = self.matrix(arguments, base)
            found = self.residuals(arguments, tops)
        expected = base + np.einsum("ij...,j...->i...", matrix, tops)
        if not np.all(np.isfinite(found)):
            raise Impossible("the equations are not finite on the initial data")
        if not np.allclose(found, expected, rtol=1e-6, atol=1e-9 * np.abs(found).max()):
            raise Impossible(f"the equations are not linear in {', '.join(self.tops)}")
        det = np.linalg.det(_last(matrix, 2))
        least = 1e-12 * max(1.0, np.abs(matrix).max()) ** len(matrix)
        if np.min(np.abs(det)) < least or np.min(det) < 0 < np.max(det):
            raise Impossible(f"the equations do not determine {', '.join(self.tops)} everywhere")

    def rates(self, values: Values, given: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
        """Return the rate of every component, (count, *shape)."""
        tops = self.highest(self.arguments(given, values), shape)
        return np.stack([
            tops[j] if k + 1 == self.orders[j] else values(Slot(self.components.index((j, k + 1))))
            for j, k in self.components
        ])  # fmt: skip

    def linearised(
        self, values: Values, given: Mapping[str, np.ndarray], shape: tuple[int, ...]
    ) -> dict[Slot, np.ndarray]:
        """Return the derivatives of the highest derivatives in each slot of the equations, (m, *shape) by slot."""
        arguments = self.arguments(given, values)
        tops = self.highest(arguments, shape)
        arguments |= dict(zip(self.tops, tops, strict=True))
        matrix = self.matrix(arguments, self.residuals(arguments, np.zeros_like(tops)))
        out = {}
        for name, slot in self.below.items():
            rows = [np.broadcast_to(call(partial_derivative(c.residual, name), arguments), shape)
                    for c in self.problem.equations]  # fmt: skip
            out[slot] = -np.moveaxis(
                np.linalg.solve(_last(matrix, 2), _last(np.stack(rows), 1)[..., None])[..., 0], -1, 0
            )
        return out

    def initial(self, given: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
        """Return the state at the beginning, (count, *shape), from the conditions there.

        Raises:
            Impossible: if they do not say what each component is.
        """
        start = self.problem.domain.bounds[TIME][0]
        conditions = tuple(c for c in self.problem.conditions if dict(c.where) == {TIME: start})
        slots = self.slots(conditions)
        if not conditions:
            raise Impossible(f"nothing is said about the first {TIME}")
        if any(s.axes or s.component >= self.count for s in slots.values()):
            raise Impossible("an initial condition is on a derivative in space")
        arguments = dict(given) | dict(self.problem.parameters)

        def at(state: np.ndarray) -> np.ndarray:
            full = arguments | {n: state[s.component] for n, s in slots.items()}
            return np.stack([np.broadcast_to(call(c.residual, full), shape) for c in conditions])

        zero = np.zeros((self.count, *shape))
        base = at(zero)
        columns = []
        for k in range(self.count):
            unit = zero.copy()
            unit[k] = 1
            columns.append(at(unit) - base)
        matrix = np.stack(columns, axis=1)
        if matrix.shape[0] != matrix.shape[1] or np.min(np.abs(np.linalg.det(_last(matrix, 2)))) < 1e-12:
            raise Impossible("the initial conditions do not say what each unknown is")
        state = -np.moveaxis(np.linalg.solve(_last(matrix, 2), _last(base, 1)[..., None])[..., 0], -1, 0)
        scale = max(1.0, float(np.abs(base).max()))
        if not np.all(np.isfinite(state)) or np.abs(at(state)).max() > 1e-9 * scale:
            raise Impossible("the initial conditions are not linear in the unknowns, or not finite")
        return state


def call(residual: Residual, arguments: Mapping[str, np.ndarray]) -> np.ndarray:
    """Evaluate a residual on what it needs of some arguments."""
    return np.asarray(residual.fn(**{n: arguments[n] for n in residual.needs}), float)


def _last(array: np.ndarray, axes: int) -> np.ndarray:
    """Move the first axes to the end."""
    return np.moveaxis(array, tuple(range(axes)), tuple(range(-axes, 0)))
