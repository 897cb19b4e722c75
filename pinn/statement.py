"""From names, texts and functions to a checked `Problem`: every rule of a well-stated problem is here."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pinn.errors import ProblemError, unknown
from pinn.language import Residual, Symbols, constant, from_function, from_text
from pinn.language.symbols import check_declarations
from pinn.problem import TIME, Constraint, Domain, Problem, partials_of

Equation = str | Callable[..., Any] | Residual


def make_problem(
    name: str,
    coordinates: Mapping[str, tuple[float, float]],
    unknowns: Iterable[str],
    equations: Mapping[str, Equation],
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    periodic: Iterable[str] = (),
    parameters: Mapping[str, Any] | None = None,
    **others: Any,
) -> Problem:
    """Check a problem and build it.

    Args:
        name: letters, digits, ``_`` and ``-``.
        coordinates: ``{"t": (0, 1), "x": (-1, 1)}``; numbers or arithmetic such as ``"2*pi"``.
        unknowns: such as ``["u"]``.
        equations: by name, as text or as a function whose argument names say what it needs.
        conditions: by name, ``{"where": "t=0", "equation": "u - sin(pi*x)"}``.
        periodic: coordinates whose ends are one point.
        parameters: physical constants; numbers, or arithmetic that may mention earlier parameters.
        others: the remaining attributes of `Problem`.

    Returns:
        The problem, checked as a whole.

    Raises:
        ProblemError: with the key at fault, for anything that does not make a well-stated problem.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name, re.ASCII):
        raise ProblemError("use letters, digits, '_', '-' and '.'; the name becomes a folder.", ("name",), name)
    values = _parameters(parameters or {})
    domain = Domain(_bounds(coordinates, values), tuple(periodic))
    symbols = Symbols(domain.coordinates, tuple(unknowns), values)
    check_declarations(symbols)
    if not symbols.unknowns:
        raise ProblemError("name at least one unknown, as in [u].", ("unknowns",))
    for coordinate in domain.periodic:
        if coordinate not in domain.bounds:
            raise unknown("coordinate", coordinate, domain.coordinates, ("periodic",))
    interior = [Constraint(k, {}, _residual(e, symbols, ("equations", k))) for k, e in equations.items()]
    faces = [_condition(k, c, symbols, domain) for k, c in (conditions or {}).items()]
    problem = Problem(name, domain, symbols.unknowns, values, (*interior, *faces), **others)
    for check in (_check_counts, _check_initial, _check_boundaries):
        check(problem)
    return problem


def _parameters(given: Mapping[str, Any]) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, value in given.items():
        try:
            values[name] = constant(value, values)
        except ProblemError as error:
            raise error.under("parameters", name) from None
    return values


def _bounds(given: Mapping[str, Any], parameters: dict[str, float]) -> dict[str, tuple[float, float]]:
    bounds = {}
    for name, pair in given.items():
        key = ("coordinates", name)
        if isinstance(pair, str) or not isinstance(pair, Iterable) or len(list(pair)) != 2:
            raise ProblemError("write a range as [lo, hi], for example [0, 1].", key, str(pair))
        try:
            lo, hi = (constant(v, parameters) for v in pair)
        except ProblemError as error:
            raise error.under(*key) from None
        if not lo < hi:
            raise ProblemError(f"the range needs lo < hi; got lo = {lo:g}, hi = {hi:g}.", key, str(list(pair)))
        bounds[name] = (lo, hi)
    if not bounds:
        raise ProblemError("name at least one coordinate with its range, as in {t: [0, 1]}.", ("coordinates",))
    return bounds


def _residual(equation: Equation, symbols: Symbols, key: tuple) -> Residual:
    try:
        if isinstance(equation, Residual):
            residual = equation
            for name in residual.needs:
                symbols.check(name)
        else:
            residual = from_text(equation, symbols) if isinstance(equation, str) else from_function(equation, symbols)
        if not partials_of(residual, symbols):
            wanted = ", ".join(symbols.unknowns)
            raise ProblemError(
                f"mentions no unknown, so it constrains nothing. Unknowns: {wanted}.", text=residual.text
            )
    except ProblemError as error:
        raise error.under(*key) from None
    return residual


def _condition(name: str, given: Mapping[str, Any], symbols: Symbols, domain: Domain) -> Constraint:
    key = ("conditions", name)
    for wanted in ("where", "equation"):
        if wanted not in given:
            raise ProblemError(f"needs a key {wanted!r}, as in {{where: t=0, equation: u - sin(pi*x)}}.", key)
    where = _where(given["where"], symbols, domain, (*key, "where"))
    return Constraint(name, where, _residual(given["equation"], symbols, (*key, "equation")))


def _where(text: str | Mapping[str, float], symbols: Symbols, domain: Domain, key: tuple) -> dict[str, float]:
    """Read ``t=0`` or ``x=0, y=1``."""
    parts = [p.partition("=")[::2] for p in text.split(",")] if isinstance(text, str) else list(text.items())
    written = text if isinstance(text, str) else str(dict(text))
    where: dict[str, float] = {}
    for coordinate, value in parts:
        coordinate = coordinate.strip()
        if coordinate not in domain.bounds:
            raise unknown("coordinate", coordinate, domain.coordinates, key, written)
        if coordinate in where:
            raise ProblemError(f"fixes {coordinate!r} twice.", key, written)
        if isinstance(value, str) and not value.strip():
            raise ProblemError("write where it holds as coordinate=value, for example t=0.", key, written)
        try:
            where[coordinate] = constant(value, dict(symbols.parameters))
        except ProblemError as error:
            raise error.under(*key) from None
        lo, hi = domain.bounds[coordinate]
        if not lo <= where[coordinate] <= hi:
            raise ProblemError(f"lies outside the domain: {coordinate} runs from {lo:g} to {hi:g}.", key, written)
    return {c: where[c] for c in domain.coordinates if c in where}


def _check_counts(problem: Problem) -> None:
    m, n = len(problem.unknowns), len(problem.equations)
    if n != m:
        raise ProblemError(
            f"{m} unknown{'s'[: m - 1]} ({', '.join(problem.unknowns)}) need{'s'[m - 1 :] if m < 2 else ''} "
            f"{m} equation{'s'[: m - 1]}; found {n}.",
            ("equations",),
        )
    mentioned = {p.unknown for c in problem.equations for p in partials_of(c.residual, problem.symbols)}
    for index, name in enumerate(problem.unknowns):
        if index not in mentioned:
            raise ProblemError(f"no equation mentions the unknown {name!r}.", ("equations",))


def _check_initial(problem: Problem) -> None:
    """An equation of order k in t needs k conditions where t begins."""
    if TIME not in problem.coordinates:
        return
    start, span = problem.domain.bounds[TIME][0], problem.domain.length(TIME)
    initial = [c for c in problem.conditions if abs(c.where.get(TIME, math.inf) - start) <= 1e-12 * span]
    if TIME in problem.domain.periodic:
        return
    orders = {u: problem.order(TIME, u) for u in problem.unknowns}
    for index, (name, order) in enumerate(orders.items()):
        about = [c.name for c in initial if index in {p.unknown for p in partials_of(c.residual, problem.symbols)}]
        if len(about) != order:
            raise ProblemError(
                f"{name!r} has order {order} in t, so it needs {order} initial "
                f"condition{'' if order == 1 else 's'} at t={start:g}; found {len(about)}"
                f"{' (' + ', '.join(about) + ')' if about else ''}.",
                ("conditions",),
            )


def _check_boundaries(problem: Problem) -> None:
    """Each end of a coordinate that is neither time nor periodic carries a condition."""
    for coordinate, ends in problem.domain.bounds.items():
        order = problem.order(coordinate)
        if coordinate == TIME or coordinate in problem.domain.periodic or order == 0:
            continue
        given = {c.where.get(coordinate) for c in problem.conditions}
        free = [end for end in ends if end not in given]
        if len(free) == 2 or (free and order >= 2):
            raise ProblemError(
                f"nothing is said about {' and '.join(f'{coordinate}={end:g}' for end in free)}, where the equations "
                f"have order {order} in {coordinate}. Add a condition there, or list {coordinate!r} under 'periodic'.",
                ("conditions",),
            )
