"""Names in settings that stand for something in a table: refused before anything is built, whoever wrote them."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from pinn.errors import ProblemError, unknown
from pinn.evidence.invariants import densities
from pinn.options import fit
from pinn.problem import TIME, Problem, known_expressions
from pinn.reference import check_reference
from pinn.reference.terms import call
from pinn.settings import NetworkSettings, Settings, StageSettings

# The tables are in modules that import jax, which takes longer than all the rest of `pinn check`. A setting that says
# nothing but this is right without asking them; everything else, and every mistake, they judge themselves.
_PERCEPTRON = {"width": int, "depth": int, "activation": Literal["gelu", "sin", "swish", "tanh"]}
PLAIN_NETWORKS = {
    "mlp": _PERCEPTRON,
    "modified_mlp": _PERCEPTRON,
    "fourier_mlp": _PERCEPTRON | {"frequencies": int, "scale": float},
    "separable_mlp": _PERCEPTRON | {"rank": int},
}
PLAIN_STAGES = ("gauss_newton", "levenberg_marquardt", "ssbroyden")  # those without options
ALONG = 5  # points along each coordinate, its ends among them, at which inputs of the network are tried
PLAIN_SAMPLERS = ("latin_hypercube", "sobol", "uniform")


def check_names(problem: Problem, settings: Settings) -> None:
    """Refuse networks, optimizers, samplers, references, weights and options that do not exist.

    Raises:
        ProblemError: naming the nearest that does.
    """
    _check_network(settings.network)
    for index, stage in enumerate(settings.training.stages):
        _check_stage(stage, settings.training.loss, index)
    _check_sampler(settings.sampling.method)
    for name in settings.training.weights:
        if name not in {c.name for c in problem.constraints}:
            raise unknown("constraint", name, [c.name for c in problem.constraints], ("training", "weights", name))
    for name in settings.ansatz.scale if isinstance(settings.ansatz.scale, dict) else ():
        if name not in problem.unknowns:
            raise unknown("unknown", name, problem.unknowns, ("ansatz", "scale", name))
    free = [c for c in problem.coordinates if c not in problem.domain.periodic]
    for name in settings.ansatz.waves if isinstance(settings.ansatz.waves, dict) else ():
        if name in problem.domain.periodic:
            raise ProblemError(
                "a periodic coordinate has harmonics (ansatz.harmonics), not waves.", ("ansatz", "waves", name)
            )
        if name not in free:
            raise unknown("coordinate", name, free, ("ansatz", "waves", name))
    ends = [c for c in free if c != TIME and problem.order(c)]
    for k, name in enumerate(settings.ansatz.mirrors if isinstance(settings.ansatz.mirrors, list) else ()):
        if name not in ends:
            raise unknown("coordinate with ends in space", name, ends, ("ansatz", "mirrors", k))
    _check_inputs(problem, settings.ansatz.inputs)
    check_reference(problem)
    densities(problem)


def _check_inputs(problem: Problem, texts: Sequence[str]) -> None:
    """Refuse inputs of the network that are not finite at every corner, and on a grid between."""
    axes = np.meshgrid(*(np.linspace(lo, hi, ALONG) for lo, hi in problem.domain.bounds.values()), indexing="ij")
    points = dict(zip(problem.coordinates, axes, strict=True))
    for k, residual in enumerate(known_expressions(problem, texts, ("ansatz", "inputs"))):
        with np.errstate(all="ignore"):
            values = np.broadcast_to(call(residual, points | dict(problem.parameters)), axes[0].shape)
        if not np.all(np.isfinite(values)):
            at = np.unravel_index(np.argmin(np.isfinite(values)), values.shape)
            place = ", ".join(f"{c}={points[c][at]:g}" for c in problem.coordinates)
            raise ProblemError(f"is not finite at {place}.", ("ansatz", "inputs", k), texts[k])


def _check_network(network: NetworkSettings) -> None:
    if not fit(PLAIN_NETWORKS.get(network.kind, {}), network.options) or network.kind not in PLAIN_NETWORKS:
        from pinn.networks import check_network

        check_network(network.kind, network.options)


def _check_stage(stage: StageSettings, loss: str, index: int) -> None:
    if stage.optimizer not in PLAIN_STAGES or stage.options or loss != "mean_square":
        from pinn.optimizers import check_stage

        check_stage(stage.optimizer, stage.options, loss, ("training", "stages", index))


def _check_sampler(method: str) -> None:
    if method not in PLAIN_SAMPLERS:
        from pinn.sampling import SAMPLERS

        if method not in SAMPLERS:
            raise unknown("sampling method", method, SAMPLERS, ("sampling", "method"))
