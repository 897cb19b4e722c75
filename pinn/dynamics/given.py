"""A user's trajectories, split into those to train on and those to judge by."""

import numpy as np

from pinn.dynamics.equations import Equations, drive_of, equations_of, no_drive, rates_at
from pinn.dynamics.lyapunov import lyapunov_time
from pinn.dynamics.sources import PROBES, SYSTEM_TESTS, UNLIKE, Plan, Source, missed, new_drive
from pinn.dynamics.trajectories import FEWEST, MEMORY, Trajectories, counted
from pinn.errors import ProblemError
from pinn.problem import Problem
from pinn.surroundings import computing_in

FAR = 5.0  # spreads, by which states may lie from zero
KEPT = 0.2  # share of the trajectories that is not trained on


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
    if not np.diff(given.states, axis=1).any():
        raise ProblemError("no state differs from the one before; there is nothing to learn.", place="--data")
    train, tests = _split(given)
    if equations:
        rates_at(equations, given.times, np.moveaxis(given.states, -1, 0))
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
        known = lyapunov_time(equations, given.dt, train.states[:PROBES, -1])
    many = counted(len(tests.states))
    notes = [f"{many} of {len(tests.times)} states {'is' if len(tests.states) == 1 else 'are'} kept to judge by"]
    notes += (
        _unlike(train, equations)
        if equations
        else ["no equations are given, so that nothing here depends on time itself"]
    )
    notes += new_drive(drive, train.times, tests.times)
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
        cut = length - round(KEPT * length)
        train = given._replace(times=given.times[:cut], states=given.states[:, :cut])
        tests = given._replace(times=given.times[cut:], states=given.states[:, cut:])
    if len(tests.times) < MEMORY + FEWEST or len(train.times) < MEMORY + FEWEST:
        told = f"too few states: {length}; the only trajectory needs {round((MEMORY + FEWEST) / KEPT)}"
        raise ProblemError(f"{told}, of which the last fifth is kept to judge by.", place="--data")
    return train, tests


def _unlike(given: Trajectories, equations: Equations) -> list[str]:
    """Say it where data do not go on as their equations say."""
    if (wrong := missed(given, equations)) < UNLIKE:
        return []
    return [
        f"the data do not follow the equations of {equations.problem.name}: a Runge-Kutta step misses the next state "
        f"by {wrong:.2g} of the change; or their steps are too long for it"
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
    if plan.horizon > tests.times[-1] - tests.times[MEMORY - 1] + tests.dt / 2:
        raise ProblemError(
            f"{plan.horizon:g} is longer than what is kept to judge by, {tests.times[-1] - tests.times[MEMORY - 1]:g}.",
            place="--horizon",
        )
    length = round(plan.horizon / tests.dt) + MEMORY
    if length < MEMORY + FEWEST:
        raise ProblemError(f"{plan.horizon:g} is less than {FEWEST} steps of {tests.dt:g}.", place="--horizon")
    begins = range(0, len(tests.times) - length + 1, length - MEMORY) if alike else (0,)
    cut = np.concatenate([tests.states[:, b : b + length] for b in begins])[: plan.tests or SYSTEM_TESTS]
    return tests._replace(times=tests.times[:length], states=cut)
