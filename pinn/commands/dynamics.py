"""`pinn dynamics FILE --model NAME`: learn to step a system in time from trajectories, and judge how far that goes."""

import argparse
import math
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pinn.errors import ProblemError, unknown
from pinn.faults import INTERRUPTED

if TYPE_CHECKING:
    from pinn.dynamics.sources import Source
    from pinn.dynamics.trajectories import Trajectories
    from pinn.dynamics.watch import Watched
    from pinn.problem import Problem

SECONDS = 60.0  # of training by default
EPILOG = """example: pinn dynamics lorenz --model feed_forward,gru --seconds 300
example: pinn dynamics oscillator --model all --watch "energy = m*v**2/2 + k*x**2/2"

models: feed_forward, informed (with the equations' residual in its loss), gru, lstm, autoencoder, adversarial; of
fields convolutional. Beside them stand persistence, a linear map, and the Runge-Kutta method the data come from.

FILE is a system of ordinary equations in t, or a field in t and one periodic coordinate. With --data it may be left
out; a csv file has the columns t, one per component, and, if there are several, trajectory; an npz file the arrays
t (T,) and each component (T,) or (n, T). Of a field, taken to be periodic, it has x (X,) besides, and each component
(T, X) or (n, T, X).

Roll-outs last twice the file's range of time, or 15 Lyapunov times if these are longer; a field's, the file's range;
those of --data, all there is of the trajectories that are kept to judge by, a fifth.

exit codes: 0 trained and judged; 2 something is wrong, and nothing is kept; 130 interrupted: models that are through
are kept"""


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
    add(
        "--model",
        action="append",
        metavar="NAME",
        help="one or several, with commas, or all (default feed_forward, or convolutional)",
    )
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
    add("--seconds", type=float, metavar="S", help=f"of training, of each model, in whole chunks (default {SECONDS:g})")
    add("--steps", type=int, metavar="N", help="of the optimizer instead, in whole chunks: the same numbers on any day")
    add("--seed", type=int, default=0, help="of states, params and batches (default 0)")
    add("--out", metavar="DIR", help="a folder, new or empty (default runs/NAME/dynamics-UTC TIME)")
    add("--json", action="store_true", help="print one JSON object")
    add("--quiet", action="store_true", help="print no progress")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(argv)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return _run(options, list(argv))
    except ProblemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; nothing is kept", file=sys.stderr)
        return INTERRUPTED
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(options: argparse.Namespace, argv: list[str]) -> int:
    _check_numbers(options)
    from pinn.runfolder import RunFolder

    RunFolder.check_free(options.out, "Choose another.")
    from pinn.config import load_problem
    from pinn.dynamics.files import read_trajectories
    from pinn.dynamics.study import study
    from pinn.report import flow_folder
    from pinn.report.flow_terminal import Talk, tell

    talk = Talk(options.quiet or options.json)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, talk.heard)
    problem = load_problem(options.file, options.set) if options.file else None
    data = read_trajectories(Path(options.data)) if options.data else None
    names, watched = _checked(options, problem, data)
    talk.making(problem, data)
    source = _source(options, problem, data)
    folder, new = flow_folder.reserve(options.out, source.name)
    try:
        talk.source(source)
        seconds = options.seconds if options.seconds or options.steps else SECONDS
        found = study(source, names, seconds=seconds, steps=options.steps, seed=options.seed, watched=watched,
                      on_record=talk.record)  # fmt: skip
        flow_folder.write(found, folder, ["pinn", "dynamics", *_without_out(argv)])
    except BaseException:
        flow_folder.give_back(folder, new)
        raise
    tell(found, folder, options.json)
    return INTERRUPTED if found.interrupted else 0


def _checked(
    options: argparse.Namespace, problem: "Problem | None", data: "Trajectories | None"
) -> "tuple[list[str], dict[str, Watched]]":
    """Return the models and the quantities asked for; what does not fit is refused before trajectories are made."""
    from pinn.dynamics.catalogue import MODELS, check_models
    from pinn.dynamics.equations import equations_of
    from pinn.dynamics.fields import check_field
    from pinn.dynamics.watch import watched_of
    from pinn.problem import TIME

    field = data.places is not None if data else problem.coordinates != (TIME,)
    models = options.model or ["convolutional" if field else "feed_forward"]
    names = [name.strip() for given in models for name in given.split(",") if name.strip()]
    if not names:
        raise unknown("model", "", [*MODELS, "all"]).located("--model")
    if field and not data:
        check_field(problem)
    names = check_models(names, field, problem is not None and not field)
    if field:
        if options.watch:
            raise ProblemError("follows states of a few components; here is a field.", place="--watch")
        return names, {}
    components = data.names if data else equations_of(problem).names
    asked = _pairs(options.watch)
    watched = watched_of(components, asked, problem)
    moving = [name for name, quantity in watched.items() if data and TIME in quantity.residual.needs]
    if told := [name for name in moving if name in asked]:
        raise ProblemError(f"{told[0]} mentions t; pieces of --data have times of their own.", place="--watch")
    return names, {name: quantity for name, quantity in watched.items() if name not in moving}


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
        if name in out:
            raise ProblemError(f"{name!r} is given twice.", place=f"--watch {entry}")
        out[name] = text
    return out


def _source(options: argparse.Namespace, problem: "Problem | None", data: "Trajectories | None") -> "Source":
    """Make the trajectories, or split those that are given."""
    from pinn.dynamics.given import from_data
    from pinn.dynamics.sources import Plan, from_problem

    given = {n: getattr(options, n) for n in Plan._fields if getattr(options, n, None) is not None}
    if data:
        return from_data(problem.name if problem else Path(options.data).stem, data, problem, Plan(**given))
    return from_problem(problem, Plan(**given))


def _without_out(argv: list[str]) -> list[str]:
    """Return the command's words without --out, whose folder is not empty any more."""
    kept = [w for k, w in enumerate(argv) if w != "--out" and (k == 0 or argv[k - 1] != "--out")]
    return [w for w in kept if not w.startswith("--out=")]
