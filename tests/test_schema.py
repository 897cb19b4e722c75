"""`pinn schema`: accepts what can be run, and rejects keys that are misspelled."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from pinn.commands.schema import main
from pinn.config import problem_from_text
from pinn.errors import ProblemError
from pinn.registry import shipped
from pinn.schema import described, schema
from pinn.settings import SECTIONS, ProblemFile, Settings
from pinn.templates import EQUATIONS, Choices, problem_text
from pinn.yaml_text import parse_yaml

FORMAT = (Path(__file__).parent.parent / "problems" / "README.md").read_text()
SCHEMA = schema()
jsonschema.Draft202012Validator.check_schema(SCHEMA)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def wrong(text):
    """Return what the schema has against a problem file."""
    return [error.message for error in VALIDATOR.iter_errors(parse_yaml(text, "trial")[0])]


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_problems_are_valid(name):
    assert wrong(shipped()[name].read_text()) == []


def test_other_problem_files_are_valid(heat_text):
    documented = re.findall(r"```yaml\n(name:.*?)```", FORMAT, re.DOTALL)
    written = [problem_text(Choices("a", kind, ("u", "v"), 2, "neumann", order)) for kind, order in EQUATIONS]
    assert documented and all(wrong(text) == [] for text in [heat_text, *documented, *written])


MORE = {
    "network": ["{kind: fourier_mlp, width: 8, depth: 2, frequencies: 4, scale: 2}", "{activation: sin}"],
    "training": [
        "{seconds: null, windows: 3}",
        "{windows: [0, 0.5, 1], weights: {left: 2}}",
        "{stages: [{optimizer: adam, steps: 5, learning_rate: 1e-3, b1: 0.8}, {optimizer: lbfgs, steps: 2}]}",
        "{stages: [{optimizer: sgd, steps: 5, learning_rate: {schedule: exponential_decay, init_value: 1e-3, "
        "transition_steps: 10, decay_rate: 0.9}}]}",
        "{stages: [{optimizer: gauss_newton, steps: 5, damping: 1e-2, choose: lowest, patience: null}]}",
    ],
    "ansatz": ["{layer: none}", "{layer: 0.5, initial: soft}"],
    "reference": ["{kind: none}", "{kind: manufactured, u: x*t}", "{kind: spectral}"],
    "target": ["{relative_l2: 1e-6}"],
    "invariants": ["{mass: u}"],
}


@pytest.mark.parametrize(("section", "value"), [(s, v) for s, values in MORE.items() for v in values])
def test_what_can_be_run_is_valid(section, value, heat_text):
    text = re.sub(rf"^{section}:(.*\n(?: .*\n)*)", "", heat_text, flags=re.MULTILINE) + f"{section}: {value}\n"
    problem_from_text(text)
    assert wrong(text) == []


MISSPELLED = [
    ("name: small_heat", "nam: small_heat"),
    ("name: small_heat", "name: small heat"),
    ("coordinates: {t: [0, 1], x: [0, 1]}", "coordinates: {t: [0, 1], x: [0]}"),
    ("coordinates: {t: [0, 1],", "coordinates: {time: [0, 1],"),
    ("unknowns: [u]", "unknown: [u]"),
    ("unknowns: [u]", "unknowns: []"),
    ("parameters: {k: 0.1}", "parameters: {k: [0.1]}"),
    ("pde: u_t = k*u_xx", "pde: {residul: heat}"),
    ("{where: t=0, equation: u = sin(pi*x)}", "{were: t=0, equation: u = sin(pi*x)}"),
    ("{where: t=0, equation: u = sin(pi*x)}", "{where: t=0}"),
    ("kind: exact", "kind: exakt"),
    ("reference: {kind: exact, u: exp(-k*pi**2*t)*sin(pi*x)}", "reference: {kind: spectral, path: a.npz}"),
    ("reference: {kind: exact, u: exp(-k*pi**2*t)*sin(pi*x)}", "reference: {kind: file, pth: a.npz}"),
    ("network: {width: 8", "network: {widht: 8"),
    ("network: {width: 8", "network: {frequencies: 8"),
    ("network: {width: 8", "network: {kind: perceptron, width: 8"),
    ("network: {width: 8", "network: {width: 0"),
    ("sampling: {equations: 200", "sampling: {equation: 200"),
    ("sampling: {equations: 200", "sampling: {method: sobel, equations: 200"),
    ("evidence: {estimate: false", "evidence: {estimates: false"),
    ("  windows: 1", "  window: 1"),
    ("  windows: 1", "  windows: many"),
    ("optimizer: levenberg_marquardt, steps: 20", "optimizer: levenberg, steps: 20"),
    ("optimizer: levenberg_marquardt, steps: 20", "optimizer: levenberg_marquardt, step: 20"),
    ("optimizer: levenberg_marquardt, steps: 20", "optimizer: levenberg_marquardt, steps: 20, acceptance: 0.1"),
    ("optimizer: levenberg_marquardt, steps: 20", "optimizer: adam, steps: 20, learning_rat: 0.1"),
]


@pytest.mark.parametrize(("right", "changed"), MISSPELLED)
def test_misspelled_keys_are_rejected(right, changed, heat_text):
    assert right in heat_text and wrong(heat_text) == []
    text = heat_text.replace(right, changed)
    assert wrong(text) != []
    with pytest.raises(ProblemError):  # the schema refuses nothing that can be run
        problem_from_text(text)


def test_every_key_is_described():
    assert set(ProblemFile.model_fields) == set(SCHEMA["properties"])
    for key in ProblemFile.model_fields:
        assert key in SECTIONS or SCHEMA["properties"][key]["description"], key
    for section in SECTIONS:
        model = Settings.model_fields[section].annotation
        found = SCHEMA["$defs"][model.__name__]
        assert found["description"] == " ".join(model.__doc__.split())
        for key in model.model_fields:
            assert found["properties"][key]["description"], f"{section}.{key}"
    assert all(SCHEMA["$defs"]["StageSettings"]["properties"][k]["description"] for k in ("optimizer", "steps"))
    assert described()["training.seed"] == "Of the network and the points"


def test_the_command(tmp_path, capsys):
    assert main([]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
    path = tmp_path / "pinn.schema.json"
    assert main(["--out", str(path)]) == 0 == main(["--out", str(path)])
    assert json.loads(path.read_text()) == SCHEMA and [p.name for p in tmp_path.iterdir()] == [path.name]
    other = tmp_path / "mine.yaml"
    other.write_text("name: mine\n")
    assert main(["--out", str(other)]) == 2 == main(["--out", str(tmp_path / "none" / "a.json")])
    err = capsys.readouterr().err
    assert "mine.yaml: exists and is no JSON schema" in err and "cannot be written" in err
    assert other.read_text() == "name: mine\n"
