"""A condition that the ansatz may carry: u = data on one face of the box."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pinn.problem import TIME, Constraint, Domain

PointValue = Callable[[Array], Array]  # point (d,) -> value


class Lift(NamedTuple):
    """The singular part of a solution near a corner; see `pinn.ansatz.lift`.

    Attributes:
        part: point -> what is added to the data away from their face.
        coordinates: (point, the same at the time the network is asked about) -> numbers in [-1, 1], (k,), in which the
            rest of the solution is smooth, inputs of the network; None if there are none.
    """

    part: PointValue
    coordinates: Callable[[Array, Array], Array] | None = None


class HardFace(NamedTuple):
    """A condition u = data on one face, to be carried by the ansatz.

    Attributes:
        constraint: the condition.
        unknown: index of the unknown it fixes.
        axis: the coordinate held fixed.
        value: where, along that coordinate.
        data: point -> value of the unknown on the face.
        lifts: the singular parts of corners where the data do not fit.
        rate: data of u_t on the same initial face; None if there are none. See `pinn.ansatz.rate`.
        is_rate: whether the data are those of u_t.
    """

    constraint: Constraint
    unknown: int
    axis: int
    value: float
    data: PointValue
    lifts: tuple[Lift, ...] = ()
    rate: "HardFace | None" = None
    is_rate: bool = False

    def symbol(self, unknowns: tuple[str, ...], letters: str = "") -> str:
        """Return the name of a derivative of the data, such as u_x."""
        letters = TIME * self.is_rate + letters
        return unknowns[self.unknown] + ("_" + letters if letters else "")

    def carried(self, point: Array) -> Array:
        """Return the data, continued into the domain, with their lifts."""
        on_face = point.at[self.axis].set(self.value)
        total = self.data(on_face)
        if self.rate is not None:
            total = total + (point[self.axis] - self.value) * self.rate.data(on_face)
        for lift in self.lifts:
            total = total + lift.part(point)
        return total


def tolerance() -> float:
    """Of data that should agree, relative to their size; round-off of doubles is 1e-16, of singles 1e-7."""
    return max(1e-9, 100 * float(jnp.finfo(jnp.zeros(()).dtype).eps))


def probes(domain: Domain, where: dict[str, float], n: int = 64) -> np.ndarray:
    """Return fixed pseudo-random points (n, d) with some coordinates held."""
    unit = np.random.default_rng(0).random((n, len(domain.bounds)))
    columns = [
        np.full(n, where[c]) if c in where else lo + (hi - lo) * unit[:, i]
        for i, (c, (lo, hi)) in enumerate(domain.bounds.items())
    ]
    return np.stack(columns, axis=1)


def size_of(f: PointValue, face: HardFace, domain: Domain) -> float:
    """Return how large a function is on a face: what of it counts as round-off goes with its size."""
    points = jnp.asarray(probes(domain, dict(face.constraint.where)), float)
    found = np.abs(np.asarray(jax.jit(jax.vmap(f))(points)))
    return float(np.max(found, initial=0.0, where=np.isfinite(found)))


def agreement(f: PointValue, face: HardFace, domain: Domain) -> float:
    """Return by how much two values of the data of a face, or of a derivative f of them, may differ by round-off."""
    return tolerance() * max(size_of(f, face, domain), 1e-3 * size_of(face.data, face, domain))


def derivative(f: PointValue, axis: int) -> PointValue:
    """Differentiate along an axis."""
    return lambda x: jax.jvp(f, (x,), (jnp.zeros_like(x).at[axis].set(1),))[1]
