"""Partial derivatives of the actual networks, against closed forms and centred differences at their order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.jet import jet

from pinn.derivatives import partials, taylor, with_parts
from pinn.networks import NETWORKS, make_network


def polynomial(x):
    t, y = x
    return jnp.stack([t**2 * y**3, jnp.sin(2 * t) * jnp.exp(y)])


def test_closed_forms():
    t, y = 0.7, -0.4
    table = partials(polynomial, jnp.array([t, y]), {(0,), (1, 1), (0, 1, 1), (1, 1, 1, 1), (0, 0)})
    s, c, e = np.sin(2 * t), np.cos(2 * t), np.exp(y)
    expected = {
        (): [t**2 * y**3, s * e],
        (0,): [2 * t * y**3, 2 * c * e],
        (1,): [3 * t**2 * y**2, s * e],
        (0, 0): [2 * y**3, -4 * s * e],
        (1, 1): [6 * t**2 * y, s * e],
        (0, 1, 1): [12 * t * y, 2 * c * e],
        (1, 1, 1, 1): [0.0, s * e],
    }
    for axes, value in expected.items():
        np.testing.assert_allclose(table[axes], value, rtol=1e-13, atol=1e-14, err_msg=str(axes))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", NETWORKS)
def test_sweeps_agree_with_taylor_mode(kind, order):
    network = make_network(kind, 2, 2, {})
    params = network.init(jax.random.PRNGKey(1))
    points = jax.random.uniform(jax.random.PRNGKey(2), (20, 2), minval=-1)
    axes = (1,) * order

    def taylor(x):
        line = [jnp.array([0.0, 1.0]), *(jnp.zeros(2) for _ in range(order - 1))]
        return jet(lambda y: network.apply(params, y), (x,), (line,))[1][-1]

    oracle = jax.vmap(taylor)(points)
    swept = jax.vmap(lambda x: partials(lambda y: network.apply(params, y), x, [axes])[axes])(points)
    assert float(jnp.abs(oracle).max()) > 1e-3
    np.testing.assert_allclose(swept, oracle, rtol=0, atol=1e-12 * float(jnp.abs(oracle).max()))


CENTRED = {  # axes -> offsets and weights of a second-order centred difference along one coordinate
    (0,): ([-1, 1], [-0.5, 0.5]),
    (1, 1): ([-1, 0, 1], [1, -2, 1]),
    (1, 1, 1): ([-2, -1, 1, 2], [-0.5, 1, -1, 0.5]),
    (1, 1, 1, 1): ([-2, -1, 0, 1, 2], [1, -4, 6, -4, 1]),
}


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("axes", CENTRED)
def test_networks_match_centred_differences_at_second_order(kind, axes):
    network = make_network(kind, 2, 1, {"width": 8, "depth": 2})
    params = network.init(jax.random.PRNGKey(0))
    x, unit = jnp.array([0.4, -0.3]), jnp.eye(2)[axes[0]]
    exact = partials(lambda x: network.apply(params, x), x, {axes})[axes][0]
    offsets, weights = CENTRED[axes]
    steps = 2.0 ** -np.arange(4, 8)  # stops above round-off of fourth differences

    def difference(h):
        terms = (w * network.apply(params, x + k * h * unit)[0] for k, w in zip(offsets, weights, strict=True))
        return sum(terms) / h ** len(axes)

    errors = [abs(difference(h) - exact) for h in steps]
    order = np.polyfit(np.log(steps), np.log(np.array(errors)), 1)[0]
    assert abs(order - 2) < 0.15, f"observed order {order:.3f}"


def test_a_polynomial_has_the_derivatives_of_its_table():
    centre = jnp.array([0.3, -0.7])
    wanted = with_parts([(0,), (0, 1, 1), (1, 1, 1)])
    assert wanted == {(), (0,), (1,), (0, 1), (1, 1), (0, 1, 1), (1, 1, 1)}
    f = lambda x: jnp.stack([jnp.sin(2 * x[0] - x[1]), jnp.exp(x[0] * x[1])])
    table = {axes: partials(f, centre, [axes])[axes] for axes in wanted}
    found = partials(taylor(table, centre), centre, wanted)
    for axes in wanted:
        np.testing.assert_allclose(found[axes], table[axes], rtol=1e-13, atol=1e-13)
