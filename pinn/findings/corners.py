"""Whether initial data fit those at the ends: where a period closes, and in value, slope and rate at other ends."""

import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from pinn.errors import Key
from pinn.language.calculus import ZERO, differentiate, minus, quotient, substitute
from pinn.language.symbols import Partial
from pinn.language.tree import Node, evaluate, names, numpy_functions
from pinn.problem import TIME, Constraint, Problem, partials_of
from pinn.reference.terms import Impossible, Slot, System, call

SAMPLES = 2000
AGREE = 1e-9  # relative: data that differ by less fit
Misfit = tuple[Key, str | None, str]  # the entry it is about, its text, a sentence


def points_of(problem: Problem, where: Mapping[str, float], n: int = SAMPLES) -> dict[str, np.ndarray]:
    """Return random points of a place, its ends among them, by coordinate."""
    rng = np.random.default_rng(0)
    out = {}
    for c, (lo, hi) in problem.domain.bounds.items():
        inside = lo + (hi - lo) * rng.random(n)
        inside[:2] = lo, hi
        out[c] = np.full(n, where[c]) if c in where else inside
    return out


def misfits(problem: Problem) -> Iterator[Misfit]:
    """Compare the initial data given as text with what is asked at the ends of every coordinate in space.

    And compare the data of conditions at faces, edges and points that meet.
    """
    yield from _faces(problem)
    if TIME not in problem.coordinates:
        return
    try:
        data = _InitialData(problem)
    except Impossible:
        return
    for coordinate in problem.domain.periodic:
        for condition, slot in data.sources:
            yield from _period(data, condition, slot, coordinate)
    for end in problem.conditions:
        if len(end.where) == 1 and TIME not in dict(end.where) and end.residual.tree is not None:
            yield from _end(data, end)


class _InitialData:
    """The state at the beginning as expressions, and what follows from them at points.

    Raises:
        Impossible: if the problem is no evolution, or not of a form that can be solved for its rates.
    """

    def __init__(self, problem: Problem):
        self.problem, self.system = problem, System(problem)
        start = problem.domain.bounds[TIME][0]
        self.begin = {TIME: start}
        self.sources: list[tuple[Constraint, Slot]] = []
        self.trees: dict[int, Node] = {}
        for condition in problem.conditions:
            if dict(condition.where) == self.begin and condition.residual.tree is not None:
                slots = self.system.slots((condition,))
                if len(slots) == 1 and not (slot := next(iter(slots.values()))).axes:
                    self._add(condition, next(iter(slots)), slot)

    def _add(self, condition: Constraint, name: str, slot: Slot) -> None:
        if slot.component < self.system.count and (tree := _solved(condition, name)) is not None:
            self.trees[slot.component] = tree
            self.sources.append((condition, slot))

    def values(self, slot: Slot, points: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return a derivative in space of a component of the state.

        Raises:
            Impossible: if no text says what that component is.
        """
        if slot.component not in self.trees:
            raise Impossible("the initial data are not known as text")
        tree = self.trees[slot.component]
        for axis in slot.axes:
            tree = differentiate(tree, self.problem.coordinates[axis])
        found = evaluate(tree, dict(points) | dict(self.problem.parameters), numpy_functions())
        return np.broadcast_to(np.asarray(found, float), SAMPLES)

    def rates(self, slot: Slot, points: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the derivative in time of a component: another component, or what the equations say."""
        unknown, level = self.system.components[slot.component]
        if (unknown, level + 1) in self.system.components:
            return self.values(Slot(self.system.components.index((unknown, level + 1))), points)
        arguments = self.system.arguments(points, lambda s: self.values(s, points))
        return self.system.highest(arguments, (SAMPLES,))[unknown]


def _solved(condition: Constraint, name: str) -> Node | None:
    """Solve a condition a(x) u + b(x) = 0 for u; None if it is not of that form."""
    tree = condition.residual.tree
    factor = differentiate(tree, name)
    return None if name in names(factor) else minus(quotient(substitute(tree, {name: ZERO}), factor))


class _Given(NamedTuple):
    """What a condition says of one derivative of an unknown, or of the unknown itself, at its place."""

    condition: Constraint
    partial: Partial
    tree: Node
    follows: bool  # from data along the place, which are differentiated


def _given(problem: Problem) -> Iterator[_Given]:
    for condition in problem.conditions:
        partials = partials_of(condition.residual, problem.symbols)
        if TIME in condition.where or condition.residual.tree is None or len(partials) != 1:
            continue
        (partial,) = partials
        written = next(n for n in condition.residual.needs if problem.symbols.partial(n) == partial)
        if (tree := _solved(condition, written)) is None:
            continue
        yield _Given(condition, partial, tree, False)
        for axis, coordinate in enumerate(problem.coordinates):
            if not partial.axes and coordinate not in condition.where:
                yield _Given(condition, Partial(partial.unknown, (axis,)), differentiate(tree, coordinate), True)


def _faces(problem: Problem) -> Iterator[Misfit]:
    """Compare what is prescribed of an unknown at two places of space where they meet, or at the same place twice."""
    given, told = list(_given(problem)), set()
    for one, other in itertools.combinations(given, 2):
        pair = (one.condition.name, other.condition.name)
        edge = dict(other.condition.where) | dict(one.condition.where)
        meet = all(edge[c] == at for c, at in other.condition.where.items())
        known = pair[0] == pair[1] or pair in told or (one.follows and other.follows)
        if known or not meet or one.partial != other.partial:
            continue
        here, there = _at(problem, other.tree, edge), _at(problem, one.tree, edge)
        size = max(float(np.abs(_at(problem, g.tree, dict(g.condition.where))).max()) for g in (one, other))
        worst = int(np.argmax(np.abs(here - there)))
        if np.abs(here - there)[worst] > AGREE * size:
            told.add(pair)
            name, axes = problem.unknowns[one.partial.unknown], one.partial.axes
            what = f" of {name}_{''.join(problem.coordinates[a] for a in axes)}" if axes else ""
            message = (
                f"where it meets {pair[0]!r} the data{what} differ: {here[worst]:.4g} here, {there[worst]:.4g} there."
            )
            yield ("conditions", pair[1], "equation"), other.condition.residual.text, message


def _at(problem: Problem, tree: Node, where: Mapping[str, float]) -> np.ndarray:
    """Evaluate data at random points of a place."""
    given = points_of(problem, where) | dict(problem.parameters)
    return np.broadcast_to(np.asarray(evaluate(tree, given, numpy_functions()), float), SAMPLES)


def _period(data: _InitialData, condition: Constraint, slot: Slot, coordinate: str) -> Iterator[Misfit]:
    problem, size = data.problem, 0.0
    inside, ends = points_of(problem, data.begin), problem.domain.bounds[coordinate]
    axis = problem.coordinates.index(coordinate)
    for what, axes in (("value", ()), ("slope", (axis,))):
        at = [data.values(Slot(slot.component, axes), inside | {coordinate: np.full(SAMPLES, end)}) for end in ends]
        size = max(size, float(np.abs(data.values(Slot(slot.component, axes), inside)).max()))
        jump = at[0] - at[1]
        worst = int(np.argmax(np.abs(jump)))
        if abs(jump[worst]) > AGREE * size:
            message = (
                f"the {what} of the initial data jumps by {jump[worst]:.4g} where {coordinate!r} closes on itself "
                f"({at[1][worst]:.4g} at {coordinate}={ends[1]:g}, {at[0][worst]:.4g} at {coordinate}={ends[0]:g})."
            )
            yield ("conditions", condition.name, "equation"), condition.residual.text, message
            return


def _end(data: _InitialData, end: Constraint) -> Iterator[Misfit]:
    """Ask whether the initial data satisfy a condition at an end, and whether they go on to."""
    try:
        slots = data.system.slots((end,))
        if not slots or any(s.component >= data.system.count for s in slots.values()):
            return
        points = points_of(data.problem, data.begin | dict(end.where))
        values = {n: data.values(s, points) for n, s in slots.items()}
        name = max(slots, key=lambda n: len(slots[n].axes))
        slope = _call(data, end, differentiate(end.residual.tree, name), points, values)
        residual = call(end.residual, points | dict(data.problem.parameters) | values)
        size = np.abs(data.values(slots[name], points_of(data.problem, data.begin))).max()
        if message := _compare(name, values[name], residual / slope, size):
            yield ("conditions", end.name, "equation"), end.residual.text, message
        elif not any(s.axes for s in slots.values()):
            rates = {n: data.rates(s, points) for n, s in slots.items()}
            moving = _call(data, end, differentiate(end.residual.tree, TIME), points, values)
            for n in slots:
                moving = moving + _call(data, end, differentiate(end.residual.tree, n), points, values) * rates[n]
            size = np.abs(data.rates(slots[name], points_of(data.problem, data.begin))).max()
            rate = name + (TIME if "_" in name else "_" + TIME)
            if message := _compare(rate, rates[name], moving / slope, size):
                yield ("conditions", end.name, "equation"), end.residual.text, message
    except (Impossible, np.linalg.LinAlgError):
        return


def _call(
    data: _InitialData, end: Constraint, tree: Node, points: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Evaluate something derived from a condition."""
    known = dict(points) | dict(data.problem.parameters) | dict(values)
    return np.asarray(evaluate(tree, known, numpy_functions()), float)


def _compare(name: str, there: np.ndarray, off: np.ndarray, size: float) -> str:
    """Say by how much a value differs from the one a condition asks for; empty if it does not."""
    off = np.broadcast_to(off, SAMPLES)
    here = there - off
    worst = int(np.argmax(np.abs(off)))
    if not np.abs(off[worst]) > AGREE * max(size, np.abs(here[worst])):  # nan is no disagreement either
        return ""
    what = "the data differ" if "_" not in name else "the data do not go together"
    return (
        f"at the beginning {what}: {name} has to be {here[worst] + 0.0:.4g} here, "
        f"and is {there[worst] + 0.0:.4g} by the initial data."
    )
