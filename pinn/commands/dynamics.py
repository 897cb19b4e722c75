"""`pinn dynamics FILE --model NAME`: learn to step a system in time from trajectories, and judge how far that goes."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pinn.errors import ProblemError

if TYPE_CHECKING:
    from pinn.dynamics.sources import Source
    from pinn.dynamics.study import Study
    from pinn.problem import Problem

SECONDS, LINES = 60.0, 5.0  # of training by default; between lines of progress
EPILOG = """examples:
  pinn dynamics lorenz --model feed_forward,gru --seconds 300
  pinn dynamics oscillator --model all --watch "energy = m*v**2/2 + k*x**2/2"

models: feed_forward, informed (with the equations' residual in its loss), gru, lstm, autoencoder, adversarial; of
fields convolutional. Beside them stand persistence, a linear map, and the Runge-Kutta method the data come from.

FILE is a system of ordinary equations in t, or a field in t and one periodic coordinate. With --data it may be left
out; a csv file has the columns t, one per component, and, if there are several, trajectory; an npz file the arrays
t (T,) and each component (T,) or (n, T). Of a field, taken to be periodic, it has x (X,) besides, and each component
(T, X) or (n, T, X).

Roll-outs last twice the file's range of time, or 15 Lyapunov times if these are longer; a field's, the file's range;
those of --data, all there is of the trajectories that are kept to judge by, a fifth.

exit codes: 0 trained and judged; 2 something is wrong, and nothing was trained; 130 interrupted"""


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog="pinn dynamics",
        description="Train networks to take the state of a system one step of time further, from trajectories made\n"
        "with its equations or given; roll them out from new states, and say for how long they are right.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = p.add_argument
    add("file", nargs="?", metavar="FILE", help="a problem file, or the name of a shipped problem")
    add("--model", action="append", metavar="NAME", help="one or several, with commas, or all (default feed_forward)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the file")
    add("--data", metavar="FILE", help="trajectories of your own, .csv or .npz")
    add("--trajectories", type=int, metavar="N", help="to train on, from random states (default 100; of fields 20)")
    add("--dt", type=float, metavar="T", help="step of time (default 0.01)")
    add("--time", type=float, metavar="T", help="length of those to train on (default: the file's range)")
    add(
        "--spread",
        type=float,
        metavar="F",
        help="side of the box of random states (default 1, that of the file's path)",
    )
    add("--horizon", type=float, metavar="T", help="length of roll-outs (default: as below)")
    add("--lyapunov", type=float, metavar="T", help="a Lyapunov time that is known; else it is computed")
    add("--watch", action="append", default=[], metavar="NAME=TEXT", help="a quantity to follow along roll-outs")
    add("--seconds", type=float, metavar="S", help=f"of training, of each model (default {SECONDS:g})")
    add("--steps", type=int, metavar="N", help="of the optimizer instead: the same numbers on any day")
    add("--seed", type=int, default=0, help="of states, params and batches (default 0)")
    add("--out", metavar="DIR", help="a folder, new or empty (default runs/NAME/dynamics-UTC TIME)")
    add("--json", action="store_true", help="print one JSON object")
    add("--quiet", action="store_true", help="print only the table")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(argv)
    try:
        return _run(options, list(argv))
    except ProblemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; nothing is kept", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace, argv: list[str]) -> int:
    _check_numbers(options)
    from pinn.runfolder import RunFolder

    RunFolder.check_free(options.out)
    from pinn.config import load_problem
    from pinn.dynamics.catalogue import check_models
    from pinn.dynamics.study import study
    from pinn.dynamics.watch import watched_of

    problem = load_problem(options.file, options.set) if options.file else None
    names = [name.strip() for given in options.model or ["feed_forward"] for name in given.split(",") if name.strip()]
    source = _source(options, problem, names)
    check_models(names, source.train.places is not None, source.equations is not None)
    if source.train.places is not None and options.watch:
        raise ProblemError(
            "quantities are followed along states of a few components; here is a field.", place="--watch"
        )
    watched = watched_of(source.train.names, _pairs(options.watch), problem) if source.train.places is None else {}
    talk = _Talk(options.quiet or options.json)
    talk.source(source)
    seconds = options.seconds if options.seconds or options.steps else SECONDS
    found = study(
        source, names, seconds=seconds, steps=options.steps, seed=options.seed, watched=watched, watch=talk.record
    )
    folder = _write(found, options, argv)
    _tell(found, folder, options.json)
    return 0


def _check_numbers(options: argparse.Namespace) -> None:
    if options.file is None and options.data is None:
        raise ProblemError("give a problem file, or the name of a shipped problem, or trajectories with --data.")
    for name in ("trajectories", "dt", "time", "spread", "horizon", "lyapunov", "seconds", "steps"):
        value = getattr(options, name)
        if value is not None and not 0 < value < math.inf:
            raise ProblemError("expected a number greater than 0.", place=f"--{name} {value:g}")
    if not 0 <= options.seed < 2**31:
        raise ProblemError("expected a whole number from 0 on.", place=f"--seed {options.seed}")
    if options.set and options.file is None:
        raise ProblemError("changes a problem file; none is given.", place="--set")
    for name in ("trajectories", "dt", "time", "spread"):
        if options.data and getattr(options, name) is not None:
            raise ProblemError("says how trajectories are made; those of --data are there.", place=f"--{name}")


def _pairs(given: Sequence[str]) -> dict[str, str]:
    out = {}
    for entry in given:
        name, equals, text = (part.strip() for part in entry.partition("="))
        if not (name and equals and text):
            raise ProblemError("expected NAME=EXPRESSION.", place=f"--watch {entry}")
        out[name] = text
    return out


def _source(options: argparse.Namespace, problem: "Problem | None", names: list[str]) -> "Source":
    """Read or make the trajectories; a model that does not exist is refused before."""
    from pinn.dynamics.catalogue import MODELS
    from pinn.dynamics.files import read_trajectories
    from pinn.dynamics.sources import Plan, from_data, from_problem
    from pinn.errors import unknown

    for name in names:
        if name not in (*MODELS, "all"):
            raise unknown("model", name, [*MODELS, "all"]).located("--model")
    given = {n: getattr(options, n) for n in Plan._fields if getattr(options, n, None) is not None}
    plan = Plan(**given)
    if options.data:
        path = Path(options.data)
        return from_data(problem.name if problem else path.stem, read_trajectories(path), problem, plan)
    return from_problem(problem, plan)


class _Talk:
    """Lines of progress."""

    def __init__(self, quiet: bool):
        self.quiet, self.printed = quiet, 0.0

    def source(self, source: "Source") -> None:
        """Say what is learned from."""
        if self.quiet:
            return
        train, time = source.train, source.lyapunov
        count, length = train.states.shape[:2]
        print(f"{source.name}: {count} trajectories of {length} states, {', '.join(train.names)}, in steps of "
              f"{train.dt:g}" + (f"; Lyapunov time {time:.4g}" if time else ""), flush=True)  # fmt: skip

    def record(self, name: str, record: dict[str, float] | None) -> None:
        """Say how training goes, now and then."""
        if self.quiet:
            return
        if record is None:
            self.printed = 0.0
            print(f"training {name}", flush=True)
        elif record["seconds"] - self.printed >= LINES:
            self.printed = record["seconds"]
            print(f"  step {record['step']}, {record['seconds']:.0f} s: loss {record['loss']:.2e}, on windows held out "
                  f"{record['held_out']:.2e}", flush=True)  # fmt: skip


def _write(found: "Study", options: argparse.Namespace, argv: list[str]) -> Path:
    """Write the folder: summary.json, rollouts.npz, figure.png, report.html."""
    import numpy as np

    from pinn.checkpoint import write_npz
    from pinn.dynamics.summary import summary_of
    from pinn.files import at_once, unused, write_text
    from pinn.report.flows import page, save_figure

    folder = Path(options.out) if options.out else unused(Path("runs") / found.source.name, "dynamics-")
    arrays: dict[str, Any] = {"t": found.times}
    if found.source.tests.places is not None:
        arrays["x"] = found.source.tests.places
    paths = {"truth": found.truth} | {name: outcome.states for name, outcome in found.outcomes.items()}
    for name, states in paths.items():
        arrays |= {f"{c}_{name}": states[..., k] for k, c in enumerate(found.source.train.names)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_npz(folder / "rollouts.npz", {k: np.asarray(v) for k, v in arrays.items()})
        with at_once(folder / "figure.png") as partial, partial.open("wb") as file:
            save_figure(found, file)
        write_text(folder / "report.html", page(found, ["pinn", "dynamics", *argv]))
        write_text(folder / "summary.json", json.dumps(summary_of(found), indent=2) + "\n")
    except OSError as error:
        raise ProblemError(f"cannot be written: {error.strerror}.", place=str(folder)) from None
    return folder


def _tell(found: "Study", folder: Path, as_json: bool) -> None:
    from pinn.dynamics import summary

    data = summary.summary_of(found)
    if as_json:
        print(json.dumps(data | {"folder": str(folder)}, indent=2))
        return
    from pinn.report.columns import print_columns

    heads = summary.heads(data)
    print_columns(heads, summary.rows(data), heads[1:])
    print()
    for sentence in summary.explained(data):
        print(f"  {sentence}")
    for sentence in data["notes"]:
        print(f"note: {sentence}")
    print(f"wrote {folder / 'report.html'}")
