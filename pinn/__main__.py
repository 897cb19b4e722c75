"""`python -m pinn VERB`, and the command `pinn`."""

import sys
from collections.abc import Sequence
from importlib import import_module

USAGE = """usage: pinn VERB ...

  run FILE      solve a problem file, or a shipped problem by its name
  check FILE    read it without solving it: mistakes, and what may not be meant
  verify RUN    recompute the numbers of a run's summary

pinn VERB --help lists the options of a verb.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Dispatch to a verb and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] == "run":
        from pinn.run import main as run

        return run(arguments[1:], program="pinn run")
    if arguments and arguments[0] in ("check", "verify"):
        return import_module(f"pinn.{arguments[0]}").main(arguments[1:])
    if arguments and arguments[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0
    print(USAGE, end="", file=sys.stderr)
    if arguments:
        print(f"error: unknown verb {arguments[0]!r}. Allowed: check, run, verify.", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
