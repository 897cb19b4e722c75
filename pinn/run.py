"""`python -m pinn.run FILE`: solve a problem and leave a run folder. Exit codes are in `EXIT`."""

import argparse
import math
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pinn import STARTED
from pinn.errors import ProblemError
from pinn.faults import INTERRUPTED, end_at_once, listen, writer
from pinn.terminals import make_legible

EXIT = {"done": 0, "missed": 1, "wrong": 2, "failed": 3, "interrupted": INTERRUPTED}
CHECKPOINT_SECONDS = 20.0

EPILOG = """example: pinn run allen_cahn --seconds 60 --seed 1 --out runs/mine

exit codes: 0 done, and the target met if one was set; 1 finished, but the target was missed or could not be checked,
or there was no time for a single step; 2 the file or the arguments are wrong; 3 numerical failure, state saved, or
results that could not be written; 130 interrupted, state saved"""


def parser(program: str) -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog=program,
        description="Solve a differential equation given as a problem file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("file", nargs="?", metavar="FILE", help="a problem file, or the name of a shipped problem")
    p.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the file")
    p.add_argument("--seed", type=int, help="of the network and the points (default 0)")
    p.add_argument(
        "--seconds", type=float, metavar="S", help="from the start of the process to the last step; evaluation follows"
    )
    p.add_argument("--target", type=float, metavar="E", help="stop at this relative L2 error")
    p.add_argument("--precision", choices=["float64", "float32"], help="of all arithmetic (default float64)")
    p.add_argument("--device", choices=["cpu", "gpu", "tpu"], help="default: what jax finds")
    p.add_argument("--out", metavar="DIR", help="run folder, new or empty (default runs/NAME/UTC TIME)")
    p.add_argument("--resume", metavar="DIR", help="go on with the run in this folder; FILE may be left out")
    p.add_argument("--force", action="store_true", help="with --resume: go on with other settings than before")
    p.add_argument(
        "--tensorboard",
        nargs="?",
        const="",
        metavar="DIR",
        help="write TensorBoard files too (default RUN/tensorboard)",
    )
    p.add_argument("--quiet", action="store_true", help="print only the last lines")
    return p


def main(argv: Sequence[str] | None = None, program: str = "python -m pinn.run") -> int:
    """Run the command and return its exit code."""
    options = parser(program).parse_args(argv)
    make_legible()
    before = {number: signal.signal(number, end_at_once) for number in (signal.SIGINT, signal.SIGTERM)}
    locks: list[int | None] = []
    try:
        return _run(options, locks)
    except ProblemError as error:
        print(f"error: {_as_typed(error, options)}", file=sys.stderr)
        return EXIT["wrong"]
    except OSError as error:  # a folder that cannot be read or written, as when a run is to go on
        print(f"error: {error.filename or 'the run folder'}: {error.strerror or error}.", file=sys.stderr)
        return EXIT["wrong"]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for held in locks:
            if held is not None:
                os.close(held)


def _changes(options: argparse.Namespace) -> dict[str, str]:
    """Return KEY=VALUE texts of the options that stand for a setting, by option."""
    keys = {"seed": "training.seed", "seconds": "training.seconds", "precision": "training.precision",
            "target": "target.relative_l2"}  # fmt: skip
    given = {name: getattr(options, name) for name in keys}
    return {f"--{name}": f"{keys[name]}={value}" for name, value in given.items() if value is not None}


def _as_typed(error: ProblemError, options: argparse.Namespace) -> str:
    """Word an error about an option as the option was typed, not as the setting it stands for."""
    text = str(error)
    for option, change in _changes(options).items():
        text = text.replace(f"--set {change}", option)
    return text


def _run(options: argparse.Namespace, locks: list[int | None]) -> int:
    if options.file is None and options.resume is None:
        raise ProblemError("give a problem file, or the name of a shipped problem, or --resume DIR.")
    if options.resume and options.out:
        raise ProblemError("--resume goes on in its own folder; leave out --out.")
    if options.force and not options.resume:
        raise ProblemError("--force is for --resume; without it there are no earlier settings.")
    _choose_device(options.device)

    from pinn import checkpoint
    from pinn.config import load_problem
    from pinn.loggers import TensorBoard
    from pinn.report.terminal import Terminal
    from pinn.runfolder import CHECKPOINT, RunFolder
    from pinn.settings import make_settings

    changes = [*options.set, *_changes(options).values()]
    earlier = RunFolder.open(Path(options.resume)) if options.resume else None
    if earlier:
        locks.append(earlier.lock())
    notes = [checkpoint.mend(earlier.path / CHECKPOINT)] if earlier else []
    file = options.file or (earlier.source if earlier else None)
    changes = [*(earlier.overrides if earlier else ()), *changes]
    problem = load_problem(file, changes, earlier.folder if earlier and not options.file else "")
    settings = make_settings(problem.settings)
    _configure(options.device)
    if earlier:
        notes.append(earlier.check_same(problem, settings, options.force))
    else:
        RunFolder.check_free(options.out)
    folder = earlier or RunFolder.choose(options.out, problem)
    terminal = Terminal(problem, settings, folder.path, quiet=options.quiet)
    for note in filter(None, notes):
        terminal.fault(note)
    loggers = [] if options.tensorboard is None else [TensorBoard(options.tensorboard or folder.path / "tensorboard")]
    return _solve(problem, file, folder, terminal, loggers, locks, resumed=earlier is not None)


def _choose_device(device: str | None) -> None:
    """Keep jax from looking for accelerators that are not wanted; that has to happen before it is first used."""
    if device == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"


def _configure(device: str | None) -> None:
    import jax

    try:
        jax.config.update("jax_default_device", jax.devices(device)[0] if device else None)
        jax.devices()
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        place = f"--device {device}" if device else f"JAX_PLATFORMS={os.environ.get('JAX_PLATFORMS', '')}"
        raise ProblemError(f"jax finds no such device here ({reason}).", place=place) from None


def _solve(
    problem: Any, file: str, folder: Any, terminal: Any, loggers: list[Any], locks: list[int | None], resumed: bool
) -> int:
    from pinn.config import locate
    from pinn.solver import Hooks, solve

    clock = {"saved": -math.inf}
    interrupted, write = listen(terminal, clock), writer(terminal)

    def on_plan(plan: Any) -> None:
        """Write nothing before everything has been checked."""
        if resumed:
            folder.go_on(problem, plan.settings)
        else:
            folder.create(problem, plan.settings)
            locks.append(folder.lock())
        terminal.begin(resumed, len(plan.edges) - 1)

    def on_log(record: dict[str, Any]) -> None:
        write("log.jsonl", lambda: folder.log(record))
        terminal.log(record)

    def on_state(plan: Any, state: Any, last: bool) -> None:
        if last or time.monotonic() - clock["saved"] > CHECKPOINT_SECONDS:
            write("the checkpoint", lambda: folder.save_state(plan, state))
            clock["saved"] = time.monotonic()
        if last and not interrupted:
            clock["trained"] = clock["saved"]
            terminal.phase("weighing the evidence ...")

    try:
        solution = solve(
            problem,
            on_log=[lambda r, to=to: write("the TensorBoard file", lambda: to(r)) for to in loggers],
            hooks=Hooks(on_plan, terminal.note, on_log, on_state, lambda: bool(interrupted)),
            resume=folder.load_state if resumed else None,
            started=STARTED,
            earlier_seconds=folder.seconds() if resumed else 0.0,
        )
    except ProblemError as error:
        raise locate(error, problem, file) from None
    finally:
        terminal.stop()
        for logger in loggers:
            logger.close()
    return _leave(solution, folder, terminal)


def _leave(solution: Any, folder: Any, terminal: Any) -> int:
    """Write the results, say how it went, and return the exit code."""
    from pinn.report.figures import save_figure
    from pinn.report.page import write_page

    code, page = solution.status, False
    target = solution.summary["target"]
    if code == "done" and (not solution.summary["steps"] or (target["relative_l2"] is not None and not target["met"])):
        code = "missed"
    try:
        folder.finish(solution)
        if solution.values:
            save_figure(solution, folder.read_log(), folder.path / "figure.png")
        write_page(solution, folder.read_log(), folder.path)
        page = True
    except OSError as error:
        terminal.end(solution, page)
        saved = (folder.path / "checkpoint.npz").exists()
        cure = f" Once there is room: python -m pinn.run --resume {folder.path}" if saved else " Nothing is saved."
        print(f"error: {folder.path}: the results could not be written: {error.strerror}.{cure}", file=sys.stderr)
        return EXIT["failed"]
    except KeyboardInterrupt:
        print("interrupted while the results were written; the state is saved", file=sys.stderr)
        code = "interrupted"
    terminal.end(solution, page)
    return EXIT[code]


if __name__ == "__main__":
    sys.exit(main())
