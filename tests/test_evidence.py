"""The ladder of a run: estimate, bound, invariants, alarms, and their recomputation."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from pinn.commands.verify import main as verify
from pinn.config import load_problem, problem_from_text
from pinn.errors import ProblemError
from pinn.evidence.alarms import alarms
from pinn.evidence.bound import bound
from pinn.evidence.estimate import estimate
from pinn.evidence.invariants import drifts
from pinn.run import main as run

pytestmark = pytest.mark.usefixtures("sketched")


def fields(names):
    """Return the fields of formulas, by name."""
    return lambda points: {n: np.broadcast_to(np.asarray(f(*points.T), float), len(points)) for n, f in names.items()}


def heat_beside(size):
    """A solution of heat.yaml with an error of size t sin(pi x), which is not a solution."""
    k, p = 0.1, np.pi

    def decay(t):
        return np.exp(-k * p**2 * t)

    return fields({
        "u": lambda t, x: (decay(t) + size * t) * np.sin(p * x),
        "u_t": lambda t, x: (-k * p**2 * decay(t) + size) * np.sin(p * x),
        "u_xx": lambda t, x: -(p**2) * (decay(t) + size * t) * np.sin(p * x),
    })  # fmt: skip


HARD = ("initial", "left", "right")


@pytest.mark.parametrize("size", [1e-2, 1e-7])
def test_the_estimate_of_a_known_error(size):
    found, why = estimate(load_problem("heat"), heat_beside(size), HARD)
    t = np.linspace(0, 1, 401)
    truth = size * np.sqrt(np.mean(t**2) / np.mean(np.exp(-0.2 * np.pi**2 * t)))
    assert why == "" and found.errors["u"] == pytest.approx(truth, rel=0.05)
    assert found.uncertainty < 0.05


def test_there_is_no_estimate_where_the_solution_is_not_finite():
    broken = fields({"u": lambda t: np.where(t > 5, np.nan, 1), "u_t": lambda t: 0 * t})
    assert estimate(load_problem("logistic"), broken, ("initial",)) == (
        None,
        "the equation for the error is not finite",
    )


def test_the_estimate_is_not_led_astray_by_a_residual_that_is_not_resolved():
    waves, (small, rough) = 40, (1e-5, 1e-7)  # the fourth derivatives of the rough part are 2500 times the small one

    def beside(i, j):
        """Return a derivative of the deflection of plate.yaml with an error of two parts."""

        def d(k, order, z):
            return k**order * np.sin(k * z + order * np.pi / 2)

        def field(x, y):
            true = d(np.pi, i, x) * d(np.pi, j, y)
            return (1 + small) * true + rough * d(waves, i, x + 0.1) * d(waves, j, y + 0.2)

        return field

    orders = {"w": (0, 0), "w_xx": (2, 0), "w_yy": (0, 2), "w_xxxx": (4, 0), "w_xxyy": (2, 2), "w_yyyy": (0, 4)}
    found, why = estimate(load_problem("plate"), fields({n: beside(*o) for n, o in orders.items()}), ())
    assert found is not None, why
    assert found.errors["w"] == pytest.approx(small, rel=0.05)


def test_the_bound_is_above_the_error_and_not_far():
    size = 1e-3
    found, why = bound(load_problem("heat"), heat_beside(size), HARD)
    truth, _ = estimate(load_problem("heat"), heat_beside(size), HARD)
    assert why == "" and truth.errors["u"] < found.relative_l2 < 2 * truth.errors["u"]
    assert found.growth == pytest.approx(-0.1 * np.pi**2, rel=1e-6), "the slowest wave decays so"


def test_bounds_are_refused_where_nothing_is_known():
    heat = load_problem("heat")
    assert "does not hold exactly" in bound(heat, heat_beside(0), ("left", "right"))[1]
    assert "not u_t = D" in bound(load_problem("burgers"), None, HARD)[1] or "depends on" in bound(load_problem("burgers"), None, HARD)[1]  # fmt: skip
    assert "in time only" in bound(load_problem("poisson"), None, ("left", "right", "bottom", "top"))[1]


def test_the_reaction_of_allen_cahn_is_bounded_by_its_formula():
    from pinn.evidence.bound import _steepest

    v = np.linspace(-1, 1, 41)
    found, _ = _steepest(lambda u: 5 * u - 5 * u**3, v)
    exact = 5 - 3.75 * v**2  # the largest 5 - 5 (3 v^2 + 3 v e + e^2) over e
    assert np.all(found >= exact - 1e-9) and np.all(found < exact + 0.2)
    assert _steepest(lambda u: u**2, v) == (None, "grows faster for large |{}| than any multiple of it")
    assert _steepest(np.log, v) == (None, "is not known for every {}")
    for f, largest in ((lambda u: -np.exp(u), 0.0), (lambda u: -u / (1 + u**2), 1 / 8), (lambda u: -u, -1.0)):
        found, _ = _steepest(f, v)
        assert np.all(found >= -1e-3) == (largest >= 0) and np.all(found < largest + 0.1)


def test_the_bound_of_a_system_of_first_order():
    problem = problem_from_text("""\
name: decay
coordinates: {t: [0, 1]}
unknowns: [p, q]
equations: {one: p_t = -2*p + q, two: q_t = -q}
conditions:
  p0: {where: t=0, equation: p = 1}
  q0: {where: t=0, equation: q = 1}
""")
    size, e = 1e-4, lambda t: np.exp(-t)  # the solution is (e^-t, e^-t)
    solution = fields({
        "p": lambda t: e(t) + size * t, "q": lambda t: e(t), "p_t": lambda t: -e(t) + size, "q_t": lambda t: -e(t),
    })  # fmt: skip
    found, why = bound(problem, solution, ("p0", "q0"))
    truth, _ = estimate(problem, solution, ("p0", "q0"))
    assert why == "" and truth.errors["p"] / np.sqrt(2) < found.relative_l2 < 5 * truth.errors["p"]


def test_the_bound_covers_the_smallest_unknown():
    problem = problem_from_text("""\
name: decay
coordinates: {t: [0, 1]}
unknowns: [p, q]
equations: {one: p_t = -p, two: q_t = -q}
conditions:
  p0: {where: t=0, equation: p = 1e-4}
  q0: {where: t=0, equation: q = 1}
""")
    e = lambda t: np.exp(-t)
    solution = fields({
        "p": lambda t: 1e-4 * e(t) + 1e-5 * t, "q": e, "p_t": lambda t: -1e-4 * e(t) + 1e-5, "q_t": lambda t: -e(t),
    })  # fmt: skip
    t = np.linspace(0, 1, 1001)
    true = np.linalg.norm(1e-5 * t) / np.linalg.norm(1e-4 * e(t))
    assert true < bound(problem, solution, ("p0", "q0"))[0].relative_l2 < 2 * true


def test_the_bound_of_a_nonlinear_system_holds_or_is_not_given():
    """y' = y^2: an error that is left out of the Jacobian grows without bound in finite time."""
    problem = problem_from_text("""\
name: blowing
coordinates: {t: [0, 0.9]}
unknowns: [y]
equations: {ode: y_t = y**2}
conditions: {start: {where: t=0, equation: y = 1}}
""")
    t = np.linspace(0, 0.9, 4001)
    for size in (0.002, 0.02, 0.3):  # y = r tan or coth of v' = v^2 - s
        r = np.sqrt(size)
        shift = np.arctanh(r) / r
        v = lambda t, r=r, shift=shift: r / np.tanh(r * (shift - t))
        solution = fields({"y": v, "y_t": lambda t, v=v, size=size: v(t) ** 2 - size})
        true = np.linalg.norm(v(t) - 1 / (1 - t)) / np.linalg.norm(1 / (1 - t))
        found, why = bound(problem, solution, ("start",))
        assert (found.relative_l2 >= true) if size < 0.3 else "out of every tube" in why


def test_what_is_conserved_and_what_is_not():
    problem = replace(load_problem("heat"), invariants={"mass": "u", "nothing": "0*u"})
    found = drifts(problem, heat_beside(0))
    assert found["mass"]["start"] == pytest.approx(2 / np.pi) and found["mass"]["drift"] > 0.3
    assert found["nothing"]["drift"] == 0


def test_a_narrow_density_that_moves_does_not_drift():
    """A bump of width 0.05 on a range of 30 falls between 256 points, and not between more."""
    problem = replace(load_problem("schroedinger_solitons"), invariants={"mass": "u"})

    def moving(points):
        t, x = points.T
        return {"u": np.exp(-(((x - t) / 0.05) ** 2)), "v": 0 * x}

    found = drifts(problem, moving)["mass"]
    assert found["drift"] < 1e-9 * found["size"] and found["start"] == pytest.approx(0.05 * np.sqrt(np.pi))


@pytest.mark.parametrize(("text", "message"), [("mass: k", "mentions no unknown"), ("mass: u = 1", "density alone"),
                                               ("mass: v", "unknown name 'v'")])  # fmt: skip
def test_bad_invariants(heat_text, text, message):
    with pytest.raises(ProblemError, match=r"heat\.yaml:12:\d+: invariants\.mass") as caught:
        problem_from_text(heat_text.replace("network:", f"invariants: {{{text}}}\nnetwork:"), "heat.yaml")
    assert message in str(caught.value)


def quiet(**changes):
    summary = {
        "errors": {"u": {"relative_l2": 1e-5}}, "estimate": {"u": {"relative_l2": 1.1e-5}},
        "reference": {"uncertainty": 1e-12}, "overfitting": {"pde": 1.1}, "train": {"pde": 1e-5},
        "held_out": {"pde": {"rms": 1.1e-5}}, "data_alone": {"pde": 1.0}, "invariants": None,
    }  # fmt: skip
    return summary | changes


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, ""),
        ({"overfitting": {"pde": 4.0}}, "overfitting"),
        ({"held_out": {"pde": {"rms": 0.5}}}, "stayed large"),
        ({"held_out": {"pde": {"rms": float("nan")}}}, "not finite"),
        ({"estimate": {"u": {"relative_l2": 1e-3}}}, "disagree"),
        ({"estimate": {"u": {"relative_l2": 1e-7}}}, "disagree"),
        ({"estimate": {"u": {"relative_l2": 1e-3}}, "reference": {"uncertainty": 1e-4}}, ""),
        ({"estimate": {"u": {"relative_l2": 5e-5, "uncertainty": 1.0}}}, ""),
        ({"estimate": {"u": {"relative_l2": 5e-5, "uncertainty": 0.1}}}, "disagree"),
        ({"estimate": {"u": {"relative_l2": 2.0}}}, "too large for a linearised"),
        ({"errors": {"u": {"relative_l2": 1.0}}, "estimate": {"u": {"relative_l2": 4e-8}}}, "disagree"),
        ({"invariants": {"mass": {"drift": 1e-2, "size": 1.0, "start": 1.0}}}, "conserved"),
        ({"invariants": {"mass": {"drift": 1e-6, "size": 1.0, "start": 1.0}}}, ""),
    ],
)
def test_alarms(changes, word):
    problem = load_problem("heat")
    t, x = np.linspace(0, 1, 20)[:, None], np.linspace(0, 1, 30)
    values = {"u": np.exp(-t) * np.sin(np.pi * x)}
    found = alarms(problem, quiet(**changes), values)
    assert (found == []) if not word else any(word in sentence for sentence in found)


def test_a_trivial_solution_is_called_one():
    values = np.zeros((20, 30))
    values[0] = np.sin(np.pi * np.linspace(0, 1, 30))
    assert "trivial" in alarms(load_problem("heat"), quiet(), {"u": values})[0]
    tiny = {"u": 1e-10 * np.sin(np.linspace(0, 3, 50))}
    assert any("zero everywhere satisfies" in a for a in alarms(load_problem("ground_state"), quiet(), tiny, ["u"]))
    assert not alarms(load_problem("ground_state"), quiet(), tiny)


def test_a_problem_without_any_reference_still_climbs_the_rest(tmp_path, capsys):
    """y' = y^2 from 1 has no solution at t = 1: the integrator says so, and the run ends with what is left."""
    file, out = tmp_path / "blow_up.yaml", tmp_path / "run"
    file.write_text("""\
name: blow_up
coordinates: {t: [0, 1.5]}
unknowns: [y]
equations: {ode: y_t = y**2}
conditions: {start: {where: t=0, equation: y = 1}}
network: {width: 6, depth: 1}
sampling: {equations: 60, held_out: 100}
training: {windows: 1, stages: [{optimizer: levenberg_marquardt, steps: 3}]}
""")
    assert run([str(file), "--out", str(out)]) == 0
    summary = json.loads((out / "summary.json").read_text())
    assert summary["errors"] is None and summary["reference"] is None
    assert "step size" in summary["no_reference"] and "t=" in summary["no_reference"]
    assert summary["held_out"]["ode"]["rms"] > 0 and summary["alarms"]
    assert "no reference: " in capsys.readouterr().out
    assert verify([str(out)]) == 0


def test_warnings_are_notes_of_a_run(heat_text):
    import pinn

    text = heat_text.replace("k*u_xx", "-k*u_xx").split("reference")[0] + heat_text[heat_text.index("network:") :]
    summary = pinn.solve(problem_from_text(text, overrides=["reference={kind: none}"])).summary
    assert any("run backwards" in note for note in summary["notes"])
    assert summary["no_reference"] == "the file asks for none"


def test_a_run_says_all_of_it_and_verifies(tmp_path, heat_text, capsys):
    file, out = tmp_path / "heat.yaml", tmp_path / "run"
    file.write_text(heat_text.replace("evidence: {estimate: false, bound: false}\n", "invariants: {level: 0*u}\n"))
    assert run([str(file), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    for part in ("error of u", "estimate for u", "bound", "held-out residual", "times that on the training points"):
        assert part in text
    summary = json.loads((out / "summary.json").read_text())
    effectivity = summary["estimate"]["u"]["effectivity"]
    assert 0.5 < effectivity < 2
    assert summary["bound"]["relative_l2"] >= summary["errors"]["u"]["relative_l2"]
    assert verify([str(out)]) == 0
    assert "are equal" in capsys.readouterr().out
    # What was touched is found: a number, one that is said to be met, a value on the grid.
    summary["errors"]["u"]["relative_l2"] *= 0.5
    summary["target"] = {"relative_l2": 1.0, "seconds": None, "met": True}
    (out / "summary.json").write_text(json.dumps(summary))
    with np.load(out / "solution.npz") as kept:
        arrays = dict(kept)
    arrays["u"][3, 4] += 1e-3
    np.savez(out / "solution.npz", **arrays)
    assert verify([str(out)]) == 1
    said = capsys.readouterr().out
    for part in ("errors.u.relative_l2: summary.json says", "target.met: summary.json says True", "solution.npz u"):
        assert part in said
    for junk in (b"PK", b""):
        (out / "points.npz").write_bytes(junk)
        assert verify([str(out)]) == 2
    np.savez(out / "points.npz", interior=np.zeros(3))
    assert verify([str(out)]) == 2
    assert "'interior' is not a list of points" in capsys.readouterr().err
    shutil.rmtree(out)
    assert verify([str(out)]) == 2
    assert "error: " in capsys.readouterr().err
