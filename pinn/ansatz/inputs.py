"""Functions of the coordinates that are inputs of the network too: in them what is not smooth may be.

Near a corner where data jump, a solution is a smooth function of the distance and the angle, and not of x and y.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from pinn.problem import Problem, known_expressions
from pinn.settings import AnsatzSettings


def given_inputs(problem: Problem, settings: AnsatzSettings) -> Callable[[Array], Array] | None:
    """Return point (d,) -> values of the settings' inputs (k,); None if there are none.

    Raises:
        ProblemError: for an input that is no function of coordinates, parameters and known functions.
    """
    residuals = known_expressions(problem, settings.inputs, ("ansatz", "inputs"))
    if not residuals:
        return None

    def inputs(point: Array) -> Array:
        values = dict(zip(problem.coordinates, point, strict=True))
        values |= {n: jnp.asarray(v, point.dtype) for n, v in problem.parameters.items()}
        found = [r.fn(**{n: values[n] for n in r.needs}) for r in residuals]
        return jnp.stack([jnp.asarray(f, point.dtype) for f in found])

    return inputs
