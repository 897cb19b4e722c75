"""`pinn trace EXPRESSION NAME=VALUE ...`: how an expression is differentiated, step by step."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pinn.errors import ProblemError
from pinn.plain import finite

if TYPE_CHECKING:
    from pinn.trace import Trace

PICTURES = (".png", ".pdf", ".svg")
PAGES = (".html",)
EPILOG = """example: pinn trace "ln(x1) + x1*x2 - sin(x2)" x1=2 x2=5 --plot graph.png

An expression may begin with a minus, as in pinn trace "-x**2" x=3.

A dot over a symbol is its derivative in the variable of --wrt, a bar the derivative of the result in it.

exit codes: 0 traced; 2 the expression has no value or no derivative there, or cannot be read"""


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(
        prog="pinn trace",
        description="Take an expression apart and differentiate it by hand: values and tangents forward,\n"
        "adjoints backward, each line with symbols and with numbers. The result is held against jax.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("expression", metavar="EXPRESSION", help="in the language of problem files, such as exp(sin(x**2))")
    p.add_argument("point", nargs="*", metavar="NAME=VALUE", help="the value of each variable, such as x=pi/2")
    p.add_argument("--wrt", metavar="NAME", help="variable of the forward tangents (default: the first)")
    p.add_argument("--letters", action="store_true", help="call the steps a, b, c, ... instead of v₁, v₂, ...")
    p.add_argument("--json", action="store_true", help="print one JSON object")
    p.add_argument("--plot", metavar="FILE", help=f"draw the graph of operations; {', '.join(PICTURES)}")
    p.add_argument("--html", metavar="FILE", help="write a page with the graph and the tables")
    p.add_argument("--force", action="store_true", help="replace files that exist")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    # A blank before a minus: with one an argument is no option to argparse.
    options = parser().parse_args(
        [" " + a if a.startswith("-") and a != "-h" and not a.startswith("--") else a for a in argv]
    )
    options.expression = options.expression.strip()
    try:
        wanted = [_target(options, "plot", PICTURES), _target(options, "html", PAGES)]
        from pinn.trace import differences, trace

        point = point_of(options.point)
        found = trace(options.expression, point, options.wrt, options.letters)
        apart = differences(found)
        _write(found, apart, *wanted)
    except ProblemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(finite(as_data(found, apart)), indent=2))
    else:
        _print(found, apart)
        for path in filter(None, wanted):
            print(f"wrote {path}")
    return 0


def point_of(texts: Sequence[str]) -> dict[str, float]:
    """Read ``NAME=VALUE`` as often as it is given.

    Raises:
        ProblemError: for anything else, or a name given twice.
    """
    from pinn.language import constant

    point: dict[str, float] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise ProblemError("expected a variable and its value, such as x=2.", text=text)
        if name in point:
            raise ProblemError(f"{name} is given twice.", text=text)
        try:
            point[name] = constant(value)
        except ProblemError as error:
            raise error.located(text) from None
    return point


def _target(options: argparse.Namespace, option: str, endings: Sequence[str]) -> Path | None:
    from pinn.files import check_writable

    if (given := getattr(options, option)) is None:
        return None
    path = Path(given)
    if path.suffix not in endings:
        raise ProblemError(f"the name has to end in {', '.join(endings)}.", place=f"--{option} {given}")
    check_writable(path, options.force)
    return path


def _write(found: "Trace", apart: dict[str, float], plot: Path | None, html: Path | None) -> None:
    from pinn.files import replacing

    if plot:
        from pinn.report.graphs import save_graph

        with replacing(plot) as partial:
            save_graph(found, partial, plot.suffix[1:])
    if html:
        from pinn.report.tracing import page

        with replacing(html) as partial:
            partial.write_text(page(found, apart), encoding="utf-8")


def _print(found: "Trace", apart: dict[str, float]) -> None:
    from pinn.report.tracing import tables, verdict

    at = ", ".join(f"{n} = {v:g}" for n, v in found.point.items())
    print(f"{found.text} at {at}" if at else found.text)
    from pinn.report.columns import print_columns

    for title, heads, rows, right in tables(found):
        print(f"\n{title}\n")
        print_columns(heads, rows, right)
    print(f"\n{verdict(apart)}")


def as_data(found: "Trace", apart: dict[str, float]) -> dict[str, Any]:
    """Return all of a trace as plain data."""
    return {
        "expression": found.text,
        "point": found.point,
        "value": found.value,
        "wrt": found.wrt,
        **{name: [row._asdict() for row in getattr(found, name)] for name in ("primal", "tangent", "adjoint")},
        "gradient": found.gradient,
        "formulas": found.formulas,
        "operations": found.counts,
        "differences": apart,
    }
