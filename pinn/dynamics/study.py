"""Train models on the trajectories of a system, roll them out beside baselines, and judge all of them alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pinn.dynamics.baselines import integrator, linear, persistence
from pinn.dynamics.catalogue import MODELS, check_models
from pinn.dynamics.equations import driven
from pinn.dynamics.fit import Fitted, fit
from pinn.dynamics.flowmap import FlowMap, Input, one_step, roll_out
from pinn.dynamics.held_out import fitting, split
from pinn.dynamics.judge import judged, one_step_error, statistics
from pinn.dynamics.models import Shape
from pinn.dynamics.sources import Source
from pinn.dynamics.trajectories import MEMORY, Trajectories
from pinn.dynamics.watch import Watched, followable, watched_errors
from pinn.errors import unknown
from pinn.surroundings import computing_in

TRANSIENT = 0.2  # of a long run, in which a chaotic system comes to its attractor


class Scaled(NamedTuple):
    """States brought to mean 0 and spread 1.

    Attributes:
        centre: (d,)
        spread: (d,)
    """

    centre: np.ndarray
    spread: np.ndarray

    @staticmethod
    def of(states: np.ndarray) -> "Scaled":
        """Take mean and spread from states, (..., d)."""
        axes = tuple(range(states.ndim - 1))
        spread = states.std(axis=axes)
        return Scaled(states.mean(axis=axes), np.where(spread > 0, spread, 1.0))

    def scale(self, states: np.ndarray) -> np.ndarray:
        """Return scaled states."""
        return (states - self.centre) / self.spread

    def unscale(self, states: np.ndarray) -> np.ndarray:
        """Return states as they were."""
        return self.centre + self.spread * states


class Outcome(NamedTuple):
    """What came of one model or baseline.

    Attributes:
        numbers: see `judge.judged`, with ``one_step``, ``statistics`` and ``watched``.
        states: (n, S, ...) rolled out.
        flow: the map itself, on scaled states.
        fitted: how it was trained; None for baselines.
        long: (m, S', d) what its statistics in the long run are of; see `Study.long_truth`.
    """

    numbers: dict[str, Any]
    states: np.ndarray
    flow: FlowMap
    fitted: Fitted | None
    long: np.ndarray


@dataclass(frozen=True, eq=False)
class Study:
    """All that was learned of a system.

    Attributes:
        source: trajectories to train on and to judge by.
        scaled: how states are scaled.
        outcomes: by name, baselines first.
        watched: quantities followed along, by name.
        seed: of all that is random in training.
        interrupted: the model that was being trained when it ended early; empty if it did not.
        notes: what has to be said of how models were trained.
    """

    source: Source
    scaled: Scaled
    outcomes: dict[str, Outcome]
    watched: Mapping[str, Watched] = field(default_factory=dict)
    seed: int = 0
    interrupted: str = ""
    notes: tuple[str, ...] = ()

    @property
    def truth(self) -> np.ndarray:
        """True states beside the roll-outs, (n, S, ...)."""
        return self.source.tests.states[:, MEMORY:]

    @property
    def times(self) -> np.ndarray:
        """Their times, (S,)."""
        return self.source.tests.times[MEMORY:]

    @property
    def long_truth(self) -> np.ndarray:
        """True states in the long run, (m', S', d)."""
        return _late(self.source.long or self.source.tests, bool(self.source.long))

    def roll(self, name: str, known: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Follow a model or baseline from known states on.

        Args:
            name: of one of the outcomes.
            known: (n, m, ...) states of n trajectories, m of two or more for models with a memory.
            times: (m + S,) of the known states and of those to come, in the steps of the trajectories learned from.

        Returns:
            (n, S, ...), not finite where they diverge.

        Raises:
            ProblemError: for the name of none.
        """
        if name not in self.outcomes:
            raise unknown("outcome", name, self.outcomes)
        with computing_in("float64"):
            states = roll_out(self.outcomes[name].flow, self.scaled.scale(known), _inputs(self.source, times))
        return self.scaled.unscale(states)


def study(
    source: Source,
    models: Sequence[str],
    *,
    seconds: float | None = 60.0,
    steps: int | None = None,
    seed: int = 0,
    watched: Mapping[str, Watched] | None = None,
    on_record: Callable[[str, dict[str, float] | None], None] = lambda name, record: None,
) -> Study:
    """Train, roll out and judge, in float64.

    Args:
        source: see `sources`.
        models: names of `MODELS`, or "all".
        seconds: for training each; None for any.
        steps: of the optimizer for each; None for any.
        seed: of params and batches.
        watched: quantities to follow along the roll-outs, see `watch.watched_of`.
        on_record: called with a model's name and each of its records; with None as it begins. A KeyboardInterrupt
            raised there ends the study with the models that are through, if there are any.

    Raises:
        ProblemError: for a model that does not exist or does not fit.
    """
    names = check_models(list(models), source.train.places is not None, source.equations is not None)
    tests = source.tests
    watched, unfit = followable(watched or {}, tests.names, tests.times[MEMORY:], tests.states[:, MEMORY:])
    with computing_in("float64"):
        scaled, shape = shape_of(source)
        train = scaled.scale(source.train.states)
        inputs = _inputs(source, source.train.times)
        outcomes = {name: _judge(source, scaled, flow, None, watched)
                    for name, flow in _baselines(source, shape, train, inputs).items()}  # fmt: skip
        made = {name: MODELS[name].make(shape) for name in names}
        parts = split(made, jnp.asarray(train), jax.tree.map(jnp.asarray, inputs))
        made, notes = fitting(made, parts)
        interrupted = ""
        for name, model in made.items():
            on_record(name, None)
            try:
                found = fit(model, *parts, seconds=seconds, steps=steps, seed=seed,
                            watch=lambda record, name=name: on_record(name, record))  # fmt: skip
            except KeyboardInterrupt:
                if not any(outcome.fitted for outcome in outcomes.values()):
                    raise
                interrupted = name
                break
            outcomes[name] = _judge(source, scaled, model.flow(found.params), found, watched)
    return Study(source, scaled, outcomes, watched, seed, interrupted, (*unfit, *notes))


def shape_of(source: Source) -> tuple[Scaled, Shape]:
    """Return how states are scaled, and what models have to know."""
    states, equations = source.train.states, source.equations
    scaled = Scaled.of(states)
    changes = np.diff(scaled.scale(states), axis=1)
    size = np.sqrt(np.mean(changes**2, axis=tuple(range(changes.ndim - 1))))
    rates = None
    if equations:
        centre, spread = jnp.asarray(scaled.centre), jnp.asarray(scaled.spread)

        def rates(t: jax.Array, z: jax.Array) -> jax.Array:
            return equations.rates(t, centre + spread * z) / spread

    drives = driven(source.drive, source.train.times[:2]).shape[1]
    change = jnp.asarray(np.where(size > 0, size, 1.0))
    return scaled, Shape(states.shape[-1], drives, change, source.train.dt, rates)


def _inputs(source: Source, times: np.ndarray) -> Input:
    return Input(times[:-1], driven(source.drive, times))


def _baselines(source: Source, shape: Shape, train: np.ndarray, inputs: Input) -> dict[str, FlowMap]:
    found = {"persistence": persistence(), "linear": linear(train, inputs.drive)}
    return found | ({"rk4": integrator(shape.rates, shape.dt)} if shape.rates else {})


def _judge(
    source: Source, scaled: Scaled, flow: FlowMap, fitted: Fitted | None, watched: Mapping[str, Watched]
) -> Outcome:
    """Roll a flow map out from the first states of the tests, and return what came of it."""
    tests = source.tests
    true, inputs = scaled.scale(tests.states), _inputs(source, tests.times)
    states = scaled.unscale(roll_out(flow, true[:, :MEMORY], inputs))
    single = one_step(flow, true, inputs, MEMORY)
    truth, times = tests.states[:, MEMORY:], tests.times[MEMORY:]
    long, long_truth = states[:, states.shape[1] // 2 :], _late(source.long or tests, bool(source.long))
    if source.long:
        many = len(source.long.states)
        rolled = roll_out(flow, true[:many, :MEMORY], _inputs(source, source.long.times))
        long = scaled.unscale(rolled)[:, -long_truth.shape[1] :]
    usual = tests.states.std(axis=(0, 1))
    numbers = {
        "one_step": one_step_error(single, true[:, MEMORY - 1 : -1], true[:, MEMORY:]),
        **judged(states, truth, tests.dt),
        "statistics": statistics(long, long_truth, usual) if tests.places is None else None,
        "watched": watched_errors(watched, tests.names, times, states, truth),
    }
    return Outcome(numbers, states, flow, fitted, long)


def _late(given: Trajectories, chaotic: bool) -> np.ndarray:
    """Return states after the transient of chaotic trajectories, of others those of the later half of the time."""
    steps = given.states.shape[1] - MEMORY
    return given.states[:, MEMORY + (round(TRANSIENT * steps) if chaotic else steps // 2) :]
