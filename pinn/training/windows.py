"""Into which windows the time range is cut, and what a window's share of the time is."""

from pinn.ansatz import Ansatz
from pinn.ansatz.linearity import is_linear
from pinn.optimizers import OPTIMIZERS
from pinn.places import edges_of, refuse_windows
from pinn.problem import TIME, Problem
from pinn.settings import TrainingSettings

MOST, BEFORE, EACH = 10, 15.0, 4.5  # windows chosen by themselves; seconds until the first step, and for each window


def choose_edges(problem: Problem, training: TrainingSettings, ansatz: Ansatz) -> tuple[float, ...]:
    """Return the edges of the windows, from the start of the time range to its end.

    ``auto`` cuts nonlinear problems where every initial condition is hard and second-order optimizers do the work: into
    as many equal windows as get some seconds each, at most ten. Ten small fits are cheaper and closer than a large
    one; linear problems were the exception (heat: 3e-9 with one window in 45 s, 1e-7 with ten in 60 s). Order two in
    time gets one too, for rates that are a little wrong move what follows (Klein-Gordon: 2e-9 and, with four, 1e-8).

    Raises:
        ProblemError: for windows that are no cut of the time range, or a problem that cannot be cut.
    """
    if ansatz.time_axis is None:
        refuse_windows(training.windows, "the problem has no time.")
        return (0.0, 1.0)
    lo, hi = problem.domain.bounds[TIME]
    if problem.order(TIME) > 1 and not ansatz.anchored:
        refuse_windows(
            training.windows,
            f"the equations are of order {problem.order(TIME)} in {TIME}; windows need order one, or order two with "
            "hard initial values and rates.",
        )
        return (lo, hi)
    if training.windows == "auto":
        second_order = all(stage.optimizer in OPTIMIZERS for stage in training.stages)
        count = MOST if training.seconds is None else max(1, min(MOST, int((training.seconds - BEFORE) / EACH)))
        cut = second_order and ansatz.anchored and problem.order(TIME) == 1 and not is_linear(problem)
        return _equal(lo, hi, count if cut else 1)
    if isinstance(training.windows, int):
        return _equal(lo, hi, training.windows)
    return edges_of(training.windows, lo, hi)


def _equal(lo: float, hi: float, count: int) -> tuple[float, ...]:
    return (*(lo + (hi - lo) * k / count for k in range(count)), hi)
