"""The one exception a user of the package can cause, the one warning, and how they are worded.

A message reads: place, key, the text as written, what is wrong, what would be right. For example

    heat.yaml:9: equations.heat: 'u_t - k*u_xx': unknown name 'k'. Did you mean 'kappa'? ...

Code that finds a mistake knows the key and the text; only the reader of the file knows the file and the
line, and adds them with `ProblemError.located`.
"""

from collections.abc import Iterable
from difflib import get_close_matches

Key = tuple[str | int, ...]


class ProblemError(Exception):
    """A mistake in a problem, a setting or an argument, which the user can mend.

    Args:
        message: what is wrong and what would be right, as sentences.
        key: path of the offending entry, for example ``("conditions", "initial", "where")``.
        text: the offending text as the user wrote it.
        place: file and line, or the command-line argument, once known.
    """

    def __init__(self, message: str, key: Key = (), text: str | None = None, place: str = ""):
        super().__init__(message)
        self.message, self.key, self.text, self.place = message, tuple(key), text, place

    def __str__(self) -> str:
        written = None if self.text is None else repr(shorten(self.text))
        parts = (self.place, dotted(self.key), written, self.message)
        return ": ".join(part for part in parts if part)

    def located(self, place: str) -> "ProblemError":
        """Return the same error with its file and line, or argument, added."""
        return ProblemError(self.message, self.key, self.text, self.place or place)

    def under(self, *prefix: str | int, text: str | None = None) -> "ProblemError":
        """Return the same error with its key prefixed, and the text filled in if it had none."""
        return ProblemError(self.message, (*prefix, *self.key), self.text or text, self.place)


class NoSuchAttribute(ProblemError, AttributeError):
    """A name that a solution does not have; an AttributeError too, as `hasattr` and `copy` expect."""


class PinnWarning(UserWarning):
    """Something was done as asked, and its result is worth less than it looks."""


def dotted(key: Iterable[str | int]) -> str:
    """Write a key path as a user does: ``("stages", 0, "steps")`` is ``stages[0].steps``."""
    out = ""
    for part in key:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else str(part)
    return out


def shorten(text: str, limit: int = 80) -> str:
    """Cut a long text in the middle, so that a message stays readable."""
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]} ... {text[-limit // 4 :]}"


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """Word a suggestion and the list of what is allowed."""
    allowed = sorted(allowed)
    close = get_close_matches(name, allowed, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{hint} Allowed: {', '.join(allowed) or 'nothing'}."


def unknown(kind: str, name: str, allowed: Iterable[str], key: Key = (), text: str | None = None) -> ProblemError:
    """Word the error for a name that is not in a closed list.

    Args:
        kind: what the name stands for, for example ``"optimizer"``.
        name: the name as written.
        allowed: every name that would have been accepted.
        key: see `ProblemError`.
        text: see `ProblemError`.

    Returns:
        The exception, for the caller to raise.
    """
    return ProblemError(f"unknown {kind} {shorten(name)!r}.{did_you_mean(name, allowed)}", key, text)
