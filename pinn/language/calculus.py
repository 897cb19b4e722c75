"""Derivatives of expressions by the rules of calculus, and expressions written back as text."""

from collections.abc import Callable, Mapping

from pinn.language.tree import CONSTANTS, Binary, Call, Name, Negate, Node, Number, names

ZERO, ONE, TWO = Number(0.0), Number(1.0), Number(2.0)
AT_ZERO = dict.fromkeys(("cos", "cosh", "erfc", "exp", "sech"), 1.0) | dict.fromkeys(
    ("abs", "asin", "atan", "erf", "sin", "sinh", "sqrt", "tan", "tanh"), 0.0
)
ROOT_PI = Call("sqrt", (Name("pi"),))

# Function -> derivative in its argument; abs and its kin have one everywhere but at their kinks.
DERIVATIVES: dict[str, Callable[[Node], Node]] = {
    "abs": lambda a: Call("sign", (a,)),
    "acos": lambda a: minus(quotient(ONE, Call("sqrt", (difference(ONE, square(a)),)))),
    "asin": lambda a: quotient(ONE, Call("sqrt", (difference(ONE, square(a)),))),
    "atan": lambda a: quotient(ONE, total(ONE, square(a))),
    "cos": lambda a: minus(Call("sin", (a,))),
    "cosh": lambda a: Call("sinh", (a,)),
    "erf": lambda a: product(quotient(TWO, ROOT_PI), Call("exp", (minus(square(a)),))),
    "erfc": lambda a: product(quotient(Number(-2.0), ROOT_PI), Call("exp", (minus(square(a)),))),
    "exp": lambda a: Call("exp", (a,)),
    "ln": lambda a: quotient(ONE, a),
    "log": lambda a: quotient(ONE, a),
    "sech": lambda a: minus(product(Call("sech", (a,)), Call("tanh", (a,)))),
    "sign": lambda a: ZERO,
    "sin": lambda a: Call("cos", (a,)),
    "sinh": lambda a: Call("cosh", (a,)),
    "sqrt": lambda a: quotient(ONE, product(TWO, Call("sqrt", (a,)))),
    "tan": lambda a: total(ONE, square(Call("tan", (a,)))),
    "tanh": lambda a: difference(ONE, square(Call("tanh", (a,)))),
}


def differentiate(node: Node, name: str) -> Node:
    """Differentiate an expression with respect to a name; every other name is held fixed.

    Args:
        node: the expression.
        name: a coordinate, an unknown, a derivative such as ``u_xx``, or a parameter.

    Returns:
        The derivative, with terms that vanish and factors of one left out. ``max`` and ``min`` have the mean of
        both slopes where their arguments agree.
    """

    def d(n: Node) -> Node:
        return differentiate(n, name)

    if name not in names(node):
        return ZERO
    match node:
        case Name(_):
            return ONE
        case Negate(a):
            return minus(d(a))
        case Binary("+", a, b):
            return total(d(a), d(b))
        case Binary("-", a, b):
            return difference(d(a), d(b))
        case Binary("*", a, b):
            return total(product(d(a), b), product(a, d(b)))
        case Binary("/", a, b):
            return difference(quotient(d(a), b), quotient(product(a, d(b)), square(b)))
        case Binary("**", a, b):
            return _of_power(a, b, d)
        case Call("max" | "min" as function, (a, b)):
            # Each slope once, with its share: written twice they would double with every max inside of a max.
            above = Call("sign", (difference(a, b) if function == "max" else difference(b, a),))
            shares = quotient(total(ONE, above), TWO), quotient(difference(ONE, above), TWO)
            return total(product(d(a), shares[0]), product(d(b), shares[1]))
        case Call(function, (a,)):
            return product(DERIVATIVES[function](a), d(a))
    raise TypeError(f"not a node of the language: {node!r}")


def _of_power(a: Node, b: Node, d: Callable[[Node], Node]) -> Node:
    if isinstance(b, Number):
        lower = Number(b.value - 1)
        return product(product(Number(float(b.value)), power(a, lower)), d(a))
    inner, exponent = d(a), d(b)
    if exponent == ZERO:
        return product(product(b, Binary("**", a, difference(b, ONE))), inner)
    return product(Binary("**", a, b), total(product(exponent, Call("log", (a,))), quotient(product(b, inner), a)))


def _value(node: Node) -> float | None:
    """Return the value of a literal, also of a negative one."""
    match node:
        case Number(value):
            return float(value)
        case Negate(Number(value)):
            return -float(value)
    return None


def minus(a: Node) -> Node:
    """Return -a."""
    match a:
        case Number(value):
            return ZERO if value == 0 else Number(-float(value))
        case Negate(inner):
            return inner
    return Negate(a)


def total(a: Node, b: Node) -> Node:
    """Return a + b."""
    if _value(a) == 0 or _value(b) == 0:
        return b if _value(a) == 0 else a
    if _value(a) is not None and _value(b) is not None:
        return Number(_value(a) + _value(b))
    return Binary("-", a, b.operand) if isinstance(b, Negate) else Binary("+", a, b)


def difference(a: Node, b: Node) -> Node:
    """Return a - b."""
    if _value(a) == 0 or _value(b) == 0:
        return minus(b) if _value(a) == 0 else a
    if _value(a) is not None and _value(b) is not None:
        return Number(_value(a) - _value(b))
    return Binary("+", a, b.operand) if isinstance(b, Negate) else Binary("-", a, b)


def product(a: Node, b: Node) -> Node:
    """Return a * b."""
    if 0 in (_value(a), _value(b)):
        return ZERO
    for one, other in ((a, b), (b, a)):
        if abs(_value(one) or 0) == 1:
            return other if _value(one) == 1 else minus(other)
    if _value(a) is not None and _value(b) is not None:
        return Number(_value(a) * _value(b))
    if isinstance(a, Negate) or isinstance(b, Negate):
        inner = [n.operand if isinstance(n, Negate) else n for n in (a, b)]
        return product(*inner) if isinstance(a, Negate) and isinstance(b, Negate) else minus(product(*inner))
    if _value(b) is not None:
        a, b = b, a
    match a, b:
        case (Number(one), Binary("*", Number(two), rest)):
            return product(Number(float(one) * float(two)), rest)
    return Binary("*", a, b)


def quotient(a: Node, b: Node) -> Node:
    """Return a / b."""
    if _value(a) == 0:
        return ZERO
    if _value(b) == 1:
        return a
    return minus(quotient(a.operand, b)) if isinstance(a, Negate) else Binary("/", a, b)


def power(a: Node, b: Number) -> Node:
    """Return a ** b."""
    if b.value in (0, 1):
        return ONE if b.value == 0 else a
    return Binary("**", a, b)


def square(a: Node) -> Node:
    """Return a ** 2."""
    return power(a, Number(2))


def substitute(node: Node, given: Mapping[str, Node]) -> Node:
    """Replace names by expressions."""
    match node:
        case Name(name):
            return given.get(name, node)
        case Negate(a):
            return minus(substitute(a, given))
        case Binary("**", a, b):
            base, exponent = substitute(a, given), substitute(b, given)
            return power(base, exponent) if isinstance(exponent, Number) else Binary("**", base, exponent)
        case Binary(operator, a, b):
            combine = {"+": total, "-": difference, "*": product, "/": quotient}[operator]
            return combine(substitute(a, given), substitute(b, given))
        case Call(function, arguments):
            return applied(function, tuple(substitute(a, given) for a in arguments))
    return node


def applied(function: str, arguments: tuple[Node, ...]) -> Node:
    """Return a function of arguments; at zero its value, where that is a whole number."""
    if len(arguments) == 1 and _value(arguments[0]) == 0 and function in AT_ZERO:
        return Number(AT_ZERO[function])
    return Call(function, arguments)


STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2, "**": 4}


def write(node: Node) -> str:
    """Write an expression in the language, with no more parentheses than it needs."""
    match node:
        case Number(value):
            return repr(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
        case Name(name):
            return name
        case Negate(a):
            return "-" + _within(a, 3)
        case Binary(operator, a, b):
            strength = STRENGTH[operator]
            left, right = (strength + 1, 3) if operator == "**" else (strength, strength + 1)
            space = " " if strength == 1 else ""
            return f"{_within(a, left)}{space}{operator}{space}{_within(b, right)}"
        case Call(function, arguments):
            return f"{function}({', '.join(map(write, arguments))})"
    raise TypeError(f"not a node of the language: {node!r}")


def _within(node: Node, needed: int) -> str:
    """Write an operand, in parentheses where it binds less than its surroundings."""
    match node:
        case Binary(operator, _, _):
            strength = STRENGTH[operator]
        case Negate(_):
            strength = 2
        case Number(value) if value < 0:
            strength = 2
        case _:
            strength = 5
    return f"({write(node)})" if strength < needed else write(node)


def is_constant(node: Node, parameters: Mapping[str, float]) -> bool:
    """Say whether an expression depends on nothing but parameters."""
    return all(n in parameters or n in CONSTANTS for n in names(node))
