"""Solutions that are right on both sides of a layer no point is in: they are noticed, and not kept in training."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from pinn.config import load_problem, problem_from_text
from pinn.evidence import gather as gathering
from pinn.evidence.jumps import jump
from pinn.pieces import Window
from pinn.training.bank import Bank
from pinn.training.jumps import jump_loss

DECAY = "name: decay\ncoordinates: {t: [0, 1]}\nunknowns: [x]\nequations: {e: x_t = -k*(x - cos(t))}\n"
DECAY += "parameters: {k: K}\nconditions: {c: {where: t=0, equation: x = 2}}\n"
WIDTH = 1e-8  # of a layer


def decay(k):
    return problem_from_text(DECAY.replace("K", str(k)))


def exact(k, t):
    """x, and its derivative; the slow part is (k**2 cos t + k sin t)/(k**2 + 1)."""
    slow, rate = (k**2 * np.cos(t) + k * np.sin(t)) / (k**2 + 1), (-(k**2) * np.sin(t) + k * np.cos(t)) / (k**2 + 1)
    fast = (2 - k**2 / (k**2 + 1)) * np.exp(-k * t)
    return slow + fast, rate - k * fast


def fields(function):
    def of(points):
        return dict(zip(("x", "x_t"), function(points[:, 0]), strict=True))

    return of


def test_a_layer_between_points_is_found():
    def jumped(t):
        x, rate = exact(1.0, t)
        step = np.tanh((t - 0.3217) / WIDTH)
        return x - (1 + step) / 2, rate - (1 - step**2) / (2 * WIDTH)

    found = jump(decay(1.0), fields(jumped), ("x", "x_t"), 1.0)
    assert found.startswith("the solution jumps near t=0.3217, between all points") and "residual of 'e' is" in found


@pytest.mark.parametrize("k", [1.0, 1e3, 1e6])
def test_a_layer_that_is_there_is_none_of_them(k):
    assert jump(decay(k), fields(lambda t: exact(k, t)), ("x", "x_t"), 1.0) == ""


def test_places_count_too():
    heat, lines = load_problem("heat"), {}

    def of(points):
        t, x = points.T
        step = np.tanh((t - 0.77) / WIDTH)
        lines["u"], lines["u_t"] = np.sin(np.pi * x) * (1 - step), -np.sin(np.pi * x) * (1 - step**2) / WIDTH
        return lines | {"u_xx": -(np.pi**2) * lines["u"]}

    assert "jumps near t=0.77" in jump(heat, of, ("u", "u_t", "u_xx"), 1.0)
    assert jump(load_problem("poisson"), of, ("u",), 1.0) == ""


def test_estimate_and_bound_are_not_given_beside_a_jump(heat_text, monkeypatch):
    from pinn.solver import solve

    monkeypatch.setattr(gathering, "jump", lambda *_: "the solution jumps near t=0.5")
    summary = solve(problem_from_text(heat_text), evidence={"estimate": True, "bound": True}).summary
    assert summary["alarms"][0] == "the solution jumps near t=0.5."
    assert summary["estimate"] is None and summary["no_estimate"] == summary["no_bound"] == summary["alarms"][0][:-1]


def test_in_training_a_jump_counts_and_what_is_smooth_does_not():
    """The part of the network is u - 1 with u from 1 on; the jump is before the first point, after the last, or between."""
    problem, window = decay(1.0), Window(jnp.array(0.2), jnp.array(0.4), jnp.array(1.0))
    place, t = problem.equations[0].place, jnp.asarray(np.random.default_rng(0).uniform(0.2, 0.4, (500, 1)))
    table = {(): jnp.ones((500, 1)), (0,): jnp.zeros((500, 1))}
    bank = Bank({place: t}, {place: table}, {place: table})

    def loss(at, width):
        def trained(params, window, point, before, within):
            return (jnp.tanh((point - at) / width) - jnp.tanh((window.start - at) / width)) / 2

        return float(jump_loss(problem, SimpleNamespace(trained=trained), window, bank, None))

    for at in (0.2 + 1e-7, 0.3, float(jnp.sort(t[:, 0])[250]) + 1e-6):
        assert loss(at, WIDTH) > 1e2, at
    assert loss(0.3, 0.02) == 0, "fifty points are in this one"
    plane = load_problem("heat")
    there = plane.equations[0].place
    assert jump_loss(plane, None, window, Bank({there: t}, {there: table}, {there: table}), None) == 0
