"""The data of the cavities, as they lie in problems/, beside published ones and beside each other. No test runs a solver."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import make_interp_spline

from pinn.config import load_problem
from pinn.language.tree import evaluate, numpy_functions
from pinn.reference.base import relative_l2

ROOT = Path(__file__).parent.parent
HALF = 32  # of the 65 places along a side


def given(name):
    with np.load(ROOT / "problems" / f"{name}.npz") as file:
        return {key: file[key] for key in file.files}


def slope(x, values, axis):
    return make_interp_spline(x, values, k=5, axis=axis).derivative()(x)


@pytest.fixture(scope="module")
def published():
    spec = importlib.util.spec_from_file_location("cavity", ROOT / "experiments" / "cavity" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_cavity_is_that_of_botella_and_peyret(published):
    """Their extremes on the centre lines, which they give to seven digits; ours by splines of 65 places."""
    flow, fine = given("cavity"), np.linspace(0, 1, 20001)
    u = make_interp_spline(flow["y"], flow["u"][HALF], k=5)(fine)
    v = make_interp_spline(flow["x"], flow["v"][:, HALF], k=5)(fine)
    found = dict(zip(published.BOTELLA, (u.min(), v.max(), v.min()), strict=True))
    for name, value in published.BOTELLA.items():
        assert found[name] == pytest.approx(value, abs=1e-6), name


def test_the_cavity_is_near_that_of_ghia(published):
    """Whose own error is some hundredths: see experiments/cavity."""
    flow = given("cavity")
    u = make_interp_spline(flow["y"], flow["u"][HALF], k=5)(np.array(published.GHIA_Y))
    v = make_interp_spline(flow["x"], flow["v"][:, HALF], k=5)(np.array(published.GHIA_X))
    assert 1e-3 < relative_l2(u, np.array(published.GHIA_U)) < 1e-2
    assert 1e-2 < relative_l2(v, np.array(published.GHIA_V)) < 4e-2


def test_what_is_left_without_corner_flows_is_the_same_flow():
    whole, left, problem = given("cavity"), given("cavity_corners"), load_problem("cavity_corners")
    mesh = dict(zip("xy", np.meshgrid(whole["x"], whole["y"], indexing="ij"), strict=True)) | dict(problem.parameters)
    for name, corner in (("u", "U"), ("v", "V")):
        known = evaluate(problem.symbols.known(corner), mesh, numpy_functions())
        inside = np.s_[1:-1, 1:-1]
        assert relative_l2((left[name] + known)[inside], whole[name][inside]) < 1e-5, name


def test_stream_function_and_velocity_are_of_one_flow():
    stream, flow = given("cavity_stream"), given("cavity_regularized")
    assert relative_l2(slope(stream["y"], stream["s"], 1), flow["u"]) < 1e-4
    assert relative_l2(-slope(stream["x"], stream["s"], 0), flow["v"]) < 1e-4
    divergence = slope(flow["x"], flow["u"], 0) + slope(flow["y"], flow["v"], 1)
    assert np.sqrt(np.mean(divergence**2)) < 1e-3 * np.abs(flow["u"]).max()
