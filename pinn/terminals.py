"""Terminals and pipes that know no accents, no subscripts and no Greek still get their lines."""

import codecs
import sys
import unicodedata

# What stands for marks without a letter of their own: v' for a tangent, v~ for an adjoint, - of a subscript.
PLAIN = {"\N{COMBINING DOT ABOVE}": "'", "\N{COMBINING MACRON}": "~", "\N{MINUS SIGN}": "-"}


def legible(error: UnicodeError) -> tuple[str, int]:
    """Write what an encoding lacks in plain characters, such as v-1 for v₋₁; ? for what has none.

    Raises:
        UnicodeError: where bytes are read instead.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    parts = unicodedata.normalize("NFKD", error.object[error.start : error.end])
    kept = [PLAIN.get(c, c) for c in parts if c in PLAIN or not unicodedata.combining(c)]
    return "".join(c if c.isascii() else "?" for c in kept), error.end


codecs.register_error("legible", legible)


def make_legible() -> None:
    """Have both streams of this process write what their encoding lacks as well as they can."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="legible")
