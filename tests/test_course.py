"""The small experiments of the course say what they say: gradients by hand, ways to differentiate, digits."""

import importlib.util
from pathlib import Path

import jax
import numpy as np
import pytest

EXPERIMENTS = Path(__file__).parent.parent / "experiments"


def load(folder):
    spec = importlib.util.spec_from_file_location(f"course_{folder}", EXPERIMENTS / folder / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_gradient_of_the_line_by_hand():
    line = load("linear_regression")
    assert line.gradient_by_hand(2.0, 0.0) == (0.0, 0.0) and line.loss(2.0, 0.0) == 0
    for w, b in ((-1.0, 8.0), (0.3, -0.7)):
        by_jax = jax.grad(lambda p: 0.5 * (line.residuals(p) ** 2).sum())(jax.numpy.array([w, b]))
        np.testing.assert_allclose(line.gradient_by_hand(w, b), by_jax, rtol=1e-12)


def test_descent_by_hand_and_through_the_interface_of_optimizers():
    line = load("linear_regression")
    np.testing.assert_allclose(line.descend("gradient descent", 200), line.descend_by_hand(200), atol=1e-12)
    assert set(line.METHODS) == {"gradient descent", "Adagrad", "RMSprop", "Adam", "Gauss-Newton"}
    for name in line.METHODS:
        path = line.descend(name, 1000)
        assert line.loss(*path[-1]) < 1e-3 * line.loss(*path[0])
    assert line.steps_until_near(line.descend("Gauss-Newton", 5)) == 1


def test_figures_of_the_course_are_drawn(tmp_path):
    line = load("linear_regression")
    line.draw({name: line.descend(name, 5) for name in line.METHODS}, tmp_path / "line.png")
    assert (tmp_path / "line.png").stat().st_size > 1000


def rows_of(text):
    """Return the rows of all tables, by their first cell."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in cells if set(row[0]) - set("-:")}


def test_the_command_of_the_line_prints_the_table_of_its_page(tmp_path, monkeypatch, capsys):
    line = load("linear_regression")
    monkeypatch.setattr(line, "FIGURE", tmp_path / "line.png")
    line.main()
    printed, page = rows_of(capsys.readouterr().out), rows_of((EXPERIMENTS / "linear_regression/README.md").read_text())
    assert printed.keys() == page.keys() and len(page) == 6
    for name, (w, b, _, steps) in page.items():
        assert [printed[name][0], printed[name][1].lstrip("-"), printed[name][3]] == [w, b.lstrip("-"), steps], name
    assert line.FIGURE.stat().st_size > 1000


def test_the_command_of_backpropagation_prints_the_costs_of_its_page(tmp_path, monkeypatch, capsys):
    backpropagation = load("backpropagation")
    monkeypatch.setattr(backpropagation, "FIGURE", tmp_path / "fit.png")
    backpropagation.main()
    printed, page = capsys.readouterr().out, (EXPERIMENTS / "backpropagation/README.md").read_text()
    assert rows_of(printed).keys() == rows_of(page).keys() and len(rows_of(page)) == 4
    told = printed.partition("Mean cost of the fit: ")[2].rstrip(".\n")  # 1.4e-01 at first, ... after 125 rounds
    assert told and f"mean cost {told}" in " ".join(page.split())
    assert backpropagation.FIGURE.stat().st_size > 1000


def test_the_command_of_differentiation_runs(tmp_path, monkeypatch, capsys):
    ways = load("differentiation")
    monkeypatch.setattr(ways, "INPUTS", (1, 8))
    monkeypatch.setattr(ways, "FOLDER", tmp_path)
    ways.main()
    printed, page = (
        rows_of(t) for t in (capsys.readouterr().out, (EXPERIMENTS / "differentiation/README.md").read_text())
    )
    for name in ("symbolic", "automatic, forward", "automatic, reverse"):
        assert [printed[name][0][:14], printed[name][2]] == [page[name][0][:14], page[name][2]]
    assert len(printed["8"]) == 3 and all(float(ratio) > 0 for ratio in printed["8"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cost.png", "differences.png"]


def test_the_command_of_digits_runs(monkeypatch, capsys):
    digits = load("digits")
    train = digits.train
    monkeypatch.setattr(digits, "train", lambda *given: train(*given, seconds=np.inf, chunks=1))
    digits.main()
    assert rows_of(capsys.readouterr().out).keys() == {"network", "convolutional", "recurrent"}


@pytest.mark.parametrize("sizes", [(1, 1), (2, 3, 1), (3, 20, 20, 20, 2)], ids=str)
def test_delta_recursions_are_the_gradient(sizes):
    backpropagation = load("backpropagation")
    assert max(backpropagation.difference(sizes, seed) for seed in range(10)) <= 1e-12


def test_backpropagation_learns():
    costs, _ = load("backpropagation").train(seed=0, steps=960)
    assert costs[-1] < costs[0] / 5


def test_differences_have_their_orders_and_the_other_ways_are_exact():
    ways = load("differentiation")
    errors = ways.errors_of_differences()
    for name, order in (("forward", 1), ("centred", 2)):
        coarse, fine = (errors[name][np.argmin(np.abs(ways.STEPS - h))] for h in (1e-2, 1e-3))
        assert np.log10(coarse / fine) == pytest.approx(order, abs=0.1)
        assert errors[name][0] > 1e-2, "round-off has to win in the end"
    for name in ("symbolic", "automatic, forward", "automatic, reverse"):
        assert ways.ways()[name][0] == pytest.approx(ways.exact(ways.AT), rel=1e-14)
    x = jax.numpy.linspace(0.1, 1.0, 7)
    found = [np.asarray(gradient(x)) for gradient in ways.GRADIENTS.values()]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)
    np.testing.assert_allclose(found[0], found[2], rtol=1e-6)


def test_digits_are_read():
    """Some chunks of steps are enough to read most digits; tests are on images no step has seen."""
    digits = load("digits")
    (x, y), (unseen, truth) = digits.images()
    assert len(y) + len(truth) == 1797 and x.shape[1:] == (8, 8) and x.min() == 0 and x.max() == 1
    seen = {image.tobytes() for image in x}
    assert sum(image.tobytes() in seen for image in unseen) == 0
    moved = np.asarray(digits.moved_by(jax.numpy.asarray(x[0]), jax.numpy.array([1, -1])))
    np.testing.assert_array_equal(moved[1:, :-1], x[0][:-1, 1:])
    assert not moved[0].any() and not moved[:, -1].any()
    for build, least in ((digits.Reader, 0.8), (digits.RowReader, 0.6)):
        network = digits.from_flax(build)
        params = digits.train(network, x, y, seconds=np.inf, chunks=3)
        assert digits.accuracy(network, params, unseen, truth) > least


@pytest.mark.slow
def test_digits_are_read_as_well_as_is_asked():
    digits = load("digits")
    (x, y), (unseen, truth) = digits.images()
    network = digits.from_flax(digits.Reader)
    params = digits.train(network, x, y)
    assert digits.SECONDS <= 120 and digits.accuracy(network, params, unseen, truth) >= 0.98
