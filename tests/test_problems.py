"""Every file of problems/: checked, residuals zero on its reference solution and not beside it, and short."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from pinn.config import load_problem
from pinn.grid import residual_on_grid
from pinn.reference import make_reference

FILES = sorted((Path(__file__).parent.parent / "problems").glob("*.yaml"))
# name -> points in t and x, last time, tolerance: differences of these values are good to a tenth of it.
# Burgers stops before its shock; of Allen-Cahn the second half is looked at, where the kink is smooth.
CASES = {
    "allen_cahn": ((201, 512), 1.0, 1e-3),
    "burgers": ((81, 401), 0.2, 1e-4),
    "heat": ((41, 41), 1.0, 1e-6),
    "kdv": ((161, 256), 0.3, 1e-4),
}
OTHERS = {"lorenz": 401, "poisson": 33}  # points per coordinate, of those without time or without space


def reference_values(name):
    (n_t, n_x), end, _ = CASES[name]
    problem = load_problem(name, [f"coordinates.t=[0, {end}]"])
    t = np.linspace(0, end, n_t)
    lo, hi = problem.domain.bounds["x"]
    x = np.linspace(lo, hi, n_x, endpoint="x" not in problem.domain.periodic)
    return (
        problem,
        make_reference(problem, {"t": t, "x": x})[0].values["u"],
        np.sin(3 * t[:, None] + np.pi * x + 0.5),
    )


def test_every_file_is_tried():
    assert set(CASES) | set(OTHERS) == {f.stem for f in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_files_say_where_they_come_from(path):
    problem = load_problem(path)
    assert problem.name == path.stem and problem.title and problem.source and problem.reference


@pytest.mark.parametrize("name", CASES)
def test_residuals_vanish_on_the_reference_and_not_beside_it(name):
    """By finite differences and Fourier series on the reference's values: no autodiff anywhere."""
    problem, truth, beside = reference_values(name)
    tolerance, rows = CASES[name][2], slice(len(truth) // 2, None)

    def worst(values):
        residuals = residual_on_grid(problem, values)
        return {k: np.abs(r[rows] if k == "pde" else r).max() for k, r in residuals.items()}

    for constraint, size in worst(truth).items():
        assert size < tolerance, constraint
    for constraint, size in worst(truth + 1e-2 * beside).items():
        assert size > 2 * tolerance, f"{constraint}: this test could not fail"


@pytest.mark.parametrize("name", OTHERS)
def test_residuals_vanish_on_other_references_too(name):
    problem = load_problem(name)
    grid = {c: np.linspace(*b, OTHERS[name]) for c, b in problem.domain.bounds.items()}
    truth = make_reference(problem, grid)[0].values
    size = max(np.abs(v).max() for v in truth.values())
    for constraint, r in residual_on_grid(problem, truth).items():
        assert np.abs(r).max() < 1e-4 * size, constraint
    beside = {n: v * (1 + 1e-2 * k) + 1e-2 * size for k, (n, v) in enumerate(truth.items(), 1)}
    for constraint, r in residual_on_grid(problem, beside).items():
        assert np.abs(r).max() > 2e-4 * size, f"{constraint}: this test could not fail"


def test_heat_by_autodiff_too():
    def exact(t, x):
        return jnp.exp(-0.1 * jnp.pi**2 * t) * jnp.sin(jnp.pi * x)

    for name, r in residual_on_grid(load_problem("heat"), exact, 9).items():
        np.testing.assert_allclose(r, 0, atol=1e-14, err_msg=name)
