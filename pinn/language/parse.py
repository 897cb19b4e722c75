"""Text to a checked syntax tree. Refuses whatever is not listed; nothing is ever executed.

Python's own parser reads the text, so precedence and associativity are the ones everybody knows. Its tree
is then copied node by node into `pinn.language.tree`; a node kind without a case below cannot get through.
"""

import ast
import math
import re
import warnings

import numpy as np

from pinn.errors import ProblemError, unknown
from pinn.language.tree import (
    ARITY,
    CONSTANTS,
    FUNCTIONS,
    Binary,
    Call,
    Name,
    Negate,
    Node,
    Number,
    children,
    evaluate,
    names,
    numpy_functions,
)

MAX_CHARACTERS = 4000
MAX_DEPTH = 100
MAX_EXPONENT = 64

_OPERATOR = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_GUIDE = f"Write names, numbers, + - * / **, parentheses and the functions {', '.join(sorted(FUNCTIONS))}."


def parse(text: str, whole: str | None = None, offset: int = 0) -> Node:
    """Read an expression such as ``u_t - eps*u_xx + 5*u**3``.

    Args:
        text: at most 4000 characters, nested at most 100 deep.
        whole: what it was cut from, for messages.
        offset: where in the whole it begins.

    Returns:
        The tree. Its names are not resolved yet; see `pinn.language.residual`.

    Raises:
        ProblemError: for anything that is not arithmetic of the language, with column and cure.
    """
    _check_size(text)
    blank = "".join(" " if c.isspace() else c for c in text)
    source, lead = blank.strip(), len(blank) - len(blank.lstrip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parser warns of text such as "1or 2" before it refuses it
            tree = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        column = min(max(error.offset or 1, 1), len(source)) + lead + offset
        raise _syntax_error(source, column, error.msg, whole or text) from None
    except (RecursionError, MemoryError, ValueError):
        raise ProblemError(f"too complicated to read. {_GUIDE}", text=text) from None
    return _convert(tree, source, depth=0)


def _check_size(text: str) -> None:
    if not text.strip():
        raise ProblemError(f"the expression is empty. {_GUIDE}", text=text)
    if len(text) > MAX_CHARACTERS:
        raise ProblemError(
            f"an expression may have {MAX_CHARACTERS} characters; this one has {len(text)}. Split it into "
            "several equations or name its constants as parameters.",
            text=text,
        )
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise ProblemError(f"parentheses are nested {deepest} deep; at most {MAX_DEPTH} are read.", text=text)
    strange = next((c for c in text if c == "#" or not (c.isascii() and (c.isprintable() or c.isspace()))), None)
    if strange is not None:
        raise ProblemError(f"character {strange!r} is not part of the language. {_GUIDE}", text=text)


def _syntax_error(source: str, column: int, reason: str, whole: str) -> ProblemError:
    cure = _GUIDE
    without_numbers = re.sub(r"\d+\.?\d*([eE][-+]?\d+)?", "0", source)
    if re.search(r"(?<![A-Za-z_0])0[A-Za-z_(]", without_numbers):
        cure = "Write products with *, as in 5*u."
    elif re.search(r"\b(lambda|is|in|if|and|or|not|for|as|from|with|def|class|del|global)\b", source):
        cure = "Words such as lambda, in and is are reserved; choose another name."
    return ProblemError(f"cannot be read at column {column} ({reason}). {cure}", text=whole)


def _convert(node: ast.expr, source: str, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise ProblemError(
            f"more than {MAX_DEPTH} operations deep. Group the terms of long sums with parentheses.",
            text=source,
        )
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return _number(number, source)
        case ast.Name(id=name):
            return Name(name)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _convert(inner, source, depth + 1)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return Negate(_convert(inner, source, depth + 1))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATOR:
            a, b = _convert(left, source, depth + 1), _convert(right, source, depth + 1)
            b = _exponent(b, source) if isinstance(op, ast.Pow) else b
            return _finite(Binary(_OPERATOR[type(op)], a, b), source)
        case ast.BinOp(op=ast.BitXor()):
            raise ProblemError("'^' is not a power here. Write **, as in u**3.", text=source)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(name, [_convert(a, source, depth + 1) for a in arguments], source)
    written = ast.get_source_segment(source, node) or source
    raise ProblemError(f"{written[:60]!r} is not arithmetic of the language. {_GUIDE}", text=source)


def _number(number: int | float, source: str) -> Number:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ProblemError("a number is too large for double precision.", text=source)
    return Number(value)


def _call(name: str, arguments: list[Node], source: str) -> Node:
    if name not in FUNCTIONS:
        raise unknown("function", name, FUNCTIONS, text=source)
    arity = ARITY.get(name, 1)
    if len(arguments) != arity:
        raise ProblemError(f"{name} takes {arity} argument{'s'[: arity - 1]}; got {len(arguments)}.", text=source)
    return _finite(Call(name, tuple(arguments)), source)


def _exponent(node: Node, source: str) -> Node:
    """Bound a constant exponent, and keep a whole one as an ``int``."""
    value = constant_value(node)
    if value is None:
        return node
    if abs(value) > MAX_EXPONENT:
        raise ProblemError(
            f"exponent {value:g}: write a number between -{MAX_EXPONENT} and {MAX_EXPONENT}.", text=source
        )
    return Number(int(value)) if value == int(value) else node


def _finite(node: Node, source: str) -> Node:
    """Refuse constant arithmetic without a finite value, such as 1/0 or log(-1)."""
    if all(_is_constant(child) for child in children(node)) and constant_value(node) is None:
        raise ProblemError("contains constant arithmetic without a finite value, such as 1/0.", text=source)
    return node


def _is_constant(node: Node) -> bool:
    return not names(node)


def constant_value(node: Node) -> float | None:
    """Return the value of an expression without names, or None if it has names or no finite value."""
    if not _is_constant(node):
        return None
    with np.errstate(all="ignore"):
        try:
            value = float(evaluate(_as_numpy(node), {}, numpy_functions()))
        except (OverflowError, ZeroDivisionError, TypeError):
            return None
    return value if math.isfinite(value) else None


def _as_numpy(node: Node) -> Node:
    """Replace literals by numpy numbers, which give inf and nan where Python's raise."""
    match node:
        case Number(value):
            return Number(np.float64(value))
        case Name(name):
            return Number(np.float64(CONSTANTS[name]))
        case Negate(operand):
            return Negate(_as_numpy(operand))
        case Binary(operator, left, right):
            return Binary(operator, _as_numpy(left), _as_numpy(right))
        case Call(function, arguments):
            return Call(function, tuple(_as_numpy(a) for a in arguments))
