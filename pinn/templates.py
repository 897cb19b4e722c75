"""Problem files to begin with: from a few choices to the text of a file that can be checked and run as it is."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

KINDS = ("evolution", "steady", "ode")
BOUNDARIES = ("periodic", "dirichlet", "neumann")
SPACE = ("x", "y")


class Choices(NamedTuple):
    """What a problem file is written from.

    Attributes:
        name: of the problem.
        kind: one of `KINDS`: in time and space, in space alone, in time alone.
        unknowns: their names.
        dimensions: of space; 0 for an ode.
        boundary: one of `BOUNDARIES`; without meaning for an ode.
        order: in time, 1 or 2; without meaning for a steady problem.
    """

    name: str
    kind: str
    unknowns: tuple[str, ...]
    dimensions: int
    boundary: str
    order: int


# (kind, order in time) -> the equation of u where it is alone, and where the next unknown v acts on it.
EQUATIONS = {
    ("evolution", 1): ("{u}_t = diffusivity*{laplacian} + rate*({u} - {u}**3)",
                       "{u}_t = diffusivity*{laplacian} + rate*({v} - {u}**3)"),
    ("evolution", 2): ("{u}_tt = speed**2*{laplacian} - rate*{u}",
                       "{u}_tt = speed**2*{laplacian} - rate*(2*{u} - {v})"),
    ("steady", 0): ("{laplacian} = rate*{u} - {source}",
                    "{laplacian} = rate*(2*{u} - {v}) - {source}"),
    ("ode", 1): ("{u}_t = rate*({u} - {u}**3)",
                 "{u}_t = rate*({v} - {u}**3)"),
    ("ode", 2): ("{u}_tt = -rate*{u}",
                 "{u}_tt = -rate*(2*{u} - {v})"),
}  # fmt: skip
PARAMETERS = {
    ("evolution", 1): "{diffusivity: 0.1, rate: 1}",
    ("evolution", 2): "{speed: 1, rate: 1}",
    ("steady", 0): "{rate: 1}",
    ("ode", 1): "{rate: 1}",
    ("ode", 2): "{rate: 4*pi**2}",
}
# Boundary -> one factor of the initial data or of the source; it fits the ends, so that no kink begins there.
SHAPES = {
    "periodic": "sin({waves}*pi*{x})",
    "dirichlet": "sin({half}pi*{x})",
    "neumann": "cos({half}pi*{x})",
}
ENDS = {"dirichlet": "{u} = 0", "neumann": "{u}_{x} = 0"}
SIDES = {"x": ("left", "right"), "y": ("bottom", "top")}

HEAD = """\
# A problem file: the equation and all that is known of its solution. Every key is described in the documentation
# under "Problem files" (problems/README.md), and by `pinn schema`. After a change: `pinn check` this file.

"""
FOOT = """
# How the error is measured. Without this, a reference solution is made from the file by classical methods.
# reference: {kind: manufactured, u: ...}     # a formula that is to be the solution; source terms are added
# reference: {kind: exact, u: ...}            # a formula that is the solution; it is checked first
# reference: {kind: file, path: data.csv}     # data of your own

# How it is solved. Nothing of this has to be written; these are the defaults.
# network: {width: 16, depth: 3}              # hidden layers and units in each
# training: {seconds: 180, seed: 0}           # wall time to the end of training
# target: {relative_l2: null}                 # or a number such as 1e-6: stop when the error is below it
"""


def problem_text(choices: Choices) -> str:
    """Return the text of a problem file.

    Args:
        choices: see `Choices`.

    Returns:
        YAML with comments. It is a well-stated problem if the names of the choices are names.
    """
    parts = [list(part(choices)) for part in (_naming, _declarations, _equations, _conditions)]
    return HEAD + "\n" + "\n".join("\n".join(lines) + "\n" for lines in parts if lines) + FOOT


def _naming(choices: Choices) -> Iterator[str]:
    yield _aside(f"name: {choices.name}", "names the run folder")
    yield _aside('title: ""', "one line for figures")


def _declarations(choices: Choices) -> Iterator[str]:
    time = {"t": "[0, 1]"} if choices.kind != "steady" else {}
    ranges = time | {x: "[0, 1]" for x in SPACE[: choices.dimensions]}
    yield _aside(f"coordinates: {_inline(ranges)}", "names and ranges; the ends may be arithmetic such as 2*pi")
    if choices.dimensions and choices.boundary == "periodic":
        yield _aside(f"periodic: [{', '.join(SPACE[: choices.dimensions])}]", "their two ends are one point")
    yield _aside(f"unknowns: [{', '.join(choices.unknowns)}]", "what is looked for")
    yield _aside(f"parameters: {PARAMETERS[choices.kind, choices.order]}", "constants, by names of your own")


def _equations(choices: Choices) -> Iterator[str]:
    axes = SPACE[: choices.dimensions]
    yield "# One equation per unknown. Derivatives are written u_t, u_xx, u_xy, up to order four."
    yield "equations:"
    for index, u in enumerate(choices.unknowns):
        laplacian = " + ".join(f"{u}_{x}{x}" for x in axes)
        words = {
            "u": u,
            "v": choices.unknowns[(index + 1) % len(choices.unknowns)],
            "laplacian": laplacian if len(axes) < 2 or choices.kind == "steady" else f"({laplacian})",
            "source": _shape(choices, index),
        }
        form = EQUATIONS[choices.kind, choices.order][len(choices.unknowns) > 1]
        yield f"  pde_{u}: {form.format(**words)}" if axes else f"  rate_{u}: {form.format(**words)}"


def _conditions(choices: Choices) -> Iterator[str]:
    ends = choices.dimensions and choices.boundary != "periodic"
    if choices.kind == "steady" and not ends:
        return
    yield "# Where it holds, and what. " + (
        "Data at the beginning should fit those at the ends; `pinn check` says where they do not."
        if ends and choices.kind == "evolution"
        else "Any equation between the unknowns and their derivatives will do."
    )
    yield "conditions:"
    for index, u in enumerate(choices.unknowns):
        if choices.kind != "steady":
            yield f"  initial_{u}: {{where: t=0, equation: {u} = {_shape(choices, index)}}}"
        if choices.kind != "steady" and choices.order == 2:
            yield f"  velocity_{u}: {{where: t=0, equation: {u}_t = 0}}"
        for x in SPACE[: choices.dimensions] if ends else ():
            for side, end in zip(SIDES[x], (0, 1), strict=True):
                yield f"  {side}_{u}: {{where: {x}={end}, equation: {ENDS[choices.boundary].format(u=u, x=x)}}}"


def _shape(choices: Choices, index: int) -> str:
    """Return data for one unknown: another wave number for each, a number for an ode."""
    if not choices.dimensions:
        return f"1/{index + 2}"
    form, k = SHAPES[choices.boundary], index + 1
    words = {"waves": 2 * k, "half": f"{k}*" if k > 1 else ""}
    first = form.format(x="x", **words)
    return "*".join([first, *(form.format(x=x, waves=2, half="") for x in SPACE[1 : choices.dimensions])])


def _inline(entries: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"


def _aside(entry: str, comment: str) -> str:
    return f"{entry:<46} # {comment}"
