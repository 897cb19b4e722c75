"""`pinn compare`: several runs side by side, whole, damaged or not finished; and the reading of run folders."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import HEAT

from pinn.commands.compare import main
from pinn.plain import flat
from pinn.report.columns import plain_columns
from pinn.runs import differing, read_run
from pinn.settings import make_settings
from pinn.yaml_text import dump_yaml, parse_yaml

SECTIONS = ("network", "sampling", "training", "evidence")


def fake_run(folder, text=HEAT, overrides=(), seconds=12.5, status="done", **changes):
    """Write a run folder as a run does, with numbers of our own."""
    folder.mkdir()
    data, _ = parse_yaml(text, "x")
    settings = make_settings({s: data.get(s, {}) for s in SECTIONS}).model_dump()
    (folder / "problem.yaml").write_text(text)
    kept = {"built_in_python": None, "overrides": list(overrides), "folder": "", "settings": settings}
    (folder / "settings.yaml").write_text(dump_yaml(kept))
    same = {"window": 0, "attempt": 0, "stage": 0, "span": [0.0, 1.0], "held_out": None}
    records = [{"step": k, "seconds": 1.0 * k, "loss": 10.0**-k, **same} for k in range(1, 6)]
    (folder / "log.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    by_time = np.linspace(0, 1e-5, 11).tolist()
    summary = {
        "problem": data["name"], "status": status, "message": "all stages are through",
        "errors": {"u": {"relative_l2": 1.25e-5, "linf": 1e-4, "l2_by_time": by_time}}, "estimate": None,
        "held_out": {"pde": {"rms": 2e-6, "max": 1e-5}, "initial": {"rms": 1e-9, "max": 1e-9}},
        "seconds": {"total": seconds, "earlier": 0.5}, "steps": 5, "windows": [0.0, 1.0], **changes,
    }  # fmt: skip
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def rows_of(printed, first="run "):
    """Cut a plain table into cells, by two spaces or more."""
    lines = printed.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith(first))
    return [[c.strip() for c in line.split("  ") if c.strip()] for line in lines[start:]]


def test_a_table_of_two_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fake_run(tmp_path / "a")
    wide = HEAT.replace("width: 8", "width: 12")
    guess = {"u": {"relative_l2": 3.5e-4, "uncertainty": 0.1}}
    fake_run(tmp_path / "b", wide, ["parameters.k=0.2"], errors=None, estimate=guess)
    assert main(["a", "b"]) == 0
    head, first, second = rows_of(capsys.readouterr().out)[:3]
    assert head == [
        "run", "problem", "status", "error of u", "held-out residual", "seconds", "steps", "parameters.k", "network.width"
    ]  # fmt: skip
    assert first == ["a", "small_heat", "done", "1.25e-05", "2.00e-06 (pde)", "13.0", "5", "0.1", "8"]
    assert second == ["b", "small_heat", "done", "(3.50e-04)", "2.00e-06 (pde)", "13.0", "5", "0.2", "12"]


def test_many_differing_settings_have_a_table_of_their_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fake_run(tmp_path / "a")
    other = HEAT.replace("width: 8, depth: 2", "width: 9, depth: 3").replace("200", "201").replace("50,", "51,")
    fake_run(tmp_path / "b", other.replace("steps: 20", "steps: 30"))
    assert main(["a", "b"]) == 0
    rows = rows_of(capsys.readouterr().out, "setting")
    assert rows[0] == ["setting", "a", "b"] and ["network.width", "8", "9"] in rows
    assert ["training.stages[0].steps", "20", "30"] in rows and len(rows) == 6


def test_different_problems_are_compared_and_it_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fake_run(tmp_path / "a")
    fake_run(tmp_path / "b", HEAT.replace("name: small_heat", "name: other").replace("k: 0.1", "k: 0.3"))
    assert main(["a", "b"]) == 0
    printed = capsys.readouterr().out
    assert "different problems (small_heat, other)" in printed
    assert "parameters.k" not in printed, "entries of two problems are not compared"


def test_runs_that_did_not_end_well(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    nothing = {"errors": None, "held_out": None}
    fake_run(tmp_path / "stopped", status="interrupted", message="stopped by the user", **nothing)
    residuals = {"initial": {"rms": 1.0, "max": 2.0}, "pde": {"rms": None, "max": None}}
    fake_run(tmp_path / "nan", status="failed", message="a number", held_out=residuals)
    (fake_run(tmp_path / "killed") / "summary.json").unlink()
    (fake_run(tmp_path / "cut") / "summary.json").write_text('{"status": "do')
    (fake_run(tmp_path / "strange") / "summary.json").write_text('{"status": "done", "errors": {"u": 3}}')
    (fake_run(tmp_path / "torn") / "settings.yaml").write_text("{")
    with (fake_run(tmp_path / "log") / "log.jsonl").open("a") as file:
        file.write('{"step": 6, "los')
    names = ["stopped", "nan", "killed", "cut", "strange", "torn", "log"]
    assert main([*names, "--out", "all.png"]) == 0
    printed = capsys.readouterr().out
    statuses = [row[2] for row in rows_of(printed)[1 : len(names) + 1]]
    assert statuses == ["interrupted", "failed", "unfinished", "damaged", "damaged", "damaged", "done"]
    assert "killed is unfinished: no summary; the log ends after step 5" in printed
    assert "cut is damaged: summary.json cannot be read." in printed
    assert "strange is damaged: summary.json is not the summary of a run." in printed
    assert "torn is damaged: settings.yaml or problem.yaml: is not YAML" in printed
    assert "nan (pde)" in printed, "a residual that is no number is the largest"
    assert len(read_run(tmp_path / "log").log) == 5


def test_json(tmp_path, capsys):
    fake_run(tmp_path / "a")
    fake_run(tmp_path / "b", HEAT.replace("width: 8", "width: 12"))
    assert main([str(tmp_path / "a"), str(tmp_path / "b"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["remarks"] == []
    assert found["runs"][1]["settings"] == {"network.width": 12}
    first = {k: v for k, v in found["runs"][0].items() if k not in ("run", "message", "settings")}
    assert first == {
        "problem": "small_heat", "status": "done", "error": {"u": 1.25e-5}, "estimated": False,
        "held_out": {"pde": 2e-6, "initial": 1e-9}, "seconds": 13.0, "steps": 5,
    }  # fmt: skip


def test_the_figure_has_a_curve_per_run(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    monkeypatch.chdir(tmp_path)
    for name in ("a", "_b$"):
        fake_run(tmp_path / name)
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **options: drawn.append(self))
    assert main(["a", "_b$", "--out", "x.png"]) == 0
    loss, by_step, by_time = drawn[0].axes
    for curve in loss.lines[0], by_step.lines[0]:
        np.testing.assert_array_equal(curve.get_xydata(), [[k, 10.0**-k] for k in range(1, 6)])
    assert len(by_time.lines) == 2
    np.testing.assert_allclose(by_time.lines[1].get_xdata(), np.linspace(0, 1, 11))
    assert [t.get_text() for t in drawn[0].legends[0].get_texts()] == ["a", r" _b\$"]


BAD = {
    ("nowhere",): "is not the folder of a run",
    ("empty",): "is not the folder of a run",
    ("a", "file"): "is not the folder of a run",
    ("a", "--out", "file.png"): "exists already",
    ("a", "--out", "no/where.png"): "there is no folder no",
    ("a", "--out", "x.txt"): "ends in one of .png, .pdf, .svg",
    ("a" * 300,): "is not the folder of a run",
}


@pytest.mark.parametrize("arguments", BAD, ids=lambda a: " ".join(a)[:30])
def test_bad_arguments(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fake_run(tmp_path / "a")
    (tmp_path / "empty").mkdir()
    for name in ("file", "file.png"):
        (tmp_path / name).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert main(list(arguments)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and BAD[arguments] in error
    assert sorted(tmp_path.rglob("*")) == before and (tmp_path / "file.png").read_text() == "mine"


def test_settings_that_one_run_does_not_have(tmp_path):
    a = read_run(fake_run(tmp_path / "a"))
    b = a._replace(settings={k: v for k, v in a.settings.items() if k != "network.width"})
    assert differing([a, b]) == {"network.width": [8, None]}
    assert differing([a, a]) == {} and "training.seed" in flat({"training": {"seed": 1}})


def test_columns():
    assert plain_columns(["a", "bb"], [["xxx", "1"], ["y", "22"]], ["bb"]) == "a    bb\nxxx   1\ny    22"


def test_reading_does_without_jax(tmp_path):
    fake_run(tmp_path / "a")
    code = (
        "import sys; from pinn.__main__ import main\n"
        f"assert main(['compare', {str(tmp_path / 'a')!r}]) == 0 and main(['list']) == 0\n"
        "sys.exit('jax' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, stdout=subprocess.DEVNULL).returncode == 0
