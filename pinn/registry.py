"""Problems and residuals by name: those shipped as files, those written in Python, and the user's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pinn.problem import Problem
from pinn.statement import make_problem


def allen_cahn(u: Any, u_t: Any, u_xx: Any, eps: Any) -> Any:
    """u_t - eps u_xx + 5 u^3 - 5 u, dimensionless.

    Source: Raissi, Perdikaris & Karniadakis (2019), J. Comput. Phys. 378, 686-707
    """
    return u_t - eps * u_xx + 5 * u**3 - 5 * u


def heat(u_t: Any, u_xx: Any, k: Any) -> Any:
    """u_t - k u_xx with diffusivity k. Source: Evans (2010), Partial Differential Equations, section 2.3."""
    return u_t - k * u_xx


def burgers(u: Any, u_t: Any, u_x: Any, u_xx: Any, nu: Any) -> Any:
    """u_t + u u_x - nu u_xx with viscosity nu.

    Source: Raissi, Perdikaris & Karniadakis (2019), J. Comput. Phys. 378, 686-707.
    """
    return u_t + u * u_x - nu * u_xx


def allen_cahn_python() -> Problem:
    """The problem of problems/allen_cahn.yaml, built in Python: a pattern for problems text cannot state."""
    return make_problem(
        "allen_cahn_python",
        {"t": (0, 1), "x": (-1, 1)},
        ["u"],
        {"pde": allen_cahn},
        {"initial": {"where": "t=0", "equation": "u = x**2*cos(pi*x)"}},
        periodic=["x"],
        parameters={"eps": 1e-4},
        reference={"kind": "allen_cahn"},
        title="Allen-Cahn equation, built in Python",
    )


RESIDUALS: dict[str, Callable[..., Any]] = {"allen_cahn": allen_cahn, "heat": heat, "burgers": burgers}
PROBLEMS: dict[str, Callable[[], Problem]] = {"allen_cahn_python": allen_cahn_python}


def register(problem: Problem) -> None:
    """Make a problem known to `pinn.load_problem` under its name, for this process."""
    PROBLEMS[problem.name] = lambda: problem


def shipped_folder() -> Path | None:
    """Return the folder of the problem files that come with the package."""
    here = Path(__file__).parent
    folders = [here / "shipped_problems", here.parent / "problems"]  # in a wheel; in a checkout
    return next((f for f in folders if f.is_dir()), None)


def shipped() -> dict[str, Path]:
    """Return the problem files that come with the package, by name."""
    folder = shipped_folder()
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))} if folder else {}
