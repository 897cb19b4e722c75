"""Every change of every problem file is noticed by some rung of the ladder; see experiments/estimates."""

import sys
from pathlib import Path

import pytest

from pinn.registry import shipped

sys.path.insert(0, str(Path(__file__).parent.parent / "experiments" / "estimates"))
from mutations import MUTATIONS, caught

CASES = [(name, what) for name, changes in MUTATIONS.items() for what in changes]


def test_every_file_is_changed():
    assert set(MUTATIONS) == set(shipped())


@pytest.mark.parametrize(("name", "what"), CASES, ids=lambda v: v.replace(" ", "_"))
def test_changes_are_noticed(name, what):
    rung, message = caught(name, MUTATIONS[name][what])
    assert rung != "nothing", message
    expected = {"a condition less": "reading the file"}.get(what)
    assert expected in (None, rung), message
