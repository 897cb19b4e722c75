"""What ends training: limits of a run, the share of an attempt, and how a run ended."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pinn.sampling import Points


class Limits(NamedTuple):
    """What ends training before its stages are through.

    Attributes:
        deadline: on the clock of `time.monotonic`; None for no limit.
        reached: (call for the params of the solution so far, span of the window; None for the last) -> whether the
            target is met, or the window good enough for it; None for no target.
        loss: on all points of its bank, at which a window is good enough; None to do one's best.
        stop: asked between chunks; True interrupts.
    """

    deadline: float | None = None
    reached: Callable[[Callable[[], Any], tuple[float, float] | None], bool] | None = None
    loss: float | None = None
    stop: Callable[[], bool] = lambda: False


class Share(NamedTuple):
    """What an attempt at a window may take.

    Attributes:
        until: on the clock of `time.monotonic`.
        if_behind: the same where its loss is much above the windows before.
        hurried: whether to wait half as long for progress once it is no worse than the windows before.
    """

    until: float
    if_behind: float
    hurried: bool


class Outcome(NamedTuple):
    """How training ended.

    Attributes:
        status: "done", "interrupted" or "failed".
        message: a sentence.
        compile_seconds: spent in compilation.
        train_seconds: spent in steps.
        points: those of the last step, by place; empty if there was none.
    """

    status: str
    message: str
    compile_seconds: float
    train_seconds: float
    points: Points
