"""From a bare network to one that lives on the domain: inputs of size one, exact periodicity, hard conditions.

An ansatz is a `Network` made from a `Network`, so nothing downstream knows whether a condition is hard or
soft. Hard conditions after Lagaris, Likas & Fotiadis (1998), IEEE Trans. Neural Networks 9(5), 987-1000:

    u = G + Phi N,

where G takes the data on every hard face (transfinite interpolation: Gordon & Hall 1973, Numer. Math. 21,
109-129) and Phi vanishes there.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from pinn.errors import ProblemError
from pinn.hard import HardFace, choose_hard
from pinn.networks import Network
from pinn.problem import Domain, Problem
from pinn.settings import AnsatzSettings


class Ansatz(NamedTuple):
    """What became of a network, and what the conditions became.

    Attributes:
        network: the ansatz.
        hard: names of the constraints it satisfies by construction; they need no loss term.
        notes: sentences on what was decided and why.
    """

    network: Network
    hard: tuple[str, ...]
    notes: tuple[str, ...]


def feature_count(domain: Domain, harmonics: int) -> int:
    """Number of inputs `encode` makes of a point."""
    return sum(2 * harmonics if c in domain.periodic else 1 for c in domain.coordinates)


def encode(domain: Domain, harmonics: int) -> Callable[[Array], Array]:
    """Return the map from a point (d,) to input features of size one.

    A coordinate becomes (-1, 1) over its range; a periodic one becomes cosines and sines of its first
    ``harmonics`` multiples, so that whatever the network does is periodic with all derivatives.
    """

    def features(point: Array) -> Array:
        parts = []
        for axis, (coordinate, (lo, hi)) in enumerate(domain.bounds.items()):
            if coordinate in domain.periodic:
                multiples = 2 * math.pi / (hi - lo) * jnp.arange(1, harmonics + 1, dtype=point.dtype)
                phase = multiples * (point[axis] - lo)
                parts += [jnp.cos(phase), jnp.sin(phase)]
            else:
                parts.append((2 * (point[axis : axis + 1] - lo) / (hi - lo)) - 1)
        return jnp.concatenate(parts)

    return features


def make_ansatz(problem: Problem, build: Callable[[int, int], Network] | Network, settings: AnsatzSettings) -> Ansatz:
    """Put features and hard conditions around a network.

    Args:
        problem: what is to be solved.
        build: (number of features, number of unknowns) -> network; or a network of that shape.
        settings: which conditions are to be hard.

    Raises:
        ProblemError: if the settings demand a hard condition that would change the problem.
    """
    inputs, outputs = feature_count(problem.domain, settings.harmonics), len(problem.unknowns)
    inner = build if isinstance(build, Network) else build(inputs, outputs)
    features = encode(problem.domain, settings.harmonics)
    _check_shape(inner, inputs, outputs)
    faces, notes = choose_hard(problem, settings)

    def apply(params: Any, point: Array) -> Array:
        free = inner.apply(params, features(point))
        parts = [_carry(free[k], k, faces, problem.domain, point) for k in range(outputs)]
        return jnp.stack(parts)

    return Ansatz(Network(inner.init, apply), tuple(f.constraint.name for f in faces), notes)


def _check_shape(network: Network, inputs: int, outputs: int) -> None:
    key, features = jax.random.PRNGKey(0), jax.ShapeDtypeStruct((inputs,), jnp.zeros(()).dtype)
    try:
        found = jax.eval_shape(lambda key, x: network.apply(network.init(key), x), key, features).shape
    except (TypeError, ValueError) as error:
        found = str(error).splitlines()[0]
    if found != (outputs,):
        raise ProblemError(
            f"the network has to map the {inputs} input features of a point to {outputs} unknown"
            f"{'s' if outputs > 1 else ''}, ({inputs},) to ({outputs},); it gives {found}.",
            ("network",),
        )


def _carry(free: Array, unknown: int, faces: list[HardFace], domain: Domain, point: Array) -> Array:
    """Return G + Phi times the free value, for one unknown."""
    mine = [face for face in faces if face.unknown == unknown]
    vanishing = jnp.ones((), point.dtype)
    for axis, (lo, hi) in enumerate(domain.bounds.values()):
        ends = [face.value for face in mine if face.axis == axis]
        scale = len(ends) ** 2 / (hi - lo) ** len(ends)  # so that Phi reaches one
        for end in ends:
            vanishing = vanishing * (point[axis] - end if end == lo else end - point[axis])
        vanishing = vanishing * scale if ends else vanishing
    return _interpolate(mine, domain, point) + vanishing * free


def _interpolate(faces: list[HardFace], domain: Domain, point: Array) -> Array:
    """Return G: for each axis in turn, blend in what is still missing on its faces."""
    if not faces:
        return jnp.zeros((), point.dtype)
    axis = faces[-1].axis
    here = [face for face in faces if face.axis == axis]
    before = [face for face in faces if face.axis != axis]
    total = _interpolate(before, domain, point)
    lo, hi = list(domain.bounds.values())[axis]
    for face in here:
        other_end = lo + hi - face.value
        blend = 1.0 if len(here) == 1 else (point[axis] - other_end) / (face.value - other_end)
        on_face = point.at[axis].set(face.value)
        total = total + blend * (face.data(on_face) - _interpolate(before, domain, on_face))
    return total
