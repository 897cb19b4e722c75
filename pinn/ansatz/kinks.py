"""What diffusion makes of a jump, a kink, and jumps of higher derivatives, in closed form.

With q = sqrt(4 D t) and s >= 0 the distance to the place:

    |s| becomes                        A(t, s) = s + q ierfc(s/q) = q/sqrt(pi) exp(-(s/q)^2) + s erf(s/q)
    |s|^n/n! becomes, for odd n,       h_n + q^n i^n erfc(s/q)
    sign(s) |s|^n/n!, for even n,      sign(s) (h_n - q^n i^n erfc(s/q))

where h_n(t, s) = s^n/n! + D t s^(n-2)/(n-2)! + (D t)^2/2 s^(n-4)/(n-4)! + ... is what
s^n/n! becomes without any kink.
Here i^n erfc are the repeated integrals of erfc.

Source: Carslaw & Jaeger (1959), Conduction of Heat in Solids, 2nd ed., section 2.5 and appendix II.
"""

import math

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import erf, erfc
from scipy import special

FAR = 30.0  # in units of q: exp(-FAR^2) is below what any number holds


def ratio(s: Array, q: Array) -> Array:
    """Return s/q for s >= 0, but no more than `FAR`, so that powers of it stay finite; what follows is zero there."""
    return jnp.where(s < FAR * q, s / q, FAR)


def spread(order: int, s: Array, q: Array) -> Array:
    """Return q^n i^n erfc(s/q), for s >= 0.

    By the recurrence 2 n i^n erfc(z) = i^(n-2) erfc(z) - 2 z i^(n-1) erfc(z).
    """
    z = ratio(s, q)
    before, last = 2 / jnp.sqrt(jnp.pi) * jnp.exp(-z * z), erfc(z)
    for n in range(1, order + 1):
        before, last = last, (before - 2 * z * last) / (2 * n)
    return q**order * last


def bernoulli(order: int, z: Array) -> Array:
    """Return Bernoulli's polynomial B_n(z)/n!, from the second on without its constant."""
    numbers = special.bernoulli(order)
    coefficients = [math.comb(order, k) * numbers[order - k] / math.factorial(order) for k in range(order + 1)]
    return sum(c * z**k for k, c in enumerate(coefficients) if k or order == 1)


def squared(z: Array) -> Array:
    """Return h with h'' + 2 z h' - 8 h = -4 ((A/q)^2 - z^2), even and vanishing at infinity.

    t^2 h(s/q) is then the answer of the heat equation to the source that a squared kink, smoothed, leaves beside s^2.
    The rates of decay of kink and answer, 2 c and c, are merged into 5 c/3, right to first order in t.
    """
    g = jnp.exp(-z * z) / jnp.sqrt(jnp.pi)
    vanishing = erfc(z) * (1 + erf(z))
    return (z**4 / 2 + z**2 / 2 + 1 / 8) * vanishing - (z**3 + z / 2) * erf(z) * g - z**2 * g * g / 2
