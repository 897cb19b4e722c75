"""Changed copies of the problem files, and which rung of the ladder notices each change."""

from collections.abc import Sequence
from unittest.mock import patch

import numpy as np
from changes import MUTATIONS
from grids import GRIDS, on_grid, residuals, size_of
from scipy.interpolate import make_interp_spline

from pinn.config import load_problem, problem_from_text
from pinn.errors import ProblemError
from pinn.evidence.estimate import estimate
from pinn.findings import findings
from pinn.problem import TIME, Problem
from pinn.reference import exact, kind_of, make_reference, tabulated
from pinn.reference.base import Fields
from pinn.registry import shipped
from pinn.yaml_text import dump_yaml, read_yaml

NOTICED = 1e-3  # estimated relative L2 error
TIMES = 10  # what it is on the file as it was: an estimate or a residual that many times as large is of another problem
ESTIMATED = ("lorenz", "pendulum")  # of the problems without a formula, where it takes a second
ARROW = " -> "


def changed_text(name: str, change: str) -> str:
    """Return a problem file with something else in it.

    Args:
        name: of a shipped problem.
        change: ``old -> new``, of which the file has the first exactly once; or the names of conditions to be dropped.
    """
    text = shipped()[name].read_text()
    if ARROW in change:
        old, new = change.split(ARROW)
        assert text.count(old) == 1, f"{name}: {old!r} does not stand there once"
        return text.replace(old, new)
    data = read_yaml(shipped()[name])
    for condition in change.split(", "):
        del data["conditions"][condition]
    return dump_yaml(data)


def caught(name: str, change: str) -> tuple[str, str]:
    """Return the first rung that notices a change, and what it says.

    Reading refuses what is ill-stated; a special or exact reference refuses the equation of another problem; `check`
    warns. What is left is a well-stated other problem: the solution of the file as it was is judged by the estimate
    of its error, and by the residuals it leaves.
    """
    text, folder = changed_text(name, change), str(shipped()[name].parent)
    try:
        changed = _read(text, name, folder)
    except ProblemError as error:
        rung = "its reference" if error.key[:1] == ("reference",) else "reading the file"
        return rung, error.message
    before = [place for place, _ in warnings(load_problem(name))]
    if said := [message for place, message in warnings(changed) if place not in before]:
        return "check", said[0]
    if message := by_uncertainty(name, changed):
        return "its reference", message
    if name not in GRIDS:
        return "nothing", "there is no reference to hold against it"
    if message := by_estimate(name, changed) if name in ESTIMATED else "":
        return "the estimate", message
    message = by_residual(name, _read(text, name, folder, GRIDS[name].changes))
    return ("the residual", message) if message else ("nothing", "the solution of the file as it was solves it too")


def _read(text: str, name: str, folder: str, changes: Sequence[str] = ()) -> Problem:
    """Read a changed file, as if its data did not say of which problem they are: others do not."""
    with patch.object(tabulated, "check_problem"):
        return problem_from_text(text, f"{name}.yaml", changes, folder)


def warnings(problem: Problem) -> list[tuple[tuple, str]]:
    """Return what `check` warns of: what about, and the message."""
    return [((f.topic, *f.key), f.message) for f in findings(problem) if f.level == "warning"]


def by_uncertainty(name: str, changed: Problem) -> str:
    """Return how uncertain a formula has become, if it is much: it fails, though not by enough to be refused."""
    if kind_of(changed) != exact.KIND:
        return ""
    before, now = (exact.SAFETY * exact.mismatch(p) for p in (load_problem(name), changed))
    return f"the formula is uncertain by {now:.1e}" if now > max(NOTICED, TIMES * before) else ""


def by_residual(name: str, changed: Problem) -> str:
    """Return what residuals the solution of a file leaves in a changed one, if that is much."""
    original, values = on_grid(name)
    look, size = GRIDS[name], size_of(values)
    left, now = residuals(original, values, look.inside), residuals(changed, values, look.inside)
    for constraint, r in now.items():
        if r > max(look.tolerance * size, TIMES * left.get(constraint, 0.0)):
            return f"of the old solution in {constraint!r}: {r:.1e}, and was {left.get(constraint, 0.0):.1e}"
    return ""


def by_estimate(name: str, changed: Problem) -> str:
    """Return the estimated error of the solution of a file in a changed one, if it is large."""
    original = load_problem(name)
    fields = solution_of(original)
    sizes = []
    for problem in (original, changed):
        guess, _ = estimate(problem, fields, tuple(c.name for c in problem.conditions))
        sizes.append(max(guess.errors.values()) if guess else 0.0)
    return f"of the old solution: {sizes[1]:.1e}" if sizes[1] > max(NOTICED, TIMES * sizes[0]) else ""


def solution_of(problem: Problem) -> Fields:
    """Return the true solution of a system in t with its derivatives, by splines through its reference."""
    t = np.linspace(*problem.domain.bounds[TIME], 2001)
    made, _ = make_reference(problem, {TIME: t})
    splines = {n: make_interp_spline(t, values, 7) for n, values in made.values.items()}
    orders = {n + ("_" + TIME * k if k else ""): (n, k) for n in splines for k in range(problem.order(TIME, n) + 1)}
    return lambda points: {label: splines[n](points[:, 0], k) for label, (n, k) in orders.items()}


def table() -> list[str]:
    """Return one line per change."""
    lines = ["| problem | changed | noticed by | what it says |", "|---|---|---|---|"]
    for name, changes in MUTATIONS.items():
        for what, change in changes.items():
            rung, message = caught(name, change)
            lines.append(f"| {name} | {what} | {rung} | {message.split('. ')[0][:110]} |")
    return lines
