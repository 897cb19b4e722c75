"""Rows in columns: a table where there is a terminal, plain text otherwise."""

import sys
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_columns(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print rows under their heads.

    Args:
        heads: one per column.
        rows: as many texts each.
        right: heads of the columns of numbers, which stand to the right.
    """
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        print(plain_columns(heads, rows, right))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        table.add_column(Text(head), justify="right" if head in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # as text: names may have brackets, which are markup
    console.print(table)


def plain_columns(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Return the same as lines of text."""
    widths = [max(map(cell_len, column)) for column in zip(heads, *rows, strict=True)]

    def padded(cell: str, head: str, width: int) -> str:
        blank = " " * (width - cell_len(cell))  # accents over letters take no room
        return blank + cell if head in right else cell + blank

    lines = ("  ".join(map(padded, row, heads, widths)).rstrip() for row in (heads, *rows))
    return "\n".join(lines)


def number(value: float | None, digits: int = 1) -> str:
    """Write a small number, or say that it is none."""
    return "" if value is None else f"{value:.{digits}e}"
