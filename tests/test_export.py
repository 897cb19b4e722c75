"""`pinn export`: every format read back by a program that is not this one."""

import base64
import csv
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import numpy as np
import pytest
from untrained import BOX, untrained, untrained_run

import pinn
from pinn.commands import export as command
from pinn.commands.export import main
from pinn.errors import ProblemError
from pinn.export import FORMATS, export, uniform_grid

T, X = np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.25, 0.75, 1.0])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from conftest import HEAT

    return untrained_run(tmp_path_factory.mktemp("run") / "heat", HEAT)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def box():
    return untrained(pinn.problem_from_text(BOX))


def values_of(run):
    return pinn.load_solution(run)(t=T[:, None], x=X)


def read_vtr(path):
    """Read a rectilinear grid by the rules of the format."""
    root = ElementTree.parse(path).getroot()
    assert root.attrib == {
        "type": "RectilinearGrid",
        "version": "1.0",
        "byte_order": "LittleEndian",
        "header_type": "UInt64",
    }

    def arrays(tag):
        out = {}
        for array in root.find(f"RectilinearGrid/Piece/{tag}"):
            data = base64.b64decode(array.text)
            assert array.get("format") == "binary" and int.from_bytes(data[:8], "little") == len(data) - 8
            out[array.get("Name")] = np.frombuffer(data[8:], {"Float64": "<f8", "Float32": "<f4"}[array.get("type")])
        return out

    axes = arrays("Coordinates")
    extent = root.find("RectilinearGrid").get("WholeExtent")
    assert extent == root.find("RectilinearGrid/Piece").get("Extent")
    assert extent == " ".join(f"0 {len(axis) - 1}" for axis in axes.values()) and len(axes) == 3
    shape = [len(axis) for axis in axes.values()][::-1]  # x runs fastest
    return axes, {name: values.reshape(shape) for name, values in arrays("PointData").items()}


def test_npz(run, tmp_path, capsys):
    assert main([str(run), "--format", "npz"]) == 0
    assert capsys.readouterr().out.startswith(
        "wrote small_heat.npz: u, u_reference on 3 x 4 points in t, x; open it with"
    )
    with np.load(tmp_path / "small_heat.npz", allow_pickle=False) as arrays:
        assert sorted(arrays.files) == ["t", "u", "u_reference", "x"]
        np.testing.assert_array_equal(arrays["x"], X)
        np.testing.assert_array_equal(arrays["u_reference"], np.full((3, 4), 0.5))
        np.testing.assert_allclose(arrays["u"], values_of(run), rtol=1e-13)


def test_csv(run, tmp_path):
    assert main([str(run), "--format", "csv", "--out", "a.csv"]) == 0
    header, *rows = csv.reader((tmp_path / "a.csv").read_text().splitlines())
    table = np.array(rows, float)
    assert header == ["t", "x", "u", "u_reference"] and len(rows) == 12
    np.testing.assert_array_equal(table[:, :2], [(t, x) for t in T for x in X])
    np.testing.assert_allclose(table[:, 2].reshape(3, 4), values_of(run), rtol=1e-13)


def test_vtk_of_one_space_and_time(run, tmp_path, capsys):
    assert main([str(run), "--format", "vtk"]) == 0
    assert "open it in ParaView, where X is x, Y is t" in capsys.readouterr().out
    axes, fields = read_vtr(tmp_path / "small_heat.vtr")
    assert list(axes) == ["x", "t", "axis2"] and list(fields) == ["u", "u_reference"]
    np.testing.assert_array_equal(axes["t"], T)
    np.testing.assert_allclose(fields["u"][0], values_of(run), rtol=1e-13)


def test_vtk_of_two_spaces_and_time(box, tmp_path):
    grid = uniform_grid(box.problem, {"t": 3, "x": 4, "y": 5})
    path, _ = export(box, "vtk", "some & <box>.pvd", grid=grid)
    sets = ElementTree.parse(path).getroot().findall("Collection/DataSet")
    assert [float(s.get("timestep")) for s in sets] == [0, 1, 2]
    for entry in sets:
        axes, fields = read_vtr(tmp_path / entry.get("file"))
        assert list(axes) == ["x", "y", "axis2"] and list(fields) == ["u", "v"]
        expected = box(t=float(entry.get("timestep")), x=axes["x"], y=axes["y"][:, None])
        np.testing.assert_allclose(fields["u"][0], expected["u"], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(fields["v"][0], expected["v"], rtol=1e-12)


def test_a_collection_is_replaced_whole(box, tmp_path):
    few, many = (uniform_grid(box.problem, {"t": n, "x": 2, "y": 2}) for n in (2, 4))
    export(box, "vtk", grid=many)
    (tmp_path / "box.pvd").unlink()
    with pytest.raises(ProblemError, match=r"^box: exists, and is to hold a file per time"):
        export(box, "vtk", grid=few)
    export(box, "vtk", grid=few, force=True)
    assert sorted(p.name for p in (tmp_path / "box").iterdir()) == ["box_0000.vtr", "box_0001.vtr"]
    (tmp_path / "box" / "thesis.tex").touch()
    with pytest.raises(ProblemError, match="it holds other files"):
        export(box, "vtk", grid=few, force=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["box", "box.pvd"]


@pytest.mark.parametrize(
    ("coordinates", "axes"),
    [({"t": (0, 1)}, ["t", "axis1", "axis2"]), ({"y": (0, 1), "x": (0, 1)}, ["x", "y", "axis2"]),
     ({"x": (0, 1)}, ["x", "axis1", "axis2"]), ({"z": (0, 1), "r": (0, 1), "x": (0, 1)}, ["x", "z", "r"])],
)  # fmt: skip
def test_vtk_of_other_shapes(coordinates, axes):
    conditions = {
        f"{c}{v}": {"where": f"{c}={v}", "equation": "u = 1"} for c in coordinates for v in (0, 1)[: 1 + (c != "t")]
    }
    equation = " + ".join(f"u_{c}" if c == "t" else f"u_{c}{c}" for c in coordinates)
    solution = untrained(
        pinn.make_problem("p", coordinates, ["u"], {"e": equation}, conditions, reference={"kind": "none"})
    )
    path, _ = export(
        solution, "vtk", grid=uniform_grid(solution.problem, dict(zip(coordinates, (2, 3, 4), strict=False)))
    )
    found, fields = read_vtr(path)
    assert list(found) == axes
    mesh = np.meshgrid(*(found[c] for c in axes[::-1]), indexing="ij")[::-1]
    at = {name: values for name, values in zip(axes, mesh, strict=True) if name in coordinates}
    np.testing.assert_allclose(fields["u"], solution(**at), rtol=1e-12)


def test_vtk_has_three_axes():
    names = "abcd"
    ends = {f"{c}{v}": {"where": f"{c}={v}", "equation": "u = 0"} for c in names for v in (0, 1)}
    problem = pinn.make_problem(
        "p", {c: (0, 1) for c in names}, ["u"], {"e": "u_aa + u_bb + u_cc + u_dd"}, ends, reference={"kind": "none"}
    )
    with pytest.raises(ProblemError, match="vtk has three axes; 'p' has 4 coordinates beside time"):
        FORMATS["vtk"].check(problem, Path("p.vtr"), False)


def test_vtk_as_vtk_reads_it(run, tmp_path):
    """The same by the library ParaView is made of, where it is installed: it is large, and no dependency."""
    reader = pytest.importorskip("vtkmodules.vtkIOXML").vtkXMLRectilinearGridReader()
    to_numpy = pytest.importorskip("vtkmodules.util.numpy_support").vtk_to_numpy
    assert main([str(run), "--format", "vtk"]) == 0
    reader.SetFileName(str(tmp_path / "small_heat.vtr"))
    reader.Update()
    grid = reader.GetOutput()
    assert grid.GetDimensions() == (4, 3, 1) and reader.GetErrorCode() == 0
    np.testing.assert_array_equal(to_numpy(grid.GetXCoordinates()), X)
    found = to_numpy(grid.GetPointData().GetArray("u")).reshape(3, 4)
    np.testing.assert_allclose(found, values_of(run), rtol=1e-13)


READ_BACK = """
import sys
sys.modules["pinn"] = None  # an import would fail
{code}
assert values.shape == (1, {m}), values.shape
points = np.load("points.npy")
gradient = jax.grad(lambda p: solution.call(p)[:, 0].sum())(points)
np.savez("answers.npz", values=solution.call(points), gradient=gradient)
"""


@pytest.mark.parametrize("precision", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
def test_stablehlo_runs_without_pinn(precision, tmp_path):
    """By the very lines its README.txt gives."""
    box = untrained(pinn.problem_from_text(BOX, overrides=[f"training.precision={precision}"]))
    path, contents = export(box, "stablehlo", "function")
    assert path.name == "function.zip" and ("jax_enable_x64" in contents) == (precision == "float64")
    with zipfile.ZipFile(path) as file:
        readme = file.read("README.txt").decode()
        assert file.testzip() is None and b'"x",\n    "t",\n    "y"' in file.read("names.json")
    code = "\n".join(line[4:] for line in readme.splitlines() if line.startswith("    "))
    points = np.array([[0.1, 0.5, 0.3], [0.5, 1.0, 0.2], [0.9, 2.0, 3.7]], precision)  # the last y is a period away
    np.save(tmp_path / "points.npy", points)
    script = READ_BACK.format(code=code, m=2)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    at = dict(zip("xty", points.T, strict=True))
    tolerance = {"float64": 1e-12, "float32": 1e-5}[precision]
    with np.load(tmp_path / "answers.npz") as answers:
        assert answers["values"].dtype == precision
        for k, name in enumerate("uv"):
            np.testing.assert_allclose(answers["values"][:, k], box(**at)[name], rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(answers["gradient"][:, 0], box.u_x(**at), rtol=tolerance, atol=10 * tolerance)


def test_stablehlo_without_its_package(box, monkeypatch, tmp_path):
    monkeypatch.setattr("pinn.export.stablehlo.find_spec", lambda name: None)
    with pytest.raises(ProblemError, match=r"pip install 'pinn\[stablehlo\]'"):
        export(box, "stablehlo")
    assert not list(tmp_path.iterdir())


def test_points(run, tmp_path, capsys):
    assert main([str(run), "--format", "npz", "--out", "a", "--points", "5"]) == 0
    assert main([str(run), "--format", "npz", "--out", "b", "--points", "x=3, t=2"]) == 0
    with np.load("a.npz") as a, np.load("b.npz") as b:
        assert a["u"].shape == (5, 5) and b["u"].shape == (2, 3)
        np.testing.assert_array_equal(b["x"], [0, 0.5, 1])
        exact = np.exp(-0.1 * np.pi**2 * b["t"][:, None]) * np.sin(np.pi * b["x"])  # a formula is known anywhere
        np.testing.assert_allclose(b["u_reference"], exact, atol=1e-15)
    capsys.readouterr()
    for text, says in (
        ("1", "a grid needs at least 2 points along 't'; got 1"),
        ("many", "expected a whole number, or one for each coordinate: t=101,x=101"),
        ("t=3", "nothing is said of 'x'"),
        ("t=3,y=3", "unknown coordinate 'y'"),
        ("t=3,x", "expected a whole number"),
        ("100000", "that makes 1e+10 points; at most 5e+07"),
    ):
        assert main([str(run), "--format", "npz", "--out", "c", "--points", text]) == 2
        assert f"error: --points {text}: " in (said := capsys.readouterr().err) and says in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.npz"]


@pytest.mark.parametrize("form", FORMATS)
def test_existing_files_are_kept(form, run, tmp_path, capsys):
    suffix = FORMATS[form].suffix(pinn.load_solution(run).problem)
    file = tmp_path / ("mine" + suffix)
    file.write_text("precious")
    arguments = [str(run), "--format", form, "--out", str(file), "--points", "3"]
    assert main(arguments) == 2
    assert "exists. Choose another name, or replace it with --force" in capsys.readouterr().err
    assert file.read_text() == "precious"
    assert main([*arguments, "--force"]) == 0
    assert file.read_bytes() != b"precious" and [p.name for p in tmp_path.iterdir()] == [file.name]


def test_files_of_the_run_are_kept_with_force(run, capsys):
    before = (run / "solution.npz").read_bytes()
    assert main([str(run), "--format", "npz", "--out", str(run / "solution.npz"), "--force"]) == 2
    assert "is a file of the run" in capsys.readouterr().err
    assert (run / "solution.npz").read_bytes() == before


def test_a_disk_that_is_full(run, tmp_path, monkeypatch, capsys):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pinn.files.os.replace", full)
    assert main([str(run), "--format", "csv"]) == 2
    assert "error: small_heat.csv: cannot be written: No space left on device" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_mistakes(run, tmp_path, capsys):
    for arguments, says in (
        ([str(tmp_path), "--format", "npz"], "is not the folder of a run"),
        ([str(run), "--format", "vtk", "--out", "a.vtu"], "a.vtu: expected a name that ends in .vtr"),
        ([str(run), "--format", "csv", "--out", "no/a.csv"], "there is no folder no"),
    ):
        assert main(arguments) == 2
        assert says in capsys.readouterr().err
    with pytest.raises(ProblemError, match=r"unknown format 'vkt'\. Did you mean 'vtk'"):
        export(pinn.load_solution(run), "vkt")
    with pytest.raises(SystemExit):
        main([str(run), "--format", "vkt"])
    assert tuple(FORMATS) == command.FORMATS


def test_a_damaged_grid(tmp_path, heat_text, capsys):
    folder = untrained_run(tmp_path / "run", heat_text)
    (folder / "solution.npz").write_bytes(b"PK")
    assert main([str(folder), "--format", "csv"]) == 2
    assert "solution.npz: is damaged" in capsys.readouterr().err


def test_an_interrupted_run(tmp_path, heat_text, capsys):
    folder = untrained_run(tmp_path / "run", heat_text, finished=False)
    assert main([str(folder), "--format", "npz"]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("note: the run was interrupted, or still goes on")
    assert "u on 201 x 512 points" in printed.out
