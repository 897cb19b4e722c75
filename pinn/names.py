"""Names in settings that stand for something in a table: refused before anything is built, whoever wrote them."""

from pinn.errors import unknown
from pinn.evidence.invariants import densities
from pinn.networks import check_network
from pinn.optimizers import check_stage
from pinn.problem import Problem
from pinn.reference import check_reference
from pinn.sampling import SAMPLERS
from pinn.settings import Settings


def check_names(problem: Problem, settings: Settings) -> None:
    """Refuse networks, optimizers, samplers, references, weights and options that do not exist.

    Raises:
        ProblemError: naming the nearest that does.
    """
    check_network(settings.network.kind, settings.network.options)
    for index, stage in enumerate(settings.training.stages):
        check_stage(stage.optimizer, stage.options, settings.training.loss, ("training", "stages", index))
    if settings.sampling.method not in SAMPLERS:
        raise unknown("sampling method", settings.sampling.method, SAMPLERS, ("sampling", "method"))
    for name in settings.training.weights:
        if name not in {c.name for c in problem.constraints}:
            raise unknown("constraint", name, [c.name for c in problem.constraints], ("training", "weights", name))
    check_reference(problem)
    densities(problem)
