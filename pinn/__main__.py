"""`python -m pinn VERB`, and the command `pinn`."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from pinn.errors import did_you_mean
from pinn.terminals import make_legible

# Verb -> what it does, as in the list of verbs. All but `run` are files of the folder commands.
VERBS = {
    "new [FILE]": "write a problem file from a few choices, with comments on what to change",
    "run FILE": "solve a problem file, or a shipped problem by its name",
    "check FILE": "read it without solving it: mistakes, and what may not be meant",
    "verify RUN": "recompute the numbers of a run's summary",
    "report RUN": "write the page of a run once more, report.html",
    "predict RUN POINTS": "evaluate a solution at the points of a csv file",
    "export RUN": "write a solution for other programs: npz, csv, vtk, stablehlo",
    "compare RUN RUN ...": "runs side by side: a table, and curves over each other",
    "list": "the shipped problems, and how accurately they have been solved",
    "sweep FILE": "a run for each combination of values, and one table of all",
    "trace EXPRESSION": "differentiate an expression step by step, forward and in reverse",
    "dynamics FILE": "learn to step a system in time from trajectories, and judge for how long that is right",
    "schema": "print what a problem file may hold, as JSON schema for editors",
}


def usage() -> str:
    """Return the list of verbs."""
    width = max(map(len, VERBS)) + 2
    lines = (f"  {verb:<{width}}{what}" for verb, what in VERBS.items())
    head = "usage: pinn VERB ...\n\n"
    head += "Solve a differential equation that stands in a text file, and say how wrong the answer is.\n\n"
    tail = "\n\npinn VERB --help lists the options of a verb.\n\nexample: pinn run allen_cahn --seconds 60\n"
    return head + "\n".join(lines) + tail


def main(argv: Sequence[str] | None = None) -> int:
    """Dispatch to a verb and return its exit code."""
    make_legible()
    arguments = list(sys.argv[1:] if argv is None else argv)
    names = [verb.split()[0] for verb in VERBS]
    if arguments and arguments[0] == "run":
        from pinn.run import main as run

        return run(arguments[1:], program="pinn run")
    if arguments and arguments[0] in names:
        return import_module(f"pinn.commands.{arguments[0]}").main(arguments[1:])
    if arguments and arguments[0] in ("-h", "--help", "help"):
        print(usage(), end="")
        return 0
    if arguments and arguments[0] == "--version":
        from importlib.metadata import version

        print(f"pinn {version('pinn')}")
        return 0
    if not arguments:
        print(usage(), end="", file=sys.stderr)
        return 2
    print(f"error: unknown verb {arguments[0]!r}.{did_you_mean(arguments[0], names)}", file=sys.stderr)
    return 2


def quietly() -> int:
    """Dispatch, and end without a word where the reader of the output has gone, as that of `pinn list | head -1`."""
    try:
        code = main()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered goes there
        return 1


if __name__ == "__main__":
    sys.exit(quietly())
