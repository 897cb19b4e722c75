"""The command: exit codes, the run folder, interruption and resumption, and bad arguments."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np
import pytest
from conftest import HEAT

from pinn import checkpoint, files
from pinn.__main__ import main as pinn_command
from pinn.config import load_problem
from pinn.errors import ProblemError
from pinn.run import main
from pinn.runfolder import RunFolder
from pinn.settings import make_settings

pytestmark = pytest.mark.usefixtures("sketched")

SUMMARY_KEYS = [
    "problem", "status", "message", "errors", "reference", "no_reference", "held_out", "train", "overfitting",
    "data_alone", "estimate", "no_estimate", "bound", "no_bound", "invariants", "alarms", "seconds", "steps", "points",
    "params", "windows", "seed", "precision", "problem_sha256", "target", "device", "devices", "versions", "hard", "notes",
]  # fmt: skip


@contextmanager
def process_restored():
    """Runs set signal handlers and jax settings."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    jax.config.update("jax_default_device", None)


@pytest.fixture(autouse=True)
def _restore_process(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with process_restored():
        yield


def summary_of(folder):
    return json.loads((folder / "summary.json").read_text())


def params_of(folder):
    arrays, _ = checkpoint.load(folder / "checkpoint.npz")
    return {name: a for name, a in arrays.items() if name.startswith("['params']")}


def test_a_run_leaves_its_folder(heat_file, tmp_path, capsys):
    out = tmp_path / "run"
    assert main([str(heat_file), "--out", str(out), "--seed", "3"]) == 0
    names = {p.name for p in out.iterdir()}
    assert names == {
        "problem.yaml", "settings.yaml", "log.jsonl", "checkpoint.npz", "solution.npz", "points.npz", "summary.json",
        "figure.png", "report.html",
    }  # fmt: skip
    summary = summary_of(out)
    assert list(summary) == SUMMARY_KEYS
    assert summary["status"] == "done" and summary["seed"] == 3
    assert summary["errors"]["u"]["relative_l2"] < 1e-2
    assert len(summary["errors"]["u"]["l2_by_time"]) == 201
    assert set(summary["held_out"]) == {"pde", "initial", "left", "right"}
    assert (summary["precision"], summary["device"]) == ("float64", "cpu")
    assert (out / "problem.yaml").read_text() == heat_file.read_text()
    with np.load(out / "solution.npz") as arrays:
        assert {n: arrays[n].shape for n in arrays.files} == {
            "t": (201,), "x": (512,), "u": (201, 512), "u_reference": (201, 512)
        }  # fmt: skip
        difference = arrays["u"] - arrays["u_reference"]
        found = np.linalg.norm(difference) / np.linalg.norm(arrays["u_reference"])
    assert found == pytest.approx(summary["errors"]["u"]["relative_l2"], rel=1e-12)
    assert len((out / "log.jsonl").read_text().splitlines()) == summary["steps"] == 20
    printed = capsys.readouterr().out
    assert "float64 on 1 cpu device" in printed and "done: relative L2 error " in printed


def test_default_folder_and_quiet(heat_file, tmp_path, capsys):
    assert main([str(heat_file), "--quiet", "--set", "training.stages[0].steps=1"]) == 0
    (folder,) = (tmp_path / "runs" / "small_heat").iterdir()
    assert (folder / "summary.json").exists()
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("done: relative L2 error")
    assert all(line.startswith("alarm: ") for line in lines[:-1]) and len(lines) > 1, (
        "after one step something is wrong"
    )


def test_target(heat_file, tmp_path):
    long = ["--set", "training.stages[0].steps=100000"]
    assert main([str(heat_file), "--out", str(tmp_path / "a"), "--target", "1e-2", *long]) == 0
    met = summary_of(tmp_path / "a")
    assert met["target"]["met"] and met["message"] == "the target is met" and met["steps"] < 1000
    assert main([str(heat_file), "--out", str(tmp_path / "b"), "--target", "1e-14"]) == 1
    assert summary_of(tmp_path / "b")["target"]["met"] is False


def test_seconds(heat_file, tmp_path, monkeypatch):
    long = ["--set", "training.stages[0].steps=1000000", "--set", "training.stages[0].patience=1000000"]
    assert main([str(heat_file), "--out", str(tmp_path / "a"), "--seconds", "12", *long]) == 0
    summary = summary_of(tmp_path / "a")
    assert summary["message"] == "the time was up"
    spent = summary["seconds"]
    before = spent["setup"] + spent["compile"]  # compilation cannot be cut short
    assert before + spent["train"] < max(12, before) + 1


def test_no_time_for_a_single_step_still_gives_a_solution(heat_file, tmp_path, monkeypatch):
    monkeypatch.setattr("pinn.run.STARTED", time.monotonic() - 100)
    assert main([str(heat_file), "--out", str(tmp_path / "a"), "--seconds", "1"]) == 1
    summary = summary_of(tmp_path / "a")
    assert summary["steps"] == 0 and summary["errors"]["u"]["relative_l2"] > 1e-3


def test_numerical_failure(heat_file, tmp_path, capsys):
    text = heat_file.read_text().replace("u_t = k*u_xx", "u_t = k*u_xx + 0*sqrt(0.5 - x)").split("reference")[0]
    heat_file.write_text(text)
    assert main([str(heat_file), "--out", str(tmp_path / "a")]) == 3
    printed = capsys.readouterr().out
    assert "the residual of 'pde' is nan at t=" in printed and "state is saved" in printed
    assert summary_of(tmp_path / "a")["status"] == "failed"
    assert params_of(tmp_path / "a")


def test_single_precision(heat_file, tmp_path):
    assert main([str(heat_file), "--out", str(tmp_path / "a"), "--precision", "float32"]) == 0
    summary = summary_of(tmp_path / "a")
    assert summary["precision"] == "float32" and summary["errors"]["u"]["relative_l2"] < 0.1


LONG = [
    "--set", "training.stages[0].optimizer=adam", "--set", "training.stages[0].learning_rate=1e-3",
    "--set", "training.stages[0].steps=3000", "--set", "training.stages[0].log_every=10",
]  # fmt: skip


def test_interrupted_and_resumed_ends_like_unbroken(heat_file, tmp_path, capsys):
    """Real processes, compiled as users' are, and a real Ctrl-C; the end is equal to the bit."""
    env = {k: v for k, v in os.environ.items() if k != "JAX_DISABLE_MOST_OPTIMIZATIONS"}
    run = [sys.executable, "-m", "pinn.run"]
    subprocess.run([*run, str(heat_file), "--out", str(tmp_path / "whole"), "--quiet", *LONG], check=True, env=env)
    out = tmp_path / "cut"
    process = subprocess.Popen(
        [*run, str(heat_file), "--out", str(out), *LONG], stdout=subprocess.PIPE, text=True, env=env
    )
    log = out / "log.jsonl"
    while process.poll() is None and not (log.exists() and len(log.read_text().splitlines()) > 3):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130, printed
    assert f"Go on with: python -m pinn.run --resume {out}" in printed
    cut = summary_of(out)
    assert cut["status"] == "interrupted" and 0 < cut["steps"] < 3000 and cut["errors"] is None
    subprocess.run([*run, "--resume", str(out), "--quiet"], check=True, env=env)
    assert summary_of(out)["steps"] == 3000
    whole, again = params_of(tmp_path / "whole"), params_of(out)
    for name in whole:
        np.testing.assert_array_equal(whole[name], again[name], err_msg=name)
    steps = [json.loads(line)["step"] for line in log.read_text().splitlines()]
    assert steps == sorted(set(steps)), "the log continues without repetition"
    seconds = [json.loads(line)["seconds"] for line in log.read_text().splitlines()]
    assert seconds == sorted(seconds), "time goes on where it stopped"


@pytest.fixture(scope="module")
def two_steps(tmp_path_factory):
    file = tmp_path_factory.mktemp("two_steps") / "small_heat.yaml"
    file.write_text(HEAT)
    out = file.with_name("run")
    with process_restored(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("pinn.run.STARTED", time.monotonic())  # the process may be older than a run may take
        assert main([str(file), "--out", str(out), "--quiet", "--set", "training.stages[0].steps=2"]) == 0
    return out


@pytest.fixture
def finished(two_steps, tmp_path):
    """A run folder to do with as a test likes."""
    return Path(shutil.copytree(two_steps, tmp_path / "finished"))


def test_resume_refuses_another_problem_or_other_settings(finished, heat_file, capsys):
    other = heat_file.with_name("other.yaml")
    other.write_text(heat_file.read_text().replace("small_heat", "other").replace("k: 0.1", "k: 0.2"))
    assert main([str(other), "--resume", str(finished)]) == 2
    assert "is a checkpoint of another problem (small_heat," in capsys.readouterr().err
    assert main(["--resume", str(finished), "--seed", "5"]) == 2
    assert "training.seed was 0 and is 5" in capsys.readouterr().err
    assert main([str(heat_file), "--resume", str(finished), "--seconds", "100", "--quiet"]) == 0
    (finished / "checkpoint.npz").write_bytes(b"PK")
    assert main(["--resume", str(finished)]) == 2
    assert "is damaged" in capsys.readouterr().err
    assert main(["--resume", str(heat_file.parent / "nowhere")]) == 2
    assert "is not the folder of a run" in capsys.readouterr().err


def test_other_settings_only_by_force(finished, capsys):
    other = ["--set", "training.stages[0].steps=3", "--set", "training.stages[0].damping=1e-2", "--quiet"]
    assert main(["--resume", str(finished), *other]) == 2
    said = capsys.readouterr().err
    assert "damping was" in said and "--force" in said
    assert main(["--resume", str(finished), "--force", *other[:-1]]) == 0
    assert "the run began with other settings: training.stages[0].damping was" in capsys.readouterr().out
    assert summary_of(finished)["steps"] == 3
    assert main(["--resume", str(finished), "--quiet"]) == 0, "from now on these are its settings"
    assert main(["--resume", str(finished), "--force", "--set", "network.width=9"]) == 2
    assert "other settings" in capsys.readouterr().err
    assert main(["--resume", str(finished), "--quiet"]) == 0, "what was refused has changed nothing"
    assert pinn_command(["verify", str(finished)]) == 0
    assert main(["--resume", str(finished), "--force", "--set", "training.windows=2"]) == 2
    assert "training.windows: '2': the run began with other training.windows: 1" in capsys.readouterr().err
    assert main([str(finished / "problem.yaml"), "--force"]) == 2
    assert main(["--resume", str(finished), "--force", "--precision", "float32"]) == 2
    assert "expected float32" in capsys.readouterr().err


def test_a_damaged_checkpoint_gives_way_to_the_one_before(finished, capsys):
    file = finished / "checkpoint.npz"
    shutil.copy(file, finished / "checkpoint.previous.npz")
    file.write_bytes(file.read_bytes()[:1000])
    assert main(["--resume", str(finished)]) == 0
    assert "checkpoint.npz: is not a checkpoint, or is damaged" in (said := capsys.readouterr().out)
    assert "The one before it is used" in said and (finished / "checkpoint.damaged.npz").exists()
    shutil.copy(file, finished / "checkpoint.previous.npz")
    checkpoint.save(file, {}, {"format": 99})
    assert main(["--resume", str(finished), "--quiet"]) == 2
    assert "has format 99" in capsys.readouterr().err and checkpoint.previous(file).exists()


def test_results_of_an_earlier_end_do_not_pass_for_those_of_a_resumed_run(finished, monkeypatch):
    """The process dies in training: nothing it leaves is of other params than the checkpoint."""
    assert (finished / "solution.npz").exists()

    def dies(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("pinn.solver.train", dies)
    with pytest.raises(ZeroDivisionError):
        main(["--resume", str(finished), "--quiet"])
    left = {p.name for p in finished.iterdir()}
    assert not left & {"summary.json", "solution.npz", "points.npz", "report.html", "figure.png"}
    assert "summary.previous.json" in left
    monkeypatch.undo()
    monkeypatch.chdir(finished.parent)
    assert main(["--resume", str(finished), "--quiet"]) == 0
    assert {"summary.json", "report.html"} <= {p.name for p in finished.iterdir()}


def test_a_folder_that_cannot_be_written_when_a_run_goes_on(finished, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "log.jsonl")

    monkeypatch.setattr("pinn.files.write_text", full)
    assert main(["--resume", str(finished), "--quiet"]) == 2
    assert "error: log.jsonl: No space left on device." in capsys.readouterr().err


def test_one_run_to_a_folder(finished, heat_file, capsys):
    held = files.lock(finished / "problem.yaml", "taken")
    try:
        assert main(["--resume", str(finished)]) == 2
        assert "a run is going on in this folder" in capsys.readouterr().err
    finally:
        os.close(held)
    assert main(["--resume", str(finished), "--quiet"]) == 0
    folder = RunFolder(heat_file.parent / "same", "")
    problem = load_problem(heat_file)
    folder.create(problem, make_settings(problem.settings))
    with pytest.raises(ProblemError, match="another run has begun"):
        folder.create(problem, make_settings(problem.settings))


def test_predict_does_not_replace_a_file_of_the_run(finished, tmp_path, capsys):
    (tmp_path / "points.csv").write_text("t,x\n0,0\n")
    out = ["--out", str(finished / "checkpoint.npz"), "--force"]
    assert pinn_command(["predict", str(finished), str(tmp_path / "points.csv"), *out]) == 2
    assert "is a file of the run" in capsys.readouterr().err and params_of(finished)


def test_interrupted_while_evidence_is_gathered(heat_file, tmp_path, capsys, monkeypatch):
    out = tmp_path / "a"

    def never(*_):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    monkeypatch.setattr("pinn.summary.gather", never)
    began = time.monotonic()
    assert main([str(heat_file), "--out", str(out)]) == 130
    assert time.monotonic() - began < 50
    assert summary_of(out)["status"] == "interrupted" and "Go on with" in capsys.readouterr().out
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert main(["--resume", str(out), "--quiet"]) == 0
    assert summary_of(out)["steps"] == 20 and summary_of(out)["errors"]


def test_a_full_disk_does_not_stop_training(heat_file, tmp_path, capsys, monkeypatch):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    real, count = checkpoint.write_npz, []

    def sometimes(*arguments):
        count.append(1)
        if len(count) == 1:
            raise full
        real(*arguments)

    monkeypatch.setattr(checkpoint, "write_npz", sometimes)
    assert main([str(heat_file), "--out", str(tmp_path / "a")]) == 0
    said = capsys.readouterr().out
    assert said.count("the checkpoint could not be written (No space left on device); training goes on") == 1
    assert params_of(tmp_path / "a")

    def always(*arguments):
        raise full

    monkeypatch.setattr(checkpoint, "write_npz", always)
    assert main([str(heat_file), "--out", str(tmp_path / "b")]) == 3
    out, err = capsys.readouterr()
    assert "relative L2 error" in out and "results could not be written: No space left on device" in err
    assert "report.html" not in out and "Nothing is saved" in err and not list((tmp_path / "b").glob("*.partial"))


@pytest.mark.slow
def test_killed_twenty_times(heat_file, tmp_path):
    """SIGKILL at random moments, from the first second on; the end is that of an unbroken run, to the bit."""
    env = {k: v for k, v in os.environ.items() if k != "JAX_DISABLE_MOST_OPTIMIZATIONS"}
    run, out, rng = [sys.executable, "-m", "pinn.run"], tmp_path / "cut", random.Random(0)
    subprocess.run([*run, str(heat_file), "--out", str(tmp_path / "whole"), "--quiet", *LONG], check=True, env=env)
    kills = begun = 0
    while kills < 20:
        resumable = (out / "checkpoint.npz").exists()
        begun += resumable
        shutil.rmtree(out, ignore_errors=True) if not resumable else None
        what = ["--resume", str(out)] if resumable else [str(heat_file), "--out", str(out), *LONG]
        with subprocess.Popen([*run, *what, "--quiet"], env=env) as process:
            try:
                assert process.wait(rng.uniform(1, 12)) == 0
            except subprocess.TimeoutExpired:
                process.kill()
        kills += 1
    assert begun > 5
    subprocess.run([*run, "--resume", str(out), "--quiet"], check=True, env=env)
    whole, again = params_of(tmp_path / "whole"), params_of(out)
    for name in whole:
        np.testing.assert_array_equal(whole[name], again[name], err_msg=name)
    steps = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps)) and steps[-1] == 3000


def test_a_problem_built_in_python_runs_and_resumes(tmp_path):
    stage = "training.stages=[{optimizer: levenberg_marquardt, steps: 2}]"
    small = ("network.width=4", "sampling.equations=50", "training.windows=1", "ansatz.lift=none", stage)
    out = tmp_path / "a"
    assert main(["allen_cahn_python", "--out", str(out), "--quiet", *(p for s in small for p in ("--set", s))]) == 0
    assert main(["--resume", str(out), "--quiet"]) == 0
    assert summary_of(out)["steps"] == 2


BAD = {
    ("nowhere.yaml",): "no such file",
    ("{file}", "--set", "training.sede=1"): "Did you mean 'seed'?",
    ("{file}", "--set", "nonsense"): "write KEY=VALUE",
    ("{file}", "--seed", "-1"): "training.seed",
    ("{file}", "--seconds", "0"): "should be greater than 0",
    ("{file}", "--seconds", "nan"): "training.seconds",
    ("{file}", "--target", "-1"): "target.relative_l2",
    ("{file}", "--out", "full"): "is not an empty folder",
    ("{file}", "--out", "full/file"): "is not an empty folder",
    ("{file}", "--out", "full/file/below"): "cannot be written",
    ("{file}", "--out", "x", "--resume", "y"): "leave out --out",
    (): "give a problem file",
}


@pytest.mark.parametrize("arguments", BAD, ids=lambda a: " ".join(a[1:]) or "plain")
def test_bad_arguments_leave_nothing_behind(arguments, heat_file, tmp_path, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert main([a.format(file=heat_file) for a in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and BAD[arguments] in error and "Traceback" not in error
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "full" / "file").read_text() == "mine"


@pytest.mark.parametrize("arguments", [["--seed", "one"], ["--nonsense"], ["--device", "abacus"], ["--sec", "5"]])
def test_arguments_argparse_refuses(arguments, heat_file, capsys):
    with pytest.raises(SystemExit) as caught:
        main([str(heat_file), *arguments])
    assert caught.value.code == 2


def test_a_device_that_is_not_there(heat_file, tmp_path):
    command = [
        sys.executable,
        "-m",
        "pinn.run",
        str(heat_file),
        "--device",
        "tpu",
        "--out",
        str(tmp_path / "a"),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2 and "--device tpu" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "a").exists()


def test_refused_by_the_ansatz_with_nothing_written(tmp_path, capsys):
    assert (
        main(
            ["allen_cahn", *["--set", "ansatz.lift=none", "--set", "ansatz.initial=hard"], "--out", str(tmp_path / "a")]
        )
        == 2
    )
    assert "error: --set ansatz.initial=hard: ansatz.initial: 'hard': condition 'initial' cannot be hard" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "a").exists()


def test_a_target_without_a_reference_cannot_be_checked(heat_file, tmp_path, capsys):
    long = ["--set", "training.stages[0].steps=1000", "--set", "reference={kind: none}"]
    assert main([str(heat_file), "--out", str(tmp_path / "a"), "--target", "1e-3", *long]) == 1
    printed = capsys.readouterr().out
    assert "target 0.001 not checked against an error or estimate" in printed and "error is not known" in printed
    summary = summary_of(tmp_path / "a")
    assert summary["target"]["met"] is None
    assert "beside that of the data alone, is below the target" in summary["notes"][-1]
    assert summary["message"] == "the residual on all points of a window is below the target"
    # The data alone leave u_t - k u_xx = 0.1 pi^2 sin(pi x), of mean square 0.49.
    assert summary["held_out"]["pde"]["rms"] < 2 * 1e-3 * 0.7


def test_names_that_mean_something_to_libraries(heat_file, tmp_path):
    """To numpy.savez, to the terminal's markup, to TeX."""
    text = heat_file.read_text().replace("[u]", "[file]").replace("u_t = k*u_xx", "file_t = k*file_xx")
    text = (
        text.replace("u = sin", "file = sin").replace("equation: u}", "equation: file}").replace("u: exp", "file: exp")
    )
    text = text.replace("  left:", '  "[/left]":').replace(
        "name: small_heat", "name: small_heat\ntitle: costs $\\frac$ ä"
    )
    heat_file.write_text(text, encoding="utf-8")
    assert main([str(heat_file), "--out", str(tmp_path / "a")]) == 0
    with np.load(tmp_path / "a" / "solution.npz") as arrays:
        assert "file" in arrays.files


def test_a_reader_that_leaves_and_a_plain_locale(heat_file, tmp_path):
    heat_file.write_text(heat_file.read_text() + "title: Wärme\n", encoding="utf-8")
    env = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "pinn.run", str(heat_file), "--out", str(tmp_path / "a")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    process.stdout.close()
    with process.stderr as stream:
        error = stream.read().decode()
    assert process.wait(timeout=60) == 0, error
    assert summary_of(tmp_path / "a")["status"] == "done"


@pytest.mark.parametrize(
    "arguments", [["a" * 300], ["--resume", "a" * 300], ["heat", "--out", "new1/new2/" + "a" * 300]]
)
def test_paths_too_long_for_the_file_system(arguments, tmp_path, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_verbs(heat_file, tmp_path, capsys):
    assert pinn_command(["run", str(heat_file), "--out", str(tmp_path / "a"), "--quiet"]) == 0
    assert pinn_command(["--help"]) == 0
    assert pinn_command(["rnu"]) == 2
    assert "unknown verb 'rnu'" in capsys.readouterr().err
    assert pinn_command([]) == 2
