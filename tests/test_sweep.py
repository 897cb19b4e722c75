"""`pinn sweep`: combinations, what is refused before anything runs, and real runs that fail, stop and go on."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import HEAT

from pinn.commands.sweep import main
from pinn.errors import ProblemError
from pinn.sweep.combinations import MOST, combinations_of, split_values
from pinn.sweep.folder import begin, lock, result_of
from pinn.sweep.runner import Sweep

pytestmark = pytest.mark.usefixtures("sketched")


def rows_of(folder):
    with (folder / "sweep.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0,1,2", ["0", "1", "2"]),
        ("auto, 5,[0,0.1,1]", ["auto", "5", "[0,0.1,1]"]),
        ("[{optimizer: adam, steps: 5}],[{optimizer: lbfgs, steps: 5}]",
         ["[{optimizer: adam, steps: 5}]", "[{optimizer: lbfgs, steps: 5}]"]),
        ("u = max(x, 0),u = x", ["u = max(x, 0)", "u = x"]),
        ('"a,b",c', ['"a,b"', "c"]),
        ("'[,',c", ["'[,'", "c"]),
        ("x", ["x"]),
    ],
)  # fmt: skip
def test_commas_separate_outside_of_brackets_and_quotes(text, values):
    assert split_values(text) == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,,2", "a value is missing"),
        ("1,", "a value is missing"),
        ("", "a value is missing"),
        ("[1,2", "']' is missing"),
        ("[1,2)", "')' closes nothing"),
        ("1],2", "']' closes nothing"),
        ("'1,2", '"\'" is missing'),
    ],
)
def test_values_that_cannot_be_split(text, message):
    with pytest.raises(ProblemError) as caught:
        split_values(text)
    assert message in str(caught.value)


def test_every_combination_once_with_a_folder_each():
    found = combinations_of(["training.seed=0,1,2", "network.width=16,24", "training.seconds=5"])
    assert [c.values for c in found] == [
        {"training.seed": s, "network.width": w} for s in ("0", "1", "2") for w in ("16", "24")
    ]
    assert found[1].name == "1-seed=0-width=24"
    assert found[1].changes == ("training.seed=0", "network.width=24", "training.seconds=5")
    strange = combinations_of(["equations.pde=u_t = ../u,u_t = .. /u"])
    assert len({c.name for c in strange}) == 2 and not any("/" in c.name for c in strange)
    assert [c.title for c in combinations_of([])] == ["the file as it is"]


BAD = {
    ("{file}", "--set", "training.seed=0,1", "--set", "training.seed=2"): "training.seed is given twice",
    ("{file}", "--set", "training.seed=0,0"): "the value 0 is given twice",
    ("{file}", "--set", "nonsense"): "write KEY=VALUE,VALUE",
    ("{file}", "--set", "training.sede=0,1"): "combination training.sede=0: ",
    ("{file}", "--set", "training.seed=0,1", "--set", "network.width=4,x"):
        "combination training.seed=0, network.width=x: --set network.width=x: network.width: 'x': expected a whole number",
    ("{file}", "--set", "training.stages=[{{optimizer: adam, steps: 5, learning_rate: 1e-3}}],[{{optimizer: adm, steps: 5}}]"):
        "unknown optimizer 'adm'",
    ("{file}", "--seconds", "0"): "should be greater than 0",
    ("{file}", "--seconds", "5", "--set", "training.seconds=1,2"): "training.seconds is given twice",
    ("{file}", "--jobs", "0"): "at least one run at a time",
    ("{file}", "--set", "training.seed=" + ",".join(map(str, range(101))), "--set",
     "network.width=" + ",".join(map(str, range(1, 101)))): f"10100 combinations are too many; at most {MOST}",
    ("nowhere.yaml",): "no such file",
    (): "give a problem file",
    ("{file}", "--out", "full"): "neither an empty folder nor that of a sweep",
    ("--resume", "full"): "is not the folder of a sweep",
    ("{file}", "--resume", "full"): "leave out FILE",
}  # fmt: skip


@pytest.mark.parametrize("arguments", BAD, ids=lambda a: " ".join(a)[:50] or "plain")
def test_bad_arguments_leave_nothing_behind(arguments, heat_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert main([a.format(file=heat_file) for a in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and BAD[arguments] in error
    assert sorted(tmp_path.rglob("*")) == before


def test_the_device_is_left_to_the_runs(heat_file, monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    assert main([str(heat_file), "--set", "training.sede=0"]) == 2
    assert os.environ["JAX_PLATFORMS"] == "cuda"


def test_another_sweep_and_a_changed_file_are_refused(tmp_path):
    plan = {"file": "heat", "set": ["training.seed=0,1"], "sha256": "x"}
    assert begin(tmp_path / "a", plan) is False and begin(tmp_path / "a", plan) is True
    with pytest.raises(ProblemError, match=r"holds another sweep: set was .*seed=0,1.* and is .*seed=0,2"):
        begin(tmp_path / "a", plan | {"set": ["training.seed=0,2"]})
    with pytest.raises(ProblemError, match="holds another sweep: the problem file has changed"):
        begin(tmp_path / "a", plan | {"sha256": "y"})
    with pytest.raises(ProblemError, match="has format 99"):
        (tmp_path / "a" / "sweep.json").write_text(json.dumps(plan | {"format": 99}))
        begin(tmp_path / "a", plan)
    for torn in ("{", "[]", '{"format": 1, "file": "heat", "set": [1], "sha256": "x"}'):
        (tmp_path / "a" / "sweep.json").write_text(torn)
        assert main(["--resume", str(tmp_path / "a")]) == 2
    begin(tmp_path / "b", plan)
    assert main(["--resume", str(tmp_path / "b")]) == 2, "the file has not that hash"


def test_a_folder_is_worked_in_by_one_sweep_and_its_runs(tmp_path):
    """The lock is inherited: runs that outlive a sweep that was killed keep it."""
    held = lock(tmp_path)
    run = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(held,))
    os.close(held)
    with pytest.raises(ProblemError, match="is in use"):
        lock(tmp_path)
    run.communicate(b"\n", timeout=60)
    os.close(lock(tmp_path))


def test_how_a_run_stands(tmp_path):
    assert result_of(tmp_path, "a").state == "fresh"
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "settings.yaml").write_text("settings: {}\n")
    (tmp_path / "a" / "problem.yaml").write_text(HEAT)
    (tmp_path / "a.txt").write_text("Traceback\nValueError: no\n\n")
    assert result_of(tmp_path, "a", 1)[:2] == ("fresh", 1) and result_of(tmp_path, "a", 1).message == "ValueError: no"
    assert result_of(tmp_path, "a", -9).message == "ended by signal 9"
    (tmp_path / "a" / "checkpoint.npz").touch()
    assert result_of(tmp_path, "a").state == "resumable"
    for status, target, code in (
        ("done", None, 0),
        ("done", {"relative_l2": 1e-3, "met": True}, 0),
        ("done", {"relative_l2": 1e-3, "met": False}, 1),
        ("done", {"relative_l2": 1e-3, "met": None}, 1),
        ("failed", None, 3),
    ):
        (tmp_path / "a" / "summary.json").write_text(json.dumps({"status": status, "target": target}))
        assert result_of(tmp_path, "a")[:2] == ("finished", code)
    (tmp_path / "a" / "summary.json").write_text('{"status": "interrupted"}')
    assert result_of(tmp_path, "a").state == "resumable"


STUB = """
import os, pathlib, signal, sys, time
def stop(number, frame): sys.exit(130)
signal.signal(signal.SIGINT, stop)
os.fstat(int(sys.argv[2]))  # the lock was inherited
pathlib.Path(sys.argv[1]).touch()
time.sleep(60)
"""


def test_ctrl_c_is_passed_on_once_and_nothing_more_is_begun(tmp_path, monkeypatch, capsys):
    (tmp_path / "stub.py").write_text(STUB)

    def command(self, index):
        return [sys.executable, str(tmp_path / "stub.py"), str(tmp_path / f"began{index}"), str(self.held)]

    def sleep(seconds, real=time.sleep):
        real(seconds)
        if all((tmp_path / f"began{k}").exists() for k in (0, 1)) and not sweep.received:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Sweep, "_command", command)
    monkeypatch.setattr("pinn.sweep.runner.time.sleep", sleep)
    held = lock(tmp_path)
    sweep = Sweep("heat", tmp_path, combinations_of(["training.seed=0,1,2"]), held)
    assert sweep.run(jobs=2) == 130
    os.close(held)
    assert not (tmp_path / "began2").exists() and sweep.asked == {0: 1, 1: 1}
    assert [r["exit"] for r in rows_of(tmp_path)] == ["130", "130", ""]
    assert rows_of(tmp_path)[2]["status"] == "waiting"
    printed = capsys.readouterr().out
    assert "interrupted, with 3 of 3 runs unfinished" in printed
    assert f"Go on with: python -m pinn sweep --resume {tmp_path}" in printed
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_that_fails_does_not_stop_the_rest_and_a_killed_one_goes_on(heat_file, tmp_path, capsys):
    """The first is refused where its memory is counted, which is after the file has been read."""
    out = tmp_path / "out"
    sets = ["sampling.equations=900000000,100", "reference={kind: none}", "training.stages[0].steps=3"]
    command = [str(heat_file), *(part for s in sets for part in ("--set", s)), "--jobs", "2", "--out", str(out)]
    assert main(command) == 1
    bad, good = rows_of(out)
    assert (bad["exit"], bad["status"], good["exit"], good["status"]) == ("2", "refused", "0", "done")
    assert bad["message"].startswith("error: ") and bad["sampling.equations"] == "900000000"
    assert good["steps"] == "3" and float(good["held_out"]) > 0
    printed = capsys.readouterr().out
    assert "sampling.equations=100: done (all stages are through)" in printed
    assert "sampling.equations=900000000: exit code 2: error: " in printed
    # As if the process had been killed after its last checkpoint.
    run = out / good["run"]
    (run / "summary.json").unlink()
    log = (run / "log.jsonl").read_text()
    assert main(command) == 1
    again = rows_of(out)
    assert again[0] == bad and (again[1]["status"], again[1]["exit"]) == ("done", "0")
    assert (run / "log.jsonl").read_text() == log, "it went on, and was not begun again"


@pytest.mark.slow
def test_an_interrupted_sweep_goes_on_to_the_end(heat_file, tmp_path):
    stage = "training.stages=[{optimizer: adam, learning_rate: 1e-3, steps: 30000, log_every: 100}]"
    out = tmp_path / "out"
    command = [sys.executable, "-m", "pinn", "sweep", str(heat_file), "--set", "training.seed=0,1", "--set", stage]
    process = subprocess.Popen([*command, "--jobs", "2", "--out", str(out)], stdout=subprocess.PIPE, text=True)
    logs = [out / f"{k}-seed={k}" / "log.jsonl" for k in (0, 1)]
    while process.poll() is None and not all(log.exists() for log in logs):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=100)
    assert process.returncode == 130, printed
    cut = rows_of(out)
    assert [r["status"] for r in cut] == ["interrupted"] * 2 and all(0 < int(r["steps"]) < 30000 for r in cut)
    subprocess.run([sys.executable, "-m", "pinn", "sweep", "--resume", str(out), "--jobs", "2"], check=True)
    assert [(r["status"], r["steps"], r["exit"]) for r in rows_of(out)] == [("done", "30000", "0")] * 2
