"""The ansatz: exactly periodic; hard conditions exact for any params, refused where they would change the problem."""

import re
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pinn.ansatz import make_ansatz
from pinn.ansatz.features import encode, feature_counts
from pinn.ansatz.hard import choose_hard
from pinn.ansatz.scale import scales
from pinn.config import load_problem, problem_from_text
from pinn.derivatives import partials
from pinn.errors import ProblemError
from pinn.names import check_names
from pinn.networks import Network, make_network
from pinn.problem import Domain
from pinn.residuals import residual_blocks, sample
from pinn.settings import AnsatzSettings, SamplingSettings, make_settings
from pinn.statement import make_problem

KEY = jax.random.PRNGKey(0)

UNLIFTED = AnsatzSettings(lift="none")
SETTINGS = AnsatzSettings(harmonics=3)


def build(inputs, outputs):
    return make_network("mlp", inputs, outputs, {"width": 6, "depth": 2})


def heat(initial="u = sin(pi*x)", left="u", right="u", **more):
    return make_problem(
        "heat",
        {"t": (0, 2), "x": (-1, 3)},
        ["u"],
        {"pde": "u_t = u_xx"},
        {
            "initial": {"where": "t=0", "equation": initial},
            "left": {"where": "x=-1", "equation": left},
            "right": {"where": "x=3", "equation": right},
        },
        **more,
    )


def periodic(initial, equation="u_t = u_xx"):
    return make_problem(
        "p",
        {"t": (0, 1), "x": (-1, 1)},
        ["u"],
        {"pde": equation},
        {"initial": {"where": "t=0", "equation": initial}},
        periodic=["x"],
    )


def test_features_are_of_size_one():
    domain = Domain({"t": (10.0, 30.0), "x": (-5.0, 5.0)}, ("x",))
    features = jax.vmap(lambda x: encode(domain, SETTINGS)(x, None))(
        jnp.array([[10.0, -5.0], [30.0, 1.0], [20.0, 5.0]])
    )
    assert features.shape == (3, sum(feature_counts(domain, SETTINGS))) == (3, 7)
    np.testing.assert_allclose(features[:, 0], [-1, 1, 0])
    assert np.abs(features).max() <= 1 + 1e-15


def test_periodic_with_all_derivatives():
    problem = periodic("u = cos(pi*x)")
    ansatz = make_ansatz(problem, build, AnsatzSettings())
    params = ansatz.network.init(KEY)

    def at(x):
        return partials(lambda p: ansatz.network.apply(params, p), jnp.array([0.3, x]), {(1, 1, 1, 1)})

    for axes, value in at(-1.0).items():
        np.testing.assert_allclose(value, at(1.0)[axes], rtol=1e-9, atol=1e-9, err_msg=str(axes))


@pytest.mark.parametrize("seed", range(3))
def test_hard_conditions_hold_for_any_params(seed):
    problem = heat("u = 1 + x + cos(pi*(x+1)/2)", "u = exp(-t)", "2*u = 10*cos(t)")
    ansatz = make_ansatz(problem, build, AnsatzSettings())
    assert ansatz.hard == ("initial", "left", "right") and not ansatz.notes
    params = ansatz.network.init(jax.random.PRNGKey(seed))
    points = sample(problem, problem.constraints, SamplingSettings(equations=50, conditions=50), KEY)
    blocks = residual_blocks(problem, problem.constraints, lambda x: ansatz.network.apply(params, x), points)
    for name in ansatz.hard:
        np.testing.assert_allclose(blocks[name], 0, atol=2e-14, err_msg=name)
    assert np.abs(blocks["pde"]).max() > 1e-2


def test_all_four_sides_of_a_square():
    sides = {"x=0": "u = y**2", "x=1": "u = 1 + y**2", "y=0": "u = x", "y=1": "u = x + 1"}
    conditions = {place: {"where": place, "equation": text} for place, text in sides.items()}
    problem = make_problem("p", {"x": (0, 1), "y": (0, 1)}, ["u"], {"pde": "u_xx + u_yy"}, conditions)
    ansatz = make_ansatz(problem, build, AnsatzSettings())
    assert len(ansatz.hard) == 4
    params = ansatz.network.init(KEY)
    points = sample(problem, problem.constraints, SamplingSettings(equations=5, conditions=40), KEY)
    blocks = residual_blocks(problem, problem.conditions, lambda x: ansatz.network.apply(params, x), points)
    for name, block in blocks.items():
        np.testing.assert_allclose(block, 0, atol=1e-14, err_msg=name)


def test_soft_on_request():
    ansatz = make_ansatz(heat(), build, AnsatzSettings(initial="soft", dirichlet="soft"))
    assert ansatz.hard == ()


def test_the_kink_of_allen_cahn_is_found():
    problem = load_problem("allen_cahn")
    faces, notes = choose_hard(problem, UNLIFTED)
    assert not faces
    assert "u_x is 2 at x=-1 and -2 at x=1" in notes[0]
    with pytest.raises(ProblemError, match="a different problem"):
        choose_hard(problem, AnsatzSettings(initial="hard", lift="none"))


@pytest.mark.parametrize(
    ("initial", "equation", "hard"),
    [
        ("u = cos(pi*x)", "u_t = u_xx", True),
        ("u = x", "u_t = u_xx", False),  # a jump in value
        ("u = x**2", "u_t = u_xx", False),  # a jump in slope
        ("u = x**2", "u_t = u_x", True),  # which an equation of first order does not notice
        ("u = x*(1 - x**2)", "u_t = u_xx", True),  # second derivative -6x jumps: no delta in u_xx ...
        ("u = x*(1 - x**2)", "u_t = u_xxx", False),  # ... but one in u_xxx
        ("u = 2/cosh(5*x)", "u_t = u_xx", False),  # the slope jumps by 0.27
        ("u = abs(sin(pi*x))", "u_t = u_xx", False),  # a kink inside
        ("u = sqrt(cos(pi*x)**2)", "u_t = u_xx", False),  # the same in other words
        ("u = acos(cos(pi*x))", "u_t = u_xx", False),
        ("u = tan(pi*x)", "u_t = u_x", False),  # a pole
        ("u = exp(-1000*(x - 0.1)**2)", "u_t = u_xx", True),  # steep, but smooth
        ("u = tanh(200*sin(pi*x))", "u_t = u_xx", True),
    ],
)
def test_smoothness_needed_across_a_periodic_end(initial, equation, hard):
    faces, notes = choose_hard(periodic(initial, equation), UNLIFTED)
    assert bool(faces) == hard, notes


def test_data_that_contradict_each_other_at_a_corner():
    faces, notes = choose_hard(heat("u = cos(pi*x)", "u = 0", "u = -1"), UNLIFTED)
    assert [f.constraint.name for f in faces] == ["initial", "right"]
    assert "where it meets 'initial' the data differ (-1 there, 0 here)" in notes[0]


def test_two_conditions_on_one_face():
    problem = heat()
    twice = problem.constraints[2]._replace(name="again")
    faces, notes = choose_hard(replace(problem, constraints=(*problem.constraints, twice)), AnsatzSettings())
    assert len(faces) == 3 and "'left' is already hard on the same face" in notes[0]


@pytest.mark.parametrize("shape", [(3, 1), (2, 2)])
def test_a_network_of_another_shape_is_refused(shape):
    network = make_network("mlp", *shape, {})
    with pytest.raises(ProblemError, match="map the 11 input features of a point to 1 unknown"):
        make_ansatz(heat(), network, AnsatzSettings())


@pytest.mark.parametrize("left", ["u_x = 1", "u + u_x", "u**2 = 1", "t*u = 0", "u = abs(t - 1)"])
def test_conditions_that_cannot_be_hard(left):
    faces, notes = choose_hard(heat(left=left), AnsatzSettings())
    assert "left" not in {f.constraint.name for f in faces} and notes
    with pytest.raises(ProblemError, match="condition 'left' cannot be hard"):
        choose_hard(heat(left=left), AnsatzSettings(dirichlet="hard"))


def test_data_that_are_not_finite_are_not_hard():
    faces, notes = choose_hard(heat("u = (x + 1)*log(x + 1)"), AnsatzSettings())
    assert "initial" not in {f.constraint.name for f in faces}
    assert "jumps or is not finite at x=-1" in notes[0]


def test_single_precision_makes_the_same_choice():
    with jax.enable_x64(False):
        faces, notes = choose_hard(load_problem("heat"), AnsatzSettings())
        assert len(faces) == 3 and not notes
        assert not choose_hard(load_problem("allen_cahn"), UNLIFTED)[0]


@pytest.mark.parametrize(("setting", "size"), [("auto", 128.0), (3.0, 3.0), ({"u": 7.0}, 7.0), ({}, 128.0)], ids=str)
def test_networks_count_in_sizes_of_their_unknown(setting, size):
    """What is added to the data grows with the size, whatever the params; data of order one leave it as it is."""

    def added(initial, setting):
        problem = heat(initial, left="u_x", right="u_x")
        ansatz = make_ansatz(problem, build, AnsatzSettings(scale=setting, carried=False))
        x = jnp.array([1.3, 0.4])
        return ansatz.network.apply(ansatz.network.init(KEY), x)[0] - ansatz.fixed(x)[0]

    one = added("u = sin(pi*x)", "auto")
    np.testing.assert_allclose(added("u = 100*sin(pi*x)", setting), size * one, rtol=1e-12)
    np.testing.assert_allclose(added("u = 0.9*sin(pi*x)", "auto"), one, rtol=1e-12)


def test_systems_in_time_alone_carry_nothing():
    """What was reached before is a constant there; of size 50 it would saturate every neuron."""
    problem = make_problem(
        "p", {"t": (0, 1)}, ["u"], {"ode": "u_t = u"}, {"start": {"where": "t=0", "equation": "u = 1"}}
    )
    seen = []

    def record(inputs, outputs):
        seen.append(inputs)
        return build(inputs, outputs)

    for carried in (True, False):
        make_ansatz(problem, record, AnsatzSettings(carried=carried))
    assert seen[0] == seen[1]


@pytest.mark.parametrize(("carried", "factor"), [("state", 1.0), (True, 0.0)])
def test_the_state_at_the_beginning_is_an_input_where_asked_for(carried, factor):
    """A network that returns (time + 1) times its last input adds that many times the initial data."""
    last = Network(lambda key: jnp.zeros(()), lambda params, inputs: (inputs[:1] + 1) * inputs[-1:])
    problem = heat("u = 1 + x", left="u_x", right="u_x")
    ansatz = make_ansatz(problem, last, AnsatzSettings(carried=carried, waves=0, scale=2.0))
    lo, hi = problem.domain.bounds["t"]
    for t, x in ((lo, 0.3), (0.5 * lo + 0.5 * hi, 0.3), (hi, 0.7)):
        passed = 2 * (t - lo) / (hi - lo)
        found = ansatz.network.apply(ansatz.network.init(KEY), jnp.array([t, x]))[0]
        np.testing.assert_allclose(found, (1 + factor * passed) * (1 + x), rtol=1e-14)


def string(left="u = 0", rate="u_t = sin(2*pi*x)", **conditions):
    """Return a string between two ends, with an initial rate."""
    given = {
        "initial": {"where": "t=0", "equation": "u = sin(pi*x)"},
        "rate": {"where": "t=0", "equation": rate},
        "left": {"where": "x=0", "equation": left},
        "right": {"where": "x=1", "equation": "u = 0"},
    }
    return make_problem("p", {"t": (0, 2), "x": (0, 1)}, ["u"], {"pde": "u_tt = u_xx"}, given | conditions)


def test_an_initial_rate_is_hard():
    problem = string("u = sin(t)**2", "2*u_t = sin(2*pi*x)")
    ansatz = make_ansatz(problem, build, AnsatzSettings())
    assert sorted(ansatz.hard) == ["initial", "left", "rate", "right"]
    params = ansatz.network.init(KEY)
    points = sample(problem, problem.constraints, SamplingSettings(equations=5, conditions=40), KEY)
    blocks = residual_blocks(problem, problem.constraints, lambda x: ansatz.network.apply(params, x), points)
    for name in ansatz.hard:
        np.testing.assert_allclose(blocks[name], 0, atol=1e-14, err_msg=name)
    assert np.abs(blocks["pde"]).max() > 0.1  # the acceleration is free


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"left": "u = t"}, r"where it meets 'left' the rates differ \(1 there, 0 here\)"),
        ({"rate": "u_t = sqrt(cos(pi*x)**2)"}, "u_tx jumps or is not finite at x=0.5"),
        ({"rate": "u_t = abs(x)"}, "its data have kinks"),
        ({"rate": "u_t = u"}, "it is not of the form u = data"),
        ({"initial": {"where": "t=0", "equation": "u**2 = 0"}}, "no initial condition of 'u' itself is hard"),
    ],
)
def test_initial_rates_that_cannot_be_hard(changed, reason):
    notes = choose_hard(string(**changed), AnsatzSettings())[1]
    assert any(re.search(reason, note) for note in notes), notes
    with pytest.raises(ProblemError, match="cannot be hard"):
        choose_hard(string(**changed), AnsatzSettings(initial="hard"))


def test_waves_by_coordinate():
    inputs = {}

    def network(inputs_, outputs):
        inputs["n"] = inputs_
        return build(inputs_, outputs)

    for waves, expected in (
        (3, (1, 1 + 2 * 3)),
        ({"x": 3}, (1, 1 + 2 * 3)),
        ({"t": 2}, (1 + 2 * 2, 1 + 2 * 4)),
        ({"t": 2, "x": 0}, (5, 1)),
    ):
        make_ansatz(string(), network, AnsatzSettings(waves=waves, carried=False))
        assert inputs["n"] == expected
    oscillator = make_problem(
        "p", {"t": (0, 1)}, ["u"], {"pde": "u_t = -u"}, {"i": {"where": "t=0", "equation": "u = 1"}}
    )
    make_ansatz(oscillator, network, AnsatzSettings(waves=2))
    assert inputs["n"] == (5,)  # time is all there is


def test_a_periodic_coordinate_has_no_waves():
    with pytest.raises(ProblemError, match=r"ansatz.waves.x: a periodic coordinate has harmonics"):
        check_names(load_problem("allen_cahn"), make_settings({"ansatz": {"waves": {"x": 2}}}))


def test_round_off_is_no_size():
    """sin(pi) is 1e-16, and what it says of the solution's size is nothing."""
    text = "name: p\ncoordinates: {x: [0, 1]}\nunknowns: [u]\nequations: {pde: u_xx = -pi**2*sin(pi*x)}\n"
    text += "conditions: {left: {where: x=0, equation: u = 0}, right: {where: x=1, equation: u = DATA}}\n"
    for data, size in (("sin(pi)", 1.0), ("sin(pi) + 4", 4.0), ("1e-9", 2.0**-30)):
        problem, settings = problem_from_text(text.replace("DATA", data)), AnsatzSettings()
        assert scales(problem, choose_hard(problem, settings)[0], settings) == (size,)


def test_functions_that_are_inputs_too():
    """The network sees their values, and the solution has their kinks: the distance to a point inside."""
    text = "name: p\ncoordinates: {x: [-1, 1], y: [-1, 1]}\nunknowns: [u]\nparameters: {c: 0.2}\n"
    text += "functions: {r: sqrt(x**2 + y**2)}\nequations: {pde: u_xx + u_yy = 0}\nconditions:\n"
    text += "".join(f"  at{k}: {{where: {c}={v}, equation: u = 0}}\n" for k, (c, v) in enumerate(
        [("x", -1), ("x", 1), ("y", -1), ("y", 1)]))  # fmt: skip
    problem = problem_from_text(text)
    seen = []

    def network(inputs, outputs):
        return Network(lambda key: jnp.zeros(1), lambda params, x: (seen.append(x), x[-2:-1])[1])

    ansatz = make_ansatz(problem, network, AnsatzSettings(inputs=["r", "c*x"]))
    assert ansatz.reflection is None
    point = jnp.array([0.3, -0.4])
    value = ansatz.network.apply(ansatz.network.init(KEY), point)[0]
    assert value == pytest.approx(0.5 * (1 - 0.09) * (1 - 0.16))
    for inputs, said in ((["s"], "ansatz.inputs[0]: 's': unknown name"), (["r", "u"], "ansatz.inputs[1]: 'u'")):
        with pytest.raises(ProblemError) as error:
            make_ansatz(problem, network, AnsatzSettings(inputs=inputs))
        assert said in str(error.value)
