"""An expression as a graph of elementary operations, equal ones only once."""

import string
from collections.abc import Sequence
from typing import NamedTuple

from pinn.errors import ProblemError
from pinn.language import Binary, Call, Name, Negate, Node, Number
from pinn.language.calculus import substitute
from pinn.language.tree import CONSTANTS, children, names

# Set low, so that the input v with the number -1 is no difference.
LOW = "\N{SUBSCRIPT MINUS}₀₁₂₃₄₅₆₇₈₉"
SUBSCRIPTS, DIGITS = str.maketrans("-0123456789", LOW), str.maketrans(LOW, "-0123456789")


class Step(NamedTuple):
    """An input, or one elementary operation.

    Attributes:
        symbol: what it is called, such as v₁ or a.
        operation: on the symbols of earlier steps, such as ``v₋₁*v₀``; of an input its name.
        operands: indices of the steps it mentions, each once.
    """

    symbol: str
    operation: Node
    operands: tuple[int, ...] = ()


class Graph(NamedTuple):
    """Steps, operands first; the last is the result.

    Attributes:
        inputs: names of the variables, the first steps.
        steps: inputs and operations.
        repeated: how many operations there would be if equal ones were not shared.
    """

    inputs: tuple[str, ...]
    steps: tuple[Step, ...]
    repeated: int

    @property
    def result(self) -> str:
        """What the result is called: y, unless a variable or another step is."""
        taken = {*self.inputs, *(step.symbol for step in self.steps)}
        others = (f"y{k}" for k in range(len(taken)))
        return next(name for name in ("y", "f", "result", *others) if name not in taken)

    def expression(self, symbol: str) -> Node:
        """Return what a step stands for, in the inputs; parts that are used again are written again."""
        found: dict[str, Node] = {}
        for step in self.steps:
            found[step.symbol] = substitute(step.operation, found)
        return found[symbol]

    @property
    def operations(self) -> tuple[Step, ...]:
        """The steps that are not inputs."""
        return self.steps[len(self.inputs) :]


def make_graph(tree: Node, inputs: Sequence[str], letters: bool = False) -> Graph:
    """Take an expression apart.

    Operations stand in the order of their depth, those of one depth as they were written: what needs least comes first.

    Args:
        tree: the expression.
        inputs: its variables, in the order they are to be numbered.
        letters: call operations a, b, c, ... and inputs by their own names, instead of v₁, v₂, ... and ..., v₋₁, v₀

    Raises:
        ProblemError: for more operations than there are letters.
    """
    found: dict[Node, int] = {}  # an operation on numbered operands -> its own number
    depths: list[int] = []

    def place(node: Node) -> Node:
        """Return what stands for a node in the operation above it, and note the operation it is."""
        if _is_constant(node) or (isinstance(node, Name) and node.name in inputs):
            return node
        operation = _rebuilt(node, tuple(map(place, children(node))))
        if operation not in found:
            below = [depths[int(n[1:])] for n in names(operation) if n.startswith("#")]
            found[operation] = len(depths)
            depths.append(1 + max(below, default=0))
        return Name(f"#{found[operation]}")

    root = place(tree)
    if not (isinstance(root, Name) and root.name.startswith("#")):  # a variable or a number alone is its own result
        found[root] = 0
        depths.append(1)
    order = sorted(range(len(depths)), key=lambda k: depths[k])
    return _numbered(list(found), order, tuple(inputs), operation_count(tree), letters)


def _numbered(operations: list[Node], order: list[int], inputs: tuple[str, ...], repeated: int, letters: bool) -> Graph:
    symbols = _symbols(inputs, len(order), letters)
    place = {name: k for k, name in enumerate(inputs)}
    place |= {f"#{number}": len(inputs) + k for k, number in enumerate(order)}
    steps = [Step(symbols[k], Name(name)) for k, name in enumerate(inputs)]
    for k, number in enumerate(order, len(inputs)):
        operation = operations[number]
        operands = tuple(place[n] for n in names(operation))
        renamed = {n: symbols[place[n]] for n in names(operation)}
        steps.append(Step(symbols[k], rename(operation, renamed), operands))
    return Graph(inputs, tuple(steps), repeated)


def plain_symbol(symbol: str) -> str:
    """Return a symbol with digits of the usual size, such as v-1."""
    return symbol.translate(DIGITS)


def _symbols(inputs: tuple[str, ...], count: int, letters: bool) -> list[str]:
    if not letters:
        return ["v" + str(k).translate(SUBSCRIPTS) for k in range(1 - len(inputs), count + 1)]
    free = [c for c in string.ascii_lowercase if c not in inputs]
    if count > len(free):
        raise ProblemError(f"the expression has {count} operations, more than there are letters. Leave out --letters.")
    return [*inputs, *free[:count]]


def _is_constant(node: Node) -> bool:
    """Say whether a node is a literal, also a negative one, or a named constant; these are no operations."""
    match node:
        case Number(_) | Negate(Number(_)):
            return True
        case Name(name):
            return name in CONSTANTS
    return False


def operation_count(node: Node) -> int:
    """Count the operators and functions of an expression as it is written."""
    if _is_constant(node) or isinstance(node, Name):
        return 0
    return 1 + sum(map(operation_count, children(node)))


def _rebuilt(node: Node, operands: tuple[Node, ...]) -> Node:
    match node:
        case Negate(_):
            return Negate(*operands)
        case Binary(operator, _, _):
            return Binary(operator, *operands)
        case Call(function, _):
            return Call(function, operands)
    return node


def rename(node: Node, given: dict[str, str]) -> Node:
    """Replace names, and nothing else."""
    if isinstance(node, Name):
        return Name(given.get(node.name, node.name))
    return _rebuilt(node, tuple(rename(child, given) for child in children(node)))
