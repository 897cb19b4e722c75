"""Manufactured solutions, and references given as files."""

import numpy as np
import pytest

from pinn.config import load_problem, problem_from_text
from pinn.errors import ProblemError
from pinn.fingerprint import fingerprint
from pinn.grid import residual_on_grid
from pinn.reference import evaluation_grid, make_reference
from pinn.registry import shipped

TEXT = """\
name: made
coordinates: {t: [0, 1], x: [0, 1]}
unknowns: [u]
parameters: {k: 0.1}
equations:
  pde: u_t - k*u_xx + u**3 = 0
reference: {kind: manufactured, u: exp(-t)*sin(2*x) + x}
"""


def test_sources_and_conditions_follow_from_the_formula():
    import jax.numpy as jnp

    problem = problem_from_text(TEXT)
    assert {c.name: dict(c.where) for c in problem.conditions} == {
        "u_at_t_begin": {"t": 0.0}, "u_at_x_begin": {"x": 0.0}, "u_at_x_end": {"x": 1.0},
    }  # fmt: skip
    found = residual_on_grid(problem, lambda t, x: jnp.exp(-t) * jnp.sin(2 * x) + x, 9)
    for name, r in found.items():
        np.testing.assert_allclose(r, 0, atol=1e-13, err_msg=name)
    beside = residual_on_grid(problem, lambda t, x: jnp.exp(-t) * jnp.sin(2 * x) + 1.1 * x, 9)
    assert all(np.abs(r).max() > 1e-2 for n, r in beside.items() if n != "u_at_x_begin")


def test_conditions_of_the_file_are_kept_and_given_their_data():
    text = TEXT.replace("reference", "conditions:\n  start: {where: t=0, equation: u}\n  flux: {where: x=1, equation: u_x + u}\n"
                        "  left: {where: x=0, equation: u}\nreference")  # fmt: skip
    problem = problem_from_text(text)
    by_name = {c.name: c.residual for c in problem.conditions}
    assert set(by_name) == {"start", "flux", "left"}
    at = {"u": 0.0, "u_x": 0.0, "t": 0.5, "x": 1.0}
    value = by_name["flux"].fn(**{n: at[n] for n in by_name["flux"].needs})
    assert value == pytest.approx(-(np.exp(-0.5) * (np.sin(2) + 2 * np.cos(2)) + 2))


def test_manufactured_values_are_the_formula():
    problem = problem_from_text(TEXT)
    grid = {"t": np.linspace(0, 1, 3), "x": np.linspace(0, 1, 4)}
    made, _ = make_reference(problem, grid)
    np.testing.assert_allclose(made.values["u"], np.exp(-grid["t"][:, None]) * np.sin(2 * grid["x"]) + grid["x"])
    assert made.kind == "manufactured"


def test_a_formula_is_as_uncertain_as_it_fails():
    text = (
        TEXT.split("reference")[0].replace(" + u**3", "")
        + """\
conditions:
  start: {where: t=0, equation: u = sin(pi*x)}
  left: {where: x=0, equation: u = 0}
  right: {where: x=1, equation: u = 0}
reference: {kind: exact, u: exp(-RATE*pi**2*t)*sin(pi*x)}
"""
    )
    for rate, low, high in ((0.1, 0, 1e-14), (0.099995, 5e-5, 1e-3)):
        problem = problem_from_text(text.replace("RATE", str(rate)))
        made, _ = make_reference(problem, {"t": np.linspace(0, 1, 5), "x": np.linspace(0, 1, 5)})
        assert low <= made.uncertainty < high
    with pytest.raises(ProblemError, match="does not satisfy 'pde'"):
        problem_from_text(text.replace("RATE", "0.0999"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("u: exp(-t)*sin(2*x) + x", "u: u*x", "unknown name 'u'"),
        ("u: exp(-t)*sin(2*x) + x", "v: x", "unknown unknown 'v'"),
        (", u: exp(-t)*sin(2*x) + x", "", "gives no formula for 'u'"),
        ("u: exp(-t)*sin(2*x) + x", "u: log(x - 2)", "without a finite value"),
        ("pde: u_t - k*u_xx + u**3 = 0", "pde: {residual: allen_cahn}", "Python function"),
    ],
)
def test_bad_formulas_are_refused_with_their_line(old, new, message):
    text = TEXT.replace("parameters: {k: 0.1}", "parameters: {k: 0.1, eps: 0.1}").replace(old, new)
    with pytest.raises(ProblemError, match=r"mine\.yaml:\d+:\d+: .*") as caught:
        problem_from_text(text, "mine.yaml")
    assert message in str(caught.value)


def test_a_formula_that_is_not_periodic_is_refused():
    text = TEXT.replace("unknowns", "periodic: [x]\nunknowns")
    with pytest.raises(ProblemError, match="periodicity in 'x'"):
        problem_from_text(text)


HEAT = """\
name: heat
coordinates: {t: [0, 1], x: [0, 1]}
unknowns: [u]
equations: {pde: u_t = 0.1*u_xx}
conditions:
  initial: {where: t=0, equation: u = sin(pi*x)}
  left: {where: x=0, equation: u = 0}
  right: {where: x=1, equation: u = 0}
reference: {kind: file, path: NAME}
"""
T, X = np.linspace(0, 1, 5), np.linspace(0, 1, 7)
U = np.exp(-0.1 * np.pi**2 * T[:, None]) * np.sin(np.pi * X)


def read(tmp_path, name="data.npz", **arrays):
    file = tmp_path / name
    if file.suffix == ".npz":
        np.savez(file, **({"t": T, "x": X, "u": U} | arrays))
    problem_file = tmp_path / "heat.yaml"
    problem_file.write_text(HEAT.replace("NAME", name))
    return load_problem(problem_file)


def test_npz_and_csv_say_the_same(tmp_path):
    table = np.stack([a.ravel() for a in (*np.meshgrid(T, X, indexing="ij"), U)], axis=1)
    np.random.default_rng(0).shuffle(table)
    (tmp_path / "data.csv").write_text("t, x, u\n" + "\n".join(",".join(map(repr, map(float, row))) for row in table))
    for name in ("data.npz", "data.csv"):
        problem = read(tmp_path, name)
        made, _ = make_reference(problem, evaluation_grid(problem))
        np.testing.assert_array_equal(made.values["u"], U)
        assert made.uncertainty is None and made.kind == "file"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"u": np.where(U > 0.9, np.nan, U)}, "not finite"),
        ({"t": T * 1000}, "other units"),
        ({"t": T / 2}, "does not cover 0 to 1"),
        ({"x": X[::-1]}, "does not ascend"),
        ({"u": U.T}, "has shape"),
        ({"u": U.astype(str).astype(object)}, "not an npz file of numbers"),
        ({"u": U + 1j}, "not real numbers"),
        ({"u": U.ravel()}, "give a value per point, or u on the grid"),
    ],
)
def test_bad_data_are_refused(tmp_path, arrays, message):
    with pytest.raises(ProblemError, match=r"heat\.yaml:9:\d+: reference.path") as caught:
        read(tmp_path, **arrays)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.csv", "t,x,u\n0,0\n", "line 2 has 2 numbers"),
        ("data.csv", "t,x,u\n0,0,zero\n", "line 2 is not numbers"),
        ("data.csv", "t,x,v\n0,0,1\n", "holds no 'u'"),
        ("data.csv", "t,x,u\n0,0,1\n0,0,1\n1,1,1\n", "do not fill a grid"),
        ("data.csv", "", "needs a line of names"),
        ("data.csv", "t,x,u\n\n\n", "has no line of numbers"),
        ("data.csv", "t,x,u,u\n0,0,1,2\n", "names 'u' twice"),
        ("data.npz", "not a zip", "not an npz file"),
        ("data.txt", "t", "npz or a csv"),
    ],
)
def test_bad_files_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    (tmp_path / "heat.yaml").write_text(HEAT.replace("NAME", name))
    with pytest.raises(ProblemError) as caught:
        load_problem(tmp_path / "heat.yaml")
    assert message in str(caught.value)


def test_ends_with_six_digits_cover_the_domain(tmp_path):
    rows = "".join(f"{t},{x:.6g},1\n" for t in (0, 0.5, 1) for x in np.linspace(-np.pi, np.pi, 5))
    (tmp_path / "pi.csv").write_text("t,x,u\n" + rows)
    text = "name: p\ncoordinates: {t: [0, 1], x: [-pi, pi]}\nperiodic: [x]\nunknowns: [u]\nequations: {a: u_t = u_xx}\n"
    text += "conditions: {i: {where: t=0, equation: u = 1}}\nreference: {kind: file, path: pi.csv}\n"
    (tmp_path / "p.yaml").write_text(text)
    assert evaluation_grid(load_problem(tmp_path / "p.yaml"))["x"].size == 5
    (tmp_path / "pi.csv").write_text("t,x,u\n" + rows.replace("3.14159", "3.1415"))
    with pytest.raises(ProblemError, match=r"does not cover -3\.14159265 to 3\.14159265"):
        load_problem(tmp_path / "p.yaml")


def test_a_file_that_is_not_there(tmp_path):
    (tmp_path / "heat.yaml").write_text(HEAT.replace("NAME", "gone.npz"))
    with pytest.raises(ProblemError, match=r"heat\.yaml:9:\d+: reference\.path: .*cannot be read"):
        load_problem(tmp_path / "heat.yaml")


def test_data_of_another_problem_are_refused(tmp_path):
    own = np.array(fingerprint(read(tmp_path)))
    assert evaluation_grid(read(tmp_path, problem_sha256=own))["x"].size == 7
    with pytest.raises(ProblemError, match=r"data\.npz'.*: holds the solution of other equations"):
        read(tmp_path, problem_sha256=np.array("0" * 64))
    with pytest.raises(ProblemError, match="holds the solution of other equations"):
        load_problem("cavity_regularized", ["parameters.Re=400"])
    assert load_problem("cavity_regularized", ["parameters.Re=400", "reference={kind: none}"]).parameters["Re"] == 400


def test_all_data_that_are_shipped_say_of_which_problem():
    for file in (shipped()["heat"].parent).glob("*.npz"):
        with np.load(file) as arrays:
            assert str(arrays["problem_sha256"]) == fingerprint(load_problem(file.stem)), file.name
