"""The size of each unknown, in which its network counts: a network's own numbers are of order one."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from pinn.ansatz.face import HardFace, probes
from pinn.problem import Problem
from pinn.settings import AnsatzSettings

ROUND_OFF = 10  # units in the last place of one, by which data may miss zero; what is smaller wants ansatz.scale


def scales(problem: Problem, faces: list[HardFace], settings: AnsatzSettings) -> tuple[float, ...]:
    """Return one size per unknown: that of the settings, or the power of two nearest to its largest data.

    Powers of two change no digit, and leave data of order one as they are. Where the data say nothing, or are round-off
    such as sin(pi), it is one.
    """
    given = settings.scale
    if isinstance(given, (int, float)):
        return (float(given),) * len(problem.unknowns)
    named: Mapping[str, float] = given if isinstance(given, dict) else {}
    return tuple(float(named.get(name, _of_data(problem, faces, k))) for k, name in enumerate(problem.unknowns))


def _of_data(problem: Problem, faces: list[HardFace], unknown: int) -> float:
    largest = 0.0
    for face in (f for f in faces if f.unknown == unknown):
        points = jnp.asarray(probes(problem.domain, {problem.coordinates[face.axis]: face.value}))
        found = np.abs(np.asarray(jax.vmap(face.data)(points)))
        largest = max(largest, float(found[np.isfinite(found)].max(initial=0.0)))
    least = ROUND_OFF * float(jnp.finfo(jnp.zeros(()).dtype).eps)
    return 2.0 ** round(np.log2(largest)) if largest > least else 1.0
