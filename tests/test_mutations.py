"""Every change of every problem file is noticed by some rung of the ladder; see experiments/estimates."""

import sys
from pathlib import Path

import pytest

from pinn.config import problem_from_text
from pinn.registry import shipped

sys.path.insert(0, str(Path(__file__).parent.parent / "experiments" / "estimates"))
from changes import MUTATIONS
from grids import GRIDS
from mutations import by_residual, caught

RUNGS = {"a condition less": {"reading the file", "check"}}  # of the others any will do
SLOW = {name for name, look in GRIDS.items() if look.slow}


def cases():
    for name, changes in MUTATIONS.items():
        for what in changes:
            needs_reference = name in SLOW and what not in RUNGS
            yield pytest.param(name, what, marks=[pytest.mark.slow] * needs_reference)


def test_every_file_is_changed():
    assert set(MUTATIONS) == set(shipped())


@pytest.mark.parametrize(("name", "what"), list(cases()), ids=lambda v: v.replace(" ", "_"))
def test_changes_are_noticed(name, what):
    rung, message = caught(name, MUTATIONS[name][what])
    assert rung != "nothing", message
    assert rung in RUNGS.get(what, {rung}), message


def test_what_changes_nothing_is_not_noticed():
    assert caught("lorenz", "sigma*(y - x) -> sigma*y - sigma*x")[0] == "nothing"
    assert caught("poisson", "u_xx + u_yy -> u_yy + u_xx")[0] == "nothing"


def test_the_old_solution_leaves_residuals():
    """Where the reference is made from the file itself, and nothing else notices."""
    old, new = "kind: burgers", "kind: spectral"
    text = shipped()["burgers"].read_text().replace(old, new)
    changes = GRIDS["burgers"].changes
    for change, told in (("u*u_x", ""), ("1.01*u*u_x", "'pde'"), ("(u + 1e-3)*u_x", "'pde'")):
        found = by_residual(
            "burgers", problem_from_text(text.replace("u_t + u*u_x", "u_t + " + change), "burgers", changes)
        )
        assert told in found and bool(told) == bool(found), change
    moved = by_residual("burgers", problem_from_text(text.replace("u = -sin", "u = -1.01*sin"), "burgers", changes))
    assert "'initial'" in moved
