"""Where trajectories come from: a problem's equations, or a user's file; and which of them are kept to judge by."""

from typing import NamedTuple

import jax
import numpy as np

from pinn.dynamics.equations import Drive, Equations, drive_of, equations_of, no_drive
from pinn.dynamics.fields import check_field, fields
from pinn.dynamics.judge import one_step_error
from pinn.dynamics.lyapunov import lyapunov_time
from pinn.dynamics.trajectories import FEWEST, Trajectories, check_size, rk4_step, runge_kutta, starts, times_of, truth
from pinn.errors import ProblemError
from pinn.problem import TIME, Problem
from pinn.surroundings import computing_in

MEMORY = 10  # states every roll-out is given, so that models with a memory and those without begin alike
RANGES, LYAPUNOV_TIMES = 2, 15  # of the problem's time, or Lyapunov times, that roll-outs last: whichever is longer
SYSTEMS, SYSTEM_TESTS = 100, 50  # trajectories of a system to train on, and to judge by
FIELDS, FIELD_TESTS = 20, 10  # of a field, which has many places, all alike
FINE = 0.01  # longest step of time by which a Lyapunov exponent is computed
FAR = 5.0  # spreads, by which states may lie from zero
NEAR = 0.05  # of the range of a drive, by which it may leave that without a word
PROBES = 4  # states, where trajectories end, from which a Lyapunov exponent is computed
UNLIKE = 0.1  # of the change of a step, by which data that follow the equations do not miss it
KEPT = 0.2  # share of a user's trajectories that is not trained on
HELD_OUT = 0.1  # share of those trained on by which params are chosen
RANDOM = "trajectories begin at random states, not at the initial conditions of the file"


class Plan(NamedTuple):
    """How trajectories are made.

    Attributes:
        trajectories: to train on; None for 100, of fields 20.
        tests: to judge by, from states of their own; None for 50, of fields 10.
        dt: step of time.
        time: length of those to train on; None for the problem's range.
        horizon: length of roll-outs; None for a default.
        spread: of initial states, see `starts`.
        seed: of initial states.
        lyapunov: a Lyapunov time that is known; None to find it.
    """

    trajectories: int | None = None
    tests: int | None = None
    dt: float = 0.01
    time: float | None = None
    horizon: float | None = None
    spread: float = 1.0
    seed: int = 0
    lyapunov: float | None = None


class Source(NamedTuple):
    """What is learned from, and what is judged by.

    Attributes:
        name: for titles and folders.
        train: trajectories.
        tests: true ones, from other states, the first `MEMORY` of which are known to a roll-out.
        drive: what time alone changes.
        equations: None where they are not known, and for fields.
        lyapunov: the Lyapunov time; None where there is none, or it is not known.
        problem: whose equations these are; None where they are not known.
        notes: what has to be said of all this.
    """

    name: str
    train: Trajectories
    tests: Trajectories
    drive: Drive
    equations: Equations | None
    lyapunov: float | None
    problem: Problem | None = None
    notes: tuple[str, ...] = ()


@computing_in("float64")
def from_problem(problem: Problem, plan: Plan) -> Source:
    """Make trajectories by the equations of a problem.

    Raises:
        ProblemError: if it is neither a system of ordinary equations nor a periodic field, or cannot be integrated.
    """
    start, end = problem.domain.bounds.get(TIME, (0.0, 0.0))
    if problem.coordinates != (TIME,):
        check_field(problem)
        times = times_of(start, plan.time or end - start, plan.dt)
        later = times_of(start, plan.horizon or end - start, plan.dt, MEMORY)
        count, judges = plan.trajectories or FIELDS, plan.tests or FIELD_TESTS
        both = fields(problem, max(times, later, key=len), count + judges, plan.seed, plan.spread)
        train = both._replace(times=times, states=both.states[:count, : len(times)])
        tests = both._replace(times=later, states=both.states[count:, : len(later)])
        return Source(problem.name, train, tests, no_drive, None, plan.lyapunov, problem, (RANDOM,))
    equations = equations_of(problem)
    times = times_of(start, plan.time or end - start, plan.dt)
    count = plan.trajectories or SYSTEMS
    check_size(count, len(times), len(equations.names))
    first = starts(equations, count + (plan.tests or SYSTEM_TESTS), plan.seed, plan.spread)
    train = runge_kutta(equations, times, first[:count])
    time = plan.lyapunov or lyapunov_time(equations, min(plan.dt, FINE), train.states[:PROBES, -1])
    horizon = plan.horizon or max(RANGES * (end - start), LYAPUNOV_TIMES * (time or 0.0))
    later = times_of(start, horizon, plan.dt, MEMORY)
    tests = truth(equations, later, first[count:])
    drive = drive_of(equations, times, train.states)
    notes = [RANDOM, *_new_drive(drive, times, later)]
    return Source(problem.name, train, tests, drive, equations, time, problem, tuple(notes))


@computing_in("float64")
def from_data(name: str, given: Trajectories, problem: Problem | None, plan: Plan) -> Source:
    """Split a user's trajectories into those to train on and those to judge by.

    Args:
        name: for titles and folders.
        given: all of them.
        problem: whose equations they follow; None if these are not known.
        plan: see `Plan`.

    Raises:
        ProblemError: if there is too little, or the problem is another system.
    """
    if problem and given.places is not None:
        raise ProblemError("no model of fields uses equations; leave the problem file out.", place="--data")
    equations = equations_of(problem) if problem else None
    given = _ordered(given, equations) if equations else given
    train, tests = _split(given)
    drive = drive_of(equations, train.times, train.states) if equations else no_drive
    has_drive = drive(train.times).shape[1] > 0
    if has_drive and not given.together:
        raise ProblemError(
            f"the equations of {problem.name} depend on t, and the trajectories begin at different times; give those "
            "that begin together.",
            place="--data",
        )
    tests = _pieces(tests, plan, alike=not has_drive)
    known = plan.lyapunov
    if equations and not known:
        known = lyapunov_time(equations, min(given.dt, FINE), train.states[:PROBES, -1])
    many = "1 trajectory" if len(tests.states) == 1 else f"{len(tests.states)} trajectories"
    notes = [f"{many} of {len(tests.times)} states {'is' if len(tests.states) == 1 else 'are'} kept to judge by"]
    notes += (
        _unlike(train, equations)
        if equations
        else ["no equations are given, so that nothing here depends on time itself"]
    )
    notes += _new_drive(drive, train.times, tests.times)
    flat = given.states.reshape(-1, given.states.shape[-1])
    if np.linalg.norm(flat.mean(axis=0)) > FAR * np.linalg.norm(flat.std(axis=0)):
        notes.append("states lie far from zero beside their spread: errors in units of their size say little")
    return Source(name, train, tests, drive, equations, known, problem, tuple(notes))


def _split(given: Trajectories) -> tuple[Trajectories, Trajectories]:
    """Return what to train on and what to judge by: some trajectories each, or the two ends of the only one.

    Raises:
        ProblemError: if there is too little of one of the two.
    """
    count, length = given.states.shape[:2]
    if count > 1:
        kept = max(1, round(KEPT * count))
        train, tests = given._replace(states=given.states[:-kept]), given._replace(states=given.states[-kept:])
    else:
        cut = round((1 - KEPT) * length)
        train = given._replace(times=given.times[:cut], states=given.states[:, :cut])
        tests = given._replace(times=given.times[cut:], states=given.states[:, cut:])
    if len(tests.times) < MEMORY + FEWEST or len(train.times) < MEMORY + FEWEST:
        raise ProblemError(
            f"too few states: {len(train.times)} at a time to train on and {len(tests.times)} to judge by are left; "
            f"{MEMORY + FEWEST} are needed of each.",
            place="--data",
        )
    return train, tests


def _unlike(given: Trajectories, equations: Equations) -> list[str]:
    """Say it where data do not go on as their equations say."""
    before, after = given.states[:, :-1], given.states[:, 1:]
    step = jax.vmap(jax.vmap(lambda t, v: rk4_step(equations.rates, t, v, given.dt)), (None, 0))
    wrong = one_step_error(np.asarray(step(given.times[:-1], before)), before, after)
    if wrong < UNLIKE:
        return []
    return [
        f"the data do not follow the equations of {equations.problem.name}: a Runge-Kutta step misses the next state "
        f"by {wrong:.2g} of the change; or their steps are too long for it"
    ]


def _new_drive(drive: Drive, known: np.ndarray, later: np.ndarray) -> list[str]:
    """Say it where what drives a system leaves the range it has at the times that are trained on."""
    among, beyond = drive(known), drive(later)
    lowest, highest = among.min(axis=0), among.max(axis=0)
    margin = NEAR * (highest - lowest)
    outside = np.any((beyond < lowest - margin) | (beyond > highest + margin), axis=1)
    if not outside.any():
        return []
    return [
        f"from t = {later[outside.argmax()]:g} on, what drives the system leaves the range it had in training: "
        "models have not seen such steps; train over a longer time"
    ]


def _ordered(given: Trajectories, equations: Equations) -> Trajectories:
    """Return trajectories with the components in the order of the equations.

    Raises:
        ProblemError: if they have others.
    """
    if set(equations.names) != set(given.names):
        raise ProblemError(
            f"has the components {', '.join(given.names)}; those of {equations.problem.name} are "
            f"{', '.join(equations.names)}.",
            place="--data",
        )
    order = [given.names.index(name) for name in equations.names]
    return given._replace(names=equations.names, states=given.states[..., order])


def _pieces(tests: Trajectories, plan: Plan, alike: bool) -> Trajectories:
    """Cut trajectories to the horizon; into as many as there are where all times are alike."""
    if plan.horizon is None:
        return tests
    length = round(plan.horizon / tests.dt) + MEMORY
    if length > len(tests.times):
        raise ProblemError(
            f"{plan.horizon:g} is longer than what is kept to judge by, {tests.times[-1] - tests.times[0]:g}.",
            place="--horizon",
        )
    if length < MEMORY + FEWEST:
        raise ProblemError(f"{plan.horizon:g} is less than {FEWEST} steps of {tests.dt:g}.", place="--horizon")
    begins = range(0, len(tests.times) - length + 1, length - MEMORY) if alike else (0,)
    cut = np.concatenate([tests.states[:, b : b + length] for b in begins])[: plan.tests or SYSTEM_TESTS]
    return tests._replace(times=tests.times[:length], states=cut)
