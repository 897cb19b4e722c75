"""`report.html`: one page that says what was solved, how it went and how wrong it is. It needs nothing but itself."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from pinn.files import write_text
from pinn.problem import Problem
from pinn.report import again, mathml
from pinn.report.courses import error_by_time, losses, seconds_bar
from pinn.report.defects import residuals_of, thinned
from pinn.report.frames import film
from pinn.report.judgement import Judgement, judge
from pinn.report.ladder import alarm_list, ladder
from pinn.report.markup import bullets, number, section, table
from pinn.report.plots import Plot
from pinn.report.views import along, maps, portraits, quantities, sizes_along, slices
from pinn.solution import Solution

HERE = Path(__file__).parent
NAME = "report.html"


def write_page(solution: Solution, history: Sequence[dict[str, Any]], folder: Path) -> Path:
    """Write the page of a run, at once or not at all.

    Args:
        solution: of any run: finished, interrupted or failed; pictures need its values on the grid.
        history: logged steps; may be empty.
        folder: an existing run folder.

    Returns:
        The path of the page.
    """
    path = Path(folder) / NAME
    write_text(path, page(solution, history))
    return path


def page(solution: Solution, history: Sequence[dict[str, Any]]) -> str:
    """Return the page as text."""
    problem, judgement = solution.problem, judge(solution.summary)
    title = escape(problem.title or problem.name)
    sections = [
        section("problem", "What was solved", statement(problem)),
        section("solution", "The solution", *_pictures(solution)),
        section("evidence", "How wrong it is", ladder(solution.summary), gallery(error_by_time(solution))),
        section("training", "How it was trained", *_training(solution, history)),
        section("run", "Settings and surroundings", again.surroundings(solution), again.settings_of(solution)),
        section("again", "Once more", again.rerun(solution)),
        section("cite", "How to cite", again.cite(solution)),
    ]
    parts = [card(solution.summary, judgement), alarm_list(solution.summary), *(s for s in sections if s)]
    script = f"<script>\n{(HERE / 'page.js').read_text(encoding='utf-8')}</script>"
    return document(title, escape(problem.name), parts, script)


def document(title: str, kicker: str, parts: Iterable[str], script: str = "") -> str:
    """Return a whole page, which needs nothing but itself.

    Args:
        title: as HTML.
        kicker: what stands small above it, as HTML.
        parts: of its body, as HTML.
        script: a ``script`` element, if it has one.
    """
    return "\n".join([
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<link rel="icon" href="data:,">',
        f"<title>{title} &middot; pinn</title>",
        f"<style>\n{(HERE / 'page.css').read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>",
        f'<header><p class="kicker">{kicker}</p><h1>{title}</h1></header>',
        *parts,
        f"</main>\n{script}\n</body>\n</html>\n",
    ])  # fmt: skip


def card(summary: dict[str, Any], judgement: Judgement) -> str:
    """Return the verdict: the error large, a sentence, and the few numbers beside it."""
    big = number(judgement.size) if judgement.size is not None else '<span class="none">unknown</span>'
    facts = "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in _facts(summary))
    return (
        f'<div class="card {judgement.tone}"><div class="verdict"><p class="word">{escape(judgement.word)}</p>'
        f'<p class="big">{big}</p><p class="label">{judgement.label}</p></div>'
        f'<div class="said"><p class="sentence">{judgement.sentence}</p><dl class="facts">{facts}</dl></div></div>'
    )


def _facts(summary: dict[str, Any]) -> Iterable[tuple[str, str]]:
    guess, held_out = summary.get("estimate"), summary.get("held_out") or {}
    if guess and summary.get("errors"):
        yield "estimate without reference", number(max((e["relative_l2"] or 0) for e in guess.values()))
    if bound := summary.get("bound"):
        yield "bound", number(bound["relative_l2"])
    hard = summary.get("hard") or ()
    if sizes := [e["rms"] for n, e in held_out.items() if n not in hard and e["rms"] is not None]:
        yield "largest residual, rms", number(max(sizes))
    seconds = summary.get("seconds") or {}
    if seconds.get("train") is not None:
        yield "training", f"{number(seconds['train'])} s"
    if seconds.get("total") is not None:
        yield "in all", f"{number(seconds['total'] + (seconds.get('earlier') or 0.0))} s"
    if summary.get("steps") is not None:
        yield "steps", f"{summary['steps']}"


def statement(problem: Problem) -> str:
    """Return equations, conditions, domain and parameters, typeset."""
    symbols = problem.symbols
    equations = "".join(
        f'<div class="equation" tabindex="0">{mathml.equation(e.residual, symbols)}'
        f'<span class="name">{escape(e.name)}</span></div>'
        for e in problem.equations
    )
    conditions = [
        (escape(c.name), mathml.equation(c.residual, symbols), "at " + mathml.place(dict(c.where), symbols))
        for c in problem.conditions
    ] + [("mean", mathml.value(n, v, symbols), "over the domain") for n, v in problem.means.items()]
    ranges = ", ".join(mathml.interval(c, b, symbols) for c, b in problem.domain.bounds.items())
    periodic = "".join(f", periodic in {mathml.name_alone(c, symbols)}" for c in problem.domain.periodic)
    parameters = ", ".join(mathml.value(n, v, symbols) for n, v in problem.parameters.items())
    lines = [f"<p>for {ranges}{periodic}</p>", f"<p>with {parameters}</p>" if parameters else ""]
    lines += [f"<p>{mathml.definition(n, text, symbols)}</p>" for n, text in problem.functions.items()]
    rows = table((), conditions, "conditions") if conditions else ""
    source = f'<p class="source">Source: {escape(problem.source)}</p>' if problem.source else ""
    return equations + "".join(lines) + (f"<h3>Conditions</h3>{rows}" if rows else "") + source


def gallery(plots: Iterable[Plot]) -> str:
    """Return figures beside each other, as many as fit; nothing for none."""
    figures = [f"<figure>{p.svg}<figcaption>{escape(p.caption)}</figcaption></figure>" for p in plots]
    kind = {1: "one", 2: "two", 4: "two"}.get(len(figures), "three")
    return f'<div class="gallery {kind}">{"".join(figures)}</div>' if figures else ""


def _pictures(solution: Solution) -> list[str]:
    """Return what the solution looks like."""
    problem = solution.problem
    if not solution.values:
        return ["<p>Not evaluated yet, so that nobody had to wait; <code>pinn report</code>, as below, draws it.</p>"]
    grid = thinned(solution.grid, problem.coordinates)
    seen = quantities(solution, residuals_of(solution, grid), grid)
    if len(problem.coordinates) == 1:
        return [gallery(along(solution)), gallery(sizes_along(solution, seen)), gallery(portraits(solution))]
    if len(problem.coordinates) == 2:
        moving = "t" in problem.coordinates
        return [gallery(maps(solution, seen)), gallery(slices(solution)) if moving else ""]
    reel = film(solution, seen)
    return [reel.slider, gallery(reel.plots), reel.data]


def _training(solution: Solution, history: Sequence[dict[str, Any]]) -> list[str]:
    summary = solution.summary
    words = "Points are redrawn, so the loss jumps."
    if len(summary.get("windows") or ()) > 2:
        words += " Windows of time, one after the other, are bands."
    if any(r["attempt"] for r in history):
        words += " A dotted line begins a window again."
    return [
        f"<p>{words}</p>{gallery(losses(history))}" if history else "<p>No step was logged.</p>",
        seconds_bar(summary),
        f"<h3>Notes of the run</h3>{bullets(summary['notes'])}" if summary.get("notes") else "",
    ]


def evaluated(solution: Solution) -> Solution:
    """Return the solution with its values on the grid, if it has none."""
    from pinn.reference import evaluation_grid
    from pinn.solution import in_precision, on_grid

    if solution.values:
        return solution
    grid = evaluation_grid(solution.problem)
    with in_precision(solution.settings):
        values = on_grid(solution.ansatz, solution.params, solution.problem, grid)
    return replace(solution, grid=grid, values=values)
