"""One call from a problem to a solution with its error: prepare, train, evaluate."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from pinn.errors import dotted
from pinn.evaluate import total_relative_l2
from pinn.evidence.gather import EVIDENCE, Judged, Known, gather, known_reference
from pinn.findings import findings
from pinn.fingerprint import fingerprint
from pinn.names import check_names
from pinn.networks import Network, from_flax
from pinn.problem import Problem
from pinn.reference import Reference, reference_at_once
from pinn.sampling import Points
from pinn.settings import make_settings
from pinn.solution import Solution, build_ansatz, in_precision
from pinn.surroundings import platform, versions
from pinn.training.plan import Plan, make_plan
from pinn.training.state import TrainState, init_state, solution_params
from pinn.training.targets import LONG_PAUSE, PAUSE, error_look, loss_enough, target_check
from pinn.training.train import Limits, Outcome, train

NOTHING = dict.fromkeys(EVIDENCE)  # what a run says that was not evaluated


class Hooks(NamedTuple):
    """What a caller may watch.

    Attributes:
        on_plan: what is about to be trained, once everything has been checked.
        on_note: a sentence on what was decided.
        on_log: the record of a logged step.
        on_state: the plan and the state, before the first step and after each chunk of steps; and True after the last.
        stop: asked between chunks of steps; True interrupts.
    """

    on_plan: Callable[[Plan], None] = lambda plan: None
    on_note: Callable[[str], None] = lambda sentence: None
    on_log: Callable[[dict[str, Any]], None] = lambda record: None
    on_state: Callable[[Plan, TrainState, bool], None] = lambda plan, state, last: None
    stop: Callable[[], bool] = lambda: False


def solve(
    problem: Problem,
    *,
    seconds: float | None = None,
    seed: int | None = None,
    target: float | None = None,
    precision: str | None = None,
    network: Any = None,
    hooks: Hooks = Hooks(),  # noqa: B008 (immutable)
    resume: Callable[[Plan], tuple[Plan, TrainState]] | None = None,
    started: float | None = None,
    earlier_seconds: float = 0.0,
    **sections: Mapping[str, Any],
) -> Solution:
    """Solve a problem.

    Args:
        problem: from `load_problem` or `make_problem`.
        seconds: wall time to the end of training, compilation included.
        seed: of the network's initial params and of the points, >= 0.
        target: relative L2 error at which training may stop.
        precision: "float64" or "float32".
        network: settings such as ``{"width": 32}``; or a network of your own: a flax.nnx module, a function that makes
            one from random streams (see `pinn.from_flax`), or a `Network`.
        hooks: what to call on the way.
        resume: gives the state to go on from, and the plan with the windows of the run.
        started: `time.monotonic` at the start of the process; the call itself if not given.
        earlier_seconds: time the run took before it was interrupted.
        sections: further settings by section, as in a problem file: ``training={...}``, ``ansatz={...}``.

    Returns:
        The solution. Its ``summary`` says how training ended and how large the error is.

    Raises:
        ProblemError: for wrong settings.
    """
    started = time.monotonic() if started is None else started
    given = {"seconds": seconds, "seed": seed, "precision": precision}
    layers = [problem.settings, sections, {"training": {k: v for k, v in given.items() if v is not None}}]
    if target is not None:
        layers.append({"target": {"relative_l2": target}})
    if isinstance(network, Mapping):
        layers.append({"network": network})
    settings = make_settings(*layers)
    check_names(problem, settings)
    with in_precision(settings):
        own = None if network is None or isinstance(network, Mapping) else network
        own = own if own is None or isinstance(own, Network) else from_flax(own)
        plan = make_plan(problem, settings, build_ansatz(problem, settings, own))
        return _solve(plan, hooks, resume, started, earlier_seconds)


def _solve(
    plan: Plan, hooks: Hooks, resume: Callable[[Plan], tuple[Plan, TrainState]] | None, started: float, earlier: float
) -> Solution:
    problem, settings = plan.problem, plan.settings
    plan, state = resume(plan) if resume else (plan, init_state(plan))
    hooks.on_plan(plan)
    hooks.on_state(plan, state, False)
    idle = (n for n in settings.training.weights if n in plan.ansatz.hard)
    notes = [*_warnings(plan), *plan.ansatz.notes]
    notes += [f"training.weights.{n} has no effect: the condition is hard" for n in idle]
    target = settings.target.relative_l2
    known = known_reference(problem) if target else None
    reference = known[0] if known else reference_at_once(problem)
    if target and reference is None:
        notes.append(
            f"there is no reference ({known[1]}): training stops where the residual on unseen points, beside that of "
            "the data alone, is below the target"
        )
    for note in notes:
        hooks.on_note(note)
    latest: dict[str, float | None] = {"error": None}
    limits = Limits(
        None if settings.training.seconds is None else started + settings.training.seconds,
        _watched(plan, reference, latest) if reference else None,
        loss_enough(plan) if target and reference is None else None,
        hooks.stop,
    )
    history: list[dict[str, Any]] = []

    def on_log(record: dict[str, Any]) -> None:
        record = record | latest | {"seconds": round(earlier + time.monotonic() - started, 3)}
        history.append(record)
        hooks.on_log(record)

    def on_note(sentence: str) -> None:
        hooks.on_note(sentence)
        notes.append(sentence)

    setup = time.monotonic() - started
    state, outcome = train(plan, state, limits, on_log, lambda s: hooks.on_state(plan, s, False), on_note)
    hooks.on_state(plan, state, True)
    solution = _finish(plan, state, outcome, known, history, setup, started)
    solution.summary["seconds"]["earlier"] = earlier
    solution.summary.update(hard=list(plan.ansatz.hard), notes=notes)
    return solution


def _watched(
    plan: Plan, reference: Reference, latest: dict[str, float | None]
) -> Callable[[Any, tuple[float, float] | None], bool]:
    """Return the test of the target, which leaves the error it has seen for the log."""
    target = plan.settings.target.relative_l2
    look = error_look(plan, reference, PAUSE if target else LONG_PAUSE)

    def noted(params: Any, span: tuple[float, float] | None) -> float | None:
        found = look(params, span)
        latest["error"] = latest["error"] if found is None or not np.isfinite(found) else found
        return found

    return target_check(noted, target)


def _finish(
    plan: Plan,
    state: TrainState,
    outcome: Outcome,
    known: Known | None,
    history: list[dict[str, Any]],
    setup: float,
    started: float,
) -> Solution:
    """Evaluate, and put the run in numbers. An interrupted run is not evaluated: its user waits."""
    began, problem, params = time.monotonic(), plan.problem, solution_params(state)
    found, status, message = None, outcome.status, outcome.message
    try:
        if status != "interrupted":
            found = gather(judged_of(plan, params, state, outcome.points), known)
    except KeyboardInterrupt:
        status, message = "interrupted", "stopped by the user while the evidence was gathered"
    target = plan.settings.target.relative_l2
    now = time.monotonic()
    judge = (found.summary["errors"] or found.summary["estimate"]) if found else None
    summary = {
        "problem": problem.name,
        "status": status,
        "message": message,
        **(found.summary if found else NOTHING),
        "seconds": {
            "setup": setup,
            "compile": outcome.compile_seconds,
            "train": outcome.train_seconds,
            "evaluate": now - began,
            "total": now - started,
        },
        **in_numbers(plan, state),
        "target": {
            "relative_l2": target,
            "seconds": plan.settings.training.seconds,
            "met": None if target is None or not judge else total_relative_l2(judge) <= target,
        },
        "device": platform(),
        "devices": len(jax.devices(platform())),
        "versions": versions(),
    }
    grid, values, truth = (found.grid, found.values, found.reference) if found else ({}, {}, {})
    return Solution(
        problem, plan.settings, plan.ansatz, params, summary, history, grid, values, truth, dict(outcome.points)
    )


def _warnings(plan: Plan) -> list[str]:
    """Return what is odd about the problem; of a kink that the ansatz has dealt with it speaks itself."""
    spoken = " ".join(plan.ansatz.notes)
    odd = [f for f in findings(plan.problem) if f.level == "warning"]
    odd = [f for f in odd if f.topic != "corner" or repr(f.key[1]) not in spoken]
    return [f"warning: {dotted(f.key)}: {f.message}" for f in odd]


def judged_of(plan: Plan, params: Any, state: TrainState, points: Points) -> Judged:
    """Put together what the evidence of a run is gathered from."""
    terms = plan.constraints(jax.tree.map(lambda x: x[-1], params.windows))
    return Judged(plan.problem, plan.settings, plan.ansatz, params, state.key, points, tuple(c.name for c in terms))


def in_numbers(plan: Plan, state: TrainState) -> dict[str, Any]:
    """Return the part of the summary that follows from the state."""
    windows = solution_params(state).windows
    return {
        "steps": int(state.step),
        "points": {place: x.size for place, x in state.points.items()},
        "params": sum(x.size for x in jax.tree.leaves(state.params)),
        "windows": [*windows.start.tolist(), float(windows.stop[-1])],
        "seed": plan.settings.training.seed,
        "precision": plan.settings.training.precision,
        "problem_sha256": fingerprint(plan.problem),
    }
