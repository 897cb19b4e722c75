"""From names, texts and functions to a checked `Problem`: every rule of a well-stated problem is here."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from pinn.consistency import check_families, check_repeated
from pinn.errors import ProblemError, unknown
from pinn.gauge import means_of
from pinn.language import Number, Residual, Symbols, constant, from_function, from_text
from pinn.language.residual import with_functions
from pinn.language.simplify import simplify
from pinn.language.symbols import check_declarations
from pinn.problem import TIME, Constraint, Domain, Problem, partials_of
from pinn.reference import manufactured

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"  # of a problem
NO_NAME = "use letters, digits, '_', '-' and '.'; the name becomes a folder."
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
    functions: Mapping[str, Any] | None = None,
    means: Mapping[str, Any] | None = None,
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
        functions: known functions of the coordinates, as text; their derivatives have names too, such as ``k_x``.
        means: over the domain, of unknowns of which only derivatives are mentioned: ``{"p": 0}``.
        others: the remaining attributes of `Problem`.

    Returns:
        The problem, checked as a whole.

    Raises:
        ProblemError: with the key at fault, for anything that does not make a well-stated problem.
    """
    if not re.fullmatch(NAME, name, re.ASCII):
        raise ProblemError(NO_NAME, ("name",), name)
    values = _parameters(parameters or {})
    domain = Domain(_bounds(coordinates, values), tuple(periodic))
    symbols = Symbols(domain.coordinates, tuple(unknowns), values)
    known = {name: str(text) for name, text in (functions or {}).items()}
    check_declarations(replace(symbols, functions=known))
    symbols = with_functions(symbols, known)
    if not symbols.unknowns:
        raise ProblemError("name at least one unknown, as in [u].", ("unknowns",))
    for coordinate in domain.periodic:
        if coordinate not in domain.bounds:
            raise unknown("coordinate", coordinate, domain.coordinates, ("periodic",))
        if domain.periodic.count(coordinate) > 1:
            raise ProblemError(f"names {coordinate!r} twice.", ("periodic",))
    for shared in set(equations) & set(conditions or {}):
        raise ProblemError(
            "is also the name of an equation; every constraint needs a name of its own.", ("conditions", shared)
        )
    interior = [Constraint(k, {}, _residual(e, symbols, ("equations", k))) for k, e in equations.items()]
    faces = [_condition(k, c, symbols, domain) for k, c in (conditions or {}).items()]
    problem = Problem(name, domain, symbols.unknowns, values, (*interior, *faces), functions=known, **others)
    if problem.reference and problem.reference.get("kind") == manufactured.KIND:
        problem = manufactured.complete(problem)
    for check in (_check_counts, _check_initial, _check_boundaries, check_families, check_repeated):
        check(problem)
    return replace(problem, means=means_of(means, problem)) if means else problem


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
        if residual.tree is not None and simplify(residual.tree) == Number(0.0):
            raise ProblemError("is true of anything, so it constrains nothing.", text=residual.text)
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
    if not isinstance(text, (str, Mapping)):
        raise ProblemError("write where it holds, for example t=0.", key, str(text))
    parts = [p.partition("=")[::2] for p in text.split(",")] if isinstance(text, str) else list(text.items())
    written = text if isinstance(text, str) else str(dict(text))
    where: dict[str, float] = {}
    for coordinate, value in parts:
        coordinate = coordinate.strip()
        if coordinate not in domain.bounds:
            raise unknown("coordinate", coordinate, domain.coordinates, key, written)
        if coordinate in where:
            raise ProblemError(f"fixes {coordinate!r} twice; give each place a condition of its own.", key, written)
        if isinstance(value, str) and not value.strip():
            raise ProblemError("write where it holds as coordinate=value, for example t=0.", key, written)
        try:
            where[coordinate] = constant(value, dict(symbols.parameters))
        except ProblemError as error:
            raise error.under(*key) from None
        lo, hi = domain.bounds[coordinate]
        for end in (lo, hi):  # 0.1*3 is meant to be the end 0.3
            if abs(where[coordinate] - end) <= 1e-12 * (hi - lo):
                where[coordinate] = end
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
    """An equation of order k in t needs k conditions where t begins, on the derivatives of order 0 to k - 1."""
    if TIME not in problem.coordinates or TIME in problem.domain.periodic:
        return
    start, axis = problem.domain.bounds[TIME][0], problem.coordinates.index(TIME)
    initial = [c for c in problem.conditions if dict(c.where) == {TIME: start}]
    for index, name in enumerate(problem.unknowns):
        order, fixed = problem.order(TIME, name), {}
        for constraint in initial:
            orders = [p.axes.count(axis) for p in _partials(constraint, problem) if p.unknown == index]
            if orders:
                fixed[constraint.name] = max(orders)
        if sorted(fixed.values()) != list(range(order)):
            wanted = [name + ("_" + TIME * k if k else "") for k in range(order)]
            raise ProblemError(
                f"{name!r} has order {order} in t, so it needs {order} initial condition{'' if order == 1 else 's'} at "
                f"t={start:g}{', one each for ' + ', '.join(wanted) if wanted else ''}; found {len(fixed)}"
                f"{' (' + ', '.join(fixed) + ')' if fixed else ''}.",
                ("conditions",),
            )


def _check_boundaries(problem: Problem) -> None:
    """Each end of a coordinate that is neither time nor periodic carries a condition.

    An unknown of order two or more needs its own at both ends; where the order is one, such as that of a
    pressure, some condition on one end has to do.
    """
    for coordinate, ends in problem.domain.bounds.items():
        if coordinate == TIME or coordinate in problem.domain.periodic or problem.order(coordinate) == 0:
            continue
        faces = [c for c in problem.conditions if set(c.where) == {coordinate}]
        if not faces:
            raise _free_end(coordinate, ends, "the equations", problem.order(coordinate))
        for index, name in enumerate(problem.unknowns):
            order = problem.order(coordinate, name)
            given = {c.where[coordinate] for c in faces if index in {p.unknown for p in _partials(c, problem)}}
            free = [end for end in ends if end not in given]
            if free and order >= 2:
                raise _free_end(coordinate, free, f"{name!r}", order)


def _partials(constraint: Constraint, problem: Problem) -> tuple:
    return partials_of(constraint.residual, problem.symbols)


def _free_end(coordinate: str, ends: Iterable[float], subject: str, order: int) -> ProblemError:
    places = " and ".join(f"{coordinate}={end:g}" for end in ends)
    has = "have" if subject == "the equations" else "has"
    return ProblemError(
        f"nothing is said about {places}, where {subject} {has} order {order} in {coordinate}. Add a condition on the "
        f"whole end, or list {coordinate!r} under 'periodic'.",
        ("conditions",),
    )
