"""Stiff evolution v' = L v + N(t, v): exponential Runge-Kutta steps of order four, with their error controlled.

The linear part is solved exactly, so diffusion and dispersion of any speed set no limit to the step.

Sources: Krogstad (2005), J. Comput. Phys. 203(1), 72-88, scheme ETDRK4-B; Skaflestad & Wright (2009), Appl. Numer.
Math. 59(3-4), 783-799, the doubling of phi functions.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

TERMS = 16  # of the Taylor series at norms up to one half: the rest is below 1e-18
FINEST = 2.0**-24  # of the way from one output time to the next: a step that has to be shorter is given up
FLOOR, TINY = 1e-3, 1e-300  # a component below a thousandth of the largest counts as that large
ROUND_OFF = 1e-13  # of a step, below which no error is asked for
SHARE = 1e-3  # of the tolerance, for a step however short: where a rate jumps, errors fall no faster than steps
WORSE = 2  # halvings of the step after which the linear part is chosen anew
EASY = 0.02  # of the tolerance, below which steps double; their error grows up to 32 times


class Stalled(Exception):
    """The integration could not go on; the message says why and at what time.

    Args:
        reason: in words.
        states: those at the output times it reached.
    """

    def __init__(self, reason: str, states: list[np.ndarray]):
        super().__init__(reason)
        self.states = states


def phi(matrices: np.ndarray) -> np.ndarray:
    """Return phi_0 to phi_3 of each matrix: phi_0 = exp, phi_k(z) = (phi_(k-1)(z) - 1/(k-1)!) / z.

    By a Taylor series where the norm is small, doubled as often as each matrix needs:
    phi_k(2 z) = 2^-k (phi_0(z) phi_k(z) + sum_(j=1..k) phi_j(z) / (k-j)!).

    Args:
        matrices: (K, m, m).

    Returns:
        (4, K, m, m).
    """
    norms = np.abs(matrices).sum(axis=2).max(axis=1)
    doublings = np.maximum(0, np.ceil(np.log2(np.maximum(norms, 1e-300) / 0.5))).astype(int)
    z, one = matrices / 2.0 ** doublings[:, None, None], np.eye(matrices.shape[1])
    third = np.broadcast_to(one, z.shape)
    for n in range(TERMS, 3, -1):  # Horner's rule for phi_3 = sum z^n / (n+3)!
        third = one + z @ third / n
    third = third / 6
    second = z @ third + one / 2
    first = z @ second + one
    out = np.stack([z @ first + one, first, second, third])
    for k in range(int(doublings.max(initial=0))):
        more = doublings > k
        out[:, more] = doubled(out[:, more])
    return out


def doubled(p: np.ndarray) -> np.ndarray:
    """Return phi_0 to phi_3 at twice the argument."""
    return np.stack([
        p[0] @ p[0],
        (p[0] @ p[1] + p[1]) / 2,
        (p[0] @ p[2] + p[1] + p[2]) / 4,
        (p[0] @ p[3] + p[1] / 2 + p[2] + p[3]) / 8,
    ])  # fmt: skip


class Weights(NamedTuple):
    """What one step of length h multiplies with; matrices (K, m, m).

    Attributes:
        whole, half: phi_0 of h L and of h L/2.
        half1, half2: h phi_1(h L/2)/2, h phi_2(h L/2).
        whole1, whole2: h phi_1(h L), 2 h phi_2(h L).
        first, middle, end: of the four rates in the sum that ends the step.
    """

    whole: np.ndarray
    half: np.ndarray
    half1: np.ndarray
    half2: np.ndarray
    whole1: np.ndarray
    whole2: np.ndarray
    first: np.ndarray
    middle: np.ndarray
    end: np.ndarray


def weights(linear: np.ndarray, h: float) -> Weights:
    """Compute the weights of a step."""
    short = phi(h / 2 * linear)
    long = doubled(short)
    return Weights(
        long[0], short[0], h / 2 * short[1], h * short[2], h * long[1], 2 * h * long[2],
        h * (long[1] - 3 * long[2] + 4 * long[3]), h * (2 * long[2] - 4 * long[3]), h * (4 * long[3] - long[2]),
    )  # fmt: skip


Rate = Callable[[float, np.ndarray], np.ndarray]  # (t, v (K, m)) -> (K, m)


def times(matrices: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Apply each matrix to its part of the state, (K, m, m) and (K, m)."""
    if v.shape[1] == 1:
        return matrices[:, :, 0] * v
    return (matrices @ v[..., None])[..., 0]


def step(w: Weights, rate: Rate, t: float, h: float, v: np.ndarray, n0: np.ndarray) -> np.ndarray:
    """Take one step; n0 is the rate at its beginning."""
    base = times(w.half, v) + times(w.half1, n0)
    na = rate(t + h / 2, base)
    nb = rate(t + h / 2, base + times(w.half2, na - n0))
    nc = rate(t + h, times(w.whole, v) + times(w.whole1, n0) + times(w.whole2, nb - n0))
    return times(w.whole, v) + times(w.first, n0) + times(w.middle, na + nb) + times(w.end, nc)


def integrate(
    rate: Rate,
    linearise: Callable[[float, np.ndarray], np.ndarray],
    v: np.ndarray,
    output: np.ndarray,
    tolerance: float,
    measure: Callable[[np.ndarray], np.ndarray],
    keep: Callable[[float, np.ndarray], np.ndarray] = lambda t, v: v,
    most: int = 200_000,
) -> list[np.ndarray]:
    """Integrate v' = F(t, v), as L v + (F(t, v) - L v).

    Any L will do; the nearer it is to the derivative of F, the longer are the steps. It is chosen anew at an output
    time where steps have become a quarter of what they were. Each step is taken once whole and once in two halves;
    their difference, over fifteen, is the error of the halves. Steps are the distance of output times over powers of
    two, so that their weights are computed once.

    Args:
        rate: F, (t, v (K, m)) -> (K, m).
        linearise: (t, v) -> L, (K, m, m): K parts of the state that it does not couple.
        v: the state at the first output time, (K, m).
        output: ascending times, (T,).
        tolerance: of the error made in all, relative to the largest state.
        measure: norms of the components of a state, each to be as accurate.
        keep: what is kept of time and state at an output time.
        most: evaluations of the rate before it is given up.

    Returns:
        What is kept of the states at the output times.

    Raises:
        Stalled: if the state is not finite, or steps become too short or too many.
    """
    states, stepper = [keep(output[0], v)], Stepper(linearise(output[0], v), rate, measure)
    span, size, level, before = output[-1] - output[0], measure(v), 4, 4
    # What begins at zero is as large as its rate makes it.
    grown = measure(rate(output[0], v)) * (output[1] - output[0])
    size = np.where((size == 0) & np.isfinite(grown), grown, size)
    for begin, gap in zip(output[:-1], np.diff(output), strict=True):
        at, before = 0.0, min(before, level)
        if level >= before + WORSE:
            stepper.turn_to(linearise(begin, v))
            level, before = level - WORSE, level - WORSE
        while at < 1:
            length = 2.0**-level
            new, error = stepper.advance(begin + at * gap, gap * length, v)
            with np.errstate(all="ignore"):
                new_size = np.maximum(size, measure(new))
                allowed = max(tolerance * max(length * gap / span, SHARE), ROUND_OFF)
                ratio = np.max(error / (new_size + FLOOR * new_size.max() + TINY)) / allowed
            if reason := _trouble(stepper.spent, most, length, new):
                raise Stalled(f"{reason} at t={begin + at * gap:.4g}", states)
            if not ratio <= 1:
                level += 1
                continue
            v, size, at = new, new_size, at + length
            if ratio < EASY and level and at * 2.0 ** (level - 1) % 1 == 0:
                level -= 1
        states.append(keep(begin + gap, v))
    return states


def _trouble(spent: int, most: int, length: float, new: np.ndarray) -> str:
    """Say why an integration should not go on, if it should not."""
    if spent > most:
        return f"more than {most} evaluations were needed; it was"
    if length >= FINEST:
        return ""
    return "steps became too short" if np.all(np.isfinite(new)) else "steps led to values that are not finite"


class Stepper:
    """Takes steps and keeps the weights of their lengths."""

    def __init__(self, linear: np.ndarray, rate: Rate, measure: Callable[[np.ndarray], np.ndarray]):
        self.full, self.measure, self.spent = rate, measure, 0
        self.turn_to(linear)

    def turn_to(self, linear: np.ndarray) -> None:
        """Take another linear part."""
        self.linear, self.known = linear, {}

    def rate(self, t: float, v: np.ndarray) -> np.ndarray:
        """Return what the linear part leaves of the rate."""
        return self.full(t, v) - times(self.linear, v)

    def weights(self, h: float) -> Weights:
        """Return the weights of a length; lengths that differ by round-off only are one."""
        h = float(f"{h:.12e}")
        if h not in self.known:
            self.known[h] = weights(self.linear, h)
        return self.known[h]

    def advance(self, t: float, h: float, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the state after h, in two steps, and the error of its components."""
        self.spent += 11
        with np.errstate(all="ignore"):
            n0 = self.rate(t, v)
            coarse = step(self.weights(h), self.rate, t, h, v, n0)
            middle = step(self.weights(h / 2), self.rate, t, h / 2, v, n0)
            fine = step(self.weights(h / 2), self.rate, t + h / 2, h / 2, middle, self.rate(t + h / 2, middle))
            return fine, self.measure(fine - coarse) / 15
