"""Trajectories of a field: an evolution equation on a period, solved from random smooth initial data."""

from dataclasses import replace

import numpy as np

from pinn.dynamics.trajectories import Trajectories, check_size
from pinn.errors import ProblemError
from pinn.language import from_text
from pinn.problem import TIME, Constraint, Problem
from pinn.reference.exponential import Stalled
from pinn.reference.periodic import evolve
from pinn.reference.terms import Impossible, System

PLACES = 128  # of a snapshot
MODES = 2 * PLACES  # points of the reference solver
WAVES = 4  # of random initial data
TOLERANCE = 1e-8  # of the reference solver, relative


def check_field(problem: Problem) -> None:
    """Refuse a problem whose solution is no field on a period, or whose equations change with time or place.

    Raises:
        ProblemError: saying what it has to be.
    """
    space = [c for c in problem.coordinates if c != TIME]
    if TIME not in problem.coordinates or len(space) != 1 or problem.domain.periodic != tuple(space):
        raise ProblemError(
            f"is in {', '.join(problem.coordinates)}; dynamics are learned of ordinary equations in t, and of "
            "fields in t and one periodic coordinate.",
            place=problem.name,
        )
    try:
        orders = System(problem).orders
        _own_data(problem)
    except Impossible as reason:
        raise ProblemError(f"{reason}, so that it cannot be stepped in time.", place=problem.name) from None
    if any(order != 1 for order in orders):
        raise ProblemError("has a second derivative in t; fields are stepped by first ones.", place=problem.name)
    mentioned = sorted({n for c in problem.equations for n in c.residual.needs if n in problem.coordinates})
    if mentioned:
        raise ProblemError(
            f"its equation mentions {' and '.join(mentioned)}; convolutions are the same everywhere and always.",
            place=problem.name,
        )


def fields(problem: Problem, times: np.ndarray, count: int, seed: int, spread: float = 1.0) -> Trajectories:
    """Solve an equation from several random initial data.

    Args:
        problem: see `check_field`.
        times: (T,), from the problem's first time on.
        count: how many.
        seed: of the data: sums of a few waves with the mean of the problem's own data, and a multiple of its spread.
        spread: that multiple.

    Raises:
        ProblemError: if they are too many, or the solver gives up.
    """
    check_size(count, len(times), PLACES * len(problem.unknowns))
    (space,) = (c for c in problem.coordinates if c != TIME)
    low, high = problem.domain.bounds[space]
    (places, own), random, found = _own_data(problem), np.random.default_rng(seed), []
    for _ in range(count):
        texts = [_random_text(space, low, high - low, u.mean(), spread * u.std() or spread, random) for u in own]
        try:
            states = evolve(_starting(problem, texts), {TIME: times, space: places}, MODES, TOLERANCE)
        except (Impossible, Stalled) as reason:
            raise ProblemError(f"cannot be solved from random data: {reason}.", place=problem.name) from None
        found.append(np.moveaxis(states, 1, -1))
    return Trajectories(problem.unknowns, times, np.stack(found), places)


def _own_data(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Return places (X,) and the problem's own initial data there, (m, X)."""
    (space,) = (c for c in problem.coordinates if c != TIME)
    low, high = problem.domain.bounds[space]
    places, start = low + (high - low) * np.arange(PLACES) / PLACES, problem.domain.bounds[TIME][0]
    return places, System(problem).initial({TIME: np.asarray(start), space: places}, places.shape)


def _random_text(space: str, low: float, length: float, mean: float, spread: float, random: np.random.Generator) -> str:
    """Write a sum of waves, the longer the larger."""
    sizes = random.normal(size=(2, WAVES)) / np.arange(1, WAVES + 1)
    sizes *= spread / np.sqrt(np.sum(sizes**2) / 2)
    phases = [f"(2*pi*{k}*({space} - ({low!r}))/{length!r})" for k in range(1, WAVES + 1)]
    waves = [f"({float(a)!r})*cos{p} + ({float(b)!r})*sin{p}" for a, b, p in zip(*sizes, phases, strict=True)]
    return f"{float(mean)!r} + {' + '.join(waves)}"


def _starting(problem: Problem, texts: list[str]) -> Problem:
    """Return the problem with other initial data, a text for each unknown."""
    where = {TIME: problem.domain.bounds[TIME][0]}
    own = [Constraint(f"initial_{name}", where, from_text(f"{name} = {text}", problem.symbols))
           for name, text in zip(problem.unknowns, texts, strict=True)]  # fmt: skip
    return replace(problem, constraints=(*problem.equations, *own), reference=None, invariants={}, means={})
