"""Every block of the documentation works as typed, and the pages are built without a warning.

Blocks of a page run in order, in one folder: `sh` in a shell with the command `pinn`, `python` in one namespace per page; a
block with a title such as rod.yaml is a file of that name. Text after a `pinn check` is what it prints.
"""

import ast
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

import pinn
from pinn.config import load_problem

ROOT = Path(__file__).parent.parent
PAGES = sorted(str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md"))
TRAIN = {
    "api.md",
    "course/dynamics.md",
    "course/pinns.md",
    "index.md",
    "settings.md",
    "tutorial.md",
}  # these pages train for more than a few seconds
USES_A_RUN = re.compile(
    r"^pinn (run|verify|report|predict|export|compare|sweep|dynamics)|^ls |solution|quick", re.MULTILINE
)
OTHERS = ("DeepXDE", "PhysicsNeMo-Sym", "jinns")  # other systems' programs are parsed, not run
INSTALL = "python3 -m venv .venv && .venv/bin/pip install --quiet ."  # the README's; .ci/run does it


class Block(NamedTuple):
    """A fenced block of a page: what its fence says, and what is in it."""

    kind: str
    title: str
    text: str


def blocks(page):
    text = (ROOT / "docs" / page).read_text()
    return [Block(*found) for found in re.findall(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', text, re.M | re.S)]


def parse(block, page):
    """Say whether a block may be run; whatever it is, it has to be well-formed."""
    if block.kind == "python":
        ast.parse(block.text)
    if block.kind == "sh":
        assert subprocess.run(["bash", "-n"], input=block.text, text=True, check=False).returncode == 0, (page, block)
    return block.title not in OTHERS and INSTALL not in block.text


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """Return a function that runs a block and returns what it printed; `pinn` is the one under test."""
    command, folder = tmp_path / "bin" / "pinn", tmp_path / "work"
    command.parent.mkdir()
    folder.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pinn "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(folder)

    def run(text, codes=(0,)):
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", text],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode in codes, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    return run


def go_through(page, shell, train=True):
    """Run the blocks of a page, those that train or use a run only if asked; return its namespace."""
    scope, printed = {}, ""
    for block in blocks(page):
        runs = parse(block, page) and (train or not USES_A_RUN.search(block.text))
        if block.title and block.title not in OTHERS:
            Path(block.title).write_text(block.text)
        elif block.kind == "text" and printed:
            assert block.text.strip() in printed, f"{page} shows\n{block.text}\nand it is\n{printed}"
        elif block.kind == "python" and runs:
            exec(compile(block.text, f"{page}: {block.text[:40]!r}", "exec"), scope)
        checks = block.kind == "sh" and "pinn check" in block.text
        printed = shell(block.text, codes=(0, 2) if checks else (0,)) if block.kind == "sh" and runs else ""
        printed = printed if checks else ""
    return scope


@pytest.mark.parametrize("page", PAGES)
def test_blocks_run(page, shell):
    """All of them on pages that train nothing; elsewhere those that only read, write and check files."""
    go_through(page, shell, train=page not in TRAIN)


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(TRAIN))
def test_blocks_that_train_run(page, shell):
    scope = go_through(page, shell)
    if page == "tutorial.md":
        assert scope["middle"].shape == (3,)
    if page in ("api.md", "tutorial.md"):
        assert scope["solution"].errors["u"]["relative_l2"] < (1e-4 if page == "api.md" else 1e-2)


@pytest.mark.parametrize("page", PAGES)
def test_problem_files_shown_can_be_solved(page, tmp_path):
    for block in blocks(page):
        if block.kind == "yaml" and block.title:
            path = tmp_path / block.title
            path.write_text(block.text)
            assert load_problem(path).name == path.stem


def test_the_install_command_is_the_readmes():
    assert INSTALL in (ROOT / "README.md").read_text() and INSTALL in (ROOT / "docs" / "index.md").read_text()


def test_every_public_name_is_on_the_page_of_the_api():
    text = (ROOT / "docs" / "api.md").read_text()
    shown = re.findall(r"^::: (\S+)$", text, re.M)
    inner = (
        "pinn.dynamics.",
        "pinn.trace.",
        "pinn.language.parse.",
        "pinn.language.calculus.",
        "pinn.language.simplify.",
    )
    assert {n.rpartition(".")[2] for n in shown if not n.startswith(inner)} == set(pinn.__all__)


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed; it comes with the extra docs")
def test_the_pages_are_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "WARNING" not in done.stdout + done.stderr, done.stdout + done.stderr
    for page in PAGES:
        name = page.removesuffix(".md")
        html = (tmp_path / "site" / ("" if name == "index" else name) / "index.html").read_text()
        fetched = re.findall(
            r"<(?:script|img|iframe)[^>]* src=\"(https?:[^\"]+)|<link[^>]* href=\"(https?:[^\"]+)", html
        )
        assert fetched == [], f"{page} asks the network for {fetched}"
    assert "A physics-informed neural network" in (tmp_path / "site" / "index.html").read_text()
    assert "Raises" in (tmp_path / "site" / "api" / "index.html").read_text()
    assert "training.windows" in (tmp_path / "site" / "format" / "index.html").read_text()
