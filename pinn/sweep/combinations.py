"""Values to sweep over: `--set KEY=VALUE,VALUE,...` to every combination, each checked before any is run."""

import itertools
import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from pinn.errors import ProblemError, shorten

MOST = 10_000  # combinations; more are a mistake
BRACKETS = {"(": ")", "[": "]", "{": "}"}
QUOTES = "'\""


class Combination(NamedTuple):
    """One run of a sweep.

    Attributes:
        name: of its folder.
        values: text by key, of the keys with several values; as in the table.
        changes: all ``KEY=VALUE`` texts.
    """

    name: str
    values: dict[str, str]
    changes: tuple[str, ...]

    @property
    def title(self) -> str:
        """The combination in words."""
        return ", ".join(f"{key}={value}" for key, value in self.values.items()) or "the file as it is"


def split_values(text: str, place: str = "") -> list[str]:
    """Split at commas that stand outside of brackets and quotes: ``0,[1,2],"a,b"`` has three values.

    Raises:
        ProblemError: for an empty value, and for brackets or quotes that do not match.
    """
    parts, waiting, quote = [""], [], ""
    for c in text:
        if quote or c in QUOTES:
            quote = "" if c == quote else quote or c
        elif c in BRACKETS:
            waiting.append(BRACKETS[c])
        elif c in BRACKETS.values():
            if not waiting or waiting.pop() != c:
                raise ProblemError(f"{c!r} closes nothing.", place=place)
        elif c == "," and not waiting:
            parts.append("")
            continue
        parts[-1] += c
    if waiting or quote:
        raise ProblemError(f"{waiting[-1] if waiting else quote!r} is missing.", place=place)
    parts = [part.strip() for part in parts]
    if "" in parts:
        raise ProblemError(
            "a value is missing. Single commas separate values; commas inside brackets or quotes do not.",
            place=place,
        )
    return parts


def axes_of(entries: Sequence[str]) -> dict[str, list[str]]:
    """Return the values of each key.

    Args:
        entries: ``KEY=VALUE,VALUE,...``

    Raises:
        ProblemError: for what is not of that form, keys given twice, and values given twice.
    """
    axes: dict[str, list[str]] = {}
    for entry in entries:
        key, equals, right = entry.partition("=")
        key, place = key.strip(), f"--set {shorten(entry)}"
        if not equals or not key:
            raise ProblemError("write KEY=VALUE,VALUE,..., for example training.seed=0,1,2.", place=place)
        if key in axes:
            raise ProblemError(f"{key} is given twice; write all its values in one --set.", place=place)
        axes[key] = split_values(right, place)
        twice = [v for v in axes[key] if axes[key].count(v) > 1]
        if twice:
            raise ProblemError(f"the value {twice[0]} is given twice.", place=place)
    return axes


def combinations_of(entries: Sequence[str]) -> list[Combination]:
    """Return every combination of values, the last key changing fastest.

    Raises:
        ProblemError: see `axes_of`; and for more than `MOST`.
    """
    axes = axes_of(entries)
    count = math.prod(len(values) for values in axes.values())
    if count > MOST:
        raise ProblemError(f"{count} combinations are too many; at most {MOST} are run.", place="--set")
    several = [key for key, values in axes.items() if len(values) > 1]
    made = []
    for index, values in enumerate(itertools.product(*axes.values())):
        chosen = dict(zip(axes, values, strict=True))
        shown = {key: chosen[key] for key in several}
        changes = tuple(f"{key}={value}" for key, value in chosen.items())
        made.append(Combination(_name(index, len(str(count - 1)), shown), shown, changes))
    return made


def _name(index: int, digits: int, values: dict[str, str]) -> str:
    """Name a folder: the number makes it unique, the rest is for the reader."""
    words = [f"{key.rpartition('.')[2]}={value}" for key, value in values.items()]
    return "-".join(
        [f"{index:0{digits}}", *(re.sub(r"[^\w.=+-]+", "_", w, flags=re.ASCII)[:40].strip("_") for w in words)]
    )[:120]


def check_combinations(file: str, combinations: Sequence[Combination]) -> str:
    """Read the problem with the changes of every combination.

    Returns:
        The name of the problem, as the first combination has it.

    Raises:
        ProblemError: for the first that is wrong, naming the combination.
    """
    from pinn.config import load_problem
    from pinn.settings import make_settings

    names = []
    for combination in combinations:
        try:
            problem = load_problem(file, combination.changes)
            make_settings(problem.settings)
        except ProblemError as error:
            raise ProblemError(str(error), place=f"combination {combination.title}") from None
        names.append(problem.name)
    return names[0]
