"""What a problem says that may not be meant: warnings found before any training, in numpy alone.

Warnings, and no errors, because each is meant by somebody: the corners of a lid-driven cavity contradict each other, a
pressure without a gauge leaves the velocity as it is, and zero may be the solution that is looked for.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from pinn.errors import Key
from pinn.findings.corners import SAMPLES, misfits, points_of
from pinn.findings.counts import too_few, zero_solves
from pinn.findings.symbol import type_of
from pinn.gauge import open_together, seen_by
from pinn.language.calculus import is_constant, write
from pinn.language.tree import Binary, Call, Node, Number, evaluate, names, numpy_functions, walk
from pinn.problem import TIME, Constraint, Problem, partials_of
from pinn.reference.terms import call

Test = Callable[[np.ndarray], np.ndarray]
# Function -> what its argument has to be, as text and as a test.
DOMAINS = {
    "log": ("positive", lambda a: a > 0),
    "ln": ("positive", lambda a: a > 0),
    "sqrt": ("not negative", lambda a: a >= 0),
    "acos": ("between -1 and 1", lambda a: np.abs(a) <= 1),
    "asin": ("between -1 and 1", lambda a: np.abs(a) <= 1),
}


class Finding(NamedTuple):
    """One thing worth knowing.

    Attributes:
        topic: "type", "corner", "count", "undetermined" or "domain".
        level: "warning" or "note".
        key: the entry of the file it is about.
        text: what stands there.
        message: a sentence or two.
    """

    topic: str
    level: str
    key: Key
    text: str | None
    message: str


def findings(problem: Problem) -> list[Finding]:
    """Look a problem over. Nothing found here keeps a run from starting."""
    parts = (_types, _corners, _counts, _undetermined, _domains)
    with np.errstate(all="ignore"):
        return [finding for part in parts for finding in part(problem)]


def data_of(constraint: Constraint, problem: Problem, points: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Return g where a condition reads u = g, at points; None if it is not of that form."""
    partials = partials_of(constraint.residual, problem.symbols)
    if len(partials) != 1 or partials[0].axes:
        return None
    u = problem.unknowns[partials[0].unknown]
    values = dict(points) | dict(problem.parameters)
    count = len(next(iter(points.values())))

    def at(v: float) -> np.ndarray:
        return np.broadcast_to(call(constraint.residual, values | {u: np.full(count, v)}), count)

    zero, one, two = at(0.0), at(1.0), at(2.0)
    linear = np.allclose(two - one, one - zero, rtol=1e-9) and np.all(one != zero)
    return -zero / (one - zero) if linear else None


def _types(problem: Problem) -> Iterator[Finding]:
    """Name the type; warn of waves that grow without bound."""
    kind, grows = type_of(problem)
    first = problem.equations[0]
    if grows:
        yield Finding(
            "type", "warning", ("equations", first.name), first.residual.text,
            "short waves grow, the faster the shorter they are, as in a heat equation run backwards: no solution "
            "depends continuously on its data. A sign is probably wrong.",
        )  # fmt: skip
    elif kind:
        yield Finding("type", "note", ("equations",), None, f"the equations are {kind}.")


def _corners(problem: Problem) -> Iterator[Finding]:
    """Name initial data that do not fit what is asked at the ends."""
    for key, text, message in misfits(problem):
        yield Finding("corner", "warning", key, text, message)


def _counts(problem: Problem) -> Iterator[Finding]:
    """Name missing conditions, and problems that are solved by nothing at all."""
    for key, text, message in too_few(problem):
        yield Finding("count", "warning", key, text, message)
    if zero := zero_solves(problem):
        told = "zero everywhere satisfies all equations and conditions"
        if len(zero) < len(problem.unknowns):
            told = (
                f"{' and '.join(repr(z) for z in zero)} being {told} that mention {'it' if len(zero) == 1 else 'them'}"
            )
        yield Finding(
            "count", "warning", ("conditions",), None,
            f"{told}, and is what a run would find. An eigenvalue "
            "problem wants a condition that says how large its solution is; others want data.",
        )  # fmt: skip


def _undetermined(problem: Problem) -> Iterator[Finding]:
    """Find unknowns that may be larger by any constant, alone or together."""
    steady = [n for n in problem.unknowns if TIME not in problem.coordinates or not problem.order(TIME, n)]
    for name in steady:
        if name not in problem.means and not seen_by(problem, name):
            # At all times, where there is time.
            corner = ", ".join(f"{c}={lo:g}" for c, (lo, _) in problem.domain.bounds.items() if c != TIME)
            mean = "" if TIME in problem.coordinates else ", or means: {" + name + ": 0}"
            yield Finding(
                "undetermined", "warning", ("unknowns",), name,
                f"{name!r} is determined up to a constant: adding one changes nothing. Add a "
                "condition at a point, such as {where: \"" + corner + "\", equation: " + name + " = 0}" + mean + ".",
            )  # fmt: skip
    if together := open_together(problem, [n for n in steady if n not in problem.means and seen_by(problem, n)]):
        yield Finding(
            "undetermined", "warning", ("unknowns",), None,
            f"{' and '.join(map(repr, together))} are determined up to a constant each, which go together: adding them "
            f"changes nothing. Add a condition at a point on one of them.",
        )  # fmt: skip


def _domains(problem: Problem) -> Iterator[Finding]:
    """Try the arguments of functions with a domain, and divisors, on points of the domain and likely values."""
    for constraint in problem.constraints:
        tree = constraint.residual.tree
        if tree is None:
            continue
        key = ("conditions", constraint.name, "equation") if constraint.where else ("equations", constraint.name)
        restricted = {r[:2]: r for node in walk(tree) for r in _restricted(node, problem)}.values()
        messages = [m for r in restricted if (m := _leaves(problem, constraint, *r))]
        if not messages:
            messages = [m for m in [_leaves(problem, constraint, tree, "the equation is not finite", np.isfinite)] if m]
        for message in dict.fromkeys(messages):
            yield Finding("domain", "warning", key, constraint.residual.text, message)


def _restricted(node: Node, problem: Problem) -> Iterator[tuple[Node, str, Test | None]]:
    """Name the operands of a node that have a domain, what they have to be, and its test; None for not zero."""
    match node:
        case Call(function, (argument,)) if function in DOMAINS:
            yield (argument, f"the argument of {function} has to be {DOMAINS[function][0]}", DOMAINS[function][1])
        case Binary("/", _, divisor) if names(divisor):
            yield _without_powers(divisor), "a divisor has to differ from zero", None
        case Binary("**", base, exponent) if names(base):
            fixed = is_constant(exponent, problem.parameters)
            power = float(evaluate(exponent, dict(problem.parameters), numpy_functions())) if fixed else np.nan
            if not power.is_integer():
                yield base, f"the base of **{write(exponent)} has to be not negative", lambda a: a >= 0
            elif power < 0:
                yield base, f"the base of **{write(exponent)} has to differ from zero", None


def _without_powers(node: Node) -> Node:
    """Return what vanishes where a node does, less its powers and factors that are numbers."""
    match node:
        case Binary("**", base, Number(power)) if power > 0:
            return _without_powers(base)
        case Binary("*", Number(_), other) | Binary("*", other, Number(_)):
            return _without_powers(other)
    return node


def _leaves(problem: Problem, constraint: Constraint, argument: Node, wanted: str, test: Test | None) -> str:
    """Say where an argument leaves its domain; unknowns run over the range of their data, and a fifth more."""
    values: dict[str, Any] = points_of(problem, dict(constraint.where))
    values |= {n: np.asarray(v, float) for n, v in problem.parameters.items()}
    rng, moving = np.random.default_rng(2), [n for n in names(argument) if n not in problem.parameters]
    for name in (n for n in moving if n not in values):
        lo, hi = _range_of_data(problem, name)
        values[name] = rng.normal(size=SAMPLES) if "_" in name else lo + (hi - lo) * rng.random(SAMPLES)

    def at(changed: Mapping[str, Any]) -> np.ndarray:
        found = np.asarray(evaluate(argument, values | dict(changed), numpy_functions()), float)
        return np.broadcast_to(found, np.broadcast_shapes(found.shape, (SAMPLES,))) if not changed else found

    found = at({})
    bad = ~test(found) if test else _vanishes(found)
    if bad.any():
        k = int(np.argmax(bad))
        place, value = {n: float(np.broadcast_to(values[n], SAMPLES)[k]) for n in names(argument)}, found[k]
    elif test is None and moving and (near := _zero_near(at, values, moving, found)):
        place, value = near, 0.0
    else:
        return ""
    where = ", ".join(f"{n}={v:.3g}" for n, v in place.items())
    return f"{wanted}; {write(argument)} is {value:.3g}" + (f" at {where}." if where else ".")


def _vanishes(found: np.ndarray) -> np.ndarray:
    """Mark zeros, and the smallest value where the sign changes."""
    return (found == 0) | (found.min() < 0 < found.max()) & (np.abs(found) == np.abs(found).min())


def _zero_near(
    at: Callable[[Mapping[str, Any]], np.ndarray], values: Mapping[str, Any], moving: list[str], found: np.ndarray
) -> dict[str, float]:
    """Look for a zero without a change of sign, such as that of (x - 0.5)**2, from the smallest value on."""
    from scipy.optimize import minimize  # here, since `pinn check` is to answer at once

    k, size = int(np.argmin(np.abs(found))), float(np.median(np.abs(found)))
    bounds = [(float(np.min(values[n])), float(np.max(values[n]))) for n in moving]
    start = [float(np.broadcast_to(values[n], SAMPLES)[k]) for n in moving]

    def distance(x: np.ndarray) -> float:
        return float(np.abs(at(dict(zip(moving, x, strict=True))))) / size

    best = minimize(distance, start, method="Nelder-Mead", bounds=bounds, options={"xatol": 1e-12, "fatol": 1e-14})
    return dict(zip(moving, map(float, best.x), strict=True)) if best.fun < 1e-9 else {}


def _range_of_data(problem: Problem, unknown: str) -> tuple[float, float]:
    """Return the least and largest of an unknown's data, a fifth of their distance further."""
    data = [
        data_of(c, problem, points_of(problem, dict(c.where)))
        for c in problem.conditions
        if unknown in c.residual.needs
    ]
    known = [d[np.isfinite(d)] for d in data if d is not None and np.isfinite(d).any()]
    if not known:
        return -1.0, 1.0
    lo, hi = min(float(d.min()) for d in known), max(float(d.max()) for d in known)
    margin = 0.2 * (hi - lo) if hi > lo else 0.2 * max(1.0, abs(hi))
    return lo - margin, hi + margin
