"""Expressions of the language as MathML, which browsers typeset: fractions, powers, partial derivatives."""

import re
from html import escape
from unicodedata import lookup

from pinn.errors import ProblemError
from pinn.language import Binary, Call, Name, Negate, Node, Number, Residual, Symbols, parse
from pinn.language.tree import walk

LETTERS = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "mu", "nu", "xi", "pi",
    "rho", "sigma", "tau", "phi", "chi", "psi", "omega",
)  # fmt: skip
GREEK = {n: lookup(f"GREEK SMALL LETTER {n}") for n in LETTERS}
GREEK |= {n.capitalize(): lookup(f"GREEK CAPITAL LETTER {n}") for n in LETTERS}
GREEK |= {
    "eps": GREEK["epsilon"],
    "lam": lookup("GREEK SMALL LETTER LAMDA"),
    "Lam": lookup("GREEK CAPITAL LETTER LAMDA"),
}
MINUS_SIGN = lookup("MINUS SIGN")
PREFIX = f"<mo form='prefix'>{MINUS_SIGN}</mo>"  # without the space around a difference
THIN = "<mspace width='0.17em'></mspace>"  # before a function by its name
FUNCTION_NAMES = {"acos": "arccos", "asin": "arcsin", "atan": "arctan", "sign": "sgn"}
SQUARED = {"acos", "asin", "atan", "cos", "cosh", "sech", "sin", "sinh", "tan", "tanh"}  # sin(x)**2 is sin²(x)
LONGEST_EXPONENT = 24  # nodes; a longer exp(...) is no superscript

# How tightly a piece of markup binds.
SUM, MINUS, PRODUCT, POWER, FRACTION, ATOM = range(6)
Piece = tuple[str, int]


def equation(residual: Residual, symbols: Symbols) -> str:
    """Typeset what has to hold: both sides as they were written, or ``... = 0``.

    Args:
        residual: of an equation or a condition; of a Python function its name and arguments are shown.
        symbols: the names of the problem.

    Returns:
        A ``math`` element.
    """
    if residual.tree is None:
        label = residual.text.partition("(")[0]
        arguments = _mo(",").join(name(n, symbols) for n in residual.needs)
        return _math(f"{_mi(label)}{_fenced(arguments)}{_mo('=')}<mn>0</mn>", f"{residual.text} = 0")
    try:
        sides = [parse(side) for side in residual.text.split("=")]
    except ProblemError:
        sides = [residual.tree]
    markup = _mo("=").join(expression(side, symbols) for side in sides)
    zero = "" if len(sides) > 1 else _mo("=") + "<mn>0</mn>"
    return _math(markup + zero, residual.text)


def definition(label: str, text: str, symbols: Symbols) -> str:
    """Typeset what a known function is, as it was written."""
    return _math(name(label, symbols) + _mo("=") + expression(parse(text), symbols), f"{label} = {text}")


def place(where: dict[str, float], symbols: Symbols) -> str:
    """Typeset where a condition holds, such as ``t = 0``."""
    parts = [name(c, symbols) + _mo("=") + _number(v)[0] for c, v in where.items()]
    return _math(_mo(",").join(parts), ", ".join(f"{c} = {v:g}" for c, v in where.items()))


def interval(coordinate: str, bounds: tuple[float, float], symbols: Symbols) -> str:
    """Typeset the range of a coordinate, such as ``t ∈ [0, 1]``."""
    ends = f"{_mo('[')}{_number(bounds[0])[0]}{_mo(',')}{_number(bounds[1])[0]}{_mo(']')}"
    return _math(name(coordinate, symbols) + _mo("∈") + ends, f"{coordinate} in [{bounds[0]:g}, {bounds[1]:g}]")


def value(label: str, number: float, symbols: Symbols) -> str:
    """Typeset a parameter and its value, such as ``ν = 0.01``."""
    return _math(name(label, symbols) + _mo("=") + _number(number)[0], f"{label} = {number:g}")


def name_alone(label: str, symbols: Symbols) -> str:
    """Typeset a name in running text."""
    return _math(name(label, symbols), label)


def expression(node: Node, symbols: Symbols) -> str:
    """Typeset an expression; the result belongs inside a ``math`` element."""
    return _piece(node, symbols)[0]


def name(label: str, symbols: Symbols) -> str:
    """Typeset a name: derivatives as fractions of ∂, Greek letters, indices as subscripts."""
    known = label not in symbols.coordinates and label not in symbols.parameters
    base, _, letters = label.partition("_")
    if not known or not letters or base not in (*symbols.unknowns, *symbols.functions):
        return _plain_name(label)
    letters = sorted(letters, key=symbols.coordinates.index)
    d = "<mi mathvariant='normal'>∂</mi>" if len(symbols.coordinates) > 1 else "<mi mathvariant='normal'>d</mi>"
    below = "".join(d + _raised(_mi(c), letters.count(c)) for c in dict.fromkeys(letters))
    above = _raised(d, len(letters)) + _plain_name(base)
    return f"<mfrac><mrow>{above}</mrow><mrow>{below}</mrow></mfrac>"


def _math(markup: str, text: str) -> str:
    return f'<math alttext="{escape(text)}"><mrow>{markup}</mrow></math>'


def _mi(text: str) -> str:
    return f"<mi>{escape(GREEK.get(text, text))}</mi>"


def _mo(text: str) -> str:
    return f"<mo>{escape(text)}</mo>"


def _fenced(markup: str) -> str:
    return f"<mrow>{_mo('(')}<mrow>{markup}</mrow>{_mo(')')}</mrow>"


def _raised(markup: str, order: int) -> str:
    return markup if order == 1 else f"<msup>{markup}<mn>{order}</mn></msup>"


def _plain_name(label: str) -> str:
    base, _, index = label.partition("_")
    if not index and (found := re.fullmatch(r"([A-Za-z]+)(\d+)", base)):
        base, index = found.groups()
    if not index:
        return _mi(base)
    below = f"<mn>{index}</mn>" if index.isdigit() else _mi(index)
    return f"<msub>{_mi(base)}{below}</msub>"


def _number(number: float) -> Piece:
    """Write a number; very small and large ones as powers of ten."""
    if number < 0:
        return PREFIX + _number(-number)[0], MINUS
    if number == 0 or 1e-3 <= number < 1e5 or number != number or number == float("inf"):
        return f"<mn>{number:.6g}</mn>", ATOM
    mantissa, _, exponent = f"{number:.5e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    sign = PREFIX if exponent.startswith("-") else ""
    power = f"<msup><mn>10</mn><mrow>{sign}<mn>{abs(int(exponent))}</mn></mrow></msup>"
    return (power, POWER) if mantissa == "1" else (f"<mn>{mantissa}</mn><mo>&times;</mo>{power}", PRODUCT)


def _piece(node: Node, symbols: Symbols) -> Piece:
    """Return markup, and how tightly it binds."""
    match node:
        case Number(number):
            return _number(float(number))
        case Name(label):
            is_fraction = "_" in label and label not in symbols.parameters
            return name(label, symbols), FRACTION if is_fraction else ATOM
        case Negate(a):
            return PREFIX + _within(a, PRODUCT, symbols), MINUS
        case Binary("+", a, Negate(b)):
            return _piece(Binary("-", a, b), symbols)
        case Binary("+" | "-" as operator, a, b):
            sign = "+" if operator == "+" else MINUS_SIGN
            return _within(a, SUM, symbols) + _mo(sign) + _within(b, PRODUCT, symbols), SUM
        case Binary("*", a, b):
            return _product(a, b, symbols)
        case Binary("/", a, b):
            above, below = expression(a, symbols), expression(b, symbols)
            return f"<mfrac><mrow>{above}</mrow><mrow>{below}</mrow></mfrac>", FRACTION
        case Binary("**", a, b):
            return _power(a, b, symbols), POWER
        case Call(function, arguments):
            return _call(function, arguments, symbols)
    raise TypeError(f"not a node of the language: {node!r}")


def _within(node: Node, needed: int, symbols: Symbols) -> str:
    """Typeset an operand, in parentheses where it binds less than its surroundings."""
    markup, strength = _piece(node, symbols)
    return _fenced(markup) if strength < needed else markup


def _product(a: Node, b: Node, symbols: Symbols) -> Piece:
    left, strength = _piece(a, symbols)
    negative = strength == MINUS  # a factor in front; the whole product begins with its sign
    left = _fenced(left) if strength == SUM else left
    digits = _begins_with_digits(b) or (isinstance(a, Number) and isinstance(b, Binary) and b.operator == "/")
    times = _mo("⋅") if digits else _mo("\u2062") + (THIN if _begins_with_word(b) else "")  # the invisible one
    return left + times + _within(b, PRODUCT, symbols), MINUS if negative else PRODUCT


def _begins_with_digits(node: Node) -> bool:
    match node:
        case Number(_):
            return True
        case Binary("*" | "**", a, _):
            return _begins_with_digits(a)
    return False


def _begins_with_word(node: Node) -> bool:
    match node:
        case Call(function, _):
            return function not in ("abs", "exp", "sqrt")
        case Binary("*" | "**", a, _):
            return _begins_with_word(a)
    return False


def _power(a: Node, b: Node, symbols: Symbols) -> str:
    exponent = f"<mrow>{expression(b, symbols)}</mrow>"
    match a:
        case Call(function, (argument,)) if function in SQUARED:
            label = _mi(FUNCTION_NAMES.get(function, function))
            return f"<msup>{label}{exponent}</msup>{_fenced(expression(argument, symbols))}"
    return f"<msup><mrow>{_within(a, ATOM, symbols)}</mrow>{exponent}</msup>"


def _call(function: str, arguments: tuple[Node, ...], symbols: Symbols) -> Piece:
    inner = [expression(a, symbols) for a in arguments]
    if function == "sqrt":
        return f"<msqrt><mrow>{inner[0]}</mrow></msqrt>", ATOM
    if function == "abs":
        return f"<mrow>{_mo('|')}<mrow>{inner[0]}</mrow>{_mo('|')}</mrow>", ATOM
    if function == "exp" and sum(1 for _ in walk(arguments[0])) <= LONGEST_EXPONENT:
        return f"<msup><mi mathvariant='normal'>e</mi><mrow>{inner[0]}</mrow></msup>", POWER
    label = _mi(FUNCTION_NAMES.get(function, function))
    return f"{label}{_mo(chr(0x2061))}{_fenced(_mo(',').join(inner))}", PRODUCT
