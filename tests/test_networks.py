"""Networks: shapes, dtypes, options, and any nnx module of the user's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from pinn.errors import ProblemError
from pinn.networks import NETWORKS, from_flax, make_network
from pinn.perceptrons import ACTIVATIONS


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_pure_pair(kind, activation):
    network = make_network(kind, 3, 2, {"width": 5, "depth": 2, "activation": activation})
    params = network.init(jax.random.PRNGKey(0))
    out = network.apply(params, jnp.array([0.1, 0.2, 0.3]))
    assert out.shape == (2,) and out.dtype == jnp.float64
    assert np.isfinite(out).all() and out[0] != out[1]
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(params))


def test_equal_keys_give_equal_params():
    network = make_network("mlp", 2, 1, {})
    first, again, other = (network.init(jax.random.PRNGKey(k)) for k in (0, 0, 1))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert not np.array_equal(jax.tree.leaves(first)[-1], jax.tree.leaves(other)[-1])


def test_parameter_count_of_an_mlp():
    params = make_network("mlp", 2, 1, {"width": 24, "depth": 3}).init(jax.random.PRNGKey(0))
    assert sum(x.size for x in jax.tree.leaves(params)) == 2 * 24 + 24 + 2 * (24 * 24 + 24) + 24 + 1


def test_single_precision():
    params = make_network("mlp", 2, 1, {}).init(jax.random.PRNGKey(0))
    params = jax.tree.map(lambda x: x.astype(jnp.float32), params)
    assert make_network("mlp", 2, 1, {}).apply(params, jnp.zeros(2, jnp.float32)).dtype == jnp.float32


def test_a_separable_network_is_a_sum_of_products():
    """Of each output, the matrix of values on a grid has the rank asked for; that of a plain network has all of it."""
    x, y = (jax.random.uniform(jax.random.PRNGKey(k), (9, n)) for k, n in ((1, 2), (2, 3)))

    def ranks(kind, **options):
        network = make_network(kind, (2, 3), 2, {"width": 8, "depth": 2, **options})
        params = network.init(jax.random.PRNGKey(0))
        values = jax.vmap(lambda a: jax.vmap(lambda b: network.apply(params, jnp.concatenate([a, b])))(y))(x)
        return [np.linalg.matrix_rank(values[..., k], rtol=1e-10) for k in range(2)]

    assert ranks("separable_mlp", rank=3) == [3, 3]
    assert min(ranks("mlp")) > 4


class Own(nnx.Module):
    def __init__(self, rngs):
        self.first = nnx.Linear(2, 7, param_dtype=float, rngs=rngs)
        self.second = nnx.Linear(7, 1, param_dtype=float, rngs=rngs)

    def __call__(self, x):
        return self.second(jnp.sin(self.first(x)))


def test_any_module_works():
    network, module = from_flax(Own), Own(nnx.Rngs(0))
    x = jnp.array([0.3, -0.2])
    params = nnx.split(module)[1]
    np.testing.assert_allclose(network.apply(nnx.to_pure_dict(params), x), module(x), rtol=1e-15)
    gradient = jax.grad(lambda p: network.apply(p, x)[0])(network.init(jax.random.PRNGKey(0)))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_modules_with_state_are_refused():
    class Forgetful(nnx.Module):
        def __init__(self, rngs):
            self.dropout = nnx.Dropout(0.5, rngs=rngs)

        def __call__(self, x):
            return self.dropout(x)

    with pytest.raises(ProblemError, match="can be trained"):
        from_flax(Forgetful)


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("mlpp", {}, "Did you mean 'mlp'"),
        ("mlp", {"frequencies": 3}, "unknown option 'frequencies'"),
        ("mlp", {"width": 2.5}, "a whole number"),
        ("mlp", {"depth": True}, "a whole number"),
        ("fourier_mlp", {"scale": 0}, "greater than 0"),
    ],
)
def test_bad_options(kind, options, says):
    with pytest.raises(ProblemError, match=says):
        make_network(kind, 2, 1, options)


def test_constant_arrays_in_a_module_are_refused():
    class Fixed(nnx.Module):
        def __init__(self, rngs):
            self.matrix = jnp.ones((2, 2))

        def __call__(self, x):
            return self.matrix @ x

    with pytest.raises(ProblemError, match=r"make constant arrays nnx\.Param"):
        from_flax(Fixed)
