"""`pinn predict`: points from a csv file, their answers, and what is refused."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from untrained import BOX, untrained_run

import pinn
from pinn.commands.predict import main

POINTS = 'label, x,t\na,0.5,0.25\n\n"b, c",1,1e0\n'


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from conftest import HEAT

    return untrained_run(tmp_path_factory.mktemp("run") / "heat", HEAT)


def points_file(folder, text):
    path = folder / "points.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_unknowns_and_derivatives_are_added(run, tmp_path, capsys):
    points = points_file(tmp_path, "\ufeff" + POINTS)
    assert main([str(run), points, "--derivatives", "u_x, u_tx"]) == 0
    printed = capsys.readouterr()
    rows = list(csv.reader(io.StringIO(printed.out)))
    assert printed.err == ""
    assert rows[0] == ["label", "x", "t", "u", "u_x", "u_tx"]
    assert [row[:3] for row in rows[1:]] == [["a", "0.5", "0.25"], ["b, c", "1", "1e0"]]
    solution, at = pinn.load_solution(run), {"t": [0.25, 1], "x": [0.5, 1]}
    for k, name in enumerate(rows[0][3:], 3):
        np.testing.assert_allclose(
            [float(row[k]) for row in rows[1:]], solution.partial(name)(**at), rtol=1e-12, atol=1e-14
        )


def test_into_a_file(run, tmp_path, capsys):
    points, out = points_file(tmp_path, POINTS), tmp_path / "out.csv"
    assert main([str(run), points, "--out", str(out)]) == 0
    first = out.read_text()
    assert first.startswith("label,x,t,u\n") and capsys.readouterr().out == ""
    assert main([str(run), points, "--out", str(out)]) == 2
    assert f"error: {out}: exists. Choose another name" in capsys.readouterr().err
    assert main([str(run), points, "--out", str(out), "--force", "--derivatives", "u_t"]) == 0
    assert out.read_text() != first and sorted(p.name for p in tmp_path.iterdir()) == ["out.csv", "points.csv"]
    for wrong, says in ((tmp_path, "is a folder"), (tmp_path / "no" / "x.csv", "there is no folder")):
        assert main([str(run), points, "--out", str(wrong)]) == 2
        assert says in capsys.readouterr().err


def test_points_outside_are_counted_and_answered(run, tmp_path, capsys):
    points = points_file(tmp_path, "t,x\n0.5,0.5\n2,0.5\n0.5,-1\n")
    assert main([str(run), points]) == 0
    printed = capsys.readouterr()
    assert "points.csv: 2 of 3 points lie outside of what was solved (t 0 to 1, x 0 to 1)" in printed.err
    assert len(printed.out.splitlines()) == 4


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "points.csv: is empty; expected a line of names"),
        ("\n \n", "points.csv: is empty"),
        ("t,x\n", "points.csv: holds no points"),
        ("t,y\n1,2\n", "points.csv: there is no column 'x'; the first line names 't', 'y'."),
        ("t;x\n1;2\n", "there is no column 't'; the first line names 't;x'. Cells are separated by commas."),
        ("t,x,x\n1,2,3\n", "points.csv: there are 2 columns 'x'"),
        ("t,x\n0,0\n\n0,half\n", "points.csv:4: column 'x': 'half' is not a finite number"),
        ("t,x\n0,\n", "points.csv:2: column 'x': '' is not a finite number"),
        ("t,x\nnan,0\n", "points.csv:2: column 't': 'nan' is not a finite number"),
        ("t,x\n0,1e999\n", "column 'x': '1e999' is not a finite number"),
        ("t,x\n0,0\n1\n", "points.csv:3: expected 2 cells, as in the first line; got 1."),
        ("t,x,u\n0,0,1\n", "points.csv: the column 'u' would be there twice"),
        (b"t,x\n\xff,0\n", "points.csv: is not a csv file in UTF-8"),
        ('t,x\n"0,0\n', "points.csv: is not a csv file"),
    ],
)
def test_points_that_cannot_be_read(run, tmp_path, capsys, text, says):
    out = tmp_path / "out.csv"
    assert main([str(run), points_file(tmp_path, text), "--out", str(out)]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ") and says in printed.err
    assert not out.exists() and printed.out == ""


def test_other_mistakes(run, tmp_path, capsys):
    points = points_file(tmp_path, POINTS)
    for arguments, says in (
        ([str(run), str(tmp_path / "no.csv")], "no.csv: cannot be read: No such file"),
        ([str(run), str(tmp_path)], "cannot be read: Is a directory"),
        ([str(tmp_path), points], "is not the folder of a run: it holds no checkpoint.npz"),
        ([str(tmp_path / "no"), points], "no such file"),
        ([points, points], "is not a checkpoint, or is damaged"),
        ([str(run), points, "--derivatives", "u_y"], "error: --derivatives u_y: 'u_y' is a derivative of 'u' in 'y'"),
        ([str(run), points, "--derivatives", "u_x,ux"], "unknown name 'ux'. Did you mean 'u_x'?"),
        ([str(run), points, "--derivatives", ""], "unknown name ''"),
    ):
        assert main(arguments) == 2
        assert says in capsys.readouterr().err


def test_runs_that_did_not_end(tmp_path, heat_text, capsys):
    folder = untrained_run(tmp_path / "run", heat_text, finished=False)
    points = points_file(tmp_path, POINTS)
    assert main([str(folder), points]) == 0
    printed = capsys.readouterr()
    assert (
        printed.err == "note: the run was interrupted, or still goes on: the values are those of its last checkpoint.\n"
    )
    assert len(printed.out.splitlines()) == 3
    assert pinn.load_solution(folder).status == "interrupted"
    (folder / "summary.json").write_text(json.dumps({"status": "failed"}))
    assert main([str(folder), points]) == 0 and "note: the run failed: " in capsys.readouterr().err
    for text, says in (("{", "summary.json: cannot be read"), ("[]", "is not the summary of a run")):
        (folder / "summary.json").write_text(text)
        assert main([str(folder), points]) == 2 and says in capsys.readouterr().err


def test_a_run_whose_windows_do_not_reach_the_end(tmp_path, heat_text, capsys):
    folder = untrained_run(tmp_path / "run", heat_text.replace("windows: 1", "windows: 4"))
    assert main([str(folder), points_file(tmp_path, "t,x\n0.2,0.5\n0.3,0.5\n")]) == 0
    said = capsys.readouterr().err
    assert (
        "note: the run's time was up: the values are those of its last checkpoint, which reaches t=0.25 of 1." in said
    )
    assert "1 of 2 points lie outside of what was solved (t 0 to 0.25" in said


def test_as_a_command(run, tmp_path):
    """From stdin, to a reader that leaves early."""
    many = "t,x\n" + "0.5,0.5\n" * 30_000
    command = f"{sys.executable} -m pinn predict {run} - | head -n 2"
    done = subprocess.run(command, shell=True, input=many, capture_output=True, text=True, check=False)
    assert done.stderr == "" and done.stdout.startswith("t,x,u\n0.5,0.5,")
    assert len(done.stdout.splitlines()) == 2


def test_a_parameter_of_a_family_outside_its_range_is_refused_with_its_line(tmp_path, capsys):
    family = BOX.replace("x: [0, 1]", "x: [0, 1], n: [1, 2]").replace("u_t = u_xx", "u_t = n*u_xx")
    run = untrained_run(tmp_path / "box", family)
    points = points_file(tmp_path, "x,n,t,y\n0.5,1,1,0\n\n0.5,3,1,0\n")
    assert main([str(run), points]) == 2
    said = capsys.readouterr()
    assert "points.csv:4: n: '3': no equation differentiates by n" in said.err and said.out == ""
