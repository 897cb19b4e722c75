"""jinns by its own recipe for the nearest of its examples, Burgers' equation, with periodic inputs.

A perceptron of three layers of 16, 900 points drawn once, 2000 initial points, weights of one, `vanilla_ngd`, float64.
"""

from common import T, X, arguments, elapsed, report

options = arguments()
from importlib.metadata import version

import jax

jax.config.update("jax_enable_x64", True)
import equinox as eqx
import jax.experimental
import jax.numpy as jnp
import jinns
import jinns.validation
import numpy as np
import optax
from jinns.loss import PDENonStatio

key, data_key, network_key, _ = jax.random.split(jax.random.PRNGKey(options.seed), 4)
data = jinns.data.CubicMeshPDENonStatio(
    key=data_key, n=900, nb=None, ni=2000, dim=1, min_pts=(-1,), max_pts=(1,), tmin=0, tmax=1, method="uniform"
)
layers = [(eqx.nn.Linear, 3, 16), (jax.nn.tanh,)]
layers += [(eqx.nn.Linear, 16, 16), (jax.nn.tanh,)] * 2 + [(eqx.nn.Linear, 16, 1)]


def periodic(t_x, params):
    return jnp.array([t_x[0], jnp.cos(jnp.pi * t_x[1]), jnp.sin(jnp.pi * t_x[1])])


u, weights = jinns.nn.PINN_MLP.create(
    key=network_key, eqx_list=tuple(layers), eq_type="PDENonStatio", input_transform=periodic
)
params = jinns.parameters.Params(nn_params=weights, eq_params={"nu": jnp.array(1e-4)})


class AllenCahn(PDENonStatio):
    def equation(self, t_x, u, params):
        def value(z):
            return jnp.squeeze(u(z, params))

        slope = jax.grad(value)
        u_xx = jax.grad(lambda z: slope(z)[1])(t_x)[1:2]
        return slope(t_x)[0:1] - params.eq_params.nu * u_xx + 5 * value(t_x) ** 3 - 5 * value(t_x)


class Clock(jinns.validation.AbstractValidationModule):
    """Asks for the end when the time is up; it is the only thing called from inside `jinns.solve`."""

    call_every: int = eqx.field(kw_only=True, default=5)

    def __call__(self, params):
        def over(_):
            return np.bool_(elapsed() >= options.seconds)

        first = jax.tree.leaves(params.nn_params)[0]
        up = jax.experimental.io_callback(over, jax.ShapeDtypeStruct((), jnp.bool_), first.ravel()[0])
        return self, up, jnp.array(0.0), False


loss = jinns.loss.LossPDENonStatio(
    u=u,
    params=params,
    dynamic_loss=AllenCahn(),
    initial_condition_fun=lambda x: x**2 * jnp.cos(jnp.pi * x),
    loss_weights=jinns.loss.LossWeightsPDENonStatio(dyn_loss=jnp.array(1.0), initial_condition=jnp.array(1.0)),
)
search = optax.scale_by_backtracking_linesearch(max_backtracking_steps=15, verbose=False)
found = jinns.solve(
    init_params=params,
    data=data,
    optimizer=jinns.optimizers.vanilla_ngd(gram_reg=1e-5, linesearch=search),
    loss=loss,
    n_iter=200_000,
    print_loss_every=10**9,
    validation=Clock(),
    key=key,
    verbose=False,
)
last, losses = found[0], np.asarray(found[1])
seconds = elapsed()
values = jax.jit(lambda p: jax.vmap(lambda z: jnp.squeeze(u(z, p)))(jnp.stack([jnp.asarray(T), jnp.asarray(X)], 1)))
report(options.out, values(last), int(np.count_nonzero(losses)), seconds, version("jinns"))
