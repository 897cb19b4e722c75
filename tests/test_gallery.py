"""What keeps the gallery: runs that are finished are kept, and the tables say what came out."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pinn.registry import shipped
from pinn.yaml_text import read_yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments" / "gallery"))
import cells
import kept
import table
import thumbnails

GALLERY = Path(kept.__file__).parent

SUMMARY = {
    "problem": "heat", "status": "done", "message": "", "reference": {"kind": "exact", "uncertainty": 2e-16, "method": ""},
    "errors": {"u": {"relative_l2": 1e-8, "linf": 2e-8, "l2_by_time": []}}, "no_reference": None,
    "estimate": {"u": {"relative_l2": 1.1e-8}}, "no_estimate": None, "held_out": {}, "alarms": [], "notes": [], "steps": 3,
    "params": 9, "windows": [0.0, 1.0], "seconds": {"total": 9.0, "evaluate": 2.0}, "versions": {"pinn": "0"},
}  # fmt: skip
# Stands for the interpreter: leaves a summary in the folder after --out, or ends as if it had crashed.
FAKE = """\
#!/bin/sh
while [ "$1" != --out ]; do case "$1" in kdv) echo "error: out of order" >&2; exit 1;; esac; shift; done
mkdir "$2"; cp {summary} "$2/summary.json"; cp {solution} "$2/solution.npz"
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return the script with a program in place of the solver, and everything it writes in a folder of its own."""
    spec = importlib.util.spec_from_file_location("gallery_run", GALLERY / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    program, arrays, summary = tmp_path / "python", tmp_path / "a.npz", tmp_path / "s.json"
    t, x = np.linspace(0, 1, 9), np.linspace(0, 1, 7)
    np.savez(arrays, t=t, x=x, u=np.sin(t[:, None] + x))
    summary.write_text(json.dumps(SUMMARY))
    program.write_text(FAKE.format(summary=summary, solution=arrays))
    program.chmod(0o755)
    monkeypatch.setattr(module.sys, "executable", str(program))
    for one in (kept, module, table):
        monkeypatch.setattr(one, "RESULTS", tmp_path / "results")
    for one in (table, module):
        monkeypatch.setattr(one, "THUMBNAILS", tmp_path / "docs" / "gallery")
    monkeypatch.setattr(table, "PAGE", tmp_path / "docs" / "gallery.md")
    monkeypatch.setattr(table, "HERE", tmp_path)
    monkeypatch.setattr(module, "write_measured", lambda: None)
    (tmp_path / "notes.yaml").write_text("heat: too short\n")
    return module


def test_a_run_is_kept_and_drawn(run, tmp_path):
    run.main(["heat", "--seconds", "5", "--seeds", "0,3"])
    found = json.loads((tmp_path / "results" / "heat-3.json").read_text())
    assert (found["problem"], found["seed"], found["budget"], found["used"]) == ("heat", 3, 5.0, 7.0)
    assert found["command"] == "python -m pinn.run heat --seconds 5 --seed 3"
    assert found["relative_l2"] == 1e-8 and found["errors"]["u"] == {"relative_l2": 1e-8, "linf": 2e-8}
    assert found["estimate"] == {"u": 1.1e-8} and found["reference"]["kind"] == "exact" and found["alarms"] == []
    assert found["machine"] and found["date"] and found["problem_sha256"] == run.problem_sha256(shipped()["heat"])
    assert (tmp_path / "docs" / "gallery" / "heat.png").stat().st_size < 15_000
    assert "| 1.0e-08 | 1.0e-08 | 7 |" in (tmp_path / "README.md").read_text()
    assert "![heat](gallery/heat.png)" in (tmp_path / "docs" / "gallery.md").read_text()


def test_a_finished_run_is_kept_unless_it_is_to_be_run_again(run, tmp_path, capsys):
    run.main(["heat", "--seeds", "0"])
    file = tmp_path / "results" / "heat-0.json"
    old = json.loads(file.read_text()) | {"steps": 77, "problem_sha256": "0" * 64}
    file.write_text(json.dumps(old))
    run.main(["heat", "--seeds", "0"])
    assert json.loads(file.read_text()) == old and "stale" in capsys.readouterr().out
    row = table.row("heat", kept.asked()["heat"], None)
    assert "stale, the file has changed since: seed 0" in row["remarks"] and row["median"] == "1.0e-08"
    run.main(["heat", "--seeds", "0", "--again"])
    assert json.loads(file.read_text())["steps"] == 3


def test_one_that_crashes_stops_no_other_and_is_tried_again(run, tmp_path):
    with pytest.raises(SystemExit, match="crashed: kdv, seed 0"):
        run.main(["kdv", "heat", "--seeds", "0"])
    crashed, file = json.loads((tmp_path / "results" / "kdv-0.json").read_text()), tmp_path / "results" / "kdv-0.json"
    assert crashed["status"] == "crashed" and "out of order" in crashed["message"]
    assert (tmp_path / "results" / "heat-0.json").exists() and "crashed" in (tmp_path / "README.md").read_text()
    assert kept.finished("kdv", 0) is None
    good = crashed | run.of_summary(SUMMARY)
    file.write_text(json.dumps(good))
    run.main(["kdv", "--seeds", "0", "--again"])  # what was finished outlives a later crash
    assert json.loads(file.read_text()) == good


def test_a_run_that_hangs_is_ended(run):
    import subprocess

    process = subprocess.Popen(["sleep", "60"])
    memory, code = run._wait(process, 0.3)
    assert "none after" in code and process.poll() is not None and memory == 0


def test_wrong_names_are_refused(run, capsys):
    with pytest.raises(SystemExit) as caught:
        run.main(["het"])
    assert caught.value.code == 2 and "unknown problem het" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["heat", "--seconds", "0"], "'0' is no number of seconds above zero"),
        (["heat", "--seconds", "nan"], "'nan' is no number of seconds above zero"),
        (["heat", "--seconds", "soon"], "'soon' is no number of seconds above zero"),
        (["heat", "--seeds", "a"], "'a' are no whole numbers from 0 on"),
        (["heat", "--seeds", "-1"], "'-1' are no whole numbers from 0 on"),
        (["heat", "--table"], "--table runs nothing, and stands alone"),
        (["--table", "--again"], "--table runs nothing, and stands alone"),
    ],
)
def test_wrong_arguments_are_refused(run, tmp_path, capsys, arguments, words):
    with pytest.raises(SystemExit) as caught:
        run.main(arguments)
    assert caught.value.code == 2 and words in capsys.readouterr().err
    assert not (tmp_path / "results").exists() and not (tmp_path / "README.md").exists()


def result(**changed):
    from measured import problem_sha256

    return {
        "problem": "heat", "seed": 0, "budget": 60.0, "status": "done", "relative_l2": 1e-8, "used": 9.0, "alarms": [],
        "reference": {"uncertainty": 1e-16}, "no_reference": None, "estimate": None, "machine": "m", "date": "d", "notes": [],
        "problem_sha256": problem_sha256(shipped()["heat"]),
    } | changed  # fmt: skip


@pytest.mark.parametrize(
    ("errors", "cells", "words"),
    [
        ((), {"median": "", "asked": "1e-07 in 60 s"}, "not run"),
        ((1e-8, 1e-9, 1e-10), {"median": "1.0e-09", "worst": "1.0e-08", "asked": "1e-07 in 60 s: met"}, "below the published best"),
        ((1e-8, 1e-9, 1e-6), {"asked": "1e-07 in 60 s: missed"}, "misses the figure asked, though not in the median"),
        ((1e-6, 1e-6, 1e-6), {"asked": "1e-07 in 60 s: missed"}, "misses the published best; because"),
        ((1e-8,), {"worst": "", "asked": "1e-07 in 60 s: met by seed 0"}, "seed 1: not run; seed 2: not run"),
    ],
)  # fmt: skip
def test_rows_say_what_is_met(run, tmp_path, errors, cells, words):
    (tmp_path / "results").mkdir()
    for seed, error in enumerate(errors):
        (tmp_path / "results" / f"heat-{seed}.json").write_text(json.dumps(result(seed=seed, relative_l2=error)))
    entry = {
        "seconds": 60,
        "target": 1e-7,
        "published": {"error": 2e-7, "how": "x", "source": "y", "second_hand": True},
    }
    row = table.row("heat", entry, "because")
    assert {k: row[k] for k in cells} == cells and words in row["remarks"]
    assert row["best published"] == "2.00e-07: x; y; *as reported by others*"
    assert row["conditions"] == "`u = sin(pi*x)` at `t=0`<br>`u = 0` at `x=0`, `x=1`"
    assert "no reason" not in row["remarks"]
    without = table.row("heat", entry, None)["remarks"]
    assert ("no reason is known yet" in without) == ("because" in row["remarks"])
    other = table.row("heat", {"seconds": 60, "published": entry["published"] | {"differs": "z"}}, None)
    assert "published best" not in other["remarks"] and "another problem: z" in other["best published"]


def test_what_is_asked_may_be_asked_of_each_unknown(run, tmp_path):
    (tmp_path / "results").mkdir()
    errors = {n: {"relative_l2": e, "linf": 1.0} for n, e in (("u", 1e-4), ("v", 1e-3))}
    (tmp_path / "results" / "heat-0.json").write_text(json.dumps(result(relative_l2=1e-3, errors=errors)))

    def asked(**target):
        return table.row("heat", {"seconds": 60, "target": target}, None)["asked"]

    assert asked(u=2e-4, v=2e-3) == "u 2e-04, v 2e-03 in 60 s: met by seed 0"
    assert asked(u=5e-5, v=2e-3) == "u 5e-05, v 2e-03 in 60 s: missed"
    assert asked(u=2e-4, v=5e-4).endswith("missed")


@pytest.mark.parametrize(("missing", "in_the_median"), [(1, False), (2, True)])
def test_a_median_that_misses_one_of_the_unknowns_misses(run, tmp_path, missing, in_the_median):
    (tmp_path / "results").mkdir()
    for seed in range(3):
        errors = {n: {"relative_l2": e, "linf": 1.0} for n, e in (("u", 5e-4 if seed < missing else 1e-4), ("v", 1e-3))}
        one = result(seed=seed, relative_l2=1e-3, errors=errors)
        (tmp_path / "results" / f"heat-{seed}.json").write_text(json.dumps(one))
    told = table.row("heat", {"seconds": 60, "target": {"u": 2e-4, "v": 2e-3}}, None)["remarks"]
    assert "misses the figure asked" in told and ("though not in the median" in told) != in_the_median


def test_what_is_stale_or_missing_is_not_counted(run, tmp_path):
    (tmp_path / "results").mkdir()
    for seed, sha in enumerate((result()["problem_sha256"], "0" * 64)):
        (tmp_path / "results" / f"heat-{seed}.json").write_text(json.dumps(result(seed=seed, problem_sha256=sha)))
    rows = {"heat": {"asked": "1e-07 in 60 s: missed"}, "wave": {"asked": "1e-07 in 60 s: met"}}
    told = table.counts(rows | {"poisson": {"asked": "1e-09 in 60 s: met by seed 0"}})
    assert " 1 are here" in told and "asked of 3 problems: 1 meet it with all seeds; heat miss it." in told


def test_an_error_near_what_is_published_is_not_called_below_it(run, tmp_path):
    (tmp_path / "results").mkdir()
    entry = {"seconds": 60, "published": {"error": 2e-7, "how": "x", "source": "y"}}
    for uncertainty, said in ((1e-9, "below the published best"), (5e-8, "near the published best")):
        one = result(relative_l2=1.9e-7, reference={"kind": "kdv", "uncertainty": uncertainty})
        (tmp_path / "results" / "heat-0.json").write_text(json.dumps(one))
        assert said in table.row("heat", entry, None)["remarks"]


def test_rows_say_what_is_odd(run, tmp_path):
    (tmp_path / "results").mkdir()
    odd = {
        "alarms": ["overfitting: 3 times larger. More points.", "!"],
        "status": "failed",
        "reference": {"uncertainty": 1e-8},
    }
    (tmp_path / "results" / "heat-0.json").write_text(json.dumps(result(**odd)))
    said = table.row("heat", {"seconds": 60}, None)["remarks"]
    assert (
        "seed 0 rings an alarm: overfitting: 3 times larger; and 1 more" in said
        and "seed 0: failed" in said
        and "the reference is uncertain by 1.0e-08" in said
    )
    unknown = {"relative_l2": None, "reference": None, "no_reference": "chaos", "estimate": {"u": 1e-5}}
    (tmp_path / "results" / "heat-0.json").write_text(json.dumps(result(**unknown)))
    assert "no reference (chaos); estimated error 1.0e-05" in table.row("heat", {"seconds": 60}, None)["remarks"]


def test_no_error_is_below_what_the_reference_can_tell(run, tmp_path):
    (tmp_path / "results").mkdir()
    for seed, error in enumerate((1e-9, 3e-8)):
        one = result(
            seed=seed, relative_l2=error, reference={"uncertainty": 2e-8}, date=f"day {seed}", machine="ab"[seed]
        )
        one["notes"] = ["the window from t=0 to 1 is left with a loss of 1e-03, much above those before it", "else"]
        (tmp_path / "results" / f"heat-{seed}.json").write_text(json.dumps(one))
        row = table.row("heat", {"seconds": 60, "published": {"error": 1e-6, "how": "x", "source": "y"}}, None)
        assert row["median"] == ("< 2.0e-08", "3.0e-08")[seed], "of two the larger"
    assert row["run"] == "day 0 A, day 1 B" and "below the published best by seed 0, 1" in row["remarks"]
    assert "seed 0 left 1 window with a large loss" in row["remarks"]
    assert "< 2.0e-08" not in table.page() and "3.0e-08" in table.page()


def test_numbers_have_no_more_digits_than_they_need():
    assert [cells.short(v) for v in (3e7, 1e4, 1.5171645990507545, 5, "pi")] == [
        "3e+07", "10000", "1.5171645990507545", "5", "pi",
    ]  # fmt: skip


def test_what_is_published_is_of_shipped_problems():
    known = read_yaml(GALLERY / "published.yaml")
    assert set(known) <= set(shipped()) and set(read_yaml(GALLERY / "notes.yaml")) <= set(shipped())
    for name, entry in known.items():
        assert set(entry) <= {"origin", "seconds", "asked", "target", "published"}, name
        if published := entry.get("published"):
            assert {"error", "how", "source"} <= set(published) <= {"error", "how", "source", "second_hand", "differs"}
            assert 0 < published["error"] < 1 and "  " not in published["source"]


def test_the_tables_are_those_of_the_results():
    """After new results or problems: python experiments/gallery/run.py --table"""
    readme, page = table.readme(), table.page()
    assert (GALLERY / "README.md").read_text() == readme
    assert table.PAGE.read_text() == page
    for name in shipped():
        assert f"[{name}](" in readme and f"**{name}**" in page


def test_every_problem_has_a_small_picture():
    pictures = {p.stem: p.stat().st_size for p in kept.THUMBNAILS.glob("*.png")}
    assert set(pictures) == set(shipped()) and max(pictures.values()) < 15_000, pictures


@pytest.mark.parametrize("coordinates", ["t", "x", "tx", "xt", "xy", "txy", "xytzw"])
def test_any_solution_can_be_drawn(tmp_path, coordinates):
    grid = {c: np.linspace(0, 1, 300 if len(coordinates) < 3 else 12) for c in coordinates}
    mesh = np.meshgrid(*grid.values(), indexing="ij")
    rough = np.random.default_rng(0).normal(size=mesh[0].shape)  # the hardest to make small
    u = np.sin(9 * sum((k + 1) * m for k, m in enumerate(mesh))) + 0.01 * rough
    np.savez(tmp_path / "s.npz", **grid, u=u, v=0 * u)
    said = f"coordinates: {{{', '.join(f'{c}: [0, 1]' for c in coordinates)}}}\nunknowns: [u, v]\n"
    (tmp_path / "p.yaml").write_text(said)
    thumbnails.draw(tmp_path / "s.npz", tmp_path / "p.yaml", tmp_path / "new" / "p.png")
    image = Image.open(tmp_path / "new" / "p.png")
    assert image.size == (thumbnails.WIDTH, thumbnails.HEIGHT)
    assert (tmp_path / "new" / "p.png").stat().st_size < 25_000 and len(image.convert("RGB").getcolors()) > 2


def test_a_figure_is_judged_by_runs_in_its_time_and_by_unknown(run, tmp_path):
    (tmp_path / "results").mkdir()
    errors = {"u": {"relative_l2": 1e-9}, "v": {"relative_l2": 1e-8}}
    for seed, budget in enumerate((60, 60, 61)):
        kept_run = result(seed=seed, budget=budget, errors=errors)
        (tmp_path / "results" / f"heat-{seed}.json").write_text(json.dumps(kept_run))
    row = table.row("heat", {"seconds": 60, "target": 1e-7}, None)
    assert row["asked"] == "1e-07 in 60 s: met by seed 0, 1", "the third had more time"
    row = table.row("heat", {"seconds": 60, "target": {"u": 1e-8, "v": 1e-9}}, None)
    assert row["asked"].endswith(": missed") and row["remarks"].startswith("u 1.0e-09, v 1.0e-08")
    assert table.row("heat", {"seconds": 30, "target": 1e-7}, None)["asked"] == "1e-07 in 30 s"


def test_all_first_seeds_come_before_the_second_ones_in_their_own_time(run, tmp_path, capsys):
    run.main(["heat", "wave", "--seeds", "0,1"])
    told = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert told == ["heat, seed 0", "wave, seed 0", "heat, seed 1", "wave, seed 1"]
    for name in ("heat", "wave"):
        assert (
            json.loads((tmp_path / "results" / f"{name}-0.json").read_text())["budget"] == kept.asked()[name]["seconds"]
        )


def test_a_picture_is_that_of_the_first_seed(run, tmp_path):
    run.main(["heat", "--seeds", "0"])
    picture = tmp_path / "docs" / "gallery" / "heat.png"
    picture.write_bytes(b"kept")
    run.main(["heat", "--seeds", "1"])
    run.main(["heat", "--seeds", "1", "--again"])
    assert picture.read_bytes() == b"kept"
    run.main(["heat", "--seeds", "0", "--again"])
    assert picture.read_bytes() != b"kept"
    assert "![heat](gallery/heat.png)" in table.page() and "![wave]" not in table.page(), "where there is none"


def test_an_interruption_ends_it_and_keeps_what_is_there(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run, "measure", lambda *_: {"status": "interrupted"})
    with pytest.raises(SystemExit, match="130"):
        run.main(["heat", "wave", "--seeds", "0"])
    assert "stopped; what is finished is kept" in capsys.readouterr().err
    assert not (tmp_path / "results").exists() and (tmp_path / "README.md").exists()


def test_an_error_of_an_older_file_is_called_so_and_counts_no_more_beside_a_new_one(run, tmp_path):
    (tmp_path / "results").mkdir()
    old = result(seed=0, relative_l2=1e-3, problem_sha256="0" * 64)
    (tmp_path / "results" / "heat-0.json").write_text(json.dumps(old))
    entry = {"seconds": 60, "target": 1e-7}
    row = table.row("heat", entry, None)
    assert row["median"] == "1.0e-03" and row["asked"] == "1e-07 in 60 s", "neither met nor missed"
    assert "1.0e-03 before" in table.page()
    for seed, used in ((1, 9.0), (2, 11.0)):
        (tmp_path / "results" / f"heat-{seed}.json").write_text(json.dumps(result(seed=seed, used=used)))
    row = table.row("heat", entry, None)
    assert (row["median"], row["worst"]) == ("1.0e-08", "1.0e-08") and row["asked"].endswith("met by seed 1, 2")
    assert row["seconds"] == "11" and "before" not in table.page().partition("**heat**")[2].partition("\n")[0]
