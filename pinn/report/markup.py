"""Small pieces of HTML: numbers, tables and lists. Text of a problem goes through `escape` before it comes here."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from unicodedata import lookup

MINUS, TIMES = lookup("MINUS SIGN"), lookup("MULTIPLICATION SIGN")
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def plain(value: float | None, digits: int = 3) -> str:
    """Write a number as people do, in characters alone: ``1.04 × 10⁻⁸``."""
    if value is None or not math.isfinite(value):
        return "unknown" if value is None else "not finite"
    mantissa, exponent = _parts(value, digits)
    return mantissa if exponent is None else f"{mantissa} {TIMES} 10{str(exponent).translate(SUPERSCRIPTS)}"


def number(value: float | None, digits: int = 3) -> str:
    """Write a number as HTML; the element's ``value`` has all its digits."""
    if value is None or not math.isfinite(value):
        return f'<span class="none">{plain(value)}</span>'
    mantissa, exponent = _parts(value, digits)
    sign = MINUS if exponent is not None and exponent < 0 else ""
    power = "" if exponent is None else f"&thinsp;{TIMES}&thinsp;10<sup>{sign}{abs(exponent)}</sup>"
    return f'<data value="{value!r}" title="{value!r}">{mantissa}{power}</data>'


def _parts(value: float, digits: int) -> tuple[str, int | None]:
    """Return mantissa and exponent, or the number alone where it needs none."""
    if value == 0 or 1e-2 <= abs(value) < 1e4:
        text = f"{value:#.{digits}g}" if 0 < abs(value) < 10**digits else f"{value:.0f}"
        return text.rstrip(".").replace("-", MINUS), None
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return mantissa.replace("-", MINUS), int(exponent)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """Return a table that scrolls sideways where the screen is narrow.

    Args:
        head: of the columns, as HTML; empty for none.
        rows: their cells, as HTML; the first cell of a row names it.
        kind: a class for the style sheet.
    """
    top = "".join(f'<th scope="col">{h}</th>' for h in head)
    top = f"<thead><tr>{top}</tr></thead>" if top else ""
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>' for first, *rest in rows
    )
    return f'<div class="scroll" tabindex="0"><table class="{kind}">{top}<tbody>{body}</tbody></table></div>'


def section(anchor: str, title: str, *parts: str) -> str:
    """Return a section with a heading; nothing if it has no content."""
    content = "\n".join(p for p in parts if p)
    return f'<section id="{anchor}"><h2>{escape(title)}</h2>\n{content}\n</section>' if content else ""


def bullets(sentences: Iterable[str], kind: str = "") -> str:
    """Return a list of sentences, which are text; nothing for none."""
    items = "".join(f"<li>{escape(s)}</li>" for s in sentences)
    return f'<ul class="{kind}">{items}</ul>' if items else ""


def command(text: str) -> str:
    """Return commands or code to copy."""
    return f'<pre class="command" tabindex="0"><code>{escape(text)}</code></pre>'


def details(title: str, content: str) -> str:
    """Return content that is opened by a click."""
    return f"<details><summary>{escape(title)}</summary>\n{content}\n</details>"


def pairs(entries: Mapping[str, str]) -> str:
    """Return names, which are text, and what belongs to them, as HTML."""
    rows = "".join(f"<div><dt>{escape(k)}</dt><dd>{v}</dd></div>" for k, v in entries.items())
    return f"<dl>{rows}</dl>"
