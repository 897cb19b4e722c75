"""Points: inside, on faces exactly, the same for the same key, and well spread where that is the promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pinn.problem import Domain
from pinn.sampling import SAMPLERS, draw, focus

DOMAIN = Domain({"t": (0.0, 2.0), "x": (-1.0, 3.0), "y": (5.0, 6.0)})
KEY = jax.random.PRNGKey(3)


@pytest.mark.parametrize("method", SAMPLERS)
def test_points_lie_inside_and_on_their_face(method):
    points = np.asarray(draw(method, KEY, 100, DOMAIN, {"x": 3.0}))
    assert points.shape == (100, 3)
    assert (points[:, 1] == 3.0).all()
    assert (points[:, 0] >= 0).all() and (points[:, 0] <= 2).all()
    assert (points[:, 2] >= 5).all() and (points[:, 2] <= 6).all()


@pytest.mark.parametrize("method", SAMPLERS)
def test_equal_keys_give_equal_points(method):
    first, again = (draw(method, KEY, 64, DOMAIN, {}) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, draw(method, jax.random.PRNGKey(4), 64, DOMAIN, {}))


@pytest.mark.parametrize("method", SAMPLERS)
def test_a_corner_is_one_point(method):
    points = draw(method, KEY, 100, DOMAIN, {"t": 0.0, "x": -1.0, "y": 5.0})
    np.testing.assert_array_equal(points, [[0.0, -1.0, 5.0]])


def test_latin_hypercube_has_one_point_in_each_slice():
    points = np.asarray(SAMPLERS["latin_hypercube"](KEY, 50, 3))
    for column in (points * 50).T:
        np.testing.assert_array_equal(np.sort(np.floor(column)), np.arange(50))


def test_focused_points_follow_the_residual():
    candidates = SAMPLERS["sobol"](KEY, 4096, 2)
    sizes = (candidates[:, 0] < 0.25) * 1.0
    kept = np.asarray(candidates[focus(KEY, sizes, 400)])
    assert len(np.unique(kept, axis=0)) == 400
    # Density 1 + size / mean is 5 on a quarter and 1 elsewhere: 5/8 of the points, less what runs out.
    assert 0.55 < np.mean(kept[:, 0] < 0.25) < 0.65
    even = np.asarray(candidates[focus(KEY, jnp.zeros(4096), 400)])
    assert 0.2 < np.mean(even[:, 0] < 0.25) < 0.3


def test_a_point_that_is_not_finite_is_always_picked():
    sizes = np.ones(1000)
    sizes[[17, 500]] = np.nan, np.inf
    kept = np.asarray(focus(KEY, jnp.asarray(sizes), 10))
    assert {17, 500} <= set(kept.tolist())


def test_sobol_integrates_better_than_uniform_points():
    def error(method):
        values = [np.asarray(SAMPLERS[method](jax.random.PRNGKey(k), 1024, 2)) for k in range(20)]
        means = [np.mean(np.exp(p[:, 0]) * np.sin(3 * p[:, 1])) for p in values]
        exact = (np.e - 1) * (1 - np.cos(3)) / 3
        return np.sqrt(np.mean((np.array(means) - exact) ** 2))

    assert error("sobol") < error("uniform") / 10


def test_a_share_of_the_points_gathers_at_the_corners():
    plain, drawn = (np.asarray(draw("sobol", KEY, 4000, DOMAIN, {}, share)) for share in (0.0, 0.25))
    moved = np.any(plain != drawn, axis=1)
    assert moved.sum() == pytest.approx(1000, abs=2)
    assert moved[:100].sum() == pytest.approx(25, abs=2)  # any run of points has its share
    unit = (drawn[moved] - [0, -1, 5]) / [2, 4, 1]
    assert np.all((unit >= 0) & (unit <= 1))
    # A distance below 1/2 becomes 4 d^3: within 4% of an end of x lie 2 * (0.04 / 4)^(1/3) of them, of t 0.04^(1/3).
    near_end = np.mean(np.minimum(unit[:, 1], 1 - unit[:, 1]) < 0.04)
    assert near_end == pytest.approx(2 * 0.01 ** (1 / 3), abs=0.03)
    assert np.mean(unit[:, 0] < 0.04) == pytest.approx(0.04 ** (1 / 3), abs=0.03)
    assert np.mean(unit[:, 0] > 0.96) < 0.04  # the end of time is no corner
