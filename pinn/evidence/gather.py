"""What every run says of its own answer, rung by rung: all of it follows from problem, settings, params and points.

Errors against a reference; residuals on unseen points; an estimate of the error and a bound that need no reference; how
far quantities that should be conserved drift; and alarms, in words.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pinn.ansatz import Ansatz
from pinn.evaluate import errors, sizes
from pinn.evidence.alarms import alarms
from pinn.evidence.bound import bound
from pinn.evidence.estimate import estimate
from pinn.evidence.fields import fields_of
from pinn.evidence.invariants import drifts, names_of
from pinn.evidence.jumps import jump
from pinn.findings.counts import zero_solves
from pinn.problem import TIME, Problem
from pinn.reference import Grid, Reference, evaluation_grid, make_reference
from pinn.reference.base import Fields
from pinn.residuals import residual_blocks, sample
from pinn.sampling import Points
from pinn.settings import Settings
from pinn.solution import on_grid

HELD_OUT_STREAM = 2**31 - 1  # folded into the seed's key; training folds in step numbers, which stay below
POOR = 10.0  # times the largest residual on unseen points, which a jump is far above
Known = tuple[Reference | None, str]  # a reference, or why there is none


EVIDENCE = (
    "errors", "reference", "no_reference", "held_out", "train", "overfitting", "data_alone", "estimate", "no_estimate",
    "bound", "no_bound", "invariants", "alarms",
)  # fmt: skip


class Judged(NamedTuple):
    """A solution and its params, with what they were trained on.

    Attributes:
        problem: what was solved.
        settings: how.
        ansatz: the network with features and hard conditions.
        params: trained.
        key: the random key training drew its points from.
        points: those of the last step, by place; empty if there was none.
        terms: names of the constraints that step's loss was made of.
    """

    problem: Problem
    settings: Settings
    ansatz: Ansatz
    params: Any
    key: jax.Array
    points: Points
    terms: tuple[str, ...]


class Evidence(NamedTuple):
    """What was found.

    Attributes:
        summary: the part of ``summary.json`` that follows from what was judged.
        grid: where the solution was compared.
        values: by unknown, on the tensor grid.
        reference: the true solution there, by unknown; empty if it is not known.
    """

    summary: dict[str, Any]
    grid: Grid
    values: dict[str, np.ndarray]
    reference: dict[str, np.ndarray]


def known_reference(problem: Problem) -> Known:
    """Return the reference of a problem on its evaluation grid, or why there is none."""
    return make_reference(problem, evaluation_grid(problem))


def gather(judged: Judged, known: Known | None = None) -> Evidence:
    """Climb the ladder.

    Args:
        judged: a solution.
        known: its reference, if it has been computed before.
    """
    problem, grid = judged.problem, evaluation_grid(judged.problem)
    values = on_grid(judged.ansatz, judged.params, problem, grid)
    reference, why = known or known_reference(problem)
    found = errors(values, reference.values, problem) if reference else None
    measured = residual_sizes(judged)
    names = field_names(problem)
    fields = fields_of(problem, judged.ansatz, judged.params, names)
    usual = max(*measured.data_alone.values(), *(POOR * e["max"] for e in measured.held_out.values()))
    # Without estimate and bound, which it would make wrong, it is not worth the compilation.
    looked = judged.points and (judged.settings.evidence.estimate or judged.settings.evidence.bound)
    jumps = jump(problem, fields, names, usual) if looked else ""
    summary = {
        "errors": found,
        "reference": {k: getattr(reference, k) for k in ("kind", "uncertainty", "method")} if reference else None,
        "no_reference": why or _left_out(problem, reference) or None,
        **measured._asdict(),
        **_without_reference(judged, fields, found, jumps),
        "invariants": drifts(problem, fields) or None,
    }
    summary["alarms"] = [f"{jumps}."] * bool(jumps) + alarms(problem, summary, values, zero_solves(problem))
    return Evidence(summary, grid, values, reference.values if reference else {})


def field_names(problem: Problem) -> list[str]:
    """List unknowns and derivatives that residuals and invariants mention."""
    known = {*problem.coordinates, *problem.parameters}
    mentioned = [n for c in problem.constraints for n in c.residual.needs] + names_of(problem)
    return list(dict.fromkeys([*problem.unknowns, *(n for n in mentioned if n not in known)]))


def _left_out(problem: Problem, reference: Reference | None) -> str:
    """Say which unknowns a reference does not have; empty if it has all."""
    missing = [n for n in problem.unknowns if reference is not None and n not in reference.values]
    return f"that of the file leaves out {', '.join(missing)}" if missing else ""


def _error_of(name: str, found: Mapping[str, Any] | None) -> float | None:
    """Return the true error of an unknown; None where the reference does not have it."""
    return (found or {}).get(name, {}).get("relative_l2")


def _without_reference(judged: Judged, fields: Fields, found: Mapping[str, Any] | None, jumps: str) -> dict[str, Any]:
    """Return estimate and bound, or why there are none, and how they compare with the true error."""
    problem, exact, wanted = judged.problem, judged.ansatz.hard, judged.settings.evidence
    asked_not = (None, "the settings ask for none")
    nothing = jumps or ("" if judged.points else "no step was taken")  # where it would say nothing, or not the truth
    useless = (None, nothing) if nothing else None
    guess, no_guess = useless or (estimate(problem, fields, exact) if wanted.estimate else asked_not)
    most, no_most = useless or (bound(problem, fields, exact) if wanted.bound else asked_not)
    by_unknown = None
    if guess:
        by_unknown = {
            name: {
                "relative_l2": size,
                "kind": "linearised error equation",
                "uncertainty": guess.uncertainty,
                "method": guess.method,
                "effectivity": size / error if (error := _error_of(name, found)) else None,
            }
            for name, size in guess.errors.items()
        }
    return {
        "estimate": by_unknown,
        "no_estimate": no_guess or None,
        "bound": most._asdict() if most else None,
        "no_bound": no_most or None,
    }


class Sizes(NamedTuple):
    """Residuals by constraint.

    Attributes:
        held_out: rms and maximum on unseen points.
        train: rms on the points of the last step; of the constraints its loss was made of.
        overfitting: rms on unseen points of the same time window over that; None where either is zero or unknown.
        data_alone: rms on unseen points of what the data alone leave.
    """

    held_out: dict[str, dict[str, float]]
    train: dict[str, float]
    overfitting: dict[str, float | None]
    data_alone: dict[str, float]


def residual_sizes(judged: Judged) -> Sizes:
    """Measure the residuals on unseen points, on the training points, and of the data alone."""
    problem, settings, ansatz = judged.problem, judged.settings, judged.ansatz
    count, dtype = settings.sampling.held_out, jax.tree.leaves(judged.params)[0].dtype
    sampling = settings.sampling.model_copy(update={"equations": count, "conditions": max(1, count // 4)})

    @jax.jit
    def blocks(params: Any, key: Any, points: Any) -> tuple[Any, Any, Any, Any]:
        unseen = sample(problem, problem.constraints, sampling, jax.random.fold_in(key, HELD_OUT_STREAM))
        # Hard conditions have no training points; new ones fill their places.
        trained = sample(problem, problem.constraints, settings.sampling, key) | points
        # Both at once, which takes half the time to compile.
        both = {place: jnp.concatenate([x, trained[place]]).astype(dtype) for place, x in unseen.items()}
        found = residual_blocks(problem, problem.constraints, lambda x: ansatz.network.apply(params, x), both)
        fresh = {place: x.astype(dtype) for place, x in unseen.items()}
        alone = residual_blocks(problem, problem.constraints, ansatz.fixed, fresh)
        cut = {c.name: len(unseen[c.place]) for c in problem.constraints}
        return {n: r[: cut[n]] for n, r in found.items()}, {n: r[cut[n] :] for n, r in found.items()}, alone, unseen

    *found, unseen = blocks(judged.params, judged.key, judged.points)
    held_out, trained, alone = (sizes(b) for b in found)
    train = {name: entry["rms"] for name, entry in trained.items() if name in judged.terms}
    start = float(judged.params.windows.start[-1])
    recent = {c.name: _since(problem, unseen[c.place], found[0][c.name], start) for c in problem.constraints}
    ratios = {n: recent[n] / r if r and recent[n] is not None else None for n, r in train.items()}
    return Sizes(held_out, train, ratios, {name: entry["rms"] for name, entry in alone.items()})


def _since(problem: Problem, points: Any, residual: Any, start: float) -> float | None:
    """Return the rms of a residual from a time on: training points of earlier windows are no longer known."""
    inside = np.asarray(residual)
    if TIME in problem.coordinates:
        inside = inside[np.asarray(points)[:, problem.coordinates.index(TIME)] >= start]
    return float(np.sqrt(np.mean(inside**2))) if inside.size else None
