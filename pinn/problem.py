"""What is to be solved: frozen data, no arrays. `pinn.statement.make_problem` makes it, and checks it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from pinn.errors import Key, ProblemError
from pinn.language import Residual, Symbols, from_text
from pinn.language.residual import with_functions
from pinn.language.symbols import Partial

TIME = "t"  # the coordinate an evolution equation advances in


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
    """A differential equation with its conditions. Make one with `pinn.make_problem` or `pinn.load_problem`.

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
        folder: where relative paths in the file begin.
        invariants: densities of what is conserved, as texts by name.
        functions: known functions of the coordinates, as texts by name; a text may mention those before it.
        means: what the means over the domain are of unknowns that are known up to a constant else.
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
    folder: str = ""
    invariants: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=dict)
    means: Mapping[str, float] = field(default_factory=dict)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of the coordinates, in column order."""
        return self.domain.coordinates

    @cached_property
    def symbols(self) -> Symbols:
        """The names an expression of this problem may mention."""
        return with_functions(Symbols(self.coordinates, self.unknowns, self.parameters), self.functions)

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


def known_expressions(problem: Problem, texts: Sequence[str], key: Key) -> list[Residual]:
    """Compile expressions of coordinates, parameters and known functions.

    Raises:
        ProblemError: for one that mentions anything else.
    """
    known, out = replace(problem.symbols, unknowns=()), []
    for index, text in enumerate(texts):
        try:
            out.append(from_text(text, known))
        except ProblemError as error:
            raise error.under(*key, index) from None
    return out
