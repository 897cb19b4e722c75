"""What follows on an attempt at a window, as a table of losses and times."""

import math
from types import SimpleNamespace as Fake

import numpy as np
import pytest

from pinn.training import attempts
from pinn.training.attempts import is_behind, is_hurried, may_take_until, poor_until, what_follows
from pinn.training.state import begin_attempt, halve_window

GOOD, BAD = 1e-14, 1e-6  # beside a worst loss of 1e-10 before


def situation(*, left=4, number=3, attempt=0, kept=1e-11, worst=1e-10, halved=0, most=30, begun=1.0):
    plan = Fake(
        left=lambda window: left,
        halvings=lambda window: halved,
        settings=Fake(training=Fake(attempts=most)),
    )
    losses = {"kept_loss": np.float64(kept), "worst": np.float64(worst), "begun_with": np.float64(begun)}
    return plan, Fake(window=None, number=number, attempt=attempt, **losses)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The window began at 0, and 5 s have been used."""
    monkeypatch.setattr(attempts.time, "monotonic", lambda: 5.0)


def follows(deadline, each=4.0, **what):
    return what_follows(*situation(**what), each, deadline, 0.0)


@pytest.mark.parametrize(
    ("what", "deadline", "expected"),
    [
        ({}, 50.0, begin_attempt),  # a share is 10 s: room for one more
        ({}, 40.0, None),  # a share is 8 s
        ({"kept": GOOD}, 50.0, None),  # below a thousandth of the worst before
        ({"kept": GOOD}, None, None),
        ({"kept": GOOD, "worst": 0.0}, 50.0, begin_attempt),  # windows before were better
        ({"kept": 1e-27, "worst": 0.0}, 50.0, None),  # nothing but round-off
        ({"kept": 1e-27, "worst": 0.0, "begun": 1e-6}, 50.0, begin_attempt),
        ({"kept": 1e-12, "worst": 1e-20, "attempt": 1}, 70.0, begin_attempt),  # not poor beside what a run begins with
        ({"kept": 1e-11, "worst": 1e-20, "attempt": 1}, 70.0, halve_window),
        ({}, None, begin_attempt),
        ({"attempt": 29}, None, None),  # no more than the settings allow
        ({"kept": BAD}, 40.0, begin_attempt),  # poor: two shares, 16 s
        ({"kept": math.nan}, 40.0, begin_attempt),
        ({"kept": BAD, "attempt": 1}, 40.0, halve_window),
        ({"kept": BAD, "attempt": 1, "halved": 2}, 40.0, begin_attempt),  # not cut a third time
        ({"kept": BAD}, 25.0, None),  # the time of later windows is not taken
        ({"number": 0}, 40.0, begin_attempt),  # the first window has two shares
        ({"number": 0, "left": 99}, 100.0, begin_attempt),  # and 15 s of 100 at least, whatever later ones want
        ({"number": 0, "left": 99}, 59.0, None),
        ({"number": 1, "left": 99}, 100.0, None),
        ({"number": 0, "left": 0, "kept": 1e-30}, 50.0, begin_attempt),  # the only one: all the time
        ({"number": 0, "left": 0, "kept": 1e-30}, 8.0, None),
    ],
)
def test_what_follows(what, deadline, expected):
    assert follows(deadline, **what) is expected


def test_until_when_a_window_may_take():
    plan, state = situation()
    assert may_take_until(plan, state, 1.0, None, 0.0, 2.0) == math.inf
    assert may_take_until(plan, state, 1.0, 50.0, 0.0, 1.0) == 10
    assert may_take_until(plan, state, 1.0, 50.0, 0.0, 2.0) == 20
    # Four windows of 9 s each with a margin of 1.3 leave less than a share: a window always has its share.
    assert may_take_until(plan, state, 9.0, 50.0, 0.0, 2.0) == 10
    last, state = situation(left=0)
    assert may_take_until(last, state, 1.0, 50.0, 45.0, 2.0) == 50
    first, state = situation(number=0, left=99)
    assert may_take_until(first, state, 9.0, 100.0, 0.0, 2.0) == 15


def test_a_window_is_hurried_where_later_ones_lack_the_time():
    plan, state = situation()  # with four left, at 5 s
    assert not is_hurried(plan, state, 9.0, None)
    assert is_hurried(plan, state, 9.0, 63.0)  # 58 s for five windows of 9 s, and a margin of 1.3
    assert not is_hurried(plan, state, 9.0, 64.0)
    assert not is_hurried(*situation(number=0), 9.0, 63.0)  # the first is what others are judged by


def test_an_attempt_much_above_the_windows_before_may_go_on():
    plan, state = situation()  # a share of 50 s is 10 s
    assert poor_until(plan, state, None, 0.0) == math.inf
    assert poor_until(plan, state, 50.0, 0.0) == 20
    assert poor_until(*situation(left=0), 50.0, 45.0) == 50
    for kept, loss, expected in (
        (BAD, BAD, True),
        (BAD, 1e-10, False),
        (1e-10, BAD, False),
        (math.inf, math.inf, True),
    ):
        assert is_behind(situation(kept=kept)[1], loss) is expected
    assert not is_behind(situation(number=0, kept=BAD)[1], BAD)  # the first has nothing before it
