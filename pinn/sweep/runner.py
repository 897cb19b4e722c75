"""Runs of a sweep as processes of their own, so that none of them can stop the others."""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from pinn.runs import errors_of
from pinn.sweep.combinations import Combination
from pinn.sweep.folder import TABLE, Result, clear, result_of, write_table
from pinn.sweep.folder import table as table_of

POLL_SECONDS = 0.1
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Sweep:
    """Starts runs, waits for them, and keeps the table.

    Args:
        file: path of the problem file, or a problem's name.
        folder: of the sweep.
        combinations: what to run.
        held: the lock the runs inherit; None for none.
    """

    def __init__(self, file: str, folder: Path, combinations: Sequence[Combination], held: int | None = None):
        self.file, self.folder, self.combinations, self.held = file, folder, combinations, held
        self.results = [result_of(folder, c.name) for c in combinations]
        self.running: dict[int, subprocess.Popen] = {}
        self.asked: dict[int, int] = {}  # how often a run was asked to stop
        self.received: list[int] = []

    def run(self, jobs: int) -> int:
        """Run what is not finished, so many at a time, and return the exit code."""
        waiting = [k for k, result in enumerate(self.results) if result.state != "finished"]
        kept = len(self.results) - len(waiting)
        before = f", {kept} of them finished before" if kept else ""
        print(f"{len(self.results)} runs{before}, in {self.folder}", flush=True)
        handlers = {number: signal.signal(number, self._note) for number in SIGNALS}
        try:
            self._write()
            while self.running or (waiting and not self.received):
                while waiting and len(self.running) < jobs and not self.received:
                    self._start(waiting.pop(0))
                time.sleep(POLL_SECONDS)
                self._stop()
                self._collect()
        finally:
            for process in self.running.values():
                process.terminate()  # after an error of this process only; the runs save their states
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return self._end()

    def _start(self, index: int) -> None:
        """Start or resume a run, with its output in a file beside its folder."""
        name = self.combinations[index].name
        try:
            if self.results[index].state == "fresh":
                clear(self.folder / name)
            with (self.folder / f"{name}.txt").open("wb") as output:
                # In a group of its own: Ctrl-C comes to this process alone, which passes it on.
                self.running[index] = subprocess.Popen(
                    self._command(index), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                    process_group=0, pass_fds=() if self.held is None else (self.held,),
                )  # fmt: skip
        except OSError as error:
            self.results[index] = Result("fresh", 2, None, f"cannot be started: {error.strerror}")
            self._tell(index)

    def _command(self, index: int) -> list[str]:
        run, command = str(self.folder / self.combinations[index].name), [sys.executable, "-m", "pinn.run", "--quiet"]
        if self.results[index].state == "resumable":
            return [*command, "--resume", run]
        changes = self.combinations[index].changes
        return [*command, self.file, "--out", run, *(part for change in changes for part in ("--set", change))]

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received.append(number)

    def _stop(self) -> None:
        """Ask the runs to stop and save as often as this process was, but at most twice: that ends them at once."""
        for index, process in self.running.items():
            if self.asked.get(index, 0) < min(len(self.received), 2) and process.poll() is None:
                self.asked[index] = self.asked.get(index, 0) + 1
                process.send_signal(signal.SIGINT)

    def _collect(self) -> None:
        """Take up the runs that have ended."""
        for index in [k for k, process in self.running.items() if process.poll() is not None]:
            code = self.running.pop(index).returncode
            self.results[index] = result_of(self.folder, self.combinations[index].name, code)
            self._tell(index)

    def _tell(self, index: int) -> None:
        """Say how a run ended, and write the table anew."""
        self._write()
        ended = sum(r.state == "finished" or r.exit is not None for r in self.results)
        title = self.combinations[index].title
        print(f"{ended}/{len(self.results)}  {title}: {_sentence(self.results[index])}", flush=True)

    def _write(self) -> None:
        try:
            write_table(self.folder, *table_of(self.combinations, self.results))
        except OSError as error:
            print(f"note: {TABLE} cannot be written now: {error.strerror}", file=sys.stderr)

    def _end(self) -> int:
        """Print the table, and how to go on."""
        from pinn.report.columns import print_columns

        heads, rows = table_of(self.combinations, self.results)
        numbers = [h for h in heads if h not in ("run", "status", "message", "estimated")]
        print_columns(heads, [[_cell(cell) for cell in row] for row in rows], numbers)
        print(f"Table in {self.folder / TABLE}")
        if self.received:
            left = sum(r.state != "finished" for r in self.results)
            print(f"interrupted, with {left} of {len(self.results)} runs unfinished; states of those begun are saved.")
            print(f"Go on with: python -m pinn sweep --resume {self.folder}")
            return 130
        return 0 if all(r.exit == 0 for r in self.results) else 1


def _sentence(result: Result) -> str:
    if result.state != "finished":
        return f"exit code {result.exit}: {result.message}"
    errors, estimated = errors_of(result.run.summary)
    each = ", ".join(f"{e:.1e} of {name}" for name, e in errors.items() if e is not None)
    error = f", error {'estimated as ' if estimated else ''}{each}" if each else ""
    return f"{result.run.status}{error} ({result.message})"


def _cell(cell: Any) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell)
