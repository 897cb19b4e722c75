"""What the README shows works as typed."""

import re
import shlex
from pathlib import Path

import pytest

from pinn.config import load_problem, problem_from_text
from pinn.run import parser

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
CODE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def test_the_two_opening_commands():
    """Each is complete in itself; .ci/run takes the second one out of this file and runs it."""
    run, test = SHELL[0].strip(), SHELL[1].strip()
    for command, install, end in (
        (run, ".venv/bin/pip install --quiet .", "-m pinn.run problems/allen_cahn.yaml"),
        (test, '.venv/bin/pip install --quiet -e ".[dev]"', "-m pytest -q"),
    ):
        steps = [step.strip() for step in command.split("&&")]
        assert steps == ["python3 -m venv .venv", install, f".venv/bin/python {end}"]
    assert "n==2' README.md" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("index", range(len(CODE)))
def test_python_blocks_run(index, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope = {}
    exec(compile(CODE[index], f"README.md block {index}", "exec"), scope)
    for name, value in list(scope.items()):
        if name.startswith("test_"):
            value()
    if "solution" in scope:
        assert scope["solution"].errors["u"]["relative_l2"] < 1e-4
        assert scope["again"](t=0.5, x=0.5) == scope["solution"](t=0.5, x=0.5)


def test_the_problem_shown_is_the_problem_shipped():
    shown = problem_from_text(re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1])
    shipped = problem_from_text((ROOT / "problems" / "allen_cahn.yaml").read_text())
    assert [c.residual.text for c in shown.constraints] == [c.residual.text for c in shipped.constraints]
    assert (shown.domain, shown.parameters) == (shipped.domain, shipped.parameters)


DOCUMENTS = ["README.md", "CONTRIBUTING.md", "problems/README.md", "experiments/README.md"]
DOCUMENTS += sorted(str(p.relative_to(ROOT)) for f in ("docs", "experiments") for p in (ROOT / f).glob("*/*.md"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_and_commands_exist(document):
    path = ROOT / document
    text = path.read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (path.parent / target).exists(), target
    for file in re.findall(r"python (experiments/\S+\.py)", text):
        assert (ROOT / file).exists(), file
    for command in re.findall(r"python -m pinn\.run ((?!FILE|--resume DIR)[^`\n]+)", text):
        options = parser("test").parse_args(shlex.split(command.replace("--seed K", "--seed 0")))
        load_problem(Path(options.file).stem, options.set)


def test_every_setting_is_documented():
    from pinn.settings import SECTIONS, ProblemFile, Settings

    text = (ROOT / "problems" / "README.md").read_text()
    for key in ProblemFile.model_fields:
        assert f"`{key}" in text, key
    for section in SECTIONS:
        for key in Settings.model_fields[section].annotation.model_fields:
            assert f"`{section}.{key}`" in text, f"{section}.{key}"
