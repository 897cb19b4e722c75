"""What a run shows while it trains: where it is, how far, how fast, and what time is left."""

import io
import time

from rich.console import Console

from pinn.report.progress import Progress
from pinn.settings import make_settings

RECORD = {
    "step": 100, "window": 1, "span": [0.1, 0.4], "attempt": 2, "stage": 0, "optimizer": "gauss_newton",
    "loss": 3.2e-10, "held_out": 4.1e-10, "error": 2.5e-7, "accepted": True, "damping": 1e-6, "seconds": 20.0,
}  # fmt: skip


def shown(progress):
    console = Console(file=io.StringIO(), width=100)
    console.print(progress)
    return console.file.getvalue()


def test_a_line_says_where_how_far_how_fast_and_how_long():
    progress = Progress(make_settings({"training": {"seconds": 100.0}}), 4, time.monotonic() - 40)
    progress.log(RECORD)
    progress.log(RECORD | {"step": 150, "seconds": 30.0})
    line = progress.line()
    assert line.startswith(
        "window 2/4 (t 0.1 to 0.4), attempt 3, gauss_newton  step 150  loss 3.20e-10  held out 4.1e-10"
    )
    assert "error 2.5e-07" in line and "5 steps/s, 30 s, 60 s left" in line


def test_one_window_and_no_limit_say_less():
    progress = Progress(make_settings({"training": {"seconds": None}}), 1, time.monotonic())
    progress.log(RECORD | {"held_out": None, "error": None, "attempt": 0, "damping": None})
    assert progress.line() == "gauss_newton  step 100  loss 3.20e-10  20 s"


def test_the_display_has_phases():
    progress = Progress(make_settings({"training": {"seconds": 100.0}}), 1, time.monotonic() - 50)
    assert "compiling" in shown(progress)
    progress.log(RECORD)
    assert "compiling" not in shown(progress) and "50 s left" in shown(progress) and "━" in shown(progress)
    progress.phase = "weighing the evidence ..."
    assert "weighing" in shown(progress)


def test_the_rate_begins_again_with_an_earlier_step():
    progress = Progress(make_settings(), 1, time.monotonic())
    progress.log(RECORD | {"step": 500, "seconds": 100.0})
    progress.log(RECORD | {"step": 10, "seconds": 101.0})
    progress.log(RECORD | {"step": 20, "seconds": 102.0})
    assert "10 steps/s" in progress.line()
