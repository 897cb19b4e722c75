"""The page of a run: well-formed, self-contained, with the numbers of the summary; and in a real browser."""

import json
import math
import re
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from html.parser import HTMLParser

import jax
import numpy as np
import pytest

from pinn.commands.report import main as report_command
from pinn.config import problem_from_text
from pinn.language import Symbols, from_text
from pinn.report import mathml
from pinn.report.judgement import doubt_of
from pinn.report.markup import MINUS, TIMES, number, plain
from pinn.report.page import evaluated, page, write_page
from pinn.run import main
from pinn.settings import make_settings
from pinn.solution import Solution, build_ansatz
from pinn.summary import NOTHING
from tests.conftest import HEAT

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="neither chromium nor google-chrome is installed")
VOID = {"meta", "link", "input", "br", "hr", "img"}

TURN = """\
name: turn
coordinates: {t: [0, 1]}
unknowns: [a, b]
equations: {first: a_t = b, "second $^$ <b>": b_t = -a}
conditions: {a0: {where: t=0, equation: a = 1}, b0: {where: t=0, equation: b = 0}}
network: {width: 4, depth: 1}
"""
DRIFT = """\
name: drift
title: <script>alert(1)</script> & "more"
source: Nobody & <b>Sons</b>
coordinates: {t: [0, 1], x: [0, 1], y: [0, 1]}
unknowns: [u, v]
parameters: {kappa: 1e-4, omega_0: 3}
periodic: [x, y]
equations: {first: u_t = kappa*(u_xx + u_yy) - omega_0*v, second: v_t = u_x**2/2}
conditions: {u0: {where: t=0, equation: u = sin(2*pi*x)}, v0: {where: t=0, equation: v = 0}}
network: {width: 4, depth: 1}
"""


class Reader(HTMLParser):
    """Checks that elements are closed in order, and collects what tests ask for."""

    def __init__(self):
        super().__init__()
        self.open, self.attributes, self.words, self.data, self.ids = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, k, v) for k, v in attrs]
        self.data += [v for k, v in attrs if tag == "data" and k == "value"]
        self.ids += [v for k, v in attrs if k == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing that is open at {self.getpos()}"

    def handle_data(self, data):
        if self.open[-1:] not in (["script"], ["style"]):
            self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == [], f"{reader.open} are not closed"
    return reader


def untrained(text, counts, **summary):
    """Return a solution with the params it would begin with, on a small grid."""
    problem = problem_from_text(text)
    settings = make_settings(problem.settings)
    ansatz = build_ansatz(problem, settings)
    params = jax.tree.map(lambda x: x, ansatz.network.init(jax.random.PRNGKey(0)))
    grid = {c: np.linspace(*b, n) for (c, b), n in zip(problem.domain.bounds.items(), counts, strict=True)}
    mesh = np.meshgrid(*grid.values(), indexing="ij")
    solution = Solution(problem, settings, ansatz, params, NOTHING | {"status": "done"} | summary)
    values = solution(**dict(zip(grid, mesh, strict=True)))
    values = values if isinstance(values, dict) else {problem.unknowns[0]: values}
    return replace(solution, grid=grid, values=values)


def record(step, window=0, **more):
    return {
        "step": step, "window": window, "span": [0.0, 1.0], "attempt": 0, "stage": 0, "optimizer": "gauss_newton",
        "loss": 10.0**-step, "held_out": None, "accepted": True, "damping": None, "seconds": step * 0.5,
    } | more  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run, with an invariant and a bound."""
    folder = tmp_path_factory.mktemp("page")
    text = HEAT.replace("bound: false", "bound: true")
    (folder / "heat.yaml").write_text(text + "invariants: {mass: u}\n")
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pinn.run.STARTED", time.monotonic())
        assert main([str(folder / "heat.yaml"), "--out", str(folder / "run"), "--quiet"]) == 0
    for n, handler in before.items():
        signal.signal(n, handler)
    jax.config.update("jax_default_device", None)
    return folder / "run"


@pytest.fixture(scope="module")
def film():
    """The page of two unknowns in time and two dimensions of space, whose title is no HTML."""
    solution = untrained(DRIFT, (5, 8, 9))
    reference = {n: v + 1e-3 * np.sin(v) for n, v in solution.values.items()}
    return page(replace(solution, reference=reference), [record(1), record(2, 1, attempt=1)])


def symbols(*coordinates):
    return Symbols(coordinates or ("t", "x"), ("u", "phi"), {"eps": 1e-4, "k_1": 2.0, "nu": 0.1})


def typeset(text, *coordinates):
    """Return the markup of an equation without invisible characters and what only groups."""
    markup = mathml.equation(from_text(text, symbols(*coordinates)), symbols(*coordinates))
    read(markup)
    shown = re.sub(
        r"<mo>[\u2061\u2062]</mo>|</?mrow>| mathvariant='normal'| form='prefix'|<mspace[^>]*></mspace>|</?math[^>]*>",
        "",
        markup,
    )
    return shown.replace(MINUS, "-").replace("&times;", TIMES)


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("u", "<mi>u</mi><mo>=</mo><mn>0</mn>"),
        ("u_t", "<mfrac><mi>∂</mi><mi>u</mi><mi>∂</mi><mi>t</mi></mfrac><mo>=</mo><mn>0</mn>"),
        ("phi = eps*k_1", "<mi>φ</mi><mo>=</mo><mi>ε</mi><msub><mi>k</mi><mn>1</mn></msub>"),
        ("u = x**2*2", "<mi>u</mi><mo>=</mo><msup><mi>x</mi><mn>2</mn></msup><mo>⋅</mo><mn>2</mn>"),
        ("u = sin(pi*x)**2", "<mi>u</mi><mo>=</mo><msup><mi>sin</mi><mn>2</mn></msup><mo>(</mo><mi>π</mi><mi>x</mi><mo>)</mo>"),
        ("u = exp(-t)/sqrt(x)", "<mi>u</mi><mo>=</mo><mfrac><msup><mi>e</mi><mo>-</mo><mi>t</mi></msup><msqrt><mi>x</mi></msqrt></mfrac>"),
        ("u = -(x - t)", "<mi>u</mi><mo>=</mo><mo>-</mo><mo>(</mo><mi>x</mi><mo>-</mo><mi>t</mi><mo>)</mo>"),
        ("u = x - (t - 1)", "<mi>u</mi><mo>=</mo><mi>x</mi><mo>-</mo><mo>(</mo><mi>t</mi><mo>-</mo><mn>1</mn><mo>)</mo>"),
        ("u = x*(t + 1)", "<mi>u</mi><mo>=</mo><mi>x</mi><mo>(</mo><mi>t</mi><mo>+</mo><mn>1</mn><mo>)</mo>"),
        ("u = (-x)**2", "<mi>u</mi><mo>=</mo><msup><mo>(</mo><mo>-</mo><mi>x</mi><mo>)</mo><mn>2</mn></msup>"),
        ("u = x - -2*t", "<mi>u</mi><mo>=</mo><mi>x</mi><mo>-</mo><mo>(</mo><mo>-</mo><mn>2</mn><mi>t</mi><mo>)</mo>"),
        ("u = 1e-7", "<mi>u</mi><mo>=</mo><msup><mn>10</mn><mo>-</mo><mn>7</mn></msup>"),
        ("u = 2.5e8*abs(x)", "<mi>u</mi><mo>=</mo><mn>2.5</mn><mo>" + TIMES + "</mo><msup><mn>10</mn><mn>8</mn></msup><mo>|</mo><mi>x</mi><mo>|</mo>"),
    ],
)  # fmt: skip
def test_expressions_are_typeset(text, markup):
    assert typeset(text) == markup


def test_derivatives_are_fractions():
    mixed = typeset("u_xxt = 0")
    assert mixed.startswith(
        "<mfrac><msup><mi>∂</mi><mn>3</mn></msup><mi>u</mi>"
        "<mi>∂</mi><mi>t</mi><mi>∂</mi><msup><mi>x</mi><mn>2</mn></msup></mfrac>"
    )
    assert typeset("u_t**2 = 1").startswith("<msup><mo>(</mo><mfrac>"), "a fraction to a power needs parentheses"
    assert "<mi>d</mi><mi>t</mi>" in typeset("u_t = 1", "t") and "∂" not in typeset("u_t = 1", "t")


def test_numbers():
    assert plain(1.0424e-8) == f"1.04 {TIMES} 10⁻⁸" and plain(-0.5) == MINUS + "0.500" and plain(1234.5) == "1234"
    assert plain(None) == "unknown" and plain(float("nan")) == "not finite" and plain(0.0) == "0"
    assert 'value="1.0424e-08"' in number(1.0424e-8) and f"<sup>{MINUS}8</sup>" in number(1.0424e-8)


def ladder_of(summary):
    """List every number of the ladder; errors by time are drawn."""
    keys = ("errors", "estimate", "bound", "held_out", "train", "overfitting", "data_alone", "invariants")
    parts = [{k: v for k, v in summary[key].items() if k != "l2_by_time"} for key in keys if summary[key]]
    found = []
    while parts:
        part = parts.pop()
        parts += [v for k, v in part.items() if isinstance(v, dict)]
        found += [v for k, v in part.items() if isinstance(v, float) and k != "uncertainty"]
    return found


def test_a_run_leaves_its_page(run):
    text = (run / "report.html").read_text()
    reader, summary = read(text), json.loads((run / "summary.json").read_text())
    numbers = ladder_of(summary)
    assert len(numbers) > 15 and summary["bound"] and summary["invariants"]
    for value in numbers:
        assert repr(value) in reader.data, f"{value} is not on the page"
    assert repr(summary["reference"]["uncertainty"]) in reader.data
    for word in (
        "relative L² error",
        "energy inequality",
        "exact by its form",
        "sha256",
        "python -m pinn.run problem.yaml",
    ):
        assert word in reader.text
    assert all(f"{name} {version}" in reader.text for name, version in summary["versions"].items())
    assert all(a in reader.text for a in summary["alarms"])
    assert text.count("<svg") == 4 + 2 + 1 + 2, "maps, slices, error by time, losses"
    assert not list(run.glob("*.partial")) and len(text) < 3e6


def test_pages_load_nothing(run, film):
    for text in ((run / "report.html").read_text(), film):
        links = [(t, k, v) for t, k, v in read(text).attributes if k in ("src", "href", "xlink:href", "srcset", "data")]
        assert links and all(v.startswith(("data:", "#")) for _, _, v in links)
        style = text[text.index("<style>") : text.index("</style>")]
        assert "url(" not in style and "@import" not in style and "http" not in style


def test_pictures_have_descriptions_and_the_colours_of_the_page(film):
    pictures = [dict((k, v) for _, k, v in group) for group in by_element(read(film), "svg")]
    assert all(p["aria-label"] and p["role"] == "img" for p in pictures) and len(pictures) == 2 * 3 + 2 + 2
    assert "Heat map over x and y, moving in t: u, solution; values from" in pictures[0]["aria-label"]
    assert "#0101" not in film and "#0102" not in film and "currentColor" in film
    ids = read(film).ids
    assert len(ids) == len(set(ids)), "names are unique"


def by_element(reader, tag):
    """Group the attributes of elements of one kind; each begins with its class."""
    groups = []
    for t, k, v in reader.attributes:
        if t == tag:
            if k == "class":
                groups.append([])
            groups[-1].append((t, k, v))
    return groups


def test_text_of_a_problem_is_not_html(film):
    reader = read(film)
    assert film.count("<script") == 2 and "alert(1)</script>" not in film
    assert '<script>alert(1)</script> & "more"' in reader.text and "Nobody & <b>Sons</b>" in reader.text


def test_frames(film):
    data = json.loads(film[film.index('id="film">') + 10 :].partition("</script>")[0])
    assert data["labels"] == ["t = 0", "t = 0.25", "t = 0.5", "t = 0.75", "t = 1"]
    assert set(data["pictures"]) == {f"frame-{k}" for k in range(8)} <= set(read(film).ids)
    assert all(len(p) == 5 and p[0].startswith("data:image/png;base64,") for p in data["pictures"].values())
    assert data["pictures"]["frame-0"][0] != data["pictures"]["frame-0"][4]


def test_a_system_in_time():
    text = page(untrained(TURN, (50,)), [])
    reader = read(text)
    assert "phase portrait of a and b" in reader.text and "No step was logged" in reader.text
    assert "The error of this solution is not known" in reader.text and "second $^$ <b>" in reader.text


def test_no_reference_and_why():
    summary = {
        "held_out": {"first": {"rms": 1e-3, "max": 1e-2}}, "no_reference": "it has <three> dimensions",
        "no_estimate": "the settings ask for none", "no_bound": "it is unknown", "alarms": ["the end & more"],
    }  # fmt: skip
    reader = read(page(untrained(TURN, (20,), **summary), []))
    for reason in ("it has <three> dimensions", "the settings ask for none", "it is unknown", "the end & more"):
        assert reason in reader.text
    estimate = {
        "a": {"relative_l2": 2e-4, "kind": "linearised", "uncertainty": 0.1, "method": "m", "effectivity": None}
    }
    reader = read(page(untrained(TURN, (20,), **summary | {"estimate": estimate}), []))
    assert f"estimated as 2.00 {TIMES} 10{MINUS}4 of a" in reader.text and "done, with alarms" in reader.text


def test_an_estimate_beyond_its_equation_has_no_percentage():
    small, large, blind = (
        {"relative_l2": size, "uncertainty": doubt} for size, doubt in ((1e-3, 0.1), (1e7, 0.0), (1e-3, None))
    )
    assert (
        doubt_of({"a": small, "b": blind}) == "uncertain by 10%" and doubt_of({"b": blind}) == "of unknown uncertainty"
    )
    for far in (large, {"relative_l2": None, "uncertainty": 0.1}, {"relative_l2": math.nan, "uncertainty": 0.1}):
        assert doubt_of({"a": small, "b": far}) == "too large for a linearised equation to be more than a warning"


@pytest.mark.parametrize("status", ["interrupted", "failed", None])
def test_runs_that_did_not_end(status):
    solution = untrained(TURN, (20,), status=status, message="the residual of 'first' is nan", steps=7)
    for values in ({}, {n: np.full_like(v, np.nan) for n, v in solution.values.items()}):
        reader = read(page(replace(solution, values=values), [record(1, loss=float("nan"))]))
        assert "not known" in reader.text and "after step 7" in reader.text and "is nan" in reader.text
        assert ("--resume" in reader.text) == (status != "failed")


def test_a_page_is_written_at_once(tmp_path, monkeypatch):
    (tmp_path / "report.html").write_text("before")
    monkeypatch.setattr("pinn.report.page.page", lambda solution, history: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_page(None, [], tmp_path)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["before"]


def test_report_writes_the_same_page(run, tmp_path, capsys):
    folder = shutil.copytree(run, tmp_path / "again")
    (folder / "report.html").unlink()
    assert report_command([str(folder)]) == 0
    assert (folder / "report.html").read_text() == (run / "report.html").read_text()
    assert capsys.readouterr().out.strip() == str(folder / "report.html")


def test_report_of_a_killed_run(run, tmp_path):
    folder = shutil.copytree(run, tmp_path / "killed")
    for name in ("summary.json", "solution.npz", "report.html"):
        (folder / name).unlink()
    assert report_command([str(folder)]) == 0
    text = (folder / "report.html").read_text()
    assert "was interrupted" in read(text).text and "u, solution" in read(text).text


def test_report_refuses_what_is_no_run(run, tmp_path, capsys):
    damaged = shutil.copytree(run, tmp_path / "damaged")
    (damaged / "solution.npz").write_bytes(b"PK\x03\x04 cut short")
    before = (damaged / "report.html").read_text()
    for folder, words in ((tmp_path, "not the folder of a run"), (damaged, "solution.npz: is damaged")):
        assert report_command([str(folder)]) == 2
        assert words in capsys.readouterr().err
    assert (damaged / "report.html").read_text() == before
    (damaged / "solution.npz").unlink()
    (damaged / "summary.json").write_text("{")
    assert report_command([str(damaged)]) == 2
    assert "summary.json: cannot be read" in capsys.readouterr().err


def opened(path, profile):
    """Open a page in a browser; return its elements after its scripts have run, and what the browser complained of."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    command = [BROWSER, *options, f"--user-data-dir={profile}", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@needs_browser
def test_a_browser_shows_a_run(run, tmp_path):
    shown, complaints = opened(run / "report.html", tmp_path)
    summary = json.loads((run / "summary.json").read_text())
    assert complaints == []
    data = re.findall(r'<data value="([^"]+)"', shown)
    assert all(repr(v) in data for v in ladder_of(summary))


@needs_browser
def test_a_browser_runs_the_slider(film, tmp_path):
    moved = 'range.value = "1"; range.dispatchEvent(new Event("input"));'
    assert film.count("show(last);") == 1
    (tmp_path / "film.html").write_text(film.replace("show(last);", f"show(last); {moved}"))
    shown, complaints = opened(tmp_path / "film.html", tmp_path / "profile")
    assert complaints == []
    data = json.loads(film[film.index('id="film">') + 10 :].partition("</script>")[0])
    image = re.search(r'<image [^>]*id="frame-0"[^>]*>', shown)[0]
    assert data["pictures"]["frame-0"][1] in image and ">t = 0.25</output>" in shown
    assert '<div class="slider" hidden' in film and '<div class="slider">' in shown, "the script has shown it"
    (tmp_path / "broken.html").write_text(film.replace("const film = JSON", "const film = JASON"))
    assert opened(tmp_path / "broken.html", tmp_path / "profile")[1], "complaints would be seen"


def test_evaluated_keeps_what_is_known():
    solution = untrained(TURN, (20,))
    assert evaluated(solution) is solution
    assert evaluated(replace(solution, values={}, grid={})).values["a"].shape == (2001,)
