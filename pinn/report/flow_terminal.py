"""A study of learned dynamics in the terminal: lines of progress, and the table at its end."""

import json
from pathlib import Path
from typing import Any

from pinn.dynamics import summary
from pinn.dynamics.sources import Source
from pinn.dynamics.study import Study
from pinn.dynamics.trajectories import Trajectories, counted
from pinn.problem import Problem
from pinn.report.columns import print_columns

LINES = 5.0  # seconds between lines of progress


class Talk:
    """Lines of progress; and whether somebody wants an end of it."""

    def __init__(self, quiet: bool):
        self.quiet, self.printed = quiet, 0.0
        self.training, self.received = False, 0

    def heard(self, number: int, frame: Any) -> None:
        """Hear Ctrl-C or SIGTERM: at once, but after a chunk of steps while a model trains, unless it comes twice."""
        self.received += 1
        if not self.training or self.received > 1:
            raise KeyboardInterrupt
        if not self.quiet:
            print("stopping after this chunk of steps; once more ends at once", flush=True)

    def making(self, problem: Problem | None, data: Trajectories | None) -> None:
        """Say that trajectories are being made, which may take a while."""
        if not self.quiet and not data:
            print(f"making trajectories of {problem.name}", flush=True)

    def source(self, source: Source) -> None:
        """Say what is learned from."""
        if self.quiet:
            return
        train, time = source.train, source.lyapunov
        count, length = train.states.shape[:2]
        print(f"{source.name}: {counted(count)} of {length} states, {', '.join(train.names)}, in steps of "
              f"{train.dt:g}" + (f"; Lyapunov time {time:.4g}" if time else ""), flush=True)  # fmt: skip

    def record(self, name: str, record: dict[str, float] | None) -> None:
        """Say how training goes, now and then; end it where that is wanted.

        Raises:
            KeyboardInterrupt: after a signal.
        """
        self.training = True
        if self.received and record is not None:
            raise KeyboardInterrupt
        if self.quiet:
            return
        if record is None:
            self.printed = 0.0
            print(f"training {name}", flush=True)
        elif record["seconds"] - self.printed >= LINES:
            self.printed = record["seconds"]
            print(f"  step {record['step']}, {record['seconds']:.0f} s: loss {record['loss']:.2e}, on windows held out "
                  f"{record['held_out']:.2e}", flush=True)  # fmt: skip


def tell(found: Study, folder: Path, as_json: bool) -> None:
    """Print the table of a study, what its columns are, and its notes; or all of it as JSON."""
    data = summary.summary_of(found)
    if as_json:
        print(json.dumps(data | {"folder": str(folder)}, indent=2))
        return
    heads = summary.heads(data)
    print_columns(heads, summary.rows(data), heads[1:])
    print()
    for sentence in summary.explained(data):
        print(f"  {sentence}")
    for sentence in data["notes"]:
        print(f"note: {sentence}")
    print(f"wrote {folder / 'report.html'}")
