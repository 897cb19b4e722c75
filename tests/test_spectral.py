"""References made from the file: each part at its order, and the whole against what is known exactly."""

import numpy as np
import pytest

from pinn.config import load_problem, problem_from_text
from pinn.reference import grid_of, make_reference, ode, spectral
from pinn.reference.base import relative_l2
from pinn.reference.chebyshev import differentiation, inner_nodes, interpolation, nodes
from pinn.reference.collocation import Line
from pinn.reference.exponential import Stalled, integrate, phi, step, weights
from pinn.reference.periodic import Modes
from pinn.reference.terms import Impossible, Slot, System


def small_grid(problem, n=21):
    return {c: np.linspace(*b, n, endpoint=c not in problem.domain.periodic) for c, b in problem.domain.bounds.items()}


def error(problem, truth, n=21):
    """Return the true error and the stated uncertainty of the reference made, the largest among the unknowns."""
    grid = small_grid(problem, n)
    made = spectral.solve(problem, grid)
    mesh = dict(zip(grid, np.meshgrid(*grid.values(), indexing="ij"), strict=True))
    return max(relative_l2(made.values[n], f(**mesh)) for n, f in truth.items()), made.uncertainty


def test_chebyshev_derivatives_converge_faster_than_any_power():
    def worst(n, order):
        x = nodes(n)
        return np.abs(differentiation(n, order) @ np.exp(np.sin(3 * x)) - truth(x, order)).max()

    def truth(x, order):
        f, c, s = np.exp(np.sin(3 * x)), 3 * np.cos(3 * x), np.sin(3 * x)
        return f * c if order == 1 else f * (c**2 - 9 * s)

    for order in (1, 2):
        first, second, third = (worst(n, order) for n in (10, 20, 40))
        assert first / second > 10 and second / third > (first / second) ** 1.5
    assert worst(48, 2) < 1e-7  # the round-off of 48^4 eps, times the size of the function


def test_chebyshev_rules_are_exact_for_polynomials():
    n = 9
    for k in range(n):
        values = nodes(n) ** k
        np.testing.assert_allclose(interpolation(n, inner_nodes(7)) @ values, inner_nodes(7) ** k, atol=1e-14)


def test_lines_differentiate_across_their_joints():
    line = Line([-1.0, -0.2, 1.0], 20)
    values = np.sin(3 * line.points)
    np.testing.assert_allclose(line.differentiate(values, 0, 2), -9 * values, atol=1e-9)
    np.testing.assert_allclose(line.differentiation(2) @ values, -9 * values, atol=1e-9)
    np.testing.assert_allclose(line.joints(2) @ values, 0, atol=1e-11)
    assert np.abs(line.joints(2) @ np.abs(line.points + 0.2)).max() > 0.1
    np.testing.assert_allclose(line.interpolation(np.array([0.3])) @ values, np.sin(0.9), atol=1e-13)


def test_periodic_lines_too():
    line = Line([-1.0, 1.0], 32, periodic=True)
    values = np.exp(np.sin(np.pi * line.points))
    slopes = np.pi * np.cos(np.pi * line.points) * values
    np.testing.assert_allclose(line.differentiate(values, 0, 1), slopes, atol=1e-11)
    np.testing.assert_allclose(
        line.interpolation(np.array([0.123])) @ values, np.exp(np.sin(0.123 * np.pi)), atol=1e-12
    )


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("how", ["collocation", "modes"])
def test_fourier_derivatives_converge_at_the_rate_of_the_coefficients(how, order):
    """1/(2 - cos z) has the coefficients r^|k|/sqrt(3), r = 2 - sqrt(3): its derivatives err like k^order r^k, k = n/2."""

    def slope(f, c, s):
        return (-s * f**2, 2 * s**2 * f**3 - c * f**2, 6 * s * c * f**3 - 6 * s**3 * f**4 + s * f**2)[order - 1]

    problem = problem_from_text(
        "name: p\ncoordinates: {t: [0, 1], x: [0, 1]}\nperiodic: [x]\nunknowns: [u]\nequations: {a: u_t = u_xx}\n"
        "conditions: {i: {where: t=0, equation: u = 0}}\n"
    )

    def worst(n):
        modes, line = Modes(System(problem), n), Line([0.0, 1.0], n, periodic=True)
        z = 2 * np.pi * (line.points if how == "collocation" else modes.mesh["x"])
        f, c, s = 1 / (2 - np.cos(z)), np.cos(z), np.sin(z)
        if how == "collocation":
            found = line.differentiate(f, 0, order)
        else:
            found = modes.on_grid(modes.from_grid(f) * modes.factor(Slot(0, (1,) * order)))
        return np.abs(found / (2 * np.pi) ** order - slope(f, c, s)).max()

    counts = np.array([16, 24, 32, 40])
    errors = [worst(n) / (n / 2) ** order for n in counts]
    rate = np.exp(np.polyfit(counts / 2, np.log(errors), 1)[0])
    assert abs(rate / (2 - np.sqrt(3)) - 1) < 0.15, f"observed rate {rate:.3f}"
    assert worst(64) < 1e-9


def test_modes_of_kinked_data_are_exact():
    """Of x^2 cos(pi x) by the closed form; a transform of samples would be off by 1e-5."""
    from pinn.reference.allen_cahn import initial_modes

    system = System(load_problem("allen_cahn"))
    modes = Modes(system, 64)
    found = modes.integrated(lambda mesh: (mesh["x"] ** 2 * np.cos(np.pi * mesh["x"]))[None])[0]
    np.testing.assert_allclose(found[:32], initial_modes(64)[:32], atol=1e-13)


@pytest.mark.parametrize("z", [0.3, -4.0, -700.0, 5j, -2 + 90j])
def test_phi_functions(z):
    p = [np.exp(z)]
    for k in range(1, 4):
        p.append((p[-1] - 1 / (1, 1, 2)[k - 1]) / z)
    # The recurrence loses digits where z is small; the doubling does where it is large.
    np.testing.assert_allclose(phi(np.array([[[z]]]))[:, 0, 0, 0], p, rtol=1e-11, atol=1e-15)


def test_steps_converge_at_order_four_however_stiff():
    def last(n, stiffness):
        """v' = -s (v - cos t) - sin t + (v - cos t)^2, from a start beside the solution cos t."""
        linear, h, v = np.array([[[-stiffness]]]), 1 / n, np.array([[1.0 + 0.5 / stiffness]])

        def rate(t, v):
            return stiffness * np.cos(t) - np.sin(t) + (v - np.cos(t)) ** 2

        for i in range(n):
            v = step(weights(linear, h), rate, i * h, h, v, rate(i * h, v))
        # w = v - cos t has w' = -s w + w^2, of Bernoulli's kind.
        w = 0.5 / stiffness
        return abs(v[0, 0] - np.cos(1.0) - 1 / (1 / stiffness + (1 / w - 1 / stiffness) * np.exp(stiffness)))

    for stiffness in (1.0, 10.0):
        errors = [last(n, stiffness) for n in (8, 16, 32)]
        assert 3.5 < np.log2(errors[0] / errors[1]) < 5 and 3.5 < np.log2(errors[1] / errors[2]) < 5


def test_the_tolerance_is_kept():
    times = np.linspace(0, 2, 5)
    for tolerance in (1e-5, 1e-9):
        v = np.array([[1.0]])
        states = integrate(
            lambda t, v: np.cos(t) * v,
            lambda t, v: np.cos(t)[None, None, None],
            v,
            times,
            tolerance,
            lambda v: np.abs(v).max(0),
        )
        worst = max(abs(s[0, 0] - np.exp(np.sin(t))) for s, t in zip(states, times, strict=True))
        assert worst < tolerance * 3


def test_a_blow_up_is_given_up_with_its_time():
    with pytest.raises(Stalled, match=r"at t=(1|0\.9)"):
        integrate(lambda t, v: v**2, lambda t, v: 2 * v[..., None], np.array([[1.0]]), np.linspace(0, 2, 5), 1e-6,
                  lambda v: np.abs(v).max(0))  # fmt: skip


def make(text):
    return problem_from_text("name: trial\n" + text)


def test_heat_is_right_and_says_how_far():
    problem = load_problem("heat")
    true, stated = error(problem, {"u": lambda t, x: np.exp(-0.1 * np.pi**2 * t) * np.sin(np.pi * x)})
    assert true < 1e-11 and true <= stated < 1e-10


def test_ends_that_move_and_slopes_at_ends():
    problem = make("""\
coordinates: {t: [0, 1], x: [0, 1]}
unknowns: [u]
equations: {pde: u_t = u_xx}
conditions:
  initial: {where: t=0, equation: u = cos(x)}
  left: {where: x=0, equation: u = exp(-t)}
  right: {where: x=1, equation: u_x + u = exp(-t)*(cos(1) - sin(1))}
""")
    true, stated = error(problem, {"u": lambda t, x: np.exp(-t) * np.cos(x)})
    assert true < 1e-9 and true <= stated


def test_second_order_in_time():
    problem = make("""\
coordinates: {t: [0, 1], x: [0, 1]}
unknowns: [u]
equations: {pde: u_tt = 4*u_xx}
conditions:
  initial: {where: t=0, equation: u = sin(pi*x)}
  speed: {where: t=0, equation: u_t = 0}
  left: {where: x=0, equation: u = 0}
  right: {where: x=1, equation: u = 0}
""")
    true, stated = error(problem, {"u": lambda t, x: np.cos(2 * np.pi * t) * np.sin(np.pi * x)})
    assert true < 1e-8 and true <= stated


def test_a_periodic_system():
    """Linear Schroedinger equation in two real unknowns: a plane wave."""
    problem = make("""\
coordinates: {t: [0, 1], x: [0, 2*pi]}
periodic: [x]
unknowns: [p, q]
equations: {one: p_t = -q_xx/2, two: q_t = p_xx/2}
conditions:
  first: {where: t=0, equation: p = cos(2*x)}
  second: {where: t=0, equation: q = sin(2*x)}
""")
    true, stated = error(problem, {"p": lambda t, x: np.cos(2 * x - 2 * t), "q": lambda t, x: np.sin(2 * x - 2 * t)})
    assert true < 1e-10 and true <= stated


def test_two_dimensions_periodic_and_bounded():
    for periodic, ends in ((True, ""), (False, """\
  a: {where: x=0, equation: u = 0}
  b: {where: x=1, equation: u = 0}
  c: {where: y=0, equation: u = 0}
  d: {where: y=1, equation: u = 0}
""")):  # fmt: skip
        k = "2*pi" if periodic else "pi"
        problem = make(f"""\
coordinates: {{t: [0, 0.2], x: [0, 1], y: [0, 1]}}
periodic: [{"x, y" if periodic else ""}]
unknowns: [u]
equations: {{pde: u_t = u_xx + u_yy}}
conditions:
  initial: {{where: t=0, equation: u = sin({k}*x)*sin({k}*y)}}
{ends}""")
        rate = 2 * (2 * np.pi if periodic else np.pi) ** 2
        wave = 2 * np.pi if periodic else np.pi
        true, stated = error(
            problem, {"u": lambda t, x, y, r=rate, w=wave: np.exp(-r * t) * np.sin(w * x) * np.sin(w * y)}, 9
        )
        assert true < 1e-8 and true <= stated


def test_steady_problems_linear_and_not():
    poisson = make("""\
coordinates: {x: [0, 1], y: [0, 1]}
unknowns: [u]
equations: {pde: "u_xx + u_yy = -2*pi**2*sin(pi*x)*sin(pi*y)"}
conditions:
  a: {where: x=0, equation: u = 0}
  b: {where: x=1, equation: u = 0}
  c: {where: y=0, equation: u = 0}
  d: {where: y=1, equation: u = 0}
""")
    true, stated = error(poisson, {"u": lambda x, y: np.sin(np.pi * x) * np.sin(np.pi * y)})
    assert true < 1e-10 and true <= stated
    # u'' = 2 u^3 with u = 1/(1 + x)
    bent = make("""\
coordinates: {x: [0, 1]}
unknowns: [u]
equations: {ode: u_xx = 2*u**3}
conditions:
  a: {where: x=0, equation: u = 1}
  b: {where: x=1, equation: u = 1/2}
""")
    true, stated = error(bent, {"u": lambda x: 1 / (1 + x)})
    assert true < 1e-11 and true <= stated


@pytest.mark.parametrize(
    ("equation", "conditions", "reason"),
    [
        ("u_xx = 0", ("x=0: u = 0", "x=0: u_x = 0", "x=1: u = 1"), "best leaves 161%"),
        ("u_xx = 1", ("x=0: u_x = 0", "x=1: u_x = 0"), "leave something open"),
        ("u_xx + pi**2*u = 0", ("x=0: u = 0", "x=1: u = 0"), "leave something open"),
        ("1e-3*u_xx + u_x = 1", ("x=0: u = 0", "x=1: u = 0"), None),  # a layer no coarse grid sees
    ],
)
def test_steady_problems_without_a_solution_or_with_many(equation, conditions, reason):
    lines = (c.split(": ") for c in conditions)
    listed = "".join(f"  c{k}: {{where: {w}, equation: {e}}}\n" for k, (w, e) in enumerate(lines))
    problem = make(f"coordinates: {{x: [0, 1]}}\nunknowns: [u]\nequations: {{e: {equation}}}\nconditions:\n{listed}")
    made, why = make_reference(problem, small_grid(problem))
    assert (reason in why) if reason else made.uncertainty < 1e-9


def test_a_steady_system_with_a_pressure():
    """Stokes flow: nothing is said of the pressure at the walls but its level at one corner."""
    walls = "".join(
        f"  {n}{w[0]}{w[2]}: {{where: {w}, equation: {n} = {data}}}\n"
        for n, data in (("u", "x**2*y**3"), ("v", "-x*y**4/2"))
        for w in ("x=0", "x=1", "y=0", "y=1")
    )
    problem = make(f"""\
coordinates: {{x: [0, 1], y: [0, 1]}}
unknowns: [u, v, p]
equations:
  a: u_xx + u_yy = p_x + 2*y**3 + 6*x**2*y - 2*x*y
  b: v_xx + v_yy = p_y - 6*x*y**2 - x**2
  c: u_x + v_y = 0
conditions:
{walls}  level: {{where: "x=0, y=0", equation: p = 1}}
""")
    truth = {
        "u": lambda x, y: x**2 * y**3,
        "v": lambda x, y: -x * y**4 / 2,
        "p": lambda x, y: 1 + x**2 * y,
    }
    true, stated = error(problem, truth)
    assert true < 1e-10 and true <= stated < 1e-8  # polynomials are exact but for round-off


def test_ordinary_differential_equations_in_time():
    problem = make("""\
coordinates: {t: [0, 10]}
unknowns: [x]
parameters: {w: 2}
equations: {ode: x_tt = -w**2*x}
conditions:
  start: {where: t=0, equation: x = 1}
  speed: {where: t=0, equation: x_t = 0}
""")
    true, stated = error(problem, {"x": lambda t: np.cos(2 * t)})
    assert true < 1e-10 and true <= stated < 1e-7
    stiff = make("""\
coordinates: {t: [0, 1]}
unknowns: [y]
equations: {ode: y_t = -1e6*(y - cos(t))}
conditions: {start: {where: t=0, equation: y = 1}}
""")
    true, _ = error(stiff, {"y": lambda t: np.cos(t)})
    assert true < 1e-6


def test_the_explicit_method_is_given_up_early_where_equations_are_stiff(monkeypatch):
    """And not where the first steps are as long as the others: Robertson's problem and a pendulum."""
    counts, rates = [], System.rates
    monkeypatch.setattr(System, "rates", lambda *a: counts.append(1) or rates(*a))
    problem = load_problem("robertson")
    values = ode.at(problem, {"t": np.linspace(0, 40, 3)}, 1e-8)
    # Hairer & Wanner (1996), Solving Ordinary Differential Equations II, section IV.1: the three sum to one.
    assert np.abs(values.sum(axis=0) - 1).max() < 1e-8 and values[0, -1] == pytest.approx(0.7158, abs=1e-4)
    early = ode.EARLY * ode.MOST[ode.EXPLICIT]
    assert early < len(counts) < 1.5 * early
    counts.clear()
    ode.at(load_problem("pendulum"), {"t": np.linspace(0, 8.5, 3)}, 1e-11)
    assert len(counts) < early


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("equations: {a: u_t**2 = u_xx}", "not linear in u_t"),
        ("equations: {a: u_t = u_xx + u_txx}", "mixes the highest derivative"),
        ("equations: {a: u_t*x = u_xx}", "do not determine"),
    ],
)
def test_what_cannot_be_made_says_why(text, reason):
    problem = make(f"""\
coordinates: {{t: [0, 1], x: [-1, 1]}}
unknowns: [u]
{text}
conditions:
  initial: {{where: t=0, equation: u = 1 - x**2}}
  left: {{where: x=-1, equation: u = 0}}
  right: {{where: x=1, equation: u = 0}}
""")
    grid = {"t": np.linspace(0, 1, 5), "x": np.linspace(-1, 1, 64 * 2 + 1)}
    made, why = make_reference(problem, grid)
    assert made is None and reason in why


def test_references_are_kept(tmp_path, monkeypatch):
    problem = make("""\
coordinates: {t: [0, 1]}
unknowns: [y]
equations: {ode: y_t = -y}
conditions: {start: {where: t=0, equation: y = 1}}
""")
    grid = grid_of(problem.domain)
    monkeypatch.setenv("PINN_CACHE", str(tmp_path))
    first, _ = make_reference(problem, grid)
    (file,) = tmp_path.glob("*.npz")
    monkeypatch.setattr(spectral, "solve", lambda *_: pytest.fail("was kept"))
    again, _ = make_reference(problem, grid)
    np.testing.assert_array_equal(first.values["y"], again.values["y"])
    assert (first.uncertainty, first.method) == (again.uncertainty, again.method)
    monkeypatch.undo()
    monkeypatch.setenv("PINN_CACHE", str(tmp_path))
    file.write_bytes(file.read_bytes()[:100])
    mended, _ = make_reference(problem, grid)
    np.testing.assert_array_equal(first.values["y"], mended.values["y"])
    other = make_reference(problem, {"t": grid["t"][:5]})[0]
    assert other.values["y"].shape == (5,) and len(list(tmp_path.glob("*.npz"))) == 2


def test_a_blow_up_leaves_no_reference_and_says_when():
    problem = make("""\
coordinates: {t: [0, 2]}
unknowns: [y]
equations: {ode: y_t = y**2}
conditions: {start: {where: t=0, equation: y = 1}}
""")
    made, why = make_reference(problem, grid_of(problem.domain))
    assert made is None and "step size" in why and why.endswith("it was at t=1")
    with pytest.raises(Impossible):
        spectral.solve(make("""\
coordinates: {t: [0, 1], x: [0, 1]}
unknowns: [u, p]
equations: {a: u_t = u_xx - p_x, b: u_x = 0}
conditions:
  initial: {where: t=0, equation: u = 0}
  left: {where: x=0, equation: u = 0}
  right: {where: x=1, equation: u = 0}
  gauge: {where: x=0, equation: p = 0}
"""), {"t": np.linspace(0, 1, 3), "x": np.linspace(0, 1, 3)})  # fmt: skip
