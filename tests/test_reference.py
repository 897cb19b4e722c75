"""Reference solutions: converged, each judged by something that shares no code with it."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from pinn.config import load_problem, problem_from_text
from pinn.errors import ProblemError
from pinn.reference import KINDS, allen_cahn, burgers, grid_of, kdv, make_reference
from pinn.reference.base import relative_l2
from pinn.reference.differences import finite_difference, fourier_derivative, stencil

T, X = np.linspace(0, 1, 21), np.linspace(-1, 1, 64, endpoint=False)


# --- Allen-Cahn ------------------------------------------------------------------------------------------


def test_initial_modes_are_the_fourier_coefficients():
    """Against adaptive quadrature of the definition."""
    modes = allen_cahn.initial_modes(64)
    for k in (0, 1, 2, 7, 30):
        expected = quad(lambda x, k=k: x**2 * np.cos(np.pi * x) * np.cos(np.pi * k * (x + 1)), -1, 1, limit=200)[0] / 2
        assert modes[k] == pytest.approx(expected, abs=1e-14)


def solution(n, dt):
    return allen_cahn.evaluate(allen_cahn.modes(1e-4, 5.0, T, n, dt)[1:], X)


def test_a_formula_that_vanishes_at_periodic_ends_is_periodic():
    text = "name: p\ncoordinates: {t: [0, 1], x: [-1, 1]}\nperiodic: [x]\nunknowns: [u]\nequations: {pde: u_t = 0.1*u_xx}\n"
    text += "conditions: {initial: {where: t=0, equation: u = sin(pi*x)}}\n"
    problem = problem_from_text(text + "reference: {kind: exact, u: exp(-0.1*pi**2*t)*sin(pi*x)}\n")
    assert make_reference(problem, grid_of(problem.domain))[0].kind == "exact"
    kinked = text.replace("u = sin(pi*x)", "u = sin(pi*x) + 0*t + 1e-3*x").replace("pde: u_t", "pde: u_t + 0*u")
    with pytest.raises(ProblemError, match="does not satisfy the periodicity in 'x'"):
        problem_from_text(kinked + "reference: {kind: exact, u: exp(-0.1*pi**2*t)*sin(pi*x) + 1e-3*x}\n")


def test_allen_cahn_is_good_to_1e_9():
    """Half the modes and half the accuracy in time move it by less than 1e-9; the default grid is finer yet."""
    fine = solution(4096, 6.25e-4)
    assert relative_l2(solution(2048, 6.25e-4), fine) < 1e-9
    assert relative_l2(solution(4096, 1.25e-3), fine) < 1e-9


def test_time_stepping_converges_at_fourth_order():
    fine = solution(1024, 6.25e-4)
    steps = [1 / 40, 1 / 80, 1 / 160]
    errors = [relative_l2(solution(1024, dt), fine) for dt in steps]
    order = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert abs(order - 4) < 0.4, f"observed order {order:.2f}"


def test_modes_converge_at_the_order_of_the_kink():
    """The modes left out fall like 1/n^2 at t = 0, and are damped for t > 0."""
    counts = [64, 128, 256, 512]
    x = np.linspace(-0.9, 0.9, 37)
    errors = [
        np.abs(allen_cahn.evaluate(allen_cahn.initial_modes(n)[None], x) - allen_cahn.initial(x)).max() for n in counts
    ]
    order = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert 1.6 < order < 2.4, f"observed order {order:.2f}"


def test_allen_cahn_against_finite_differences_in_scipy():
    """Second-order differences on a grid that ends at the kink, and an error-controlled stiff integrator."""
    n, eps = 2048, 1e-3
    x = np.linspace(-1, 1, n, endpoint=False)
    h = 2 / n

    def rhs(t, u):
        return eps * (np.roll(u, 1) - 2 * u + np.roll(u, -1)) / h**2 + 5 * u - 5 * u**3

    result = solve_ivp(rhs, (0, 0.2), allen_cahn.initial(x), method="RK45", rtol=1e-9, atol=1e-11, t_eval=[0.1, 0.2])
    ours = allen_cahn.evaluate(allen_cahn.modes(eps, 5.0, np.array([0, 0.1, 0.2]), 4096, 6.25e-4)[1:], x)
    assert relative_l2(ours, result.y.T) < 5e-6  # h^2 of the differences is 1e-6


# --- Burgers ---------------------------------------------------------------------------------------------


def test_cole_hopf_satisfies_the_equation_and_the_conditions():
    nu, t0, h = 0.05, 0.3, 1e-2
    offsets = tuple(range(-4, 5))
    x = np.linspace(-0.8, 0.8, 9)
    times = burgers.cole_hopf(nu, t0 + h * np.array(offsets), x)
    u_t = stencil(1, offsets) @ times / h
    around = np.array([burgers.cole_hopf(nu, np.array([t0]), x + j * h)[0] for j in offsets])
    u, u_x, u_xx = around[4], stencil(1, offsets) @ around / h, stencil(2, offsets) @ around / h**2
    np.testing.assert_allclose(u_t + u * u_x - nu * u_xx, 0, atol=1e-9)
    assert np.abs(u_t).max() > 0.1, "this test could not fail"
    ends = burgers.cole_hopf(0.01 / np.pi, T, np.array([-1.0, 0.0, 1.0]))
    np.testing.assert_allclose(ends, 0, atol=1e-12)
    np.testing.assert_allclose(burgers.cole_hopf(nu, np.zeros(1), x)[0], burgers.initial(x), atol=1e-14)


def test_cole_hopf_converges_exponentially():
    nu, x = 0.01 / np.pi, np.linspace(-1, 1, 41)
    fine = burgers.cole_hopf(nu, T, x, 0.02)
    errors = [relative_l2(burgers.cole_hopf(nu, T, x, step), fine) for step in (0.8, 0.4, 0.2, 0.05)]
    assert errors[0] > 1e-6 and errors[1] < errors[0] ** 1.5 and errors[3] < 1e-13


def test_shock_slope_of_burgers():
    """Largest slope at x = 0 is 152.00516 at t pi = 1.6037 (Basdevant et al. 1986)."""
    h, t = 1e-4, np.array([1.6037 / np.pi])
    u = burgers.cole_hopf(0.01 / np.pi, t, np.array([-h, h]))[0]
    assert (u[0] - u[1]) / (2 * h) == pytest.approx(152.00516, rel=1e-4)


# --- Korteweg-de Vries -----------------------------------------------------------------------------------


def test_kdv_keeps_what_the_equation_conserves():
    """Mass, momentum and energy: integrals of u, u^2 and u^3/3 - d u_x^2."""
    d, x = 0.022**2, np.linspace(-1, 1, 512, endpoint=False)
    u = kdv.evaluate(kdv.modes(d, T, 512), x)
    u_x = np.fft.irfft(1j * np.pi * np.arange(257) * np.fft.rfft(u, axis=1), axis=1)
    for density in (u, u**2, u**3 / 3 - d * u_x**2):
        np.testing.assert_allclose(density.mean(1), density.mean(1)[0], atol=1e-8)
    assert np.abs(u[-1] - u[0]).max() > 0.5, "this test could not fail"


def test_kdv_against_finite_differences_in_scipy():
    """Central differences of the file's own stencils, and a method that does not treat the linear part apart."""
    n, d = 512, 0.022**2
    x, h = np.linspace(-1, 1, n, endpoint=False), 2 / n
    offsets = tuple(range(-3, 4))
    first, third = (stencil(k, offsets) / h**k for k in (1, 3))

    def rhs(t, u):
        around = np.stack([np.roll(u, -j) for j in offsets])
        return -u * (first @ around) - d * (third @ around)

    result = solve_ivp(rhs, (0, 0.2), kdv.initial(x), method="RK45", rtol=1e-8, atol=1e-10)
    ours = kdv.evaluate(kdv.modes(d, np.array([0, 0.2]), 512), x)[1]
    assert relative_l2(ours, result.y[:, -1]) < 1e-5


# --- all of them -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["allen_cahn", "burgers", "heat", "kdv"])
def test_uncertainty_is_stated_and_small(name):
    problem = load_problem(name)
    reference, _ = make_reference(problem, {"t": np.linspace(0, 0.2, 5), "x": np.linspace(-1, 1, 9)[:-1]})
    assert reference.values["u"].shape == (5, 8)
    assert 0 < reference.uncertainty < 1e-8


def test_grid_leaves_out_the_end_of_a_period():
    grid = grid_of(load_problem("allen_cahn").domain)
    assert (len(grid["t"]), len(grid["x"])) == (201, 512)
    assert grid["t"][-1] == 1 and grid["x"][-1] == 1 - 2 / 512


MISFITS = {
    ("allen_cahn", "equations.pde=u_t - eps*u_xx + 5*u**3 - 4*u"): "Its equation is u_t - eps",
    ("allen_cahn", "equations.pde=u_t - eps*u_xx + 5*u**3 - 5*u + x"): "Its equation has no 'x'",
    ("allen_cahn", "equations.pde=u_t + eps*u_xx + 5*u**3 - 5*u"): "here eps = -0.0001",
    ("allen_cahn", "conditions.initial.equation=u - cos(pi*x)"): "It starts at t=0 from",
    ("allen_cahn", "coordinates.x=[-2, 2]"): "It has x from -1 to 1",
    ("burgers", "equations.pde=u_t + 2*u*u_x - nu*u_xx"): "Its equation is u_t + u",
    ("burgers", "conditions.left.equation=u - 1"): "u = 0 at both ends",
    ("burgers", "conditions.left.equation=u_x"): "u = 0 at both ends",
    ("burgers", "coordinates.t=[0.5, 1]"): "conditions.initial",
    ("heat", "equations.pde=u_t - 2*k*u_xx"): "does not satisfy 'pde'",
    ("heat", "conditions.left.equation=u - 1"): "does not satisfy 'left'",
    ("heat", "conditions.right.equation=u_x"): "does not satisfy 'right'",
    ("allen_cahn", "conditions.mid={where: t=0.5, equation: u = 7}"): "It knows nothing of 'mid'",
    ("allen_cahn", "conditions.mid={where: x=0.5, equation: u = 7}"): "It knows nothing of 'mid'",
    ("burgers", "conditions.mid={where: t=0.5, equation: u = 7}"): "It knows nothing of 'mid'",
    ("heat", "reference.u=u"): "unknown name 'u'",
    ("heat", "reference.u=1 +"): "cannot be read",
}


@pytest.mark.parametrize("misfit", MISFITS, ids=lambda m: m[1])
def test_a_reference_of_another_problem_is_refused(misfit):
    name, change = misfit
    with pytest.raises(ProblemError) as caught:
        load_problem(name, [change])
    assert MISFITS[misfit] in str(caught.value)


def test_parameters_are_followed():
    grid = {"t": np.array([0.0, 0.1]), "x": np.array([0.25, 0.5])}
    for name, change in (("allen_cahn", "eps=1e-3"), ("burgers", "nu=0.1"), ("heat", "k=0.2")):
        before, after = (
            make_reference(load_problem(name, c), grid)[0].values["u"] for c in ((), [f"parameters.{change}"])
        )
        assert np.abs(before[1] - after[1]).max() > 1e-4, name


def test_a_formula_that_is_not_periodic_is_refused():
    text = """
name: p
coordinates: {t: [0, 1], x: [-1, 1]}
periodic: [x]
unknowns: [u]
equations: {pde: u_t = u_xx}
conditions: {initial: {where: t=0, equation: u = x**2}}
reference: {kind: exact, u: x**2 + 2*t}
"""
    with pytest.raises(ProblemError, match="does not satisfy the periodicity in 'x'"):
        problem_from_text(text)
    right = text.replace("x**2 + 2*t", "exp(-pi**2*t)*cos(pi*x)").replace("u = x**2", "u = cos(pi*x)")
    assert problem_from_text(right).reference


def test_small_solutions_are_judged_by_their_own_size(heat_text):
    small = heat_text.replace("u = sin", "u = 1e-5*sin").replace(
        "u: exp(-k*pi**2*t)*sin", "u: 1e-5*exp(-k*pi**2*t)*sin"
    )
    assert problem_from_text(small).reference
    with pytest.raises(ProblemError, match="does not satisfy 'pde'"):
        problem_from_text(small.replace("exp(-k*pi**2*t)", "exp(0*t)"))


@pytest.mark.parametrize("formula", ["1 + 0*x", "t", "0*x"])
def test_simple_formulas_are_not_refused_for_round_off(heat_text, formula):
    text = heat_text.split("reference")[0].replace("u_t = k*u_xx", f"u_t = k*u_xx + {'1' if formula == 't' else '0'}")
    text = text.replace("u = sin(pi*x)", f"u = {formula.replace('t', '0*x')}")
    for end in ("x=0, equation: u", "x=1, equation: u"):
        text = text.replace(end, f"{end} = {formula}")
    assert problem_from_text(text + f"reference: {{kind: exact, u: {formula}}}\n").reference


def test_coordinates_in_another_order():
    grid = {"t": np.array([0.0, 0.1]), "x": np.array([-0.5, 0.2, 0.4])}
    for name in ("allen_cahn", "burgers"):
        usual, turned = (load_problem(name, c) for c in ((), ["coordinates={x: [-1, 1], t: [0, 1]}"]))
        ours, theirs = (make_reference(p, grid)[0].values["u"] for p in (usual, turned))
        np.testing.assert_array_equal(ours, theirs.T)


def test_a_file_may_ask_for_no_reference(heat_text):
    problem = problem_from_text(heat_text, overrides=["reference={kind: none}"])
    assert make_reference(problem, grid_of(problem.domain)) == (None, "the file asks for none")


def test_references_never_import_jax():
    code = "import sys, pinn.reference; sys.exit(any(m.split('.')[0] in ('jax', 'flax', 'optax') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert set(KINDS) == {"allen_cahn", "burgers", "exact", "file", "kdv", "manufactured", "spectral"}


# --- derivatives on grids --------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("periodic", [True, False])
def test_finite_differences_converge_at_sixth_order(order, periodic):
    def error(n):
        x = np.linspace(0, 1, n, endpoint=not periodic)
        f = np.sin(2 * np.pi * x + 0.3)
        exact = (2 * np.pi) ** order * np.sin(2 * np.pi * x + 0.3 + order * np.pi / 2)
        return np.abs(finite_difference(f, x[1] - x[0], 0, order, periodic) - exact).max()

    counts = np.array([24, 32, 48])
    observed = -np.polyfit(np.log(counts), np.log([error(n) for n in counts]), 1)[0]
    assert observed > 5.2, f"observed order {observed:.2f}"


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [16, 17])
def test_fourier_derivatives_are_exact_for_resolved_waves(order, n):
    x = np.linspace(-1, 1, n, endpoint=False)
    f = np.stack([np.cos(3 * np.pi * x), np.sin(2 * np.pi * x)])
    exact = np.stack(
        [
            (3 * np.pi) ** order * np.cos(3 * np.pi * x + order * np.pi / 2),
            (2 * np.pi) ** order * np.sin(2 * np.pi * x + order * np.pi / 2),
        ]
    )
    np.testing.assert_allclose(fourier_derivative(f, 2.0, 1, order), exact, atol=1e-9)
