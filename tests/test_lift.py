"""Corner lifts: their numbers come from the problem, and they solve the linearised equation."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pinn.ansatz import make_ansatz
from pinn.ansatz.hard import choose_hard
from pinn.ansatz.kinks import bernoulli, spread, squared
from pinn.config import load_problem
from pinn.derivatives import partials
from pinn.errors import ProblemError
from pinn.networks import make_network
from pinn.pieces import Window
from pinn.reference import allen_cahn
from pinn.reference.differences import stencil
from pinn.settings import AnsatzSettings
from pinn.statement import make_problem

BOX = {"t": (0.0, 1.0), "x": (-1.0, 1.0)}


def periodic(initial, equation, **parameters):
    conditions = {"initial": {"where": "t=0", "equation": initial}}
    return make_problem("p", BOX, ["u"], {"pde": equation}, conditions, periodic=["x"], parameters=parameters)


def ended(initial, left, equation="u_t = 0.01*u_xx - 3*u"):
    conditions = {
        "left": {"where": "x=-1", "equation": left},
        "initial": {"where": "t=0", "equation": initial},
        "right": {"where": "x=1", "equation": "u = 0"},
    }
    return make_problem("p", BOX, ["u"], {"pde": equation}, conditions)


def lifted(problem, **settings):
    faces, notes = choose_hard(problem, AnsatzSettings(**settings))
    return next((f for f in faces if f.lifts), None), notes


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (load_problem("allen_cahn"), "jumps of 4 in slope, -118.4 in derivative 3, 1948 in derivative 5 across the ends of x lifted out (diffusion 0.0001, velocity 0, reaction rate 10)"),
        (periodic("u = x**2", "2*u_t + 3*u_x = 0.5*u_xx - u"), "jump of -4 in slope across the ends of x lifted out (diffusion 0.25, velocity 1.5, reaction rate 0.5)"),
        (periodic("u = x", "u_t = k*u_xx - u**3", k=0.02), "jump of -2 in value across the ends of x lifted out (diffusion 0.02, velocity 0, reaction rate 0)"),
        (ended("u = cos(pi*x/2) + x", "u = 0.5"), "difference of 1.5 to 'left' lifted out (diffusion 0.01, velocity 0, reaction rate 3)"),
        # Jumps below the order of the equation are none here; those above would stay sharp.
        (periodic("u = x - x**3", "u_t = 0.01*u_xx"), "jump of 12 in derivative 2 across the ends of x lifted out (diffusion 0.01"),
        (periodic("u = (1 - x**2)**2", "u_t = 0.01*u_xx"), "jump of -48 in derivative 3 across"),
        # Small data are data, and small amplitudes of smooth ones are not kinks.
        (periodic("u = 1e-10*x**2", "u_t = 0.5*u_xx"), "jump of -4e-10 in slope"),
        # What a nonlinear equation lets grow need not grow for ever.
        (ended("u = 0*x", "u = 1", "u_t = 0.1*u_xx + 10*u*(1 - u)"), "difference of 1 to 'left' lifted out (diffusion 0.1, velocity 0, reaction rate 0)"),
        (ended("u = 0*x", "u = 1", "u_t = 0.1*u_xx + 10*u"), "(diffusion 0.1, velocity 0, reaction rate -10)"),
    ],
)  # fmt: skip
def test_numbers_of_the_lift_come_from_the_problem(problem, says):
    face, notes = lifted(problem)
    assert face is not None and says in notes[0]


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (periodic("u = x", "u_t = u_xxx"), "a lift is known only for equations of order two in x"),
        (periodic("u = x", "u_t = -u_xx"), "no diffusion smooths it"),
        (periodic("u = 1 - x**2", "u_t = 0.01*u_xx - (u**2)**0.75"), "no finite derivatives at the corner"),
        (periodic("u = x", "u_t = 100*u_xx"), "over many periods of x: sqrt(4 D t) reaches 20"),
        (ended("u = cos(pi*x/2) + x", "u = 0.5", "u_t + u_x = 0"), "order one in t and two in x"),
    ],
)
def test_where_no_lift_is_known_the_condition_is_soft_and_says_so(problem, says):
    face, notes = lifted(problem)
    assert face is None and "is a term of the loss" in notes[0] and says.lower() in notes[0].lower()


@pytest.mark.parametrize("initial", ["u = sin(8*pi*x)", "u = 3", "u = 0*x", "u = exp(cos(pi*x))", "u = cos(pi*x)**3"])
def test_smooth_data_need_no_lift(initial):
    face, notes = lifted(periodic(initial, "u_t = 0.1*u_xx - u**3"))
    assert face is None and notes == ()


def test_an_equation_jax_cannot_trace_gets_no_lift(monkeypatch):
    from pinn.registry import RESIDUALS

    monkeypatch.setitem(RESIDUALS, "with_numpy", lambda u, u_t, u_xx: u_t - u_xx + float(u) ** 3)
    conditions = {"initial": {"where": "t=0", "equation": "u = x**2"}}
    problem = make_problem("p", BOX, ["u"], {"pde": RESIDUALS["with_numpy"]}, conditions, periodic=["x"])
    assert "cannot be differentiated at the corner" in lifted(problem)[1][0]


def test_no_lift_on_request():
    face, notes = lifted(load_problem("allen_cahn"), lift="none")
    assert face is None and "The settings want no lift." in notes[0]
    with pytest.raises(ProblemError, match="a different problem"):
        choose_hard(load_problem("allen_cahn"), AnsatzSettings(lift="none", initial="hard"))


def values(face, points):
    return np.asarray(jax.jit(jax.vmap(face.carried))(jnp.asarray(points)))


def test_lift_of_allen_cahn_against_its_closed_form():
    """Written out for jumps of 4, -12 pi^2 and 20 pi^4 in the odd derivatives, D = 1e-4,
    c = 10 and one image; the nearest others are below 1e-300 here.

    Of the linearised equation, so without the second order that a kink's square makes.
    """
    from scipy.special import erfc

    rng = np.random.default_rng(0)
    t, x = rng.uniform(1e-6, 1, 200), rng.uniform(-1, 1, 200)
    s, q, decay = 1 - np.abs(x), np.sqrt(4e-4 * t), np.exp(-10 * t)
    kink = q / np.sqrt(np.pi) * np.exp(-((s / q) ** 2)) - s * erfc(s / q)
    expected = x**2 * np.cos(np.pi * x) + 2 * (decay * kink - (1 - decay) * (1 - x**2) / 2)
    third, fifth = -12 * np.pi**2, 20 * np.pi**4  # by how much these derivatives jump at x = 1
    # What becomes of s (2 - s)/4, the periodic parabola, and of that with the third derivative; and what kinks add.
    parabola, quartic, spread_time = s * (2 - s) / 4, -((s * (2 - s)) ** 2) / 48, 1e-4 * t
    expected += third * (spread_time * parabola + q**3 * repeated(3, s / q) / 2)
    expected += fifth * (spread_time * quartic + spread_time**2 / 2 * parabola + q**5 * repeated(5, s / q) / 2)
    face, _ = lifted(periodic("u = x**2*cos(pi*x)", "u_t = 1e-4*u_xx - 10*u"))
    np.testing.assert_allclose(values(face, np.stack([t, x], 1)), expected, atol=2e-15)


def repeated(order, z):
    """Integrate erfc ``order`` times from infinity: (2/sqrt(pi)) int_z^inf (x - z)^n/n! exp(-x^2) dx."""
    from scipy.integrate import quad

    def integral(z):
        return quad(lambda x: x**order / math.factorial(order) * np.exp(-((x + z) ** 2)), 0, 12, epsabs=1e-16)[0]

    return 2 / np.sqrt(np.pi) * np.vectorize(integral)(z)


@pytest.mark.parametrize("order", range(6))
def test_repeated_integrals_of_the_error_function(order):
    z = np.array([0.0, 0.3, 1.0, 2.5, 6.0])
    found = spread(order, jnp.asarray(0.7 * z), jnp.asarray(0.7))
    np.testing.assert_allclose(found, 0.7**order * repeated(order, z), atol=1e-15)


@pytest.mark.parametrize("order", range(1, 7))
def test_bernoulli_polynomials_jump_in_one_derivative(order):
    f = lambda z: bernoulli(order, z)
    for k in range(order):
        expected = 1.0 if k == order - 1 else 0.0
        assert float(f(jnp.asarray(1.0)) - f(jnp.asarray(0.0))) == pytest.approx(expected, abs=1e-14)
        f = jax.grad(f)
    assert float(f(jnp.asarray(0.3))) == pytest.approx(1.0)


def test_nothing_of_the_data_stays_sharp():
    """For t > 0 the first three derivatives agree at the two ends of the period, though those of the data do not."""
    face, _ = lifted(periodic("u = x**2*cos(pi*x) + exp(x)", "u_t = 0.002*u_xx - 2*u + u**3"))

    def ends(f, x):
        """Return f and its first three derivatives at x and at -x, (2, 4)."""

        def derivatives(x):
            orders = [f]
            for _ in range(3):
                orders.append(jax.jacfwd(orders[-1]))
            return jnp.stack([g(x) for g in orders])

        return np.asarray(jax.jit(jax.vmap(derivatives))(jnp.array([x, -x])))

    data = ends(lambda x: x**2 * jnp.cos(jnp.pi * x) + jnp.exp(x), 1.0)
    assert np.all(np.abs(data[0] - data[1]) > 1)
    carried = ends(lambda x: face.carried(jnp.stack([jnp.asarray(0.3), x])), 1 - 1e-9)
    assert np.all(np.abs(carried[0] - carried[1]) < 3e-5 * 10.0 ** np.arange(4))


def test_answer_to_a_squared_kink_solves_its_equation():
    """h'' + 2 z h' - 8 h = -4 ((A/q)^2 - z^2), by differences of order eight; even, and gone at infinity."""
    from scipy.special import erf

    offsets, step = np.arange(-4, 5), 0.02
    z = np.linspace(-0.5, 3, 36)
    h = np.asarray(squared(jnp.asarray(z[:, None] + step * offsets)))
    first, second = (h @ stencil(k, tuple(offsets)) / step**k for k in (1, 2))
    smoothed = z * erf(z) + np.exp(-(z**2)) / np.sqrt(np.pi)
    np.testing.assert_allclose(second + 2 * z * first - 8 * h[:, 4], -4 * (smoothed**2 - z**2), atol=1e-9)
    assert h[0, 4] == pytest.approx(float(squared(jnp.asarray(0.5))), abs=1e-14) and abs(h[-1]).max() < 1e-3


def test_second_order_takes_most_of_what_is_left_of_the_kink():
    """Beside the true solution the first order leaves something near the corner that is no polynomial in s^2."""
    eps, t = 1e-4, 0.02
    s = np.linspace(0, 5, 60) * np.sqrt(4 * eps * t)
    coefficients = allen_cahn.modes(eps, 5.0, np.array([0, t]), 8192, 6.25e-4)[1:]
    left = allen_cahn.evaluate(coefficients, s - 1)[0]
    face, _ = lifted(load_problem("allen_cahn"))
    left = left - values(face, np.stack([np.full(60, t), s - 1], 1))
    second = 15 * 2**2 * 4 * eps * t**2 * np.exp(-50 / 3 * t) * np.asarray(squared(jnp.asarray(s) / s[-1] * 5))
    smooth = np.stack([(s / s[-1]) ** k for k in (0, 2, 4, 6)], 1)

    def rough(w):
        return np.abs(w - smooth @ np.linalg.lstsq(smooth, w)[0]).max()

    assert rough(left) < 0.3 * rough(left + second)


def test_what_is_trained_beside_a_lift_stays_smooth():
    """Whatever the params, in the first window and in those after it; a kink carried on would show as a layer."""
    problem = load_problem("allen_cahn")
    ansatz = make_ansatz(problem, lambda i, o: make_network("mlp", i, o, {}), AnsatzSettings())
    params = ansatz.init(jax.random.PRNGKey(0))
    for window in (Window(0.0, 0.1, 0.0), Window(0.1, 0.2, 1.0)):
        window = jax.tree.map(jnp.asarray, window)

        def second(t, x, window=window):
            u = lambda p: ansatz.trained(params, window, p, jnp.zeros(1))
            return partials(u, jnp.array([t, x]), [(1, 1)])[1, 1][0]

        for t in (0.15, 0.3):
            layer = np.sqrt(4e-4 * t)
            ends, beside = (float(second(t, x)) for x in (-1.0, -1.0 + 1e-9))
            assert ends == pytest.approx(beside, rel=1e-5) == pytest.approx(float(second(t, 1.0)), rel=1e-5)
            assert abs(ends) < 10 / layer


def test_smoothed_distance_is_periodic_and_between_minus_one_and_one():
    face, _ = lifted(load_problem("allen_cahn"))
    (lift,) = face.lifts
    t, x = np.meshgrid([0.0, 1e-3, 1.0], np.linspace(-1, 1, 41), indexing="ij")
    points = jnp.asarray(np.stack([t.ravel(), x.ravel()], 1))
    distance = jax.jit(jax.vmap(lambda p: lift.coordinates(p, p)[0]))(points).reshape(3, 41)
    s = 1 - np.abs(x[0])
    np.testing.assert_allclose(distance[0], 2 * s * (2 - s) - 1, atol=1e-12)
    assert np.all(np.abs(distance) <= 1 + 1e-12)
    np.testing.assert_allclose(distance[:, 0], distance[:, -1], atol=1e-14)


@pytest.mark.parametrize("diffusion", [0.002, 0.5, 5.0])  # from a part of the period to all of it several times
@pytest.mark.parametrize(("initial", "constant"), [("u = x**2", 1), ("u = x", 0), ("u = x + x**2", 1)])
def test_a_lifted_linear_problem_is_what_fourier_says(initial, constant, diffusion):
    """Of u_t = D u_xx - v u_x - c u from parabolas the lift leaves a constant: what diffusion adds to a parabola."""
    face, _ = lifted(periodic(initial, f"u_t = {diffusion}*u_xx - 0.4*u_x - 2*u"))
    t, x, n = 0.3, np.linspace(-1, 1, 41)[:, None], np.pi * np.arange(1, 400)
    decay, sign, phase = np.exp(-diffusion * n**2 * t), np.cos(n), n * (x - 0.4 * t)
    even = 1 / 3 + np.sum(4 * sign / n**2 * np.cos(phase) * decay, 1)
    odd = np.sum(-2 * sign / n * np.sin(phase) * decay, 1)
    exact = np.exp(-2 * t) * (("x**2" in initial) * even + (initial != "u = x**2") * odd)
    carried = values(face, np.stack([np.full(41, t), x[:, 0]], 1))
    np.testing.assert_allclose(exact - carried, constant * (np.exp(-2 * t) * (1 + 2 * diffusion * t) - 1), atol=1e-12)


def test_end_lift_solves_the_linearised_equation_near_the_end():
    """In u_t = D u_xx - c u the lift is e^(-c t) erfc(s / q), exactly."""
    problem = ended("u = cos(pi*x/2) + x", "u = 0.5")
    face, _ = lifted(problem)
    (lift, _), _ = face.lifts  # the second is that of the right end

    def residual(point):
        u_t = jax.jvp(lift, (point,), (jnp.array([1.0, 0.0]),))[1]
        slope = lambda p: jax.jvp(lift, (p,), (jnp.array([0.0, 1.0]),))[1]
        return u_t - 0.01 * jax.jvp(slope, (point,), (jnp.array([0.0, 1.0]),))[1] + 3 * lift(point)

    points = jnp.asarray(np.random.default_rng(1).uniform([0.01, -0.99], [1, 0.9], (100, 2)))
    np.testing.assert_allclose(jax.jit(jax.vmap(residual))(points), 0, atol=1e-10)
    np.testing.assert_allclose(lift(jnp.array([0.5, -1.0])), 1.5 * np.exp(-1.5))
    np.testing.assert_allclose(lift(jnp.array([0.0, -0.5])), 0, atol=1e-300)


def test_everything_is_finite_in_either_precision():
    """From t = 0 on, at the kink and away from it; and single precision agrees with double."""

    def around(double):
        with jax.enable_x64(double):
            face, _ = lifted(load_problem("allen_cahn"))
            t, x = [0.0, 1e-30, 1e-12, 1e-5, 0.1, 1.0], [-1.0, -1 + 1e-7, -0.9, 0.0, 0.5, 1.0]
            points = jnp.asarray(np.stack([a.ravel() for a in np.meshgrid(t, x)], 1), float)
            f = lambda p: jnp.stack([face.carried(p), *face.lifts[0].coordinates(p, p)])
            slope = lambda p: jax.jvp(f, (p,), (jnp.array([0.0, 1.0], p.dtype),))[1]
            bend = lambda p: jax.jvp(slope, (p,), (jnp.array([0.0, 1.0], p.dtype),))[1]
            return [np.asarray(jax.jit(jax.vmap(g))(points)) for g in (f, jax.jacfwd(f), slope, bend)]

    double, single = around(True), around(False)
    assert all(np.isfinite(a).all() for a in (*double, *single))
    assert double[0].dtype == np.float64 and single[0].dtype == np.float32
    np.testing.assert_allclose(single[0], double[0], atol=2e-5)


def test_the_layer_around_a_kink_stops_growing_when_its_window_is_over():
    """Of q exp(-(s/q)^2) the height follows the time that is meant; params of a window never see more than its own."""
    face, _ = lifted(load_problem("allen_cahn"))
    (lift,) = face.lifts
    at_kink, beside = jnp.array([0.9, 1.0]), jnp.array([0.9, 0.95])
    for point, shape in ((at_kink, 1.0), (beside, np.exp(-(0.05**2) / (4e-4 * 0.9)))):
        for meant in (0.1, 0.9):
            layer = float(lift.coordinates(point, point.at[0].set(meant))[1])
            assert layer == pytest.approx(4 * np.sqrt(4e-4 * meant) * shape)
    assert np.all(np.isfinite(jax.jit(jax.jacfwd(lift.coordinates))(jnp.array([0.0, 0.99]), jnp.array([0.0, 0.99]))))
