"""Where a run is: the parts of a line about a logged step, and the live display made of them."""

import time
from collections import deque
from typing import Any

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.text import Text

from pinn.problem import TIME
from pinn.settings import Settings

RATE_OVER = 10  # logged steps the rate is a mean of
BAR = 48  # characters


class Progress:
    """Follows the records of a run.

    Args:
        settings: of the run.
        windows: how many there are.
        began: `time.monotonic` from which the time allowed counts.

    Its `phase` says what is going on where no steps are taken; `over`, that no more will be.
    """

    def __init__(self, settings: Settings, windows: int, began: float):
        self.settings, self.windows, self.began = settings, windows, began
        self.seen: deque[tuple[int, float]] = deque(maxlen=RATE_OVER)
        self.record: dict[str, Any] | None = None
        self.phase, self.over = "compiling ...", False

    def log(self, record: dict[str, Any]) -> None:
        """Take note of a logged step."""
        if self.record and record["step"] < self.record["step"]:
            self.seen.clear()
        self.record, self.phase = record, ""
        self.seen.append((record["step"], record["seconds"]))

    def where(self) -> str:
        """Name window, attempt, stage and optimizer, where there is more than one."""
        record, stages = self.record, len(self.settings.training.stages)
        start, stop = record["span"]
        parts = []
        if self.windows > 1:  # halves of a window are counted with it
            number = min(record["window"] + 1, self.windows)
            parts.append(f"window {number}/{self.windows} ({TIME} {start:g} to {stop:g})")
        parts += [f"attempt {record['attempt'] + 1}"] if record["attempt"] else []
        parts += [f"stage {record['stage'] + 1}/{stages}"] if stages > 1 else []
        return ", ".join([*parts, record["optimizer"]])

    def numbers(self) -> str:
        """Say how far the step is: loss, held-out loss, and the error where it is known."""
        record = self.record
        parts = [f"step {record['step']}", f"loss {record['loss']:.2e}"]
        for key, name in (("held_out", "held out"), ("error", "error"), ("damping", "damping")):
            parts += [f"{name} {record[key]:.1e}"] if record.get(key) is not None else []
        return "  ".join(parts)

    def clock(self) -> str:
        """Say how fast it goes, and how much of the time is left."""
        (first, began), (last, ended) = self.seen[0], self.seen[-1]
        parts = [f"{(last - first) / (ended - began):.3g} steps/s"] if ended > began else []
        parts.append(f"{self.record['seconds']:.0f} s")
        left = self.left()
        return ", ".join(parts + ([f"{left:.0f} s left"] if left is not None else []))

    def left(self) -> float | None:
        """Return the seconds that are left; None if there is no limit."""
        limit = self.settings.training.seconds
        return None if limit is None else max(0.0, limit - (time.monotonic() - self.began))

    def line(self) -> str:
        """Return everything in a line."""
        return f"{self.where()}  {self.numbers()}  {self.clock()}"

    def __rich__(self) -> RenderableType:
        """Return the live display; it is asked for several times a second, so that the clock goes on."""
        left, rows = self.left(), []
        if self.record:
            rows = [Text(self.where(), style="bold"), Text(self.numbers()), Text(self.clock(), style="dim")]
        if self.phase:
            rows.append(Text(self.phase))
        if left is not None and not self.over:
            limit = self.settings.training.seconds
            rows.append(ProgressBar(total=limit, completed=limit - left, width=BAR))
        return Group(*rows)
