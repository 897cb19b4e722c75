"""What is to be solved: frozen data, no arrays. `make_problem` checks it, whoever wrote it."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pinn.errors import ProblemError, unknown
from pinn.language import Residual, Symbols, constant, from_function, from_text
from pinn.language.symbols import Partial, check_declarations

TIME = "t"  # the coordinate an evolution equation advances in
Equation = str | Callable[..., Any] | Residual


@dataclass(frozen=True)
class Domain:
    """A box.

    Attributes:
        bounds: ``{coordinate: (lo, hi)}``, in the order of a point's columns.
        periodic: the coordinates whose two ends are one point.
    """

    bounds: Mapping[str, tuple[float, float]]
    periodic: tuple[str, ...] = ()

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of the coordinates, in column order."""
        return tuple(self.bounds)

    def length(self, coordinate: str) -> float:
        """Extent of the box along a coordinate."""
        lo, hi = self.bounds[coordinate]
        return hi - lo


class Constraint(NamedTuple):
    """One thing that has to hold: an equation, a boundary, initial or data term.

    Attributes:
        name: for logs, such as ``"pde"`` or ``"initial"``.
        where: coordinates held fixed; empty for the interior, ``{"t": 0.0}`` for an initial face.
        residual: arithmetic that is to vanish there.
    """

    name: str
    where: Mapping[str, float]
    residual: Residual

    @property
    def place(self) -> str:
        """Where it holds, as text; constraints of one place share their points."""
        return ", ".join(f"{c}={v:.12g}" for c, v in self.where.items()) or "interior"


@dataclass(frozen=True)
class Problem:
    """A differential equation with its conditions. Make one with `make_problem` or `pinn.load_problem`.

    Attributes:
        name: identifier, used for the run folder.
        domain: the box and its periodic coordinates.
        unknowns: components of the solution.
        parameters: physical constants.
        constraints: equations first, then conditions.
        reference: how the true solution is known; see `pinn.reference`. None if it is not.
        title: one line for figures.
        source: where the problem comes from.
        settings: sections of the file that tune the solver; see `pinn.settings`.
        text: the problem file it was read from; empty for a problem built in Python.
        overrides: ``KEY=VALUE`` texts that were applied to the file.
    """

    name: str
    domain: Domain
    unknowns: tuple[str, ...]
    parameters: Mapping[str, float]
    constraints: tuple[Constraint, ...]
    reference: Mapping[str, Any] | None = None
    title: str = ""
    source: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    overrides: tuple[str, ...] = ()

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of the coordinates, in column order."""
        return self.domain.coordinates

    @property
    def symbols(self) -> Symbols:
        """The names an expression of this problem may mention."""
        return Symbols(self.coordinates, self.unknowns, self.parameters)

    @property
    def equations(self) -> tuple[Constraint, ...]:
        """The constraints that hold in the interior."""
        return tuple(c for c in self.constraints if not c.where)

    @property
    def conditions(self) -> tuple[Constraint, ...]:
        """The constraints that hold on faces, edges or points."""
        return tuple(c for c in self.constraints if c.where)

    def order(self, coordinate: str, unknown_name: str | None = None) -> int:
        """Highest order of differentiation in a coordinate among the equations, of one unknown or of all."""
        axis = self.coordinates.index(coordinate)
        return max(
            (p.axes.count(axis) for c in self.equations for p in partials_of(c.residual, self.symbols)
             if unknown_name in (None, self.unknowns[p.unknown])),
            default=0,
        )  # fmt: skip


def partials_of(residual: Residual, symbols: Symbols) -> tuple[Partial, ...]:
    """List the unknowns and derivatives a residual mentions."""
    found = (symbols.partial(n) for n in residual.needs if n not in symbols.coordinates)
    return tuple(p for p in found if p is not None)


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
