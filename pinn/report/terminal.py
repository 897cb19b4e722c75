"""Progress and results in the terminal: a live line where there is one, plain lines otherwise."""

import os
import sys
import time
from pathlib import Path
from shlex import quote
from typing import Any

import jax
from rich.console import Console
from rich.live import Live
from rich.text import Text

from pinn import STARTED
from pinn.problem import TIME, Problem
from pinn.report.judgement import doubt_of
from pinn.report.progress import Progress
from pinn.report.rungs import Style, rungs
from pinn.settings import Settings
from pinn.solution import Solution
from pinn.surroundings import platform

PLAIN_SECONDS = 5.0  # between lines where the output is not a terminal
REFRESH = 2  # times a second


class _Console(Console):
    """A console whose reader may leave: a run goes on when its output is piped to `head`."""

    def on_broken_pipe(self) -> None:
        """Write to nowhere from here on."""
        self.file = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (open until the process ends)
        os.dup2(self.file.fileno(), sys.stdout.fileno())


class Terminal:
    """Prints a run."""

    def __init__(self, problem: Problem, settings: Settings, folder: Path, quiet: bool):
        self.problem, self.settings, self.folder, self.quiet = problem, settings, folder, quiet
        self.console = _Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self.live: Live | None = None
        self.progress = Progress(settings, 1, STARTED)
        self.printed = 0.0

    def begin(self, resumed: bool, windows: int = 1) -> None:
        """Print what is about to be solved, in how many windows, and on what."""
        self.progress = Progress(self.settings, windows, STARTED)
        if self.quiet:
            return
        problem, training = self.problem, self.settings.training
        device, count = platform(), len(jax.devices(platform()))
        limit = f"{training.seconds:g} s" if training.seconds else "no time limit"
        self.console.print(Text(problem.title or problem.name, style="bold"))
        for constraint in problem.constraints:
            place = f"   at {constraint.place}" if constraint.where else ""
            self.console.print(f"  {constraint.name}: {constraint.residual.text}{place}", markup=False)
        for name, mean in problem.means.items():
            self.console.print(f"  mean of {name}: {mean:g}   over the domain", markup=False)
        self.console.print(
            f"{'going on in' if resumed else 'run folder'} {self.folder}\n"
            f"{training.precision} on {count} {device} device{'s' if count > 1 else ''}, seed {training.seed}, {limit}"
            + (f", {windows} windows of {TIME}" if windows > 1 else ""),
            markup=False,
        )
        if self.console.is_terminal:
            self.live = Live(self.progress, console=self.console, refresh_per_second=REFRESH, transient=True)
            self.live.start()

    def note(self, sentence: str) -> None:
        """Print a sentence."""
        if not self.quiet:
            self.console.print(f"note: {sentence}", markup=False)

    def log(self, record: dict[str, Any]) -> None:
        """Show a logged step."""
        self.progress.log(record)
        if not self.live and not self.quiet and time.monotonic() - self.printed >= PLAIN_SECONDS:
            self.printed = time.monotonic()
            self.console.print(self.progress.line(), markup=False)

    def phase(self, text: str) -> None:
        """Say what is going on once no more steps are taken."""
        self.progress.phase, self.progress.over = text, True
        if not self.live and not self.quiet:
            self.console.print(text, markup=False)

    def stop(self) -> None:
        """End the live line."""
        if self.live:
            self.live.stop()
            self.live = None

    def fault(self, sentence: str) -> None:
        """Print what a user has to know also where only the last lines are wanted."""
        if self.quiet:
            print(f"note: {sentence}", file=sys.stderr)
        else:
            self.note(sentence)

    def end(self, solution: Solution, page: bool = True) -> None:
        """Print the results, and one sentence that says how it went and, if there is one, where the page is."""
        if solution.values and not self.quiet:
            self.console.print(table(solution.summary), markup=False)
            parts = (f"{name} {s:.1f} s" for name, s in solution.summary["seconds"].items() if s)
            self.console.print(", ".join(parts))
        for sentence in solution.summary["alarms"] or ():
            self.console.print(f"alarm: {sentence}", markup=False, style="bold red")
        self.console.print(verdict(solution.summary, self.folder, page), markup=False)


def table(summary: dict[str, Any]) -> str:
    """Return the ladder as text in columns: errors first, then residuals and what should be conserved."""
    rows = [("", "relative L2", "maximum", ""), *rungs(summary, STYLE), ("", "", "", "")]
    rows.append(("held-out residual", "rms", "maximum", ""))
    last = ", in the last window" if len(summary["windows"]) > 2 else ""
    for name, entry in summary["held_out"].items():
        ratio = summary["overfitting"].get(name)
        note = "" if ratio is None else f"{ratio:.2g} times that on the training points" + last
        rows.append((name, f"{entry['rms']:.2e}", f"{entry['max']:.2e}", note))
    for name, entry in (summary["invariants"] or {}).items():
        rows.append((f"drift of {name}", "", f"{entry['drift']:.2e}", f"of {entry['size']:.2g}"))
    first, second, third = (max(len(row[k]) for row in rows) for k in range(3))
    lines = [f"{a:<{first}}  {b:>{second}}  {c:>{third}}  {d}".rstrip() for a, b, c, d in rows]
    return "\n".join(lines)


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}g}" if 1e-2 <= abs(value) < 1e3 or not value else f"{value:.{digits - 1}e}"


STYLE = Style(_number, str, str, "none", "", brief=True)


def verdict(summary: dict[str, Any], folder: Path, page: bool = True) -> str:
    """Say in one or two sentences how a run ended and how wrong its answer is."""
    status, seconds = summary["status"], summary["seconds"]["total"]
    again = f"Go on with: python -m pinn.run --resume {quote(str(folder))}"
    if status == "interrupted":
        return f"interrupted after step {summary['steps']}; the state is saved. {again}"
    error, message = _error_sentence(summary), summary["message"]
    if status == "failed":
        saved = f"The last good state is saved in {folder}; for it, {error}."
        return f"failed after step {summary['steps']}: {message}. {saved}"
    goal = summary["target"]["relative_l2"]
    outcome = {True: "met", False: "missed", None: "not checked against an error or estimate"}[summary["target"]["met"]]
    target = "" if goal is None else f", target {goal:g} {outcome}"
    steps = f"{summary['steps']} steps in {seconds:.0f} s ({message})"
    return f"done: {error}{target}, {steps}." + (f" Report: {folder / 'report.html'}" if page else "")


def _error_sentence(summary: dict[str, Any]) -> str:
    found, reference, guess = summary["errors"], summary["reference"], summary["estimate"]
    if found is None and guess:
        each = ", ".join(f"{entry['relative_l2']:.1e} of {name}" for name, entry in guess.items())
        return f"relative L2 error estimated as {each}, {doubt_of(guess)} (no reference: {summary['no_reference']})"
    if found is None:
        return f"the error is not known, because there is no reference ({summary['no_reference']})"
    each = ", ".join(f"{entry['relative_l2']:.2e} of {name}" for name, entry in found.items())
    doubt = reference["uncertainty"]
    doubt = "of unknown uncertainty" if doubt is None else f"uncertain by {doubt:.0e}"
    return f"relative L2 error {each} (reference {reference['kind']}, {doubt})"
