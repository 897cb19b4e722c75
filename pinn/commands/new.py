"""`pinn new`: write a problem file from a few choices, with comments on what to change."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from pinn.errors import ProblemError
from pinn.files import write_text
from pinn.templates import BOUNDARIES, KINDS, Choices, problem_text

DEFAULT_NAME = "my_problem"


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog="pinn new",
        description="Write a problem file that can be run as it is, with comments on what to change.\n"
        "Without choices, on a terminal, it asks for them.",
        epilog="example: pinn new fisher.yaml --kind evolution --dimensions 1 --boundary neumann\n\n"
        "exit codes: 0 written; 2 the choices do not go together, or the file exists; 130 interrupted",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("file", nargs="?", metavar="FILE", help="where to write it (default NAME.yaml)")
    p.add_argument("--kind", choices=KINDS, help="in time and space, in space, or in time (default evolution)")
    p.add_argument("--dimensions", type=int, choices=(1, 2), help="of space (default 1)")
    p.add_argument("--boundary", choices=BOUNDARIES, help="at the ends of space (default dirichlet)")
    p.add_argument("--unknowns", metavar="U,V", help="names with commas between them (default u)")
    p.add_argument("--name", help=f"of the problem (default that of FILE, or {DEFAULT_NAME})")
    p.add_argument("--order-in-time", type=int, choices=(1, 2), help="1 as of heat, 2 as of waves (default 1)")
    p.add_argument("--force", action="store_true", help="overwrite the file if it exists")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(argv)
    try:
        if sys.stdin.isatty() and sys.stdout.isatty() and not _chosen(options):
            ask(options)
        path = new(options)
    except ProblemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, EOFError):
        print("\ninterrupted, nothing written", file=sys.stderr)
        return 130
    print(f"wrote {path}\nnext: pinn check {path}, then pinn run {path}")
    return 0


def new(options: argparse.Namespace) -> Path:
    """Write a problem file.

    Args:
        options: of `parser`.

    Returns:
        Where it was written.

    Raises:
        ProblemError: if choices do not go together, a name is none, or the file exists.
    """
    path = _path(options)
    choices = _choices(options, path)
    text = problem_text(choices)
    _check(text, choices, options)
    try:
        write_text(path, text)
    except OSError as error:
        raise ProblemError(f"cannot be written: {error.strerror}.", place=str(path)) from None
    return path


def ask(options: argparse.Namespace) -> None:
    """Fill in the options by questions on the terminal; an empty answer takes the default."""
    print("Enter takes what stands in brackets.")
    if not options.file:
        options.name = options.name or _question("name", DEFAULT_NAME)
    options.kind = _question("kind of problem: in time and space, in space, in time", "evolution", KINDS)
    if options.kind != "ode":
        options.dimensions = int(_question("dimensions of space", "1", ("1", "2")))
        options.boundary = _question("ends of space", "dirichlet", BOUNDARIES)
    options.unknowns = _question("unknowns, with commas between them", "u")
    if options.kind != "steady":
        options.order_in_time = int(_question("order in time", "1", ("1", "2")))


def _question(what: str, default: str, allowed: Sequence[str] = ()) -> str:
    choices = f" ({', '.join(allowed)})" if allowed else ""
    while True:
        answer = input(f"{what}{choices} [{default}]: ").strip() or default
        if not allowed or answer in allowed:
            return answer
        print(f"please one of {', '.join(allowed)}")


def _chosen(options: argparse.Namespace) -> bool:
    flags = (options.kind, options.dimensions, options.boundary, options.unknowns, options.order_in_time)
    return any(flag is not None for flag in flags)


def _path(options: argparse.Namespace) -> Path:
    path = Path(options.file or f"{options.name or DEFAULT_NAME}.yaml")
    path = path if path.suffix in (".yaml", ".yml") else path.with_name(path.name + ".yaml")
    if path.is_dir():
        raise ProblemError("is a folder; give a file to write.", place=str(path))
    if path.exists() and not options.force:
        raise ProblemError("exists. Give another FILE, or --force to overwrite it.", place=str(path))
    return path


def _choices(options: argparse.Namespace, path: Path) -> Choices:
    """Put defaults where nothing was chosen, and refuse choices without meaning for the kind."""
    kind = options.kind or "evolution"
    if kind == "ode":
        for flag, value in (("--dimensions", options.dimensions), ("--boundary", options.boundary)):
            if value is not None:
                raise ProblemError("an ode is in time alone, and has no space. Leave it out.", place=flag)
    if kind == "steady" and options.order_in_time is not None:
        raise ProblemError("a steady problem has no time. Leave it out.", place="--order-in-time")
    unknowns = tuple(u.strip() for u in ("u" if options.unknowns is None else options.unknowns).split(","))
    if twice := [u for u in unknowns if unknowns.count(u) > 1]:
        raise ProblemError(f"names {twice[0]!r} twice.", place="--unknowns")
    return Choices(
        name=path.stem if options.name is None else options.name,
        kind=kind,
        unknowns=unknowns,
        dimensions=0 if kind == "ode" else options.dimensions or 1,
        boundary=options.boundary or "dirichlet",
        order=0 if kind == "steady" else options.order_in_time or 1,
    )


def _check(text: str, choices: Choices, options: argparse.Namespace) -> None:
    """Refuse what cannot be read back: names are the only thing that can be wrong."""
    from pinn.config import problem_from_text
    from pinn.statement import NAME, NO_NAME

    try:
        if not re.fullmatch(NAME, choices.name):
            raise ProblemError(NO_NAME, ("name",), choices.name)
        read = problem_from_text(text)
        if read.unknowns != choices.unknowns:
            raise ProblemError("write names with commas between them, such as u,v.", text=options.unknowns)
    except ProblemError as error:
        name = ("--name" if options.name else "FILE") if error.key[:1] == ("name",) else "--unknowns"
        raise ProblemError(error.message, text=error.text, place=name) from None
