"""Every file of problems/: checked, residuals zero on its reference solution and not beside it, and solved.

A file with a formula for its solution needs no line here. Others have one in `GRIDS` of experiments/estimates/grids.py,
which says on which grid differences of its reference are good, and how good.
"""

import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from untrained import untrained

from pinn.config import load_problem
from pinn.evaluate import errors, total_relative_l2
from pinn.findings import findings
from pinn.grid import residual_on_grid
from pinn.language import Symbols, from_text
from pinn.language.tree import evaluate, numpy_functions
from pinn.reference import evaluation_grid, kind_of, make_reference, spectral
from pinn.reference.base import relative_l2
from pinn.reference.exact import formulas, on_formulas
from pinn.reference.terms import call
from pinn.registry import shipped
from pinn.solution import on_grid as on_grid_of
from pinn.solver import solve

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments" / "estimates"))
sys.path.insert(0, str(Path(__file__).parents[1] / "experiments" / "gallery"))
from grids import EFFORT, GRIDS, SPECTRAL, on_grid, residuals, size_of
from judged import Judged
from kept import asked, bar_of, results, targets

FILES = shipped()
KINDS = {name: kind_of(load_problem(path)) for name, path in FILES.items()}
FORMULAS = [name for name, kind in KINDS.items() if kind in ("exact", "manufactured")]
# What `pinn check` warns of, by topic, and is meant: kinks where a period closes, a lid that meets its walls.
WARNINGS = {
    "allen_cahn": ["corner"],
    "cavity": ["corner", "corner"],
    "schroedinger": ["corner"],
}
# The slow tests solve all, with the settings of their files; the fast ones one of a kind, with a small network: all
# would take half an hour more, most of it to compile.
SOLVED_AT_ONCE = ("bratu", "ground_state", "heat", "pendulum", "poisson", "reaction")
SMALL = {
    "network": {"width": 8, "depth": 2},
    "sampling": {"equations": 200, "conditions": 50, "pool": 1, "held_out": 400},
    "training": {"windows": 1, "stages": [{"optimizer": "levenberg_marquardt", "steps": 20}]},
}
PLACES = np.array([0.03, 0.17, 0.29, 0.41, 0.59, 0.73, 0.88, 0.97])  # on no zero of a wave
BESIDE = 1e-2  # of the size of each unknown
TIMES = 10  # a residual beside the solution, to that on it
EXACT = 1e-9  # of the size of the terms: residuals by calculus, of which some cancel
DATA = 1e-4  # of the solution; of kinks few modes know no more
SECONDS = 300
NO_EVIDENCE = {"estimate": False, "bound": False}


def marked(names, slow):
    return [pytest.param(n, marks=[pytest.mark.slow] * slow(n)) for n in names]


def test_every_file_is_tried():
    assert sorted([*FORMULAS, *GRIDS]) == sorted(FILES) and set(WARNINGS) <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_files_say_where_they_come_from(name):
    problem = load_problem(FILES[name])
    assert problem.name == name and problem.title and problem.source and problem.reference


@pytest.mark.parametrize("name", FILES)
def test_warnings_are_meant(name):
    found = sorted(f.topic for f in findings(load_problem(name)) if f.level == "warning")
    assert found == WARNINGS.get(name, [])


@pytest.mark.parametrize("name", marked(GRIDS, lambda name: GRIDS[name].slow))
def test_residuals_vanish_on_the_reference_and_not_beside_it(name):
    """By finite differences and Fourier series on the reference's values: no autodiff anywhere."""
    look, (problem, truth) = GRIDS[name], on_grid(name)
    on = residuals(problem, truth, look.inside)
    for constraint, size in on.items():
        assert size < look.tolerance * size_of(truth), constraint
    shares = np.meshgrid(*(np.arange(n) / n for n in next(iter(truth.values())).shape), indexing="ij")
    wave = {n: np.sin(2 * np.pi * sum(shares) + 0.5 + k) for k, n in enumerate(truth)}  # periodic in each coordinate
    beside = {n: v + BESIDE * np.abs(v).max() * wave[n] for n, v in truth.items()}
    for constraint, size in residuals(problem, beside, look.inside).items():
        assert size > TIMES * on[constraint] and size > 0, f"{constraint}: this test could not fail"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [n for n, kind in KINDS.items() if kind == "file" and "t" in load_problem(n).coordinates]
)
def test_given_data_agree_with_another_method(name):
    """On their first times, where classical methods at lesser effort are quick."""
    grid = evaluation_grid(load_problem(name))
    data, _ = make_reference(load_problem(name), grid)
    few = grid | {"t": grid["t"][: max(3, len(grid["t"]) // 20)]}
    if GRIDS[name].made:
        found = GRIDS[name].made(few)
    else:
        changes = ["coordinates.t=[{}, {}]".format(*map(float, few["t"][[0, -1]])), SPECTRAL]
        found = spectral.solve(load_problem(name, changes), few, EFFORT).values
    for unknown, values in found.items():
        assert relative_l2(data.values[unknown][: len(few["t"])], values) < DATA, unknown


def residuals_of(problem, trees):
    """Return the residuals of formulas and the size of what they are made of, on points of a coarse grid, by calculus."""
    out = {}
    for constraint in problem.constraints:
        axes = [np.array([constraint.where[c]]) if c in constraint.where else lo + (hi - lo) * PLACES
                for c, (lo, hi) in problem.domain.bounds.items()]  # fmt: skip
        values = dict(zip(problem.coordinates, np.meshgrid(*axes, indexing="ij"), strict=True))
        values |= {p: np.asarray(v) for p, v in problem.parameters.items()}
        with np.errstate(all="ignore"):  # such as exp(-x**2/t)/t at t = 0
            found = {
                m: evaluate(t, values, numpy_functions())
                for m, t in on_formulas(constraint.residual, problem, trees).items()
            }
        size = max((float(np.abs(v).max()) for v in found.values()), default=0.0)
        out[constraint.name] = float(np.abs(call(constraint.residual, values | found)).max()), size
    return out


def size_on_grid(problem, tree):
    axes = np.meshgrid(*(lo + (hi - lo) * PLACES for lo, hi in problem.domain.bounds.values()), indexing="ij")
    values = dict(zip(problem.coordinates, axes, strict=True)) | dict(problem.parameters)
    return float(np.abs(evaluate(tree, values, numpy_functions())).max())


@pytest.mark.parametrize("name", FORMULAS)
def test_residuals_of_formulas_vanish_and_not_beside_them(name):
    """By the rules of calculus, in numpy: no autodiff and no differences."""
    problem = load_problem(name)
    trees = {n: f.tree for n, f in formulas(problem).items()}
    on = residuals_of(problem, trees)
    largest = max(size for _, size in on.values())
    for constraint, (r, size) in on.items():
        assert r <= EXACT * max(size, 1e-3 * largest), constraint
    beside = {}
    for k, (unknown, tree) in enumerate(trees.items()):
        size, scaled = (
            size_on_grid(problem, tree),
            (f"({c} - {lo!r})/{hi - lo!r}" for c, (lo, hi) in problem.domain.bounds.items()),
        )
        wave = f"{BESIDE * size!r}*sin(2*pi*({' + '.join(scaled)}) + {0.5 + k})"  # periodic in each coordinate
        symbols = Symbols(problem.coordinates, (), problem.parameters)
        beside[unknown] = from_text(f"{problem.reference[unknown]} + {wave}", symbols).tree
    for constraint, (r, size) in residuals_of(problem, beside).items():
        assert r > max(TIMES * on[constraint][0], EXACT * size), f"{constraint}: this test could not fail"


def test_heat_by_autodiff_too():
    def exact(t, x):
        return jnp.exp(-0.1 * jnp.pi**2 * t) * jnp.sin(jnp.pi * x)

    for name, r in residual_on_grid(load_problem("heat"), exact, 9).items():
        np.testing.assert_allclose(r, 0, atol=1e-14, err_msg=name)


def error_untrained(problem):
    """Return the error of fresh params; conditions that are hard hold already."""
    start, grid = untrained(problem), evaluation_grid(problem)
    made, why = make_reference(problem, grid)
    assert made is not None, why
    return total_relative_l2(errors(on_grid_of(start.ansatz, start.params, problem, grid), made.values, problem))


def solved(problem, target, **sections):
    return solve(problem, seconds=SECONDS, target=target, evidence=NO_EVIDENCE, **sections)


@pytest.mark.parametrize("name", SOLVED_AT_ONCE)
def test_a_small_network_lowers_the_error_tenfold(name):
    problem = load_problem(name)
    assert total_relative_l2(solved(problem, None, **SMALL).errors) < 0.1 * error_untrained(problem)


def target_of(name):
    """Return ten times the error that is asked or published.

    Where that is more, or there is none: a thousandth, or ten times the error the gallery shows if that is above it.
    """
    entry = asked()[name]
    bars = targets(entry) or [bar_of(entry)] * bool(bar_of(entry))
    return min([*(10 * b for b in bars), max(1e-3, 10 * Judged.of(results(name)).worst)])


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, kind in KINDS.items() if kind != "none"])
def test_solved_to_a_tenth_of_what_is_asked_or_published(name):
    """And to a tenth of the error it begins with, where that is less."""
    problem, seconds = load_problem(name), asked()[name]["seconds"]
    target = min(target_of(name), 0.1 * error_untrained(problem))
    solution = solve(problem, seconds=max(seconds, SECONDS), target=target, evidence=NO_EVIDENCE)
    assert solution.summary["target"]["met"] and total_relative_l2(solution.errors) < target


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, kind in KINDS.items() if kind == "none"])
def test_a_short_run_lowers_the_residual_tenfold(name):
    """Where no reference is known; beside the residual that the data alone leave."""
    problem = load_problem(name)
    summary = solved(problem, 0.1).summary
    left = max(summary["held_out"][c.name]["rms"] for c in problem.equations)
    assert left < 0.1 * max(summary["data_alone"][c.name] for c in problem.equations)
