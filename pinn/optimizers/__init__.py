"""Optimizers behind one interface. A newcomer's is one file here and one line in `OPTIMIZERS`."""

from collections.abc import Callable, Mapping
from typing import Any

from pinn.errors import Key, ProblemError, unknown
from pinn.optimizers.base import Block, Optimizer, PointwiseResidual, ResidualFn, StepInfo, linearize
from pinn.optimizers.first_order import first_order, from_optax, optax_optimizers
from pinn.optimizers.gauss_newton import gauss_newton
from pinn.optimizers.levenberg_marquardt import levenberg_marquardt
from pinn.optimizers.ssbroyden import ssbroyden
from pinn.options import check_options

# Second-order methods of our own; every optax optimizer is known besides, by its optax name.
OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "gauss_newton": gauss_newton,
    "levenberg_marquardt": levenberg_marquardt,
    "ssbroyden": ssbroyden,
}

__all__ = [
    "OPTIMIZERS",
    "Block",
    "Optimizer",
    "PointwiseResidual",
    "ResidualFn",
    "StepInfo",
    "check_stage",
    "first_order",
    "gauss_newton",
    "levenberg_marquardt",
    "linearize",
    "make_optimizer",
    "optax_optimizers",
    "ssbroyden",
]


def make_optimizer(name: str, options: Mapping[str, Any], loss: str = "mean_square", key: Key = ()) -> Optimizer:
    """Build an optimizer by name.

    Args:
        name: of `OPTIMIZERS` or of optax.
        options: its arguments, as read from a file.
        loss: ``"mean_square"`` or, for first-order methods, ``"mean_absolute"``.
        key: where the stage stands in the file.

    Raises:
        ProblemError: for an unknown name or option, or a loss the method cannot minimise.
    """
    check_stage(name, options, loss, key)
    return OPTIMIZERS[name](**options) if name in OPTIMIZERS else from_optax(name, options, loss, key)


def check_stage(name: str, options: Mapping[str, Any], loss: str, key: Key) -> None:
    """Refuse an optimizer or an option that does not exist.

    Raises:
        ProblemError: naming the nearest that does.
    """
    if name in OPTIMIZERS:
        check_options(OPTIMIZERS[name], options, key, also=("optimizer", "steps", "redraw", "log_every", "patience"))
        try:
            OPTIMIZERS[name](**options)
        except ProblemError as error:
            raise error.under(*key) from None
        if loss != "mean_square":
            raise ProblemError(
                f"{name} minimises a sum of squares. Use loss: mean_square, or a first-order method such as adam.",
                ("training", "loss"),
                loss,
            )
    elif name in optax_optimizers():
        from_optax(name, options, loss, key)
    else:
        raise unknown("optimizer", name, [*OPTIMIZERS, *optax_optimizers()], (*key, "optimizer"))
