"""Modules flow maps are made of, as flax.nnx modules. Perceptrons come from `pinn.perceptrons`."""

import itertools
from collections.abc import Sequence

import jax.numpy as jnp
from flax import nnx
from jax import Array

from pinn.perceptrons import MLP

CELLS = {"gru": nnx.GRUCell, "lstm": nnx.OptimizedLSTMCell}


class Recurrent(nnx.Module):
    """A recurrent cell and a linear reading of it.

    Sources: Hochreiter & Schmidhuber (1997), Neural Comput. 9(8), 1735-1780 (LSTM); Cho et al. (2014), Proc. EMNLP,
    1724-1734 (GRU).
    """

    def __init__(self, kind: str, inputs: int, outputs: int, rngs: nnx.Rngs, *, width: int = 32):
        self.cell = CELLS[kind](inputs, width, param_dtype=float, rngs=rngs)
        self.output = nnx.Linear(width, outputs, param_dtype=float, rngs=rngs)

    def rest(self) -> tuple[Array, ...] | Array:
        """Return the carry of a cell that has seen nothing."""
        zero = jnp.zeros(self.output.in_features, float)
        return (zero, zero) if isinstance(self.cell, nnx.OptimizedLSTMCell) else zero

    def __call__(
        self, given: tuple[tuple[Array, ...] | Array | None, Array]
    ) -> tuple[tuple[Array, ...] | Array, Array]:
        """Map (carry, inputs (inputs,)) to (carry, outputs (outputs,)); a carry of None is one at rest."""
        carry, x = given
        carry, hidden = self.cell(self.rest() if carry is None else carry, x)
        return carry, self.output(hidden)


class Autoencoder(nnx.Module):
    """Encoder to a latent state, a step of it, and a decoder.

    Encoder and decoder are linear maps with perceptrons beside them. The linear ones undo each other at first, since
    what is lost there has to be small beside the change of a step.
    """

    def __init__(self, states: int, drives: int, rngs: nnx.Rngs, *, latent: int, width: int = 32, depth: int = 2):
        options = {"width": width, "depth": depth}
        self.bent = nnx.List([MLP(states, latent, rngs, **options), MLP(latent, states, rngs, **options)])
        self.stepper = MLP(latent + drives, latent, rngs, **options)
        straight = nnx.initializers.orthogonal()(rngs.params(), (states, latent), float)
        self.into, self.out = nnx.Param(straight), nnx.Param(straight.T)

    def __call__(self, part: tuple[str, Array, Array]) -> Array:
        """Apply "encode" or "decode" to a state, the perceptron with a factor; or "step" to a latent state."""
        name, x, factor = part
        if name == "step":
            return self.stepper(x)
        straight, bent = (self.into, self.bent[0]) if name == "encode" else (self.out, self.bent[1])
        return x @ straight[...] + factor * bent(x)


class Convolution(nnx.Module):
    """A convolution over all axes but the last, which holds channels, as one product with shifted copies.

    XLA for CPUs takes its own convolutions, those of `nnx.Conv`, several times as slowly inside loops, and training is
    one.

    Args:
        channels: of input and output.
        reach: neighbours to each side.
        axes: number of axes it goes over.
        periodic: whether the ends of an axis meet; zeros are beyond them else.
        rngs: random streams.
    """

    def __init__(self, channels: tuple[int, int], rngs: nnx.Rngs, *, reach: int, axes: int = 1, periodic: bool = True):
        self.reach, self.axes, self.periodic = reach, axes, periodic
        copies = (2 * reach + 1) ** axes
        self.linear = nnx.Linear(copies * channels[0], channels[1], param_dtype=float, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        """Map (..., channels in) to (..., channels out), with as many axes in front as it goes over."""
        padding = [(self.reach, self.reach)] * self.axes + [(0, 0)]
        padded = jnp.pad(x, padding, mode="wrap" if self.periodic else "constant")
        shifts = itertools.product(range(2 * self.reach + 1), repeat=self.axes)
        copies = [padded[tuple(slice(s, s + n) for s, n in zip(shift, x.shape, strict=False))] for shift in shifts]
        return self.linear(jnp.concatenate(copies, axis=-1))


class ConvolutionalNetwork(nnx.Module):
    """Convolutions with an activation between them.

    Source: LeCun, Bottou, Bengio & Haffner (1998), Proc. IEEE 86(11), 2278-2324.
    """

    def __init__(self, channels: Sequence[int], rngs: nnx.Rngs, *, reach: int, axes: int = 1, periodic: bool = True):
        self.layers = nnx.List([
            Convolution(pair, rngs, reach=reach, axes=axes, periodic=periodic) for pair in itertools.pairwise(channels)
        ])  # fmt: skip

    def __call__(self, x: Array) -> Array:
        """Map (..., first of channels) to (..., last of channels)."""
        *hidden, last = self.layers
        for layer in hidden:
            x = nnx.gelu(layer(x))
        return last(x)
