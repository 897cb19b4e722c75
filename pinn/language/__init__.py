"""The language of problem files: names, arithmetic, derivatives by name. Nothing in it is executed as Python."""

from pinn.language.parse import parse
from pinn.language.residual import Residual, constant, from_function, from_text
from pinn.language.symbols import Symbols
from pinn.language.tree import Binary, Call, Name, Negate, Node, Number, evaluate, names

__all__ = [
    "Binary",
    "Call",
    "Name",
    "Negate",
    "Node",
    "Number",
    "Residual",
    "Symbols",
    "constant",
    "evaluate",
    "from_function",
    "from_text",
    "names",
    "parse",
]
