"""Whether a problem is linear in its unknowns."""

import numpy as np

from pinn.problem import Problem


def is_linear(problem: Problem) -> bool:
    """Say whether all equations are linear in the unknowns, by their second differences at random arguments."""
    rng = np.random.default_rng(0)
    for residual in (c.residual for c in problem.equations):
        point = {c: rng.uniform(*b) for c, b in problem.domain.bounds.items()} | dict(problem.parameters)
        first, second = ({n: rng.standard_normal() for n in residual.needs if n not in point} for _ in range(2))
        at = [
            float(
                residual.fn(
                    **{n: np.asarray(point[n] if n in point else first[n] + k * second[n]) for n in residual.needs}
                )
            )
            for k in range(3)
        ]
        if not abs(at[0] - 2 * at[1] + at[2]) <= 1e-4 * max(map(abs, at)):
            return False
    return True
