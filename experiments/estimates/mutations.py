"""Changed copies of the problem files, and which rung of the ladder notices each change."""

import numpy as np
from scipy.interpolate import CubicSpline

from pinn.config import load_problem, problem_from_text
from pinn.errors import ProblemError
from pinn.evidence.estimate import estimate
from pinn.findings import findings
from pinn.problem import Problem
from pinn.reference import make_reference
from pinn.reference.base import Fields
from pinn.registry import shipped

NOTICED = 1e-3  # estimated relative L2 error
# Problem -> what is changed: text of the file, and what stands there instead.
MUTATIONS = {
    "allen_cahn": {
        "a coefficient": ("5*u**3", "5.05*u**3"),
        "a condition less": ("conditions:\n  initial: {where: t=0, equation: u = x**2*cos(pi*x)}\n", ""),
        "a sign": ("- eps*u_xx", "+ eps*u_xx"),
        "other data": ("x**2*cos(pi*x)", "x**2*cos(1.01*pi*x)"),
    },
    "burgers": {
        "a coefficient": ("u_t + u*u_x", "u_t + 1.01*u*u_x"),
        "a condition less": ("  left: {where: x=-1, equation: u = 0}\n", ""),
        "a sign": ("= nu*u_xx", "= -nu*u_xx"),
    },
    "heat": {
        "a coefficient": ("u_t = k*u_xx", "u_t = 1.01*k*u_xx"),
        "a condition less": ("  right: {where: x=1, equation: u = 0}\n", ""),
        "a sign": ("u_t = k*u_xx", "u_t = -k*u_xx"),
    },
    "kdv": {
        "a coefficient": ("u*u_x +", "1.01*u*u_x +"),
        "a condition less": ("conditions:\n  initial: {where: t=0, equation: u = cos(pi*x)}\n", ""),
        "a sign": ("+ u*u_x", "- u*u_x"),
    },
    "lorenz": {
        "a coefficient": ("beta: 8/3", "beta: 2.7"),
        "a condition less": ("  z0: {where: t=0, equation: z = 1}\n", ""),
        "a sign": ("x*y - beta*z", "x*y + beta*z"),
    },
    "poisson": {
        "a coefficient": ("u_xx + u_yy", "u_xx + 1.01*u_yy"),
        "a condition less": ("  top: {where: y=1, equation: u = 0}\n", ""),
        "a sign": ("u_xx + u_yy", "u_xx - u_yy"),
    },
}


def caught(name: str, change: tuple[str, str]) -> tuple[str, str]:
    """Return the first rung that notices a change, and what it says.

    Reading refuses what is ill-stated; a special or exact reference refuses the equation of another problem; `check`
    warns. What is left is a well-stated other problem: the solution of the file as it was is judged by the estimate
    of its error, which needs no reference.
    """
    text = shipped()[name].read_text()
    old, new = change
    assert text.count(old) == 1, f"{name}: {old!r} does not stand there once"
    try:
        changed = problem_from_text(text.replace(old, new), f"{name}.yaml")
    except ProblemError as error:
        rung = "its reference" if error.key[:1] == ("reference",) else "reading the file"
        return rung, error.message
    if warnings := [f.message for f in findings(changed) if f.level == "warning" and f.topic != "corner"]:
        return "check", warnings[0]
    original = load_problem(name)
    guess, why = estimate(changed, solution_of(original), tuple(c.name for c in changed.conditions))
    size = max(guess.errors.values()) if guess else 0.0
    return ("the estimate", f"of the old solution: {size:.1e}") if size > NOTICED else ("nothing", why or f"{size:.1e}")


def solution_of(problem: Problem) -> Fields:
    """Return the true solution of a problem with its derivatives: of a system in t by splines through its reference."""
    t = np.linspace(*problem.domain.bounds["t"], 2001)
    made, _ = make_reference(problem, {"t": t})
    splines = {n: CubicSpline(t, values) for n, values in made.values.items()}
    return lambda points: (
        {n: f(points[:, 0]) for n, f in splines.items()} | {f"{n}_t": f(points[:, 0], 1) for n, f in splines.items()}
    )


def table() -> list[str]:
    """Return one line per change."""
    lines = ["| problem | changed | noticed by | what it says |", "|---|---|---|---|"]
    for name, changes in MUTATIONS.items():
        for what, change in changes.items():
            rung, message = caught(name, change)
            lines.append(f"| {name} | {what} | {rung} | {message.split('. ')[0][:110]} |")
    return lines
