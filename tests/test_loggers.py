"""Records of logged steps: to functions of one's own, and to TensorBoard's files."""

import json
import struct
import sys

import pytest

import pinn
from pinn.errors import ProblemError
from pinn.loggers import TensorBoard
from pinn.run import main

pytestmark = pytest.mark.usefixtures("sketched")

QUICK = {"stages": [{"optimizer": "levenberg_marquardt", "steps": 3}]}
KEYS = {
    "step", "window", "span", "attempt", "stage", "optimizer", "loss", "held_out", "accepted", "damping",
    "error", "gradient_shares", "seconds",
}  # fmt: skip


def scalars(folder):
    """Read the event files of a folder: {tag: {step: value}}. Records are length, checksum, data, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for file in sorted(folder.iterdir()):
        data, at = file.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack("<Q", data[at : at + 8])
            event = Event.FromString(data[at + 12 : at + 12 + length])
            at += length + 16
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = value.simple_value
    return found


def test_functions_are_called_with_each_record(heat_text):
    problem, first, second, third = pinn.problem_from_text(heat_text), [], [], []
    hooks = pinn.Hooks(on_log=third.append)
    solution = pinn.solve(problem, training=QUICK, on_log=[first.append, second.append], hooks=hooks)
    assert [r["step"] for r in first] == [1, 2, 3] and first == second == third == solution.history
    assert all(set(r) == KEYS for r in first)
    documented = pinn.solve.__doc__.partition("on_log:")[2].partition("hooks:")[0]
    assert all(f"``{key}``" in documented for key in KEYS)


class TensorBoardless:
    """Runs without tensorboardX."""

    def __enter__(self):
        self.patch = pytest.MonkeyPatch()
        self.patch.setitem(sys.modules, "tensorboardX", None)

    def __exit__(self, *error):
        self.patch.undo()


@pytest.mark.parametrize("wrong", ["print", 3, [print, None]])
def test_what_is_no_function_is_refused(wrong, heat_text):
    with pytest.raises(ProblemError, match=r"on_log: .*expected a function of one record, or a list of such"):
        pinn.solve(pinn.problem_from_text(heat_text), on_log=wrong)


def test_event_files_hold_the_records(tmp_path):
    folder = tmp_path / "new" / "board"
    with TensorBoard(folder) as board:
        assert not folder.exists(), "nothing is written before the first record"
        for k in range(1, 4):
            board({"step": k, "loss": 2.0**-k, "held_out": None if k == 1 else 4.0**-k, "damping": None})
    assert scalars(folder) == {"loss": {1: 0.5, 2: 0.25, 3: 0.125}, "held_out": {2: 4.0**-2, 3: 4.0**-3}}


def test_the_command_writes_into_the_run_folder(heat_file, tmp_path):
    out = tmp_path / "a"
    assert (
        main([str(heat_file), "--out", str(out), "--quiet", "--tensorboard", "--set", "training.stages[0].steps=3"])
        == 0
    )
    records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    found = scalars(out / "tensorboard")
    for name in ("loss", "damping"):
        assert found[name] == pytest.approx({r["step"]: r[name] for r in records}, rel=1e-6)  # they are float32
    assert found["held_out"] == pytest.approx({r["step"]: r["held_out"] for r in records if r["held_out"]}, rel=1e-6)


def test_without_the_extra_the_command_says_how_to_get_it(heat_file, tmp_path, capsys):
    before = sorted(tmp_path.iterdir())
    with TensorBoardless():
        assert main([str(heat_file), "--out", str(tmp_path / "a"), "--tensorboard"]) == 2
    assert "pip install 'pinn[tensorboard]'" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_cannot_be_written_is_refused_first(heat_file, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    for place in ("file", "file/below"):
        assert main([str(heat_file), "--out", str(tmp_path / "a"), "--tensorboard", str(tmp_path / place)]) == 2
        assert "cannot be written" in capsys.readouterr().err
    assert not (tmp_path / "a").exists() and (tmp_path / "file").read_text() == "mine"
