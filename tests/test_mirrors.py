"""Ends at which a problem goes on as its mirror image: slopes of zero that hold for any params."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pinn import checkpoint, make_problem
from pinn.ansatz import make_ansatz
from pinn.ansatz.hard import choose_hard
from pinn.ansatz.mirrors import choose_mirrors, flat_of
from pinn.config import load_problem
from pinn.derivatives import partials
from pinn.errors import ProblemError
from pinn.networks import make_network
from pinn.pieces import Window, appended
from pinn.residuals import residual_blocks, sample
from pinn.settings import AnsatzSettings, SamplingSettings, make_settings

KEY = jax.random.PRNGKey(0)


def build(inputs, outputs):
    return make_network("mlp", inputs, outputs, {"width": 6, "depth": 2})


def rod(left="u_x = 0", right="u_x = 0", equation="u_t = u_xx", initial="u = 2 + cos(pi*x)"):
    """From x = 1 to x = 3."""
    conditions = {"initial": ("t=0", initial), "left": ("x=1", left), "right": ("x=3", right)}
    conditions = {n: {"where": w, "equation": e} for n, (w, e) in conditions.items() if e}
    return make_problem("rod", {"t": (0, 1), "x": (1, 3)}, ["u"], {"pde": equation}, conditions)


def mirrors_of(problem, **settings):
    options = AnsatzSettings(**settings)
    return choose_mirrors(problem, choose_hard(problem, options)[0], options)


# Which ends are mirrors


@pytest.mark.parametrize(
    ("problem", "ends", "reason"),
    [
        (rod(), {1: (1.0, 3.0)}, ""),
        (rod("-3*u_x", "u = exp(-t)", initial="u = 2 - (x - 1)**2/4"), {1: (1.0,)}, ""),
        (rod(right="u_x = 0.1"), {1: (1.0,)}, ""),
        (rod(equation="u_t = (1 + sin(pi*x)**2)*u_xx - u**3"), {1: (1.0, 3.0)}, ""),
        (rod(equation="u_t = x*u_xx"), {}, "'pde' changes when x is mirrored at x=1"),
        (rod(equation="u_t = u_xx - u_x"), {}, "'pde' changes"),
        (rod(equation="u_t = u_xx + sqrt(x - 1)"), {}, "'pde' changes"),  # nan beyond the end
        (rod(initial="u = x**2"), {}, "'initial' changes"),
        (rod(equation="u_t = -u_xxxx"), {}, "only u_x is zero at x=1, where all even or all odd derivatives below order 4"),
        (rod(equation="u_t = u_xx + sqrt(u)"), {1: (1.0, 3.0)}, ""),  # nan for some u, here and there
        (rod(equation="u_t = (1 + abs(x - 1))*u_xx"), {}, "'pde' has a kink at x=1"),
        (rod(equation="u_t = u_xx + sqrt((3 - x)**2)"), {}, "'pde' has a kink at x=3"),
        (rod(equation="u_t = u_xx + (x - 1)**2*(3 - x)**2"), {}, "'pde' changes"),
        (rod(left="u_x = max(0, t - 0.999)"), {1: (3.0,)}, "not of the form"),  # nearly everywhere zero
        (rod(left="u_x = 0*t"), {1: (3.0,)}, "not of the form"),
        (rod(right="u = 5", initial="u = 2 - (x - 1)**2/4"), {}, "parts of the solution in closed form, are not even"),
    ],
)  # fmt: skip
def test_ends_that_are_mirrors(problem, ends, reason):
    faces, others = choose_hard(problem, AnsatzSettings())
    found, names, notes = choose_mirrors(problem, faces, AnsatzSettings())
    notes = (*others, *notes)
    assert found == ends
    assert set(names) == {c.name for c in problem.conditions if flat_of(c, problem) and dict(c.where)["x"] in
                          ends.get(1, ())}  # fmt: skip
    assert (not reason and len(notes) <= 2) or any(reason in note for note in notes)


def test_a_clamped_end_is_none():
    """With a value and a slope of zero at one end nothing is even."""
    where = {"a": ("x=0", "u = 0"), "b": ("x=0", "u_x = 0"), "c": ("x=1", "u = 1")}
    conditions = {n: {"where": w, "equation": e} for n, (w, e) in where.items()}
    problem = make_problem("start", {"x": (0, 1)}, ["u"], {"ode": "u_xx = -u"}, conditions)
    found, names, notes = mirrors_of(problem)
    assert (
        not found
        and not names
        and "only u, u_x is zero at x=0, where all even or all odd derivatives below order 2" in notes[0]
    )


def test_what_cannot_be_evaluated_is_left_to_those_who_say_so():
    def branching(u_t, u_xx):
        return u_t - u_xx if u_t > 0 else u_t

    def flux(u_x):
        return u_x if u_x > 0 else 0 * u_x

    for right, equation in (("u_x = 0", branching), (flux, "u_t = u_xx")):
        found, names, _ = mirrors_of(rod(right=right, equation=equation))
        assert "right" not in names and len(found.get(1, ())) < 2


def test_old_files_have_no_mirrors(tmp_path):
    checkpoint.save(tmp_path / "old.npz", {}, {"settings": {"ansatz": {}}})
    assert checkpoint.load(tmp_path / "old.npz")[1]["settings"]["ansatz"]["mirrors"] == "none"


def basin(wall="v = 0", start="v = 0"):
    """Shallow water behind a wall."""
    conditions = {
        "h0": ("t=0", "h = 1 + 0.1*cos(pi*x)"),
        "v0": ("t=0", start),
        "slope": ("x=0", "h_x = 0"),
        "wall": ("x=0", wall),
    }
    equations = {"mass": "h_t + h*v_x + v*h_x", "momentum": "v_t + v*v_x + h_x"}
    conditions = {n: {"where": w, "equation": e} for n, (w, e) in conditions.items()}
    return make_problem("basin", {"t": (0, 1), "x": (0, 1)}, ["h", "v"], equations, conditions)


def test_of_systems_every_unknown_has_its_condition():
    assert mirrors_of(basin())[0] == {1: (0.0,)}, "h is even and v is odd"
    for wall, start, reason in (
        ("v = t", "v = 0", "'wall' asks for something else"),
        ("v_x = 0", "v = 0", "'mass' changes"),
        ("v = 0", "v = 1", "'wall' asks for something else"),  # the data disagree, so that v is not hard
        ("h_xx = 0", "v = 0", "only h_x, h_xx is zero"),
    ):
        found, _, notes = mirrors_of(basin(wall, start))
        assert not found and reason in notes[0]


def test_ends_of_value_zero_are_mirrors_where_they_are_asked_for():
    problem = rod("u = 0", "u = 0", initial="u = sin(pi*(x - 1))")
    assert not mirrors_of(problem)[0]
    assert mirrors_of(problem, mirrors=["x"])[0] == {1: (1.0, 3.0)}
    with pytest.raises(ProblemError, match=r"no end of x is a mirror: 'pde' changes when x is mirrored at x=1\."):
        mirrors_of(rod("u = 0", "u = 0", "u_t = u_xx + 1", "u = sin(pi*(x - 1))"), mirrors=["x"])
    with pytest.raises(ProblemError, match="'pde' has a kink at x=1"):
        mirrors_of(rod("u = 0", "u = 0", "u_t = u_xx + sign(sin(pi*(x - 1)))", "u = sin(pi*(x - 1))"), mirrors=["x"])


def test_what_the_settings_want():
    assert not mirrors_of(rod(), mirrors="none")[0]
    assert "is a term of the loss" in mirrors_of(rod(), mirrors="none")[2][0]
    assert mirrors_of(rod(), dirichlet="hard")[0]
    with pytest.raises(ProblemError, match="'left' cannot be hard: 'pde' changes"):
        mirrors_of(rod(equation="u_t = x*u_xx"), dirichlet="hard")
    assert not mirrors_of(rod(), inputs=["x"])[0], "an input of one's own need not be even"
    for settings, reason in (({"mirrors": "none", "dirichlet": "hard"}, "cannot be hard: ansatz.mirrors is none"),
                             ({"mirrors": ["x"], "dirichlet": "soft"}, "no end of x is a mirror: ansatz.dirichlet is soft"),
                             ):  # fmt: skip
        with pytest.raises(ProblemError, match=reason):
            mirrors_of(rod(), **settings)


def test_about_a_middle_both_ends_are_mirrors_or_none():
    faces = choose_hard(rod(right="u_x = 0.1"), AnsatzSettings())[0]
    assert not choose_mirrors(rod(right="u_x = 0.1"), faces, AnsatzSettings(), even=1)[0]
    assert choose_mirrors(rod(right="u_x = 0.1"), faces, AnsatzSettings(), even=0)[0]
    assert not choose_mirrors(rod(), [], AnsatzSettings(), taken=(1,))[0]


# What an ansatz with mirrors is

MIXED = [
    rod(),
    rod(right="u = exp(-t)", initial="u = 2 - (x - 1)**2/4"),
    rod(left="u = exp(-t)", initial="u = 2 - (3 - x)**2/4"),
    rod(right="u_x = -u", initial="u = cos(x - 1)"),
]


@pytest.mark.parametrize("index", range(len(MIXED)))
@pytest.mark.parametrize("carried", [True, "state"])
def test_hard_for_any_params(index, carried):
    problem = MIXED[index]
    ansatz = make_ansatz(problem, build, AnsatzSettings(carried=carried))
    slopes = {c.name for c in problem.conditions if flat_of(c, problem)}
    assert slopes and slopes < set(ansatz.hard)
    points = sample(problem, problem.constraints, SamplingSettings(equations=50, conditions=50), KEY)
    params = ansatz.network.init(KEY)
    blocks = jax.jit(
        lambda p: residual_blocks(problem, problem.constraints, lambda x: ansatz.network.apply(params, x), p)
    )(points)
    for name in ansatz.hard:
        np.testing.assert_allclose(blocks[name], 0, atol=2e-13, err_msg=name)
    assert np.abs(blocks["pde"]).max() > 1e-2


HELD = {"mirrors": ["x"]}
PARITIES = [  # of each unknown at each mirror
    *((problem, {}, {end: (1,) for end in mirrors_of(problem)[0][1]}) for problem in MIXED),
    (rod("u = 0", "u = 0", initial="u = sin(pi*(x - 1))"), HELD, {1: (-1,), 3: (-1,)}),
    (rod("u = 0", "u_x = 0", initial="u = sin(pi*(x - 1)/4)"), HELD, {1: (-1,), 3: (1,)}),
    (rod("u_x = 0", "u = 0", initial="u = cos(pi*(x - 1)/4)"), HELD, {1: (1,), 3: (-1,)}),
    (rod("u = 0", "u = exp(-t)", initial="u = sin(pi*(x - 1)/4)"), HELD, {1: (-1,)}),
    (basin(), {}, {0: (1, -1)}),
]


@pytest.mark.parametrize("index", range(len(PARITIES)))
@pytest.mark.parametrize("carried", [True, "state"])
def test_solutions_go_on_as_their_mirror_images(index, carried):
    """In three windows, so that what is carried has its part in it."""
    problem, settings, signs = PARITIES[index]
    ansatz = make_ansatz(problem, build, AnsatzSettings(carried=carried, **settings))
    pieces, edges = None, np.linspace(0, 1, 4)
    for k in range(3):
        window = Window(*(jnp.asarray(v, float) for v in (edges[k], edges[k + 1], float(k > 0))))
        pieces = appended(pieces, ansatz.init(jax.random.PRNGKey(k)), window)
    u = jax.jit(jax.vmap(lambda t, x: ansatz.network.apply(pieces, jnp.stack([t, x]))))
    t, away = jnp.array([0.2, 0.5, 0.9, 0.9]), jnp.array([0.3, 0.1, 0.2, 0.45])
    assert len(mirrors_of(problem, **settings)[0][1]) == len(signs)
    for end, parity in signs.items():
        np.testing.assert_allclose(u(t, end + away), np.asarray(u(t, end - away)) * parity, atol=1e-11)
        assert np.abs(np.diff(u(t, end - away), axis=0)).max() > 1e-3


def test_a_string_is_odd_about_its_ends():
    """All even derivatives vanish there; and what is in between is not all zero."""
    problem = load_problem("wave")
    ansatz = make_ansatz(problem, build, make_settings(problem.settings).ansatz)
    params = ansatz.network.init(KEY)
    at = jax.jit(lambda x: partials(lambda p: ansatz.network.apply(params, p), jnp.stack([jnp.asarray(0.2), x]),
                                    {(), (1, 1), (1, 1, 1, 1)}))  # fmt: skip
    for end in (0.0, 1.0):
        for axes, value in at(jnp.asarray(end)).items():
            if len(axes) % 2:
                continue
            np.testing.assert_allclose(value, 0, atol=1e-10, err_msg=str(axes))
    assert abs(at(jnp.asarray(0.3))[()][0]) > 1e-2


def test_shipped_derivatives_of_zero_are_hard():
    for name, hard in (("poisson_neumann", 4), ("cooling_rod", 2), ("robin", 2), ("beam", 6), ("plate", 8)):
        problem = load_problem(name)
        ansatz = make_ansatz(problem, build, make_settings(problem.settings).ansatz)
        assert len(ansatz.hard) == hard
        params = ansatz.network.init(KEY)
        points = sample(problem, problem.constraints, SamplingSettings(equations=5, conditions=20), KEY)
        u = lambda x, ansatz=ansatz, params=params: ansatz.network.apply(params, x)
        at = [c for c in problem.conditions if c.name in ansatz.hard]
        for block in jax.jit(lambda p, at=at, problem=problem, u=u: residual_blocks(problem, at, u, p))(
            points
        ).values():
            np.testing.assert_allclose(block, 0, atol=1e-11, err_msg=name)  # moments: round-off times pi**2
