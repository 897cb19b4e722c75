"""Marching through the windows says the same as adding all of them up at each point."""

import jax
import numpy as np
import pytest

from pinn import marching
from pinn.config import load_problem
from pinn.evidence.fields import fields_of
from pinn.evidence.gather import field_names
from pinn.marching import FEW, SMALL, is_worth_marching, march
from pinn.pieces import Window, appended
from pinn.pointwise import evaluate_points
from pinn.settings import make_settings
from pinn.solution import build_ansatz, in_precision

RESTS = ["kdv", "cahn_hilliard", "schroedinger", "burgers", "ginzburg_landau", "black_scholes", "lorenz"]
MOVES = ["wave", "pendulum", "allen_cahn"]


def made(name, windows=FEW + 1, precision="float64"):
    """Return a problem, its ansatz, random pieces and points: a grid in time, edges and what is beyond the end too."""
    problem = load_problem(name)
    settings = make_settings(problem.settings, {"training": {"precision": precision}})
    ansatz, pieces = build_ansatz(problem, settings), None
    lo, hi = problem.domain.bounds["t"]
    edges = np.asarray(np.linspace(lo, hi, windows + 1), precision)
    for k in range(windows):
        window = Window(*(np.asarray(v, precision) for v in (edges[k], edges[k + 1], float(k > 0))))
        params = jax.tree.map(lambda x: np.asarray(x, precision), ansatz.init(jax.random.PRNGKey(k)))
        pieces = appended(pieces, params, window)
    space = [problem.domain.bounds[c] for c in problem.coordinates if c != "t"]
    places = [lo + (hi - lo) * np.random.default_rng(0).uniform(size=60) for lo, hi in space]
    times = np.sort(np.concatenate([edges, np.linspace(lo, hi, 14), [hi + 0.1 * (hi - lo)]])).astype(precision)
    axis = problem.coordinates.index("t")
    places = np.tile(np.array(places).reshape(len(space), 60).T, (len(times), 1))
    points = np.insert(places, axis, np.repeat(times, 60), axis=1).astype(precision)
    return settings, problem, ansatz, pieces, points


@pytest.mark.parametrize("name", RESTS)
def test_the_same_as_point_by_point(name, monkeypatch):
    settings, problem, ansatz, pieces, points = made(name)
    names = field_names(problem)
    with in_precision(settings):
        assert is_worth_marching(ansatz, pieces, points)
        found = fields_of(problem, ansatz, pieces, names)(points)
        monkeypatch.setattr("pinn.evidence.fields.is_worth_marching", lambda *_: False)
        expected = fields_of(problem, ansatz, pieces, names)(points)
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-11 * np.abs(expected[name]).max())


def test_values_alone_in_single_precision(monkeypatch):
    settings, _, ansatz, pieces, points = made("kdv", precision="float32")
    with in_precision(settings):
        found = evaluate_points(ansatz, pieces, points)
        monkeypatch.setattr("pinn.pointwise.is_worth_marching", lambda *_: False)
        expected = evaluate_points(ansatz, pieces, points)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=100 * np.finfo(np.float32).eps * np.abs(expected).max())


@pytest.mark.parametrize("name", MOVES)
def test_not_where_a_window_goes_on_to_matter(name):
    """Rates go on; the layers of kinks widen."""
    assert not made(name)[2].rests


def test_only_where_it_gains():
    _, _, ansatz, pieces, points = made("kdv")
    assert not is_worth_marching(ansatz, pieces, points[: SMALL - 1])
    few = jax.tree.map(lambda x: x[: FEW - 1], pieces)
    assert not is_worth_marching(ansatz, few, points)


def test_a_place_costs_one_network_a_window(monkeypatch):
    settings, _, ansatz, pieces, points = made("kdv", windows=8)
    evaluated = []

    def counting(f, size, *given):
        evaluated.append(len(given[0]))
        return in_blocks(f, size, *given)

    in_blocks = marching.in_blocks
    monkeypatch.setattr(marching, "in_blocks", counting)
    with in_precision(settings):
        march(ansatz, pieces, points, ((),))
    places = 60
    assert sum(evaluated) <= 2 * len(points) + 8 * places
