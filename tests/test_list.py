"""`pinn list`: what is shipped, and figures that are those of the experiments."""

import json
import subprocess
import sys
from pathlib import Path

from pinn.commands.list import MEASURED, listing, main
from pinn.registry import shipped, shipped_folder

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))
import measured

ROOT = Path(__file__).parent.parent


def test_the_shipped_figures_are_those_of_the_results():
    """After new results: python experiments/gallery/run.py --table"""
    assert json.loads((ROOT / "problems" / MEASURED).read_text()) == measured.measured()
    assert shipped_folder() == ROOT / "problems"


def test_the_best_run_is_the_one_with_the_smallest_error():
    folders = [ROOT / "experiments" / e / "results" for e in ("accuracy", "gallery")]
    results = [json.loads(p.read_text()) for f in folders for p in f.glob("burgers-*.json")]
    last = {(r["budget"], r["seed"]): r for r in sorted(results, key=lambda r: r["date"])}
    best, found = min(last.values(), key=lambda r: r["relative_l2"]), measured.measured()["burgers"]
    assert found["relative_l2"] == best["relative_l2"]
    assert found["command"] == f"python -m pinn.run burgers --seconds {best['budget']:g} --seed {best['seed']}"
    assert found["seconds"] <= best["budget"] + 1  # the last step may end after the clock
    assert found["median_relative_l2"] >= best["relative_l2"]
    assert found["machine"] and found["date"]


def test_a_result_of_another_file_counts_no_more(tmp_path):
    run = measured.finished(ROOT / "experiments" / "accuracy" / "results")[0]
    now = measured.problem_sha256(shipped()[run["problem"]])
    for number, sha in enumerate((now, "0" * 64)):
        (tmp_path / f"{number}.json").write_text(json.dumps(run | {"problem_sha256": sha}))
    unknown = {k: v for k, v in run.items() if k != "problem_sha256"}
    (tmp_path / "4.json").write_text(json.dumps(unknown))
    (tmp_path / "2.json").write_text(json.dumps(run | {"problem": "no such problem"}))
    (tmp_path / "3.json").write_text(json.dumps(run | {"relative_l2": None}))
    assert [r["problem_sha256"] for r in measured.finished(tmp_path)] == [now]


def test_a_result_belongs_to_the_data_too(tmp_path):
    for name in ("cavity_stream.yaml", "cavity_stream.npz"):
        (tmp_path / name).write_bytes((ROOT / "problems" / name).read_bytes())
    file, data = tmp_path / "cavity_stream.yaml", tmp_path / "cavity_stream.npz"
    before = measured.problem_sha256(file)
    assert before == measured.problem_sha256(shipped()["cavity_stream"])
    file.write_text(file.read_text() + "# a comment\n")
    assert measured.problem_sha256(file) == before
    data.write_bytes(data.read_bytes() + b"more")
    assert measured.problem_sha256(file) != before


def test_of_the_same_command_the_last_run_counts():
    run = measured.finished(ROOT / "experiments" / "accuracy" / "results")[0]
    found = measured.best_of([run | {"relative_l2": 1e-9}, run | {"relative_l2": 1e-7}])
    assert found["relative_l2"] == found["median_relative_l2"] == 1e-7 and found["seeds"] == 1
    elsewhere = run | {"relative_l2": 1e-5, "seed": 7, "machine": "another"}
    found = measured.best_of([run | {"relative_l2": 1e-7}, elsewhere])
    assert found["median_relative_l2"] == 1e-7 and found["seeds"] == 1, "of the same machine"


def test_every_shipped_problem_is_listed():
    found = listing()
    assert list(found) == list(shipped())
    assert found["heat"]["equations"] == {"pde": "u_t = k*u_xx"} and len(found["lorenz"]["equations"]) == 3


def test_the_command(capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    row = {line.split()[0]: line for line in lines if not line.startswith(" ")}
    best = json.loads((ROOT / "problems" / MEASURED).read_text())["heat"]
    assert "u_t = k*u_xx" in row["heat"] and f"{best['relative_l2']:.1e}" in row["heat"]
    unmeasured = [name for name, entry in listing().items() if entry["measured"] is None]
    assert all("not measured" in row[name] for name in unmeasured)
    assert sum("not measured" in line for line in lines) == len(unmeasured)
    assert lines[-1].startswith("Measured on ")
    assert main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out) == listing()


def test_a_torn_installation(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("pinn.registry.shipped_folder", lambda: None)
    assert main([]) == 2 and "are missing" in capsys.readouterr().err
    (tmp_path / MEASURED).write_text("{")
    monkeypatch.setattr("pinn.registry.shipped_folder", lambda: tmp_path)
    assert main([]) == 2 and "cannot be read" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error():
    """As in `pinn list | head -1`."""
    with subprocess.Popen(
        [sys.executable, "-m", "pinn", "list"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == "" and process.wait() == 1
