"""Whether a problem is linear in its unknowns."""

import numpy as np

from pinn.language import Residual
from pinn.problem import Problem

SAMPLES = 512  # arguments at which second differences are taken
SIZES = (1e-3, 1e4)  # of the unknowns and their derivatives: what is small for one term may be large for another


def is_linear(problem: Problem) -> bool:
    """Say whether all equations are linear in the unknowns."""
    return all(_is_linear(c.residual, problem) for c in problem.equations)


def _is_linear(residual: Residual, problem: Problem) -> bool:
    """Say so by second differences at random arguments."""
    rng = np.random.default_rng(0)
    given = {c: rng.uniform(*b, SAMPLES) for c, b in problem.domain.bounds.items()}
    given |= {name: np.asarray(value) for name, value in problem.parameters.items()}
    size, unknowns = np.geomspace(*SIZES, SAMPLES), [n for n in residual.needs if n not in given]
    first, second = ({n: size * rng.standard_normal(SAMPLES) for n in unknowns} for _ in range(2))

    def at(k: int) -> np.ndarray:
        values = given | {n: first[n] + k * second[n] for n in unknowns}
        return np.asarray(residual.fn(**{n: values[n] for n in residual.needs}), float)

    with np.errstate(all="ignore"):
        values = [at(k) for k in range(3)]
        bent = np.abs(values[0] - 2 * values[1] + values[2])
        return bool(np.all(bent <= 1e-4 * np.max(np.abs(values), axis=0)))
