"""Quantities followed along a roll-out, such as an energy, beside what they truly are."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pinn.errors import ProblemError
from pinn.language import Residual, Symbols, from_text
from pinn.problem import TIME, Problem


class Watched(NamedTuple):
    """A function of state and time.

    Attributes:
        residual: how it is written, compiled.
        parameters: it may mention.
    """

    residual: Residual
    parameters: Mapping[str, float]

    def __call__(self, names: Sequence[str], times: np.ndarray, states: np.ndarray) -> np.ndarray:
        """Return its values (n, S) along states (n, S, d) with components by name."""
        given = {TIME: times, **self.parameters, **dict(zip(names, np.moveaxis(states, -1, 0), strict=True))}
        found = self.residual.fn(**{n: given[n] for n in self.residual.needs})
        return np.broadcast_to(found, states.shape[:2])


def watched_of(names: Sequence[str], texts: Mapping[str, str], problem: Problem | None) -> dict[str, Watched]:
    """Compile quantities of a system: those a problem says are conserved, and those asked for.

    Args:
        names: of the components of its states.
        texts: expressions in them, in t and in parameters, by name.
        problem: whose parameters and invariants are known too; None for none.

    Raises:
        ProblemError: for an expression that mentions anything else, or a name that an invariant has. An invariant that
            mentions anything else is left out.
    """
    parameters = dict(problem.parameters) if problem else {}
    symbols = Symbols(parameters=dict.fromkeys((TIME, *names, *parameters), 0.0))  # names alone, of any form
    invariants, out = dict(problem.invariants) if problem else {}, {}
    if twice := [name for name in texts if name in invariants]:
        told = f"is an invariant of the file already, {invariants[twice[0]]}; take another name."
        raise ProblemError(told, place=f"--watch {twice[0]}")
    for name, text in (invariants | dict(texts)).items():
        try:
            if "=" in text:
                raise ProblemError("write the quantity alone, without '='.", text=text)
            out[name] = Watched(from_text(text, symbols), parameters)
        except ProblemError as error:
            if name in texts:
                raise error.located(f"--watch {name}") from None
    return out


def followable(
    watched: Mapping[str, Watched], names: Sequence[str], times: np.ndarray, truth: np.ndarray
) -> tuple[dict[str, Watched], tuple[str, ...]]:
    """Return the quantities that are finite on all true states (n, S, d), and what is to be said of others."""
    kept, notes = {}, []
    for name, quantity in watched.items():
        with np.errstate(all="ignore"):
            fine = np.isfinite(quantity(names, times, truth))
        if fine.all():
            kept[name] = quantity
            continue
        which, when = np.argwhere(~fine)[0]
        state = ", ".join(f"{n} = {v:g}" for n, v in zip(names, truth[which, when], strict=True))
        notes.append(f"{name} is not followed: it is not finite at t = {times[when]:g}, {state}, a true state")
    return kept, tuple(notes)


def watched_errors(
    watched: Mapping[str, Watched], names: Sequence[str], times: np.ndarray, states: np.ndarray, truth: np.ndarray
) -> dict[str, float]:
    """Return for each quantity its largest error in time over its largest size, the median of all roll-outs."""
    out = {}
    for name, quantity in watched.items():
        with np.errstate(all="ignore"):
            true, found = (quantity(names, times, x) for x in (truth, states))
            apart = np.abs(found - true).max(axis=1) / max(float(np.abs(true).max()), 1e-300)
        out[name] = float(np.median(np.where(np.isfinite(apart), apart, np.inf)))
    return out
