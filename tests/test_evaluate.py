"""Error norms by their definitions."""

import numpy as np
import pytest

from pinn.config import load_problem
from pinn.evaluate import errors, sizes, total_relative_l2


def test_norms():
    problem = load_problem("heat")
    truth = np.array([[3.0, 4.0], [0.0, 0.0]])
    found = errors({"u": truth + np.array([[0.0, 0.5], [0.0, 1.0]])}, {"u": truth}, problem)["u"]
    assert found["relative_l2"] == pytest.approx(np.sqrt(1.25) / 5)
    assert found["linf"] == 1.0
    np.testing.assert_allclose(found["l2_by_time"], [np.sqrt(0.125), np.sqrt(0.5)])
    assert total_relative_l2({"u": found, "v": {"relative_l2": 1e-3}}) == found["relative_l2"]


def test_a_zero_truth_gives_the_root_mean_square():
    found = errors({"u": np.full((2, 2), 0.5)}, {"u": np.zeros((2, 2))}, load_problem("heat"))
    assert found["u"]["relative_l2"] == 0.5


def test_sizes():
    assert sizes({"pde": np.array([3.0, -4.0])}) == {"pde": {"rms": np.sqrt(12.5), "max": 4.0}}
