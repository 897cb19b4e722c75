"""Problem files: what is read, and every mistake a user can write, with file, line, key, text and cure."""

import re
import time
from pathlib import Path

import pytest

from pinn import registry
from pinn.config import load_problem, problem_from_text
from pinn.errors import ProblemError
from pinn.settings import make_settings

FILES = sorted((Path(__file__).parent.parent / "problems").glob("*.yaml"))


def refused(text, overrides=()):
    began = time.monotonic()
    with pytest.raises(ProblemError) as caught:
        problem_from_text(text, "heat.yaml", overrides)
    assert time.monotonic() - began < 1, "refusing has to be quick"
    return re.sub(r"^(heat\.yaml:\d+):\d+:", r"\1:", str(caught.value))  # columns have a test of their own


def test_messages_point_at_the_value(heat_text):
    with pytest.raises(ProblemError, match=r"^heat\.yaml:6:8: equations\.pde: "):
        problem_from_text(heat_text.replace("k*u_xx", "kk*u_xx"), "heat.yaml")
    with pytest.raises(ProblemError, match=r"^heat\.yaml:8:35: conditions\.initial\.equation: "):
        problem_from_text(heat_text.replace("sin(pi*x)}", "v}", 1), "heat.yaml")


def test_reads_a_problem(heat_text):
    problem = problem_from_text(heat_text)
    assert problem.coordinates == ("t", "x")
    assert problem.domain.bounds == {"t": (0.0, 1.0), "x": (0.0, 1.0)}
    assert problem.parameters == {"k": 0.1}
    assert [c.name for c in problem.constraints] == ["pde", "initial", "left", "right"]
    assert problem.constraints[1].where == {"t": 0.0}
    assert make_settings(problem.settings).network.options == {"width": 8, "depth": 2}


def test_numbers_are_read_as_people_write_them(heat_text):
    text = heat_text.replace("k: 0.1", "k: 1e-1").replace("t: [0, 1]", "t: [0, 2*pi/6]")
    problem = problem_from_text(text.replace("reference:", "title: x\n#"))
    assert problem.parameters["k"] == 0.1
    assert problem.domain.bounds["t"][1] == pytest.approx(1.0471975511965976, rel=1e-15)


def test_allen_cahn_is_short():
    lines = (FILES[0].parent / "allen_cahn.yaml").read_text().splitlines()
    assert len(lines) <= 25
    assert not any(line.startswith(("network", "training", "sampling", "ansatz")) for line in lines)


def test_shipped_problems_by_name():
    assert set(registry.shipped()) == {f.stem for f in FILES}
    assert load_problem("allen_cahn").name == "allen_cahn"


def test_an_equation_may_be_a_residual_of_the_registry(heat_text):
    text = heat_text.replace("pde: u_t = k*u_xx", "pde: {residual: heat}")
    assert problem_from_text(text).constraints[0].residual.fn is registry.heat
    message = refused(heat_text.replace("pde: u_t = k*u_xx", "pde: {residual: heet}"))
    assert "heat.yaml:6: equations.pde.residual: unknown residual 'heet'. Did you mean 'heat'?" in message


BAD = {  # replacement in the file -> what the message says
    ("evidence: {estimate", "evidence: {estimat"): "unknown key 'estimat'. Did you mean 'estimate'?",
    ("parameters:", "paramters:"): "heat.yaml:4: paramters: unknown key 'paramters'. Did you mean 'parameters'?",
    ("k: 0.1", "k: [1]"): "heat.yaml:4: parameters.k: '[1]': expected a number",
    ("k: 0.1", "k: .inf"): "heat.yaml:4: parameters.k: 'inf': is not a finite number",
    ("k: 0.1", "k: yes please"): "heat.yaml:4: parameters.k: 'yes please': cannot be read at column",
    ("k: 0.1", "k: 0.1, k: 0.2"): "heat.yaml:4: key 'k' is given twice",
    ("k: 0.1", "k: 0.1, sin: 2"): "'sin' is already a function",
    ("k: 0.1", "k: 0.1, u_x: 2"): "parameter 'u_x' reads as a derivative",
    ("unknowns: [u]", "unknowns: u"): "heat.yaml:3: unknowns: 'u': should be a list",
    ("unknowns: [u]", "unknowns: []"): "name at least one unknown",
    ("unknowns: [u]", "unknowns: [u, u]"): "'u' is already one of the unknowns",
    ("unknowns: [u]", "unknowns: [u, v]"): "2 unknowns (u, v) need 2 equations; found 1",
    ("unknowns: [u]", "unknowns: [u_1]"): "'u_1' cannot be a name here",
    ("t: [0, 1]", "t: [1, 0]"): "heat.yaml:2: coordinates.t: '[1, 0]': the range needs lo < hi",
    ("t: [0, 1]", "t: [0, 0]"): "the range needs lo < hi",
    ("t: [0, 1]", "t: [0, .inf]"): "is not a finite number",
    ("t: [0, 1]", "t: [0, .nan]"): "is not a finite number",
    ("t: [0, 1]", "t: [0, 1, 2]"): "write a range as [lo, hi]",
    ("t: [0, 1]", "t: 1"): "write a range as [lo, hi]",
    ("x: [0, 1]", "xx: [0, 1]"): "'xx' cannot be a name here; use one letter",
    ("u_t = k*u_xx", "u_t = kk*u_xx"): "heat.yaml:6: equations.pde: 'u_t = kk*u_xx': unknown name 'kk'. Did you mean 'k'?",
    ("u_t = k*u_xx", "u_t = k*u_yy"): "derivative of 'u' in 'y', which is not a coordinate. Coordinates: t, x",
    ("u_t = k*u_xx", "u_t = k*u_xx +"): "cannot be read at column",
    ("u_t = k*u_xx", "t = x"): "mentions no unknown",
    ("u_t = k*u_xx", "__import__('os').system('true')"): "heat.yaml:6: equations.pde",
    ("u_t = k*u_xx", "u + " * 250_000): "characters; a problem file may have",
    ("u_t = k*u_xx", "(" * 10_000 + "u" + ")" * 10_000): "4000 characters",
    ("u_t = k*u_xx", "3"): "heat.yaml:6: equations.pde: '3': write an equation such as",
    ("u_t = k*u_xx", "u_tt = k*u_xx"): "'u' has order 2 in t, so it needs 2 initial conditions at t=0, one each for u, u_t; found 1 (initial)",
    ("u_t = k*u_xx", "u = k*u_xx"): "'u' has order 0 in t, so it needs 0 initial conditions at t=0; found 1",
    ("  initial: {where: t=0, equation: u = sin(pi*x)}\n", ""): "needs 1 initial condition at t=0, one each for u; found 0",
    ("  left: {where: x=0, equation: u}\n", ""): "nothing is said about x=0, where 'u' has order 2 in x",
    ("where: t=0", "where: t=7"): "heat.yaml:8: conditions.initial.where: 't=7': lies outside the domain: t runs from 0 to 1",
    ("where: t=0", "where: y=0"): "unknown coordinate 'y'",
    ("where: t=0", "where: t"): "write where it holds as coordinate=value",
    ("where: x=0,", "where: 'x=0, x=1',"): "fixes 'x' twice; give each place a condition of its own",
    ("where: t=0", "where: 5"): "write where it holds, for example t=0",
    ("where: t=0", "where: t=0=1"): "expected a number",
    ("where: t=0, equation", "equation"): "needs a key 'where'",
    ("where: t=0, equation: u = sin(pi*x)", "where: t=0"): "needs a key 'equation'",
    ("where: t=0", "wehre: t=0"): "unknown key 'wehre'. Did you mean 'where'?",
    ("  initial: {", "  pde: {"): "heat.yaml:8: conditions.pde: is also the name of an equation",
    ("where: x=0,", "where: 'x=0, t=0.5',"): "nothing is said about x=0, where 'u' has order 2 in x",
    ("where: t=0,", "where: 't=0, x=0.5',"): "needs 1 initial condition at t=0, one each for u; found 0",
    ("where: x=0,", "where: x=0, t=0.5,"): "unknown key 't=0.5'. Allowed: equation, where. Text with a comma in it needs",
    ("unknowns: [u]", "periodic: [x, x]\nunknowns: [u]"): "periodic: names 'x' twice",
    ("k: 0.1", "k: 1" + "0" * 400): "is not a finite number",
    ("t: [0, 1]", "t: [0, 1" + "0" * 400 + "]"): "is not a finite number",
    ("equations: 200", "equations: 1000000000000"): "less than or equal to 1000000000",
    ("u_t = k*u_xx", "u_t = 1e-3*u_xx + (u"): "'u_t = 1e-3*u_xx + (u': cannot be read at column 19 ('(' was never closed). Write names",
    ("steps: 20", "steps: 20, shrink: 7"): "training.stages[0].shrink: '7': expected a number between 0 and 1",
    ("steps: 20", "steps: 20, damping: .inf"): "expected a number greater than 0",
    ("levenberg_marquardt, steps: 20", "adam, steps: 9, learning_rate: [1, 2]"): "expected a number",
    ("levenberg_marquardt, steps: 20", "adam, steps: 9, learning_rate: null"): "expected a number",
    ("levenberg_marquardt, steps: 20", "adam, steps: 9, learning_rate: 1, b1: null"): "expected a number",
    ("levenberg_marquardt, steps: 20", "adam, steps: 9, learning_rate: 1, b1: 5"): "from 0 to below 1",
    ("levenberg_marquardt, steps: 20", "adam, steps: 9, learning_rate: 1, eps: -3"): "0 or more",
    ("name: small_heat", "name: ../heat"): "use letters, digits",
    ("name: small_heat", "name: 5"): "heat.yaml:1: name: '5': should be text",
    ("name: small_heat\n", ""): "the key 'name' is missing",
    ("width: 8", "widht: 8"): "heat.yaml:12: network.widht: unknown option 'widht'. Did you mean 'width'?",
    ("width: 8", "width: -8"): "network.width: '-8': expected a whole number greater than 0",
    ("width: 8", "activation: tan"): "unknown value 'tan'. Did you mean 'tanh'?",
    ("width: 8", "kind: mpl"): "unknown network 'mpl'. Did you mean 'mlp'?",
    ("equations: 200", "equations: 0"): "sampling.equations: '0': should be greater than or equal to 1",
    ("equations: 200", "corners: 1.5"): "sampling.corners: '1.5': should be less than or equal to 1",
    ("equations: 200", "overfit: -1"): "sampling.overfit: '-1': should be greater than or equal to 0",
    ("equations: 200", "equations: many"): "sampling.equations: 'many': should be a whole number",
    ("equations: 200", "method: soboll"): "unknown sampling method 'soboll'. Did you mean 'sobol'?",
    ("equations: 200", "equation: 200"): "unknown key 'equation'. Did you mean 'equations'?",
    ("levenberg_marquardt", "levenberg_marquart"): "training.stages[0].optimizer: unknown optimizer 'levenberg_marquart'. Did you",
    ("steps: 20", "steps: 20, damp: 1"): "training.stages[0].damp: unknown option 'damp'. Did you mean 'damping'?",
    ("steps: 20", "steps: 20, damping: -1"): "expected a number greater than 0",
    ("steps: 20", "steps: 0"): "training.stages[0].steps: '0': should be greater than or equal to 1",
    (", steps: 20", ""): "the key 'steps' is missing",
    ("levenberg_marquardt, steps: 20", "adam, steps: 9"): "adam needs the option 'learning_rate'",
    ("levenberg_marquardt, steps: 20", "adam, steps: 9, learning_rate: fast"): "expected a number",
    ("levenberg_marquardt, steps: 20", "adam, steps: 9, learning_rate: 1, b3: 1"): "unknown option 'b3'",
    ("levenberg_marquardt, steps: 20", "adam, steps: 9, learning_rate: {schedule: cosine}"): "unknown schedule 'cosine'",
    ("training:\n", "training:\n  loss: mean_absolute\n"): "levenberg_marquardt minimises a sum of squares",
    ("training:\n", "training:\n  loss: absolute\n"): "Did you mean 'mean_absolute'?",
    ("training:\n", "training:\n  weights: {pdd: 1}\n"): "unknown constraint 'pdd'. Did you mean 'pde'?",
    ("network:", "ansatz: {scale: {w: 2}}\nnetwork:"): "ansatz.scale.w: unknown unknown 'w'",
    ("network:", "ansatz: {waves: {y: 2}}\nnetwork:"): "ansatz.waves.y: unknown coordinate 'y'",
    ("network:", "ansatz: {waves: {t: -1}}\nnetwork:"): "ansatz.waves",
    ("network:", "ansatz: {mirrors: [x, t]}\nnetwork:"): "ansatz.mirrors[1]: unknown coordinate with ends in space 't'",
    ("network:", "ansatz: {mirrors: all}\nnetwork:"): "ansatz.mirrors: 'all': unknown value",
    ("network:", "ansatz: {carried: stat}\nnetwork:"): "ansatz.carried: 'stat': unknown value. Did you mean 'state'?",
    ("network:", "ansatz: {inputs: [s]}\nnetwork:"): "ansatz.inputs[0]: 's': unknown name 's'",
    ("network:", "ansatz: {inputs: [x, u]}\nnetwork:"): "ansatz.inputs[1]: 'u': unknown name 'u'",
    ("network:", "ansatz: {inputs: s}\nnetwork:"): "ansatz.inputs: 's': should be a list",
    ("network:", "ansatz: {inputs: [1/t]}\nnetwork:"): "ansatz.inputs[0]: '1/t': is not finite at t=0",
    ("parameters:", "functions: {k2: u}\nparameters:"): "functions.k2: 'u': mentions the unknown 'u'",
    ("network:", "ansatz: {scale: 0}\nnetwork:"): "ansatz.scale: '0'",
    ("windows: 1", "windows: 0"): "training.windows: '0': should be greater than or equal to 1",
    ("windows: 1", "windows: 2.5"): "training.windows: '2.5': unknown value. Allowed: a list, a whole number, auto",
    ("windows: 1", "windows: autos"): "training.windows: 'autos': unknown value. Did you mean 'auto'?",
    ("training:\n", "training:\n  seed: -1\n"): "training.seed: '-1': should be greater than or equal to 0",
    ("training:\n", "training:\n  seconds: 0\n"): "training.seconds: '0': should be greater than 0",
    ("kind: exact", "kind: [1]"): "heat.yaml:11: reference.kind: unknown reference '[1]'",
    ("kind: exact", "kind: none"): "the kind 'none' has no further keys",
    ("kind: exact", "kind: exakt"): "heat.yaml:11: reference.kind: unknown reference 'exakt'. Did you mean 'exact'?",
    ("kind: exact, u", "kind: exact, v"): "unknown unknown 'v'",
    ("u: exp(-k*pi**2*t)", "u: exp(-2*k*pi**2*t)"): "the formula does not satisfy 'pde'",
    ("kind: exact, u: exp(-k*pi**2*t)*sin(pi*x)", "kind: burgers"): "reference.kind: 'burgers': Its equation",
    ("unknowns: [u]", "unknowns: [u"): "heat.yaml:4: is not YAML",
    ("unknowns: [u]", "unknowns: &a [u]"): "anchors, aliases and tags",
    ("unknowns: [u]", "unknowns: !!python/object [u]"): "anchors, aliases and tags",
    ("unknowns: [u]", "1: [u]"): "heat.yaml:3: the key 1 needs quotes",
    ("unknowns: [u]", "periodic: [z]\nunknowns: [u]"): "periodic: unknown coordinate 'z'",
    ("unknowns: [u]", "unknowns: " + "[" * 5000 + "]" * 5000): "nested",
}  # fmt: skip


@pytest.mark.parametrize("change", BAD, ids=lambda c: c[1].strip()[:24])
def test_bad_files(heat_text, change):
    old, new = change
    assert old in heat_text, "this test would not change the file"
    message = refused(heat_text.replace(old, new, 1))
    assert any(part in message for part in BAD[change].split("|")), message
    assert message.startswith("heat.yaml"), message
    assert len(message) < 1500


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("just text", "expected keys such as name"),
        ("- a\n- b", "expected keys such as name"),
        ("", "expected keys such as name"),
        ("a: b: c", "is not YAML"),
        ("a: 'b", "is not YAML"),
        ("a: 2026-01-01", "unknown key 'a'|neither text nor a number"),
        ("{" * 3000, "is not YAML|nested"),
    ],
)
def test_not_a_problem_file(text, says):
    message = refused(text)
    assert any(part in message for part in says.split("|")), message


def test_missing_files(tmp_path):
    with pytest.raises(ProblemError, match="no problem of that name"):
        load_problem(tmp_path / "haet.yaml")
    with pytest.raises(ProblemError, match="is a folder"):
        load_problem(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProblemError, match="is not UTF-8 text"):
        load_problem(tmp_path / "binary.yaml")
    (tmp_path / "large.yaml").write_text("#" * 1_000_000)
    with pytest.raises(ProblemError, match="may have 200000 characters"):
        load_problem(tmp_path / "large.yaml")


def test_overrides(heat_text):
    text = heat_text.replace("reference:", "title: x\n#")
    changes = [
        "parameters.k=0.2",
        "training.stages[0].steps=7",
        "training.seed=3",
        "network.kind=modified_mlp",
    ]
    problem = problem_from_text(text, overrides=changes)
    settings = make_settings(problem.settings)
    assert problem.parameters["k"] == 0.2
    assert (settings.training.stages[0].steps, settings.training.seed, settings.network.kind) == (
        7,
        3,
        "modified_mlp",
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("training.sede=1", "--set training.sede=1: training.sede: unknown key 'sede'. Did you mean 'seed'?"),
        ("trainig.seed=1", "--set trainig.seed=1: unknown key 'trainig'. Did you mean 'training'?"),
        ("training.seed", "write KEY=VALUE"),
        ("=1", "write KEY=VALUE"),
        ("training.seed=one", "--set training.seed=one: training.seed: 'one': should be a whole number"),
        ("training.stages[4].steps=1", "no entry 4 to change; give it as a whole"),
        ("name.first=1", "holds a single value"),
        ("parameters.k=[", "cannot be read as a value"),
        ("conditions.initial.where=t=9", "lies outside the domain"),
        ("unknowns[0]=v", "unknown name 'u_t'|derivative"),
        ("__class__=1", "write KEY=VALUE"),
    ],
)
def test_bad_overrides(heat_text, change, says):
    message = refused(heat_text, [change])
    assert any(part in message for part in says.split("|")), message


def test_overrides_of_a_problem_built_in_python():
    with pytest.raises(ProblemError, match="built in Python"):
        load_problem("allen_cahn_python", ["parameters.eps=1"])
    problem = load_problem("allen_cahn_python", ["training.seed=4"])
    assert make_settings(problem.settings).training.seed == 4


def test_registered_problems_are_found():
    problem = registry.allen_cahn_python()
    registry.register(problem)
    assert load_problem("allen_cahn_python") is problem
    registry.PROBLEMS["allen_cahn_python"] = registry.allen_cahn_python


def test_an_end_given_by_arithmetic_is_the_end(heat_text):
    text = heat_text.replace("x: [0, 1]", "x: [0, 0.3]").replace("where: x=1", "where: x=0.1*3").split("reference")[0]
    assert dict(problem_from_text(text).constraints[-1].where) == {"x": 0.3}


def test_a_condition_at_a_corner_is_no_initial_condition(heat_text):
    text = heat_text.replace("  left:", "  corner: {where: 't=0, x=0', equation: u = 0}\n  left:")
    assert len(problem_from_text(text).conditions) == 4


def test_two_conditions_on_the_value_do_not_start_a_wave(heat_text):
    text = heat_text.replace("u_t = k*u_xx", "u_tt = k*u_xx").split("reference")[0]
    twice = text.replace("  left:", "  again: {where: t=0, equation: u = 3}\n  left:")
    assert "one each for u, u_t; found 2 (initial, again)" in refused(twice)
    assert problem_from_text(twice.replace("u = 3", "u_t = 3")).order("t") == 2


def test_every_unknown_needs_its_own_ends(heat_text):
    text = heat_text.replace("[u]", "[u, v]").replace("pde: u_t = k*u_xx", "pde: u_t = k*u_xx\n  second: v_t = k*v_xx")
    text = text.replace("  left:", "  v0: {where: t=0, equation: v = 0}\n  left:").split("reference")[0]
    assert "nothing is said about x=0 and x=1, where 'v' has order 2 in x" in refused(text)
