"""What an expression may mention, and the grammar of derivative names: u_xx is u differentiated twice in x."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import NamedTuple

from pinn.errors import ProblemError, did_you_mean
from pinn.language.calculus import differentiate
from pinn.language.tree import CONSTANTS, FUNCTIONS, Node

MAX_ORDER = 4


IMAGINARY = (
    " All numbers are real: write a complex unknown as two, its real and its imaginary part, and an equation for each."
)


class Partial(NamedTuple):
    """A partial derivative of an unknown; of order zero, the unknown itself.

    Attributes:
        unknown: index of the unknown.
        axes: indices of the coordinates to differentiate in, ascending, with repetition.
    """

    unknown: int
    axes: tuple[int, ...]


@dataclass(frozen=True)
class Symbols:
    """The names of one problem.

    Attributes:
        coordinates: single letters, in the order of a point's columns.
        unknowns: components of the solution.
        parameters: physical constants and their values.
        functions: known functions of the coordinates, as trees.
    """

    coordinates: tuple[str, ...] = ()
    unknowns: tuple[str, ...] = ()
    parameters: Mapping[str, float] = field(default_factory=dict)
    functions: Mapping[str, Node] = field(default_factory=dict)

    def partial(self, name: str) -> Partial | None:
        """Read a name as an unknown or one of its derivatives; None if it is neither.

        Raises:
            ProblemError: for a derivative in a coordinate that does not exist, or of an order above four.
        """
        base, _, letters = name.partition("_")
        if base not in self.unknowns or name in self.parameters:
            return None
        self._check_letters(name)
        axes = tuple(sorted(self.coordinates.index(letter) for letter in letters))
        return Partial(self.unknowns.index(base), axes)

    def known(self, name: str) -> Node | None:
        """Return what a name stands for if it is a known function or one of its derivatives; None if it is neither.

        Raises:
            ProblemError: see `partial`.
        """
        base, _, letters = name.partition("_")
        if base not in self.functions or name in self.parameters:
            return None
        self._check_letters(name)
        tree = self.functions[base]
        for letter in letters:
            tree = differentiate(tree, letter)
        return tree

    def _check_letters(self, name: str) -> None:
        base, underscore, letters = name.partition("_")
        missing = [letter for letter in letters if letter not in self.coordinates]
        if missing or (underscore and not letters):
            raise ProblemError(
                f"{name!r} is a derivative of {base!r} in {missing[0] if missing else ''!r}, which is not a "
                f"coordinate. Coordinates: {', '.join(self.coordinates)}."
            )
        if len(letters) > MAX_ORDER:
            raise ProblemError(f"{name!r} has order {len(letters)}; derivatives go up to order {MAX_ORDER}.")

    def check(self, name: str) -> None:
        """Refuse a name that stands for nothing.

        Raises:
            ProblemError: with the nearest name that would have been accepted.
        """
        if name in self.coordinates or name in self.parameters or name in CONSTANTS:
            return
        if self.partial(name) is None:
            if name in FUNCTIONS:
                raise ProblemError(f"{name!r} is a function; write its argument in parentheses.")
            hint = IMAGINARY if name in ("i", "j", "I") else did_you_mean(name, self.all_names())
            raise ProblemError(f"unknown name {name!r}.{hint}")

    def all_names(self) -> list[str]:
        """List the names an expression may use, derivatives up to second order."""
        return [*CONSTANTS, *self.coordinates, *self.parameters, *self.functions, *self.partial_names()]

    def partial_names(self) -> list[str]:
        """List the unknowns and their derivatives up to second order."""
        suffixes = ["", *("_" + c for c in self.coordinates)]
        suffixes += ["_" + a + b for a, b in combinations_with_replacement(self.coordinates, 2)]
        return [u + suffix for u in self.unknowns for suffix in suffixes]


def check_declarations(symbols: Symbols) -> None:
    """Refuse names that cannot be told apart.

    Raises:
        ProblemError: with the key of the section at fault.
    """
    taken: dict[str, str] = {name: "a function" for name in FUNCTIONS} | {name: "a constant" for name in CONSTANTS}
    sections = {
        "coordinates": symbols.coordinates,
        "unknowns": symbols.unknowns,
        "parameters": symbols.parameters,
        "functions": symbols.functions,
    }
    for section, declared in sections.items():
        for name in declared:
            _check_spelling(section, name)
            if name in taken:
                raise ProblemError(f"{name!r} is already {taken[name]}. Choose another name.", (section,))
            taken[name] = f"one of the {section}"
    for name in symbols.parameters:
        if name.partition("_")[0] in (*symbols.unknowns, *symbols.functions):
            raise ProblemError(f"parameter {name!r} reads as a derivative. Choose another name.", ("parameters",))


def _check_spelling(section: str, name: str) -> None:
    pattern, rule = {
        "coordinates": (r"[A-Za-z]", "one letter, because derivatives are written u_xx"),
        "unknowns": (
            r"[A-Za-z][A-Za-z0-9]*",
            "letters and digits, beginning with a letter, without underscore",
        ),
        "parameters": (r"[A-Za-z][A-Za-z0-9_]*", "letters, digits and underscores, beginning with a letter"),
    }["unknowns" if section == "functions" else section]
    if not re.fullmatch(pattern, name, re.ASCII):
        raise ProblemError(f"{name!r} cannot be a name here; use {rule}.", (section,))
