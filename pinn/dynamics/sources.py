"""What is learned from and judged by; and how it is made from a problem's equations."""

from typing import NamedTuple

import jax
import numpy as np

from pinn.dynamics.equations import Drive, Equations, drive_of, equations_of, no_drive
from pinn.dynamics.fields import check_field, fields
from pinn.dynamics.judge import one_step_error
from pinn.dynamics.lyapunov import lyapunov_time
from pinn.dynamics.trajectories import (
    MEMORY,
    MOST_STEPS,
    Trajectories,
    check_size,
    rk4_step,
    runge_kutta,
    starts,
    times_of,
    truth,
)
from pinn.errors import ProblemError
from pinn.problem import TIME, Problem
from pinn.surroundings import computing_in

LONG, LONG_RUNS = 100, 10  # Lyapunov times and trajectories, by which statistics in the long run are judged
LONG_TOLERANCE = 1e-8  # of these: each leaves the truth, and their statistics do not
RANGES, LYAPUNOV_TIMES = 2, 15  # of the problem's time, or Lyapunov times, that roll-outs last: whichever is longer
SYSTEMS, SYSTEM_TESTS = 100, 50  # trajectories of a system to train on, and to judge by
FIELDS, FIELD_TESTS = 20, 10  # of a field, which has many places, all alike
NEAR = 0.05  # of the range of a drive, by which it may leave that without a word
PROBES = 4  # states, where trajectories end, from which a Lyapunov exponent is computed
UNLIKE = 0.1  # of the change of a step, by which data that follow the equations do not miss it
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
        long: trajectories from yet other states, by whose statistics those in the long run are judged; None where
            nothing is chaotic, or no equations are known: then it is by the later half of the tests.
    """

    name: str
    train: Trajectories
    tests: Trajectories
    drive: Drive
    equations: Equations | None
    lyapunov: float | None
    problem: Problem | None = None
    notes: tuple[str, ...] = ()
    long: Trajectories | None = None


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
    first = starts(equations, count + (plan.tests or SYSTEM_TESTS) + LONG_RUNS, plan.seed, plan.spread)
    train = runge_kutta(equations, times, first[:count])
    time = plan.lyapunov or lyapunov_time(equations, plan.dt, train.states[:PROBES, -1])
    horizon = plan.horizon or max(RANGES * (end - start), LYAPUNOV_TIMES * (time or 0.0))
    later = times_of(start, horizon, plan.dt, MEMORY)
    tests = truth(equations, later, first[count:-LONG_RUNS])
    drive = drive_of(equations, times, train.states)
    notes = [RANDOM, *new_drive(drive, times, later)]
    long = _in_the_long_run(equations, start, time, plan.dt, first[-LONG_RUNS:]) if time else None
    if (wrong := missed(tests, equations)) >= UNLIKE:
        notes.append(f"steps of {plan.dt:g} are too long for the Runge-Kutta method the data come from: one misses the "
                     f"truth by {wrong:.2g} of its change; take a smaller --dt")  # fmt: skip
    if time and long is None:
        notes.append(f"statistics are of the second half of the roll-outs: {LONG} Lyapunov times cannot be had")
    return Source(problem.name, train, tests, drive, equations, time, problem, tuple(notes), long)


def missed(given: Trajectories, equations: Equations) -> float:
    """Return the error of a Runge-Kutta step between neighbouring states, in units of the change of a step."""
    before, after = given.states[:, :-1], given.states[:, 1:]
    step = jax.jit(jax.vmap(jax.vmap(lambda t, v: rk4_step(equations.rates, t, v, given.dt)), (None, 0)))
    return one_step_error(np.asarray(step(given.times[:-1], before)), before, after)


def _in_the_long_run(
    equations: Equations, start: float, lyapunov: float, dt: float, first: np.ndarray
) -> Trajectories | None:
    """Return trajectories of many Lyapunov times; None where they cannot be had."""
    steps = min(round(LONG * lyapunov / dt), MOST_STEPS)
    if steps < LONG:
        return None
    try:
        return truth(equations, start + dt * np.arange(steps + MEMORY), first, LONG_TOLERANCE)
    except ProblemError:
        return None


def new_drive(drive: Drive, known: np.ndarray, later: np.ndarray) -> list[str]:
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
