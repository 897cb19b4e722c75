"""What stays fixed while training: `Plan`, checked before the first step."""

import math
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.ansatz import Ansatz
from pinn.errors import ProblemError
from pinn.optimizers import Optimizer, make_optimizer
from pinn.pieces import Window
from pinn.problem import TIME, Constraint, Problem
from pinn.residuals import residual_at
from pinn.settings import Settings
from pinn.training.memory import check_memory, check_points
from pinn.training.windows import choose_edges


class Plan(NamedTuple):
    """What stays fixed while training.

    Attributes:
        problem: what is solved.
        settings: how.
        ansatz: the network with features and hard conditions.
        optimizers: one per stage.
        edges: of the windows, from the start of the time range to its end; a run may cut some in half.
    """

    problem: Problem
    settings: Settings
    ansatz: Ansatz
    optimizers: tuple[Optimizer, ...]
    edges: tuple[float, ...]

    def constraints(self, window: Window | None = None) -> tuple[Constraint, ...]:
        """Return the constraints the loss of a window is made of; the others hold by construction or elsewhere."""
        after, stop = -math.inf, self.edges[1]
        if window is not None:  # what an earlier window has reached at its end is not asked for again
            after, stop = float(window.start) if window.anchored else -math.inf, float(window.stop)

        def counts(c: Constraint) -> bool:
            inside = (
                self.ansatz.time_axis is None
                or TIME not in c.where
                or after < _rounded(c.where[TIME], self.settings) <= stop
            )
            return c.name not in self.ansatz.hard and inside

        return tuple(c for c in self.problem.constraints if counts(c))

    def left(self, window: Window) -> int:
        """Return how many windows come after one."""
        return sum(edge > float(window.stop) for edge in self.edges)

    def describe_cut(self, window: Window, loss: float) -> str:
        """Say in a sentence that a window is cut in half."""
        span = f"from {TIME}={float(window.start):g} to {float(window.stop):g}"
        beside = "those before it" if float(window.anchored) else "what is wanted"
        return f"the window {span} ends with a loss of {loss:.0e}, much above {beside}; it is cut in half"

    def describe_poor(self, window: Window, loss: float) -> str:
        """Say in a sentence that a window is left with a large loss."""
        span = f"from {TIME}={float(window.start):g} to {float(window.stop):g}"
        return f"the window {span} is left with a loss of {loss:.0e}, much above those before it"

    def halvings(self, window: Window) -> int:
        """Return how often the part of the time range between two edges was cut in half to give a window."""
        start, stop = float(window.start), float(window.stop)
        whole = min(e for e in self.edges if e >= stop) - max(e for e in self.edges if e <= start)
        return round(math.log2(whole / (stop - start)))


def _rounded(value: float, settings: Settings) -> float:
    """Return a number as the precision of the arithmetic has it, so that it equals itself."""
    return float(np.dtype(settings.training.precision).type(value))


def make_plan(problem: Problem, settings: Settings, ansatz: Ansatz) -> Plan:
    """Build the optimizers of all stages.

    Raises:
        ProblemError: see `make_optimizer`.
    """
    training = settings.training
    optimizers = tuple(
        make_optimizer(stage.optimizer, stage.options, training.loss, ("training", "stages", i))
        for i, stage in enumerate(training.stages)
    )
    plan = Plan(problem, settings, ansatz, optimizers, (-math.inf, math.inf))
    for constraint in problem.constraints:
        _try_out(plan, constraint)
    plan = plan._replace(edges=_edges(problem, settings, ansatz))
    if not plan.constraints():
        raise ProblemError("every constraint is hard; nothing is left to train.", ("ansatz",))
    _check_memory(plan)
    return plan


def _edges(problem: Problem, settings: Settings, ansatz: Ansatz) -> tuple[float, ...]:
    """Return the edges of the windows in the precision of the arithmetic."""
    edges = tuple(_rounded(e, settings) for e in choose_edges(problem, settings.training, ansatz))
    if any(after - before < np.finfo(settings.training.precision).tiny for before, after in pairwise(edges)):
        text = f"a window is too short for {settings.training.precision}, which cannot tell its ends apart."
        raise ProblemError(text, ("training", "windows"), str(settings.training.windows))
    return edges


def _check_memory(plan: Plan) -> None:
    sampling, dtype = plan.settings.sampling, jnp.dtype(plan.settings.training.precision)
    params = sum(math.prod(x.shape) for x in jax.tree.leaves(jax.eval_shape(plan.ansatz.init, jax.random.PRNGKey(0))))
    rows = sum(sampling.conditions if c.where else sampling.equations for c in plan.constraints())
    for stage in plan.settings.training.stages:
        check_memory(stage.optimizer, stage.options, params, rows, dtype.itemsize)
    at_once = {
        "equations": (sampling.pool * rows, "points of a window", "A smaller sampling.equations or sampling.pool"),
        "held_out": (sampling.held_out, "points after training", "A smaller sampling.held_out"),
    }
    for name, (points, what, cure) in at_once.items():
        check_points(points, params, dtype.itemsize, what, cure, ("sampling", name))


def _try_out(plan: Plan, constraint: Constraint) -> None:
    """Trace a residual once, so that one jax cannot differentiate is refused before training."""
    point = jax.ShapeDtypeStruct((len(plan.problem.coordinates),), jnp.zeros(()).dtype)
    params = jax.eval_shape(plan.ansatz.network.init, jax.random.PRNGKey(0))

    def at(params: Any, point: Array) -> Array:
        return residual_at(plan.problem, [constraint], lambda x: plan.ansatz.network.apply(params, x), point)

    section = "conditions" if constraint.where else "equations"
    try:
        jax.eval_shape(at, params, point)
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError):
        raise ProblemError(
            "calls numpy, or branches on a value; write it with jax.numpy.", (section, constraint.name)
        ) from None
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ProblemError(f"cannot be evaluated at a point ({reason}).", (section, constraint.name)) from None
