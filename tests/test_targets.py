"""What a target asks of a run: of the whole error at the end, of each window's own before."""

import jax
import numpy as np

from pinn.config import problem_from_text
from pinn.reference import Reference, grid_of
from pinn.settings import make_settings
from pinn.solution import build_ansatz, on_grid
from pinn.training.plan import make_plan
from pinn.training.targets import EARLY, PAUSE, error_look, target_check


def test_windows_are_asked_for_their_own_error(heat_text):
    problem = problem_from_text(heat_text)
    settings = make_settings(problem.settings, {"target": {"relative_l2": 1e-2}})
    plan = make_plan(problem, settings, build_ansatz(problem, settings))
    pieces = plan.ansatz.network.init(jax.random.PRNGKey(0))
    values = on_grid(plan.ansatz, pieces, problem, grid_of(problem.domain))["u"]

    def reached(span, early=0.0, late=0.0):
        """Ask of a reference that differs by some parts before and after t = 0.5."""
        factors = np.where(np.linspace(0, 1, len(values)) <= 0.5, 1 + early, 1 + late)[:, None]
        look = error_look(plan, Reference("exact", {"u": values * factors}, 0.0), PAUSE)
        return target_check(look, 1e-2)(lambda: pieces, span)

    assert reached(None) and reached((0, 0.5)) and reached((0.5, 1.0))
    assert not reached(None, late=0.5) and reached((0, 0.5), late=0.5) and not reached((0.6, 1.0), late=0.5)
    assert reached(None, early=0.5e-2) and not reached((0, 0.5), early=0.5e-2)
    assert reached((0, 0.5), early=0.5e-2 * EARLY)
    assert not reached((0.5001, 0.5002)), "where the grid has no times nothing is known"
    assert not reached((0.0, 0.001)), "nor where it has the first alone, at which data are given"


def test_looks_at_the_error_take_a_small_part_of_the_time(heat_text):
    problem = problem_from_text(heat_text)
    settings = make_settings(problem.settings, {"target": {"relative_l2": 1e-2}})
    plan = make_plan(problem, settings, build_ansatz(problem, settings))
    pieces = plan.ansatz.network.init(jax.random.PRNGKey(0))
    values = on_grid(plan.ansatz, pieces, problem, grid_of(problem.domain))
    check = target_check(error_look(plan, Reference("exact", values, 0.0), PAUSE), 1e-2)
    assert check(lambda: pieces, None) and not check(lambda: pieces, None), "the second look comes too soon"
