"""Settings that name places in the domain: the edges of windows, and where a layer is. Checked without jax."""

import itertools
from collections.abc import Sequence

from pinn.errors import ProblemError
from pinn.problem import TIME, Problem
from pinn.settings import Settings


def check_places(problem: Problem, settings: Settings) -> None:
    """Refuse places that a problem does not have.

    Raises:
        ProblemError: for windows where there is no time, or whose edges are no cut of it; for a layer that is nowhere.
    """
    windows, layer = settings.training.windows, settings.ansatz.layer
    if TIME not in problem.coordinates:
        refuse_windows(windows, "the problem has no time.")
    elif not isinstance(windows, int | str):
        edges_of(windows, *problem.domain.bounds[TIME])
    if layer not in ("auto", "none"):
        layer_axis(problem, float(layer))


def refuse_windows(windows: object, reason: str) -> None:
    """Refuse more than one window.

    Raises:
        ProblemError: with the reason, unless windows are left to the solver, or it is but one.
    """
    if windows not in ("auto", 1):
        raise ProblemError(reason, ("training", "windows"), str(windows))


def edges_of(edges: Sequence[float], lo: float, hi: float) -> tuple[float, ...]:
    """Return edges of windows, the first and the last exactly those of the time range.

    Raises:
        ProblemError: if they are no cut of it.
    """
    key, text = ("training", "windows"), str(list(edges))
    if any(b <= a for a, b in itertools.pairwise(edges)):
        raise ProblemError("the edges of windows have to increase.", key, text)
    near = 1e-9 * (hi - lo)  # the ends may be written with fewer digits than they have
    if len(edges) < 2 or abs(edges[0] - lo) > near or abs(edges[-1] - hi) > near:
        raise ProblemError(f"the edges have to go from {lo:.10g} to {hi:.10g}, the range of {TIME}.", key, text)
    return (lo, *edges[1:-1], hi)


def layer_axis(problem: Problem, place: float) -> int:
    """Return the axis of the coordinate along which a layer is at a place.

    Raises:
        ProblemError: where there is not one such coordinate beside time, or the place is outside of it.
    """
    key, coordinates = ("ansatz", "layer"), problem.coordinates
    beside = [c for c in coordinates if c != TIME]
    if len(beside) != 1 or len(coordinates) != 2:
        raise ProblemError("needs a problem in t and one other coordinate.", key, f"{place:g}")
    lo, hi = problem.domain.bounds[beside[0]]
    if not lo <= place <= hi:
        raise ProblemError(f"expected a place between {lo:g} and {hi:g}, the range of {beside[0]}.", key, f"{place:g}")
    return coordinates.index(beside[0])
