"""`pinn new`: what it writes checks clean and runs, and nothing is overwritten."""

import itertools
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pinn.commands.check import check
from pinn.commands.new import main
from pinn.config import problem_from_text
from pinn.run import main as run
from pinn.templates import BOUNDARIES, EQUATIONS, FOOT, Choices, problem_text

ROOT = Path(__file__).parent.parent
NAMES = (("u",), ("u", "v"), ("a", "b", "c"))
COMBINATIONS = [
    Choices("trial", kind, names, dimensions, boundary, order)
    for (kind, order), names in itertools.product(EQUATIONS, NAMES)
    for dimensions in ((0,) if kind == "ode" else (1, 2))
    for boundary in (BOUNDARIES[:1] if kind == "ode" else BOUNDARIES)
]


def label(choices):
    return f"{choices.kind}{choices.order}-{choices.dimensions}d-{choices.boundary}-{len(choices.unknowns)}"


@pytest.mark.parametrize("choices", COMBINATIONS, ids=label)
def test_every_combination_checks_clean(choices, tmp_path):
    path = tmp_path / "trial.yaml"
    path.write_text(problem_text(choices))
    report = check(str(path))
    assert report["ok"], report["error"]
    assert [f["sentence"] for f in report["findings"] if f["level"] == "warning"] == []
    problem = problem_from_text(path.read_text())
    assert problem.unknowns == choices.unknowns
    assert len(problem.domain.periodic) == (choices.dimensions if choices.boundary == "periodic" else 0)
    for name in choices.unknowns:
        assert problem.order("t", name) == choices.order if choices.order else "t" not in problem.coordinates
    assert max(map(len, path.read_text().splitlines())) <= 120


def test_what_is_commented_out_may_be_written():
    """The keys in comments are read as they stand; the formulas are for the user to write."""
    lines = [line[2:] for line in FOOT.splitlines() if line.startswith("# ") and ": {" in line]
    keys = [line for line in lines if "..." not in line and "data.csv" not in line]
    assert len(lines) == 6 and len(keys) == 3
    plain = problem_text(COMBINATIONS[0])
    assert problem_from_text(plain + "\n".join(keys)).settings["training"] == {"seconds": 180, "seed": 0}
    assert all("kind" in YAML(typ="safe").load(line)["reference"] for line in lines if line.startswith("reference"))


def test_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["fisher", "--boundary", "neumann", "--unknowns", "u, v"]) == 0
    assert capsys.readouterr().out.startswith("wrote fisher.yaml\nnext: pinn check fisher.yaml")
    assert check("fisher.yaml")["ok"] and "name: fisher " in (tmp_path / "fisher.yaml").read_text()
    assert main(["--name", "other"]) == 0 and (tmp_path / "other.yaml").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fisher.yaml", "other.yaml"]


def test_an_existing_file_stays(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text("my work\n")
    assert main([str(path)]) == 2
    assert "mine.yaml: exists. Give another FILE, or --force" in capsys.readouterr().err
    assert path.read_text() == "my work\n"
    assert main([str(path), "--force"]) == 0
    assert check(str(path))["ok"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--kind", "ode", "--boundary", "periodic"], "--boundary: an ode is in time alone"),
        (["--kind", "ode", "--dimensions", "1"], "--dimensions: an ode is in time alone"),
        (["--kind", "steady", "--order-in-time", "1"], "--order-in-time: a steady problem has no time"),
        (["--unknowns", "u,x"], "--unknowns: 'x' is already one of the coordinates"),
        (["--unknowns", "u,u"], "--unknowns: names 'u' twice"),
        (["--unknowns", ""], "--unknowns: "),
        (["--unknowns", "u]\nsource: [v"], "--unknowns: "),
        (["--name", "a b"], "--name: 'a b': use letters"),
        (["--name", "a\ntitle: b"], "--name: 'a\\ntitle: b': use letters"),
        (["--name", "true"], "--name: 'True': should be text"),
        (["a b.yaml"], "FILE: 'a b': use letters"),
        (["missing/mine.yaml"], "missing/mine.yaml: cannot be written: No such file or directory"),
    ],
)
def test_wrong_choices(argv, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def in_a_terminal(folder, answers):
    """Run `pinn new` with a terminal for its input and output; return exit code and what it printed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pinn", "new"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    os.close(theirs)
    os.write(ours, answers.encode())
    printed = b""
    try:
        while chunk := os.read(ours, 4096):
            printed += chunk
    except OSError:  # how Linux says that the other end was closed
        pass
    os.close(ours)
    return process.wait(), printed.decode()


def test_questions_on_a_terminal(tmp_path):
    code, printed = in_a_terminal(tmp_path, "waves\n\n3\n2\nperiodic\n\n2\n")
    assert code == 0, printed
    assert "please one of 1, 2" in printed and "wrote waves.yaml" in printed
    problem = problem_from_text((tmp_path / "waves.yaml").read_text())
    assert (problem.domain.periodic, problem.order("t", "u")) == (("x", "y"), 2)
    code, printed = in_a_terminal(tmp_path, "more\n\x04")  # the end of input
    assert code == 130 and "nothing written" in printed
    assert [p.name for p in tmp_path.iterdir()] == ["waves.yaml"]


QUICK = (
    "training.windows=1", "training.stages=[{optimizer: gauss_newton, steps: 3}]", "network.width=4",
    "sampling.equations=50", "sampling.conditions=20", "sampling.held_out=100", "evidence={estimate: false, bound: false}",
)  # fmt: skip


def is_tried(choices):
    """One unknown of each combination, and two where that is another system of equations."""
    return len(choices.unknowns) == 1 or (len(choices.unknowns) == 2 and label(choices).find("1d-dirichlet") > 0)


@pytest.mark.slow
@pytest.mark.parametrize("choices", [c for c in COMBINATIONS if is_tried(c)], ids=label)
def test_every_combination_runs(choices, tmp_path):
    """Few steps of a small network: what is asked is that all parts of a run know what to do with the file."""
    path, quick = tmp_path / "trial.yaml", [part for key in QUICK for part in ("--set", key)]
    path.write_text(problem_text(choices))
    dear = choices.kind == "evolution" and choices.dimensions == 2  # minutes of classical methods
    quick += ["--set", "reference={kind: none}"] if dear else []
    assert run([str(path), "--quiet", "--out", str(tmp_path / "run"), *quick]) == 0
    summary = (tmp_path / "run" / "summary.json").read_text()
    assert '"status": "done"' in summary and ('"kind": "spectral"' in summary) == (not dear)
