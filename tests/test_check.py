"""`pinn check`: mistakes and oddities, before anything is solved."""

import json
import subprocess
import sys

import pytest

from pinn.commands.check import check, main
from pinn.config import problem_from_text
from pinn.errors import ProblemError
from pinn.findings import findings
from pinn.registry import shipped

HEAD = "name: trial\ncoordinates: {t: [0, 1], x: [0, 1]}\nunknowns: [u]\nparameters: {k: 0.1}\n"
FLAT = "  l2: {where: x=0, equation: u_xx = 0}\n  r2: {where: x=1, equation: u_xx = 0}\n"
ENDS = "  left: {where: x=0, equation: u = 0}\n  right: {where: x=1, equation: u = 0}\n"


def trial(equation="u_t = k*u_xx", initial="u = sin(pi*x)", ends=ENDS, head=HEAD, more=""):
    return f"{head}equations:\n  pde: {equation}\nconditions:\n  initial: {{where: t=0, equation: {initial}}}\n{more}{ends}"


def found(text, topic):
    return [f.message for f in findings(problem_from_text(text)) if f.topic == topic]


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_problems_can_be_solved(name):
    report = check(name)
    assert report["ok"] and all(f["topic"] in ("type", "corner") for f in report["findings"])


@pytest.mark.parametrize(
    ("equation", "kind"),
    [
        ("u_t = k*u_xx", "parabolic"),
        ("u_t + u*u_x = k*u_xx", "parabolic"),
        ("u_t = k*u_xx + u_x", "parabolic"),
        ("u_t = -k*u_xxxx - u_xx", "parabolic"),
    ],
)
def test_types_of_evolution(equation, kind):
    more = (
        "  l2: {where: x=0, equation: u_xx = 0}\n  r2: {where: x=1, equation: u_xx = 0}\n" if "xxxx" in equation else ""
    )
    assert found(trial(equation, more=more), "type") == [f"the equations are {kind}."]


def test_waves_and_dispersion():
    periodic = HEAD.replace("unknowns", "periodic: [x]\nunknowns")
    assert "dispersive" in found(trial("u_t = k*u_xxx", "u = sin(2*pi*x)", "", periodic), "type")[0]
    assert "hyperbolic" in found(trial("u_t + 3*u_x = 0", "u = sin(2*pi*x)", "", periodic), "type")[0]
    wave = trial("u_tt = 4*u_xx", more="  speed: {where: t=0, equation: u_t = 0}\n")
    assert "hyperbolic" in found(wave, "type")[0]


def test_steady_types():
    square = "name: trial\ncoordinates: {x: [0, 1], y: [0, 1]}\nunknowns: [u]\n"
    sides = "".join(f"  {n}: {{where: {w}, equation: u = 0}}\n" for n, w in
                    (("a", "x=0"), ("b", "x=1"), ("c", "y=0"), ("d", "y=1")))  # fmt: skip
    kinds = (("u_xx + u_yy = 1", "elliptic"), ("u_xx - u_yy = 1", "hyperbolic"), ("u_x = u_yy", "parabolic"))
    for equation, kind in kinds:
        assert found(f"{square}equations: {{pde: {equation}}}\nconditions:\n{sides}", "type") == [
            f"the equations are {kind}."
        ]


def test_a_heat_equation_run_backwards_is_noticed():
    assert "run backwards" in found(trial("u_t = -k*u_xx"), "type")[0]
    assert "run backwards" in found(trial("u_t - k*u_xx + 2*k*u_xx = 0"), "type")[0]
    assert not any("backwards" in f for f in found(trial("u_t = k*u_xx + 100*u"), "type")), "growth is no mistake"
    assert not any("backwards" in f for f in found(trial("u_t = -1e-9*u_xxxx - u_xx", more=FLAT), "type"))
    plane = "name: p\ncoordinates: {t: [0, 1], x: [0, 1], y: [0, 1]}\nperiodic: [x, y]\nunknowns: [u]\n"
    plane += "equations: {e: u_t = EQ}\nconditions: {i: {where: t=0, equation: u = sin(2*pi*x)}}\n"
    assert "backwards" in found(plane.replace("EQ", "u_xx - 0.5*u_yy"), "type")[0]
    assert "backwards" in found(plane.replace("EQ", "u_xx + u_yy + 3*u_xy"), "type")[0], "along a diagonal"


def test_conditions_that_contradict_each_other_elsewhere():
    """At one place twice, at a point of a face, and at all times where two ends of an evolution meet."""
    square = (
        "name: p\ncoordinates: {x: [0, 1], y: [0, 1]}\nunknowns: [u]\nequations: {e: u_xx + u_yy = 0}\nconditions:\n"
    )
    square += "  l: {where: x=0, equation: u = 0}\n  r: {where: x=1, equation: u = 0}\n"
    square += "  b: {where: y=0, equation: u = 0}\n  t: {where: y=1, equation: u = 0}\n"
    assert found(square, "corner") == []
    with pytest.raises(ProblemError, match=r"where 'l' asks for 0\. No solution does both"):
        found(square + "  again: {where: x=0, equation: u = y*(1 - y)}\n", "corner")
    assert found(square + "  again: {where: x=0, equation: u = 0}\n", "corner") == []
    point = square + '  point: {where: "x=0, y=0", equation: u = DATA}\n'
    assert found(point.replace("DATA", "0"), "corner") == [] != found(point.replace("DATA", "1"), "corner")
    heat = "name: p\ncoordinates: {t: [0, 1], x: [0, 1], y: [0, 1]}\nunknowns: [u]\nequations: {e: u_t = u_xx + u_yy}\n"
    heat += square[square.index("conditions") :] + "  i: {where: t=0, equation: u = 0}\n"
    assert found(heat, "corner") == []
    assert (
        "'l'" in found(heat.replace("{where: y=0, equation: u = 0}", "{where: y=0, equation: u = t**2}"), "corner")[0]
    )


def test_constants_that_are_open_together():
    ends = "".join(f"  {u}{e}: {{where: x={e}, equation: {u}_x = 0}}\n" for u in "uv" for e in (0, 1))
    text = "name: p\ncoordinates: {x: [0, 1]}\nunknowns: [u, v]\n"
    text += f"equations: {{a: u_xx = 2*u - v + cos(pi*x), b: v_xx = v - 2*u}}\nconditions:\n{ends}"
    assert "'u' and 'v' are determined up to a constant each, which go together" in found(text, "undetermined")[0]
    assert not found(text + "  p: {where: x=0, equation: u = 0}\n", "undetermined")
    assert not found(text.replace("v - 2*u", "v - u"), "undetermined")
    assert not found(text.replace("v - 2*u", "v - 2*u + 0.1*v**3"), "undetermined")


def test_slopes_that_contradict_each_other():
    """At one face twice, along a face whose values are given, and where a slope meets values."""
    square = (
        "name: p\ncoordinates: {x: [0, 1], y: [0, 1]}\nunknowns: [u]\nequations: {e: u_xx + u_yy = 0}\nconditions:\n"
    )
    square += "  l: {where: x=0, equation: u_x = y}\n  r: {where: x=1, equation: u = y}\n"
    square += "  b: {where: y=0, equation: u = 0}\n  t: {where: y=1, equation: u = sin(x)}\n"
    assert any("'r' the data differ" in f for f in found(square, "corner")), "sin(1) meets 1"
    square = square.replace("u = sin(x)", "u = x")
    assert found(square, "corner") == []
    assert found(square.replace("u_x = y", "u_x = 2*y"), "corner") == [
        "where it meets 'l' the data of u_x differ: 1 here, 2 there."
    ]
    for again in ("x=0, equation: u_x = 1", "x=0, equation: 2*u_x - 1 = 0"):
        with pytest.raises(ProblemError, match=r"asks u_x to be .* where 'l' asks for"):
            found(square + f"  again: {{where: {again}}}\n", "corner")
    assert found(square + "  again: {where: x=0, equation: 2*u_x = 2*y}\n", "corner") == []
    tangent = found(square + "  again: {where: x=1, equation: u_y = 3}\n", "corner")
    assert "where it meets 'r' the data of u_y differ: 3 here, 1 there." in tangent


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("heat", "training: {windows: [0, 0.5, 2]}", "the edges have to go from 0 to 1"),
        ("heat", "training: {windows: [0, 0.7, 0.5, 1]}", "the edges of windows have to increase"),
        ("poisson", "training: {windows: 4}", "the problem has no time"),
        ("heat", "ansatz: {layer: 7}", "layer"),
    ],
)
def test_settings_that_do_not_fit_the_problem(tmp_path, capsys, text, settings, message):
    kept = [line for line in shipped()[text].read_text().splitlines() if not line.startswith(("ansatz:", "training:"))]
    file = tmp_path / "mine.yaml"
    file.write_text("\n".join(kept) + "\n" + settings + "\n")
    assert main([str(file)]) == 2
    said = capsys.readouterr().err
    assert message in said and f"mine.yaml:{len(kept) + 1}:" in said


@pytest.mark.parametrize(
    ("ends", "says"),
    [
        (ENDS + "  l2: {where: x=0, equation: u = t}\n", "asks u to be .* somewhere at x=0, where 'left' asks for 0"),
        (ENDS + "  l2: {where: x=0, equation: 2*u = 1}\n", "asks u to be 0.5 .* No solution does both"),
        (ENDS + "  l2: {where: x=0, equation: 2*u = t - t}\n", ""),
        (ENDS + "  l2: {where: x=0, equation: u_x = 1}\n", ""),
        (ENDS.replace("u = 0", "u = u", 1), "is true of anything, so it constrains nothing"),
    ],
)
def test_two_values_of_one_thing_are_refused(ends, says):
    if not says:
        problem_from_text(trial(ends=ends))
        return
    with pytest.raises(ProblemError, match=says):
        problem_from_text(trial(ends=ends))


def test_a_parameter_of_a_family_is_no_dimension():
    assert found(shipped()["boundary_layer_family"].read_text(), "type") == []
    plane = (
        "name: p\ncoordinates: {x: [0, 1], y: [0, 1], s: [1, 3]}\nunknowns: [u]\nequations: {e: u_xx + s*u_yy = 1}\n"
    )
    plane += "conditions:\n" + "".join(f"  {c}{e}: {{where: {c}={e}, equation: u = 0}}\n" for c in "xy" for e in (0, 1))
    assert found(plane, "type") == ["the equations are elliptic."]
    with pytest.raises(ProblemError, match=r"no equation differentiates by s, .*; it has no period"):
        problem_from_text(plane + "periodic: [s]\n")


def test_one_unknown_that_is_zero_everywhere():
    """An eigenvalue with a guess, and no word on the size of what belongs to it."""
    text = "name: p\ncoordinates: {x: [0, 1]}\nunknowns: [u, E]\nequations: {e: -u_xx = E*u, c: E_x = 0}\nconditions:\n"
    text += (
        "  l: {where: x=0, equation: u = 0}\n  r: {where: x=1, equation: u = 0}\n  g: {where: x=0, equation: E = 9}\n"
    )
    assert any("'u' being zero everywhere satisfies" in f for f in found(text, "count"))
    assert not any("zero" in f for f in found(text + "  s: {where: x=0, equation: u_x = 1}\n", "count"))


def test_hard_conditions_that_cannot_be(tmp_path, capsys):
    file = tmp_path / "hard.yaml"
    file.write_text(
        "name: p\ncoordinates: {x: [0, 1]}\nunknowns: [u]\nequations: {e: u_xx = 1}\nconditions:\n"
        "  a: {where: x=0, equation: u_x = 1}\n  b: {where: x=1, equation: u = 0}\nansatz: {dirichlet: hard}\n"
    )
    assert main([str(file)]) == 2
    said = capsys.readouterr().err
    assert (
        "hard.yaml:8:21: ansatz.dirichlet: 'hard': condition 'a' cannot be hard: it is not of the form u = data."
        in said
    )
    assert "With dirichlet: auto it is a term of the loss." in said
    file.write_text(file.read_text().replace("u_x = 1", "u = 1"))
    assert main([str(file)]) == 0


def test_faces_that_meet_in_a_steady_problem():
    text = "name: p\ncoordinates: {x: [0, 1], y: [0, 1]}\nunknowns: [u]\nequations: {e: u_xx + u_yy = 0}\nconditions:\n"
    text += (
        "  a: {where: x=0, equation: u = 0}\n  b: {where: x=1, equation: u = y}\n  c: {where: y=0, equation: u = 0}\n"
    )
    assert not found(text + "  d: {where: y=1, equation: u = x}\n", "corner")
    round_off = text.replace("u = 0", "u = sin(pi*x)*sin(pi*y)").replace("u = y", "u = sin(pi*x)*sin(pi*y)")
    assert not found(round_off + "  d: {where: y=1, equation: u = sin(pi*x) + 0*x}\n", "corner")
    assert found(text + "  d: {where: y=1, equation: u = 1}\n", "corner") == [
        "where it meets 'a' the data differ: 1 here, 0 there."
    ]


@pytest.mark.parametrize("data", ["x*log(x)", "log(x)", "sqrt(x - 0.5)"])
def test_data_that_are_not_finite_are_a_warning_and_no_traceback(data):
    assert found(trial(initial=f"u = {data}"), "domain")


def test_data_that_do_not_fit():
    assert found(trial(), "corner") == []
    misfit = found(trial(initial="u = cos(pi*x/2)"), "corner")
    assert misfit == ["at the beginning the data differ: u has to be 0 here, and is 1 by the initial data."]
    periodic = HEAD.replace("unknowns", "periodic: [x]\nunknowns")
    assert (
        "the value of the initial data jumps by -1"
        in found(trial(initial="u = x", ends="", head=periodic), "corner")[0]
    )
    assert (
        "the slope of the initial data jumps by 2"
        in found(trial(initial="u = x*(1 - x)", ends="", head=periodic), "corner")[0]
    )
    assert found(trial(initial="u = sin(2*pi*x)", ends="", head=periodic), "corner") == []


@pytest.mark.parametrize(
    ("initial", "left", "message"),
    [
        ("u = x*(1 - x)", "u = 0", "u_t has to be 0 here, and is -0.2 by the initial data."),  # k*u_xx
        ("u = x*(1 - x)", "u = -0.2*t", None),
        ("u = sin(pi*x)", "u = t", "u_t has to be 1 here, and is 0 by"),
        ("u = sin(pi*x)", "u_x = 0", "u_x has to be 0 here, and is 3.142 by"),
        ("u = sin(pi*x)", "u_x = pi*exp(-t)", None),
        ("u = sin(pi*x)", "u_x + 2*u = 1", "u_x has to be 1 here, and is 3.142 by"),
        ("3*u = 3*sin(pi*x)", "2*u*exp(t) = t", "u_t has to be 0.5 here, and is 0 by"),
    ],
)
def test_slopes_and_rates_at_ends(initial, left, message):
    """A kink in space or in time begins where they differ."""
    text = trial(initial=initial, ends=ENDS.replace("u = 0", left, 1))
    misfit = [f.message for f in findings(problem_from_text(text)) if f.key[1:2] == ("left",)]
    assert (message in misfit[0] and len(misfit) == 1) if message else not misfit


def test_rates_of_waves_and_systems():
    wave = trial("u_tt = 4*u_xx", more="  speed: {where: t=0, equation: u_t = 1 - x}\n")
    assert found(wave, "corner") == [
        "at the beginning the data do not go together: u_t has to be 0 here, and is 1 by the initial data."
    ]
    head = HEAD.replace("[u]", "[u, v]")
    text = f"{head}equations: {{a: u_t = u_xx + v, b: v_t = -u}}\nconditions:\n"
    text += "  i: {where: t=0, equation: u = sin(pi*x)}\n  j: {where: t=0, equation: v = 1 - x}\n" + ENDS
    assert "u_t has to be 0 here, and is 1 by" in found(text, "corner")[0]


def test_a_pressure_without_a_level():
    text = """\
name: stokes
coordinates: {x: [0, 1], y: [0, 1]}
unknowns: [u, v, p]
equations: {a: u_xx + u_yy = p_x, b: v_xx + v_yy = p_y, c: u_x + v_y = 0}
conditions:
""" + "".join(
        f"  {n}{w[0]}{w[2]}: {{where: {w}, equation: {n} = 0}}\n" for n in "uv" for w in ("x=0", "x=1", "y=0", "y=1")
    )
    assert "up to a constant" in found(text, "undetermined")[0]
    assert not found(text + '  level: {where: "x=0, y=0", equation: p = 0}\n', "undetermined")


RIGHT = "  right: {where: x=1, equation: u = 0}\n"


@pytest.mark.parametrize(
    ("equation", "ends", "message"),
    [
        ("u_t = k*u_xx", ENDS, ""),
        ("u_t = -u_xxxx", ENDS + FLAT, ""),
        (
            "u_t = -u_xxxx",
            RIGHT + FLAT,
            "of order 4 in x, u calls for four conditions at the ends of x; found 3 (right, l2, r2)",
        ),
        ("u_t = -u_xxxx", ENDS, "found 2 (left, right)"),
        ("u_t + u_x = 0", RIGHT, ""),
        ("u_t = -k*u", "", ""),
    ],
)
def test_conditions_are_counted_by_order(equation, ends, message):
    told = found(trial(equation, ends=ends), "count")
    assert (message in told[0]) if message else not told, told


def test_conditions_of_a_system_of_waves():
    head = HEAD.replace("[u]", "[u, v]")
    text = f"{head}equations: {{a: u_t = v_x, b: v_t = u_x}}\nconditions:\n"
    text += "  i: {where: t=0, equation: u = sin(pi*x)}\n  j: {where: t=0, equation: v = 0}\n"
    assert not found(text + ENDS, "count")
    assert "of order 1 in x, u and v call for two conditions" in found(text + RIGHT, "count")[0]


def test_zero_is_no_solution_that_is_sought():
    """An eigenvalue problem without a normalisation, and a problem without data."""
    head = "name: p\ncoordinates: {x: [0, 1]}\nunknowns: [u, E]\nequations: {a: -u_xx = E*u, b: E_x = 0}\nconditions:\n"
    assert "zero everywhere satisfies all" in found(head + ENDS, "count")[0]
    assert not found(head + ENDS + "  norm: {where: x=0, equation: u_x = 1}\n", "count")
    assert "zero everywhere" in found(trial(initial="u = 0"), "count")[0]
    assert not found(trial("u_t = k*u_xx + 1", initial="u = 0"), "count")


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        ("u_t = k*u_xx + log(u)", "the argument of log has to be positive"),
        ("u_t = k*u_xx + sqrt(x - 1/2)", "the argument of sqrt has to be not negative"),
        ("u_t = k*u_xx + 1/x", "a divisor has to differ from zero"),
        ("u_t = k*u_xx + 1/(x - 0.3)", "a divisor has to differ from zero"),
        ("u_t = k*u_xx + u**0.5", "the base of **0.5 has to be not negative"),
        ("u_t = k*u_xx + u**k", "the base of **k has to be not negative"),
        ("u_t = k*u_xx + x**(-2)", "the base of **-2 has to differ from zero"),
        ("u_t = k*u_xx + 1/(x - 0.3)**2", "a divisor has to differ from zero; x - 0.3 is"),
        ("u_t = k*u_xx + 1/(x**2*3)", "x is 0 at x=0"),
        ("u_t = k*u_xx + (1e10*k)**60*u", "the equation is not finite"),
    ],
)
def test_domains_that_are_left(equation, message):
    assert message in found(trial(equation), "domain")[0]


def test_the_range_of_one_unknown_is_not_that_of_another():
    head = HEAD.replace("[u]", "[u, v]")
    text = f"{head}equations: {{a: u_t = u_xx + sqrt(v), b: v_t = u}}\nconditions:\n"
    text += "  i: {where: t=0, equation: u = -3}\n  j: {where: t=0, equation: v = 1}\n" + ENDS
    assert not found(text, "domain")
    assert found(text.replace("sqrt(v)", "sqrt(u)"), "domain")


def test_domains_that_are_kept():
    assert not found(trial("u_t = k*u_xx + log(2 + x)/(1 + u**2) + sqrt(x)"), "domain")


def test_the_command(tmp_path, capsys):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(trial(initial="u = cos(pi*x/2)"))
    bad.write_text(trial("u_t = kk*u_xx"))
    assert main([str(good)]) == 0
    out = capsys.readouterr().out
    assert f"warning: {good}:9:32: conditions.left.equation: 'u = 0': at the beginning the data differ" in out
    assert out.endswith("can be run, 1 warning\n")
    assert main([str(bad)]) == 2
    assert f"error: {bad}:6:8: equations.pde" in capsys.readouterr().err
    assert main([str(bad), "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert (report["error"]["line"], report["error"]["column"], report["ok"]) == (6, 8, False)


def test_findings_do_without_jax():
    code = (
        "import sys; from pinn.findings import findings; from pinn.statement import make_problem\n"
        "ends = {k: {'where': w, 'equation': 'u'} for k, w in (('i', 't=0'), ('l', 'x=0'), ('r', 'x=1'))}\n"
        "findings(make_problem('p', {'t': (0, 1), 'x': (0, 1)}, ['u'], {'e': 'u_t = u_xx'}, ends))\n"
        "sys.exit('jax' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
