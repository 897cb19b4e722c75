"""DeepXDE after its documented Allen-Cahn example, with this problem's constant and periodic inputs.

A perceptron of three layers of 20, 8000 + 400 + 800 points, the initial condition in the output, Adam at 1e-3 for the
example's share of the time (40000 steps of at most 55000, those of L-BFGS being dearer), then L-BFGS; PyTorch, float32.
"""

import os

from common import T, X, arguments, elapsed, report

options = arguments()
os.environ["DDE_BACKEND"] = "pytorch"
import deepxde as dde
import numpy as np
import torch

ADAM = 0.68  # of the time
dde.config.set_random_seed(options.seed)
line = dde.geometry.GeometryXTime(dde.geometry.Interval(-1, 1), dde.geometry.TimeDomain(0, 1))


def residual(x, u):
    u_t = dde.grad.jacobian(u, x, i=0, j=1)
    u_xx = dde.grad.hessian(u, x, i=0, j=0)
    return u_t - 1e-4 * u_xx - 5 * (u - u**3)


def begun(x, u):
    return x[:, 0:1] ** 2 * torch.cos(np.pi * x[:, 0:1]) + x[:, 1:2] * u


data = dde.data.TimePDE(line, residual, [], num_domain=8000, num_boundary=400, num_initial=800)
network = dde.nn.FNN([3, 20, 20, 20, 1], "tanh", "Glorot normal")
network.apply_feature_transform(
    lambda x: torch.cat([torch.cos(np.pi * x[:, 0:1]), torch.sin(np.pi * x[:, 0:1]), x[:, 1:2]], 1)
)
network.apply_output_transform(begun)
model = dde.Model(data, network)


class Clock(dde.callbacks.Callback):
    """Stops the stage when its time is up."""

    def __init__(self, until):
        super().__init__()
        self.until = until

    def on_epoch_end(self):
        if elapsed() >= self.until:
            self.model.stop_training = True


model.compile("adam", lr=1e-3)
model.train(iterations=10**8, display_every=10**6, verbose=0, callbacks=[Clock(ADAM * options.seconds)])
dde.optimizers.config.LBFGS_options.update(maxiter=10**8, iter_per_step=25, fun_per_step=32)  # to look at the clock
model.compile("L-BFGS")
model.train(verbose=0, callbacks=[Clock(options.seconds)])
seconds = elapsed()
u = model.predict(np.stack([X, T], 1))
report(options.out, u, model.train_state.iteration, seconds, dde.__version__)
