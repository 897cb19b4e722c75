"""`pinn list`: what is shipped, and figures that are those of the experiments."""

import importlib.util
import json
from pathlib import Path

import pytest

from pinn.commands.list import MEASURED, listing, main
from pinn.registry import shipped, shipped_folder

ROOT = Path(__file__).parent.parent
RUN = ROOT / "experiments" / "accuracy" / "run.py"


@pytest.fixture(scope="module")
def accuracy():
    spec = importlib.util.spec_from_file_location("accuracy_run", RUN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_shipped_figures_are_those_of_the_results(accuracy):
    """After new results: python experiments/accuracy/run.py --table"""
    assert json.loads((ROOT / "problems" / MEASURED).read_text()) == accuracy.measured()
    assert shipped_folder() == ROOT / "problems"


def test_the_best_run_is_the_one_with_the_smallest_error(accuracy):
    results = [json.loads(p.read_text()) for p in (RUN.parent / "results").glob("burgers-*.json")]
    best, found = min(results, key=lambda r: r["relative_l2"]), accuracy.measured()["burgers"]
    assert found["relative_l2"] == best["relative_l2"]
    assert found["command"] == f"python -m pinn.run burgers --seconds {best['budget']} --seed {best['seed']}"
    assert found["seconds"] <= best["budget"] and found["median_relative_l2"] >= best["relative_l2"]
    assert found["machine"] and found["date"]


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
