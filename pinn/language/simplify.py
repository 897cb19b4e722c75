"""Expressions collected: like terms are added, like factors multiplied, and what all terms share is taken out.

Nothing is multiplied out and no identity of functions is used, so that an expression is still known by its parts. A
term is a coefficient and a power of each factor; an expression is a list of terms.
"""

import math
from fractions import Fraction
from functools import reduce
from typing import NamedTuple

from pinn.language.calculus import applied, minus
from pinn.language.tree import CONSTANTS, Binary, Call, Name, Negate, Node, Number

LARGEST = 64  # whole power of a coefficient that is worked out
MOST_BITS = 10_000  # of a coefficient; powers of powers would fill the memory
PLAIN = 1000  # denominators above are of decimals, such as 0.1, which are no fractions to a reader
HALF = Fraction(1, 2)


class Term(NamedTuple):
    """A coefficient, and the exponent of each factor."""

    coefficient: Fraction
    powers: dict[Node, Fraction]


def simplify(node: Node) -> Node:
    """Collect an expression; where it has a value, the result has the same.

    Args:
        node: such as a derivative by the rules of calculus, ``1/(2*sqrt(a))*(2*x + exp(x)*(2*x))``.

    Returns:
        Such as ``x*(1 + exp(x))/sqrt(a)``; the expression itself where it divides by zero or holds numbers too large.
    """
    try:
        terms = _terms(node)
        alone = len(terms) > 1 and _shared(terms) in (Term(Fraction(1), {}), Term(Fraction(-1), {}))
        return _sum(terms) if alone else _product(_single(terms))
    except (ZeroDivisionError, OverflowError, ValueError):
        return node


def _terms(node: Node) -> list[Term]:
    match node:
        case Number(value):
            return [Term(Fraction(value), {})] if value else []
        case Negate(a):
            return [_times(Term(Fraction(-1), {}), term) for term in _terms(a)]
        case Binary("+", a, b):
            return _collected(_terms(a) + _terms(b))
        case Binary("-", a, b):
            return _collected(_terms(a) + _terms(Negate(b)))
        case Binary("*", a, b):
            return _multiplied(_terms(a), _terms(b))
        case Binary("/", a, b):
            return _multiplied(_terms(a), [_raised(_single(_terms(b)), -1)])
        case Binary("**", a, Number(n) | Negate(Number(n))):
            return _collected([_power(a, Fraction(n) if isinstance(node.right, Number) else -Fraction(n))])
        case Call("sqrt", (a,)):
            return [Term(Fraction(1), {simplify(a): HALF})]
    part = _part(node)
    return _terms(part) if isinstance(part, Number) else [Term(Fraction(1), {part: Fraction(1)})]


def _part(node: Node) -> Node:
    """Simplify inside of what is a factor as a whole."""
    match node:
        case Binary("**", a, b):
            return Binary("**", simplify(a), simplify(b))
        case Call(function, arguments):
            return applied(function, tuple(map(simplify, arguments)))
    return node


def _power(base: Node, n: Fraction) -> Term:
    if n.denominator == 1 and abs(n) <= LARGEST:
        return _raised(_single(_terms(base)), int(n))
    return Term(Fraction(1), {simplify(base): n})  # (x**2)**0.5 is not x


def _multiplied(one: list[Term], other: list[Term]) -> list[Term]:
    """Multiply; a number times a sum stays a sum, which meets its like in a sum it stands in."""
    for number, terms in ((one, other), (other, one)):
        if len(number) == 1 and not number[0].powers:
            return [_times(number[0], term) for term in terms]
    return _collected([_times(_single(one), _single(other))])


def _times(a: Term, b: Term) -> Term:
    powers = dict(a.powers)
    for factor, n in b.powers.items():
        powers[factor] = powers.get(factor, Fraction(0)) + n
    return Term(a.coefficient * b.coefficient, {factor: n for factor, n in powers.items() if n})


def _raised(term: Term, n: int) -> Term:
    bits = max(term.coefficient.numerator.bit_length(), term.coefficient.denominator.bit_length())
    if bits > 1 and bits * abs(n) > MOST_BITS:
        raise OverflowError("a coefficient would have too many digits")
    return Term(term.coefficient**n, {factor: n * m for factor, m in term.powers.items() if n})


def _collected(terms: list[Term]) -> list[Term]:
    """Add terms with the same factors, in the order they came."""
    found: dict[frozenset, Term] = {}
    for term in terms:
        key = frozenset(term.powers.items())
        before = found[key].coefficient if key in found else 0
        found[key] = Term(before + term.coefficient, term.powers)
    return [term for term in found.values() if term.coefficient]


def _single(terms: list[Term]) -> Term:
    """Return a sum as one term: what its terms share, times the sum of what is left of them."""
    if len(terms) < 2:
        return terms[0] if terms else Term(Fraction(0), {})
    shared = _shared(terms)
    left = [_times(term, _raised(shared, -1)) for term in terms]
    if any(map(_is_sum, left)):  # what is left of x*(x + y) beside x is a sum in a sum
        return _times(shared, _single(_collected([t for term in left for t in _opened(term)])))
    return _times(shared, Term(Fraction(1), {_sum(left): Fraction(1)}))


def _is_sum(term: Term) -> bool:
    """Say whether a term is a number times a sum."""
    return list(term.powers.values()) == [1] and isinstance(f := next(iter(term.powers)), Binary) and f.operator in "+-"


def _opened(term: Term) -> list[Term]:
    """Return the terms of a number times a sum; of any other the term itself."""
    if not _is_sum(term):
        return [term]
    return _multiplied([Term(term.coefficient, {})], _terms(next(iter(term.powers))))


def _shared(terms: list[Term]) -> Term:
    """Return the largest term that divides all, with the sign of the first."""
    first, *others = (term.powers for term in terms)
    powers = {f: min(n, *(p[f] for p in others)) for f, n in first.items() if all(f in p for p in others)}
    coefficients = [term.coefficient for term in terms]
    if any(c.denominator > PLAIN for c in coefficients):
        return Term(Fraction(-1 if coefficients[0] < 0 else 1), powers)
    below = math.lcm(*(c.denominator for c in coefficients))
    size = Fraction(math.gcd(*(int(c * below) for c in coefficients)), below)
    return Term(-size if coefficients[0] < 0 else size, powers)


def _sum(terms: list[Term]) -> Node:
    def added(before: Node, term: Term) -> Node:
        operator = "-" if term.coefficient < 0 else "+"
        return Binary(operator, before, _product(Term(abs(term.coefficient), term.powers)))

    return reduce(added, terms[1:], _product(terms[0]))


def _product(term: Term) -> Node:
    """Write a term as a quotient: numbers first, then constants, names, and all else."""
    size, order = abs(term.coefficient), sorted(term.powers, key=_rank)
    plain = size.denominator <= PLAIN
    above, below = (size.numerator, size.denominator) if plain else (float(size), 1)
    upper = [_raised_factor(factor, n) for factor in order if (n := term.powers[factor]) > 0]
    lower = [_raised_factor(factor, -n) for factor in order if (n := term.powers[factor]) < 0]
    upper = [Number(float(above))] * (above != 1 or not upper) + upper
    lower = [Number(float(below))] * (below != 1) + lower
    if term.coefficient < 0:
        upper[0] = minus(upper[0])
    products = [reduce(lambda a, b: Binary("*", a, b), factors) for factors in (upper, lower) if factors]
    return reduce(lambda a, b: Binary("/", a, b), products)


def _rank(factor: Node) -> int:
    return (2 if factor.name not in CONSTANTS else 1) if isinstance(factor, Name) else 3


def _raised_factor(base: Node, n: Fraction) -> Node:
    if n == HALF:
        return Call("sqrt", (base,))
    return base if n == 1 else Binary("**", base, Number(float(n)))
