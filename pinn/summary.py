"""How a run ended, in numbers: the solution with its ``summary``, from the state and the evidence."""

import time
from typing import Any

import jax

from pinn.evaluate import total_relative_l2
from pinn.evidence.gather import EVIDENCE, Judged, Known, gather
from pinn.fingerprint import fingerprint
from pinn.sampling import Points
from pinn.solution import Solution
from pinn.surroundings import platform, versions
from pinn.training.limits import Outcome
from pinn.training.plan import Plan
from pinn.training.state import TrainState, solution_params

NOTHING = dict.fromkeys(EVIDENCE)  # what a run says that was not evaluated


def summarised(
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
