"""The two parts of a hard ansatz that are no network: G takes the data on the faces, and Phi is zero there."""

import math

import jax.numpy as jnp
from jax import Array

from pinn.ansatz.face import HardFace
from pinn.ansatz.features import Mirrors
from pinn.problem import TIME, Domain


def vanishing(unknown: int, faces: list[HardFace], domain: Domain, mirrors: Mirrors, point: Array) -> Array:
    """Return Phi of one unknown, zero on its hard faces but the initial one."""
    phi = along_mirrors(unknown, faces, domain, mirrors, point)
    for axis, (coordinate, (lo, hi)) in enumerate(domain.bounds.items()):
        if axis in mirrors:
            continue
        ends = [f.value for f in faces if f.unknown == unknown and f.axis == axis]
        ends = [end for end in ends if not (coordinate == TIME and end == lo)]
        scale = len(ends) ** 2 / (hi - lo) ** len(ends)  # so that Phi reaches one
        for end in ends:
            phi = phi * (point[axis] - end if end == lo else end - point[axis])
        phi = phi * scale if ends else phi
    return phi


def interpolate(faces: list[HardFace], domain: Domain, point: Array) -> Array:
    """Return G: for each axis in turn, blend in what is still missing on its faces."""
    if not faces:
        return jnp.zeros((), point.dtype)
    axis = faces[-1].axis
    here = [face for face in faces if face.axis == axis]
    before = [face for face in faces if face.axis != axis]
    total = interpolate(before, domain, point)
    lo, hi = list(domain.bounds.values())[axis]
    for face in here:
        other_end = lo + hi - face.value
        blend = 1.0 if len(here) == 1 else (point[axis] - other_end) / (face.value - other_end)
        on_face = point.at[axis].set(face.value)
        total = total + blend * (face.carried(point) - interpolate(before, domain, on_face))
    return total


def along_mirrors(unknown: int, faces: list[HardFace], domain: Domain, mirrors: Mirrors, point: Array) -> Array:
    """Return Phi along the axes with mirrors, with the symmetry that its unknown has there."""
    phi = jnp.ones((), point.dtype)
    for axis, ends in mirrors.items():
        zero = {f.value for f in faces if (f.unknown, f.axis) == (unknown, axis)}
        phi = phi * _along(zero, ends, list(domain.bounds.values())[axis], point[axis])
    return phi


def _along(zero: set[float], ends: tuple[float, ...], bounds: tuple[float, float], x: Array) -> Array:
    """Return a factor of size one, zero at ``zero``: odd about mirrors that are among them, even about others."""
    (lo, hi), s = bounds, (x - bounds[0]) / (bounds[1] - bounds[0])
    if len(ends) == 2:
        both = {(True, True): jnp.sin(math.pi * s), (True, False): jnp.sin(math.pi / 2 * s),
                (False, True): jnp.cos(math.pi / 2 * s)}  # fmt: skip
        return both.get((lo in zero, hi in zero), jnp.ones_like(s))
    (mirror,) = ends
    away = s if mirror == lo else 1 - s
    odd = away if mirror in zero else jnp.ones_like(s)
    return odd * (1 - away**2) if zero - {mirror} else odd
