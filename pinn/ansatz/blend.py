"""The two parts of a hard ansatz that are no network: G takes the data on the faces, and Phi is zero there."""

import math

import jax.numpy as jnp
from jax import Array

from pinn.ansatz.face import HardFace
from pinn.ansatz.features import Mirrors
from pinn.problem import TIME, Domain


def vanishing(unknown: int, faces: list[HardFace], domain: Domain, mirrors: Mirrors, point: Array) -> Array:
    """Return Phi of one unknown, zero on its hard faces but the initial one."""
    phi = odd_about_mirrors(unknown, faces, domain, mirrors, point)
    for axis, (coordinate, (lo, hi)) in enumerate(domain.bounds.items()):
        if axis in mirrors:
            if _zeros(unknown, faces, axis) - {*mirrors[axis]}:  # at the other end, even about the mirror
                phi = phi * (1 - ((point[axis] - mirrors[axis][0]) / (hi - lo)) ** 2)
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


def odd_about_mirrors(unknown: int, faces: list[HardFace], domain: Domain, mirrors: Mirrors, point: Array) -> Array:
    """Return a factor of size one, odd about the mirrors where an unknown is zero and even about the others."""
    factor = jnp.ones((), point.dtype)
    for axis, ends in mirrors.items():
        factor = factor * _odd(_zeros(unknown, faces, axis), ends, *list(domain.bounds.values())[axis], point[axis])
    return factor


def _zeros(unknown: int, faces: list[HardFace], axis: int) -> set[float]:
    return {f.value for f in faces if (f.unknown, f.axis) == (unknown, axis)}


def _odd(zero: set[float], mirrors: tuple[float, ...], lo: float, hi: float, x: Array) -> Array:
    from_lo, from_hi = (x - lo) / (hi - lo), (hi - x) / (hi - lo)
    at_lo, at_hi = (end in mirrors and end in zero for end in (lo, hi))
    if at_lo and at_hi:  # from the nearer end, so that both are exact
        return jnp.sin(math.pi * jnp.where(from_lo < from_hi, from_lo, from_hi))
    if not (at_lo or at_hi):
        return jnp.ones_like(x)
    away = from_lo if at_lo else from_hi
    return jnp.sin(math.pi / 2 * away) if len(mirrors) == 2 else away
