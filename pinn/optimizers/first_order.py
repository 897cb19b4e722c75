"""Every optimizer of optax, by name: SGD, Adagrad, RMSprop, Adam, L-BFGS and the rest. Only importer of optax."""

import inspect
import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from pinn.errors import Key, ProblemError, unknown
from pinn.optimizers.base import Optimizer, Params, ResidualFn, StepInfo, mean_absolute

FRACTIONS = {"b1", "b2", "b3", "beta", "decay", "decay_rate", "momentum"}  # averages: 0 forgets, 1 never learns
LOSSES: dict[str, Callable[[ResidualFn, Params], jax.Array]] = {
    "mean_square": lambda residual_fn, params: 0.5 * jnp.sum(residual_fn(params) ** 2),
    "mean_absolute": mean_absolute,
}


@cache
def optax_optimizers() -> dict[str, Callable[..., optax.GradientTransformation]]:
    """List the optimizers of the installed optax: its alias module, and what else takes a learning rate."""
    found = {}
    for name, fn in vars(optax).items():
        if name.startswith(("_", "scale_by")) or not inspect.isfunction(fn):
            continue
        if fn.__module__.endswith("alias") or "learning_rate" in inspect.signature(fn).parameters:
            found[name] = fn
    return found


@cache
def optax_schedules() -> dict[str, Callable[..., optax.Schedule]]:
    """List the learning-rate schedules of the installed optax."""
    return {
        name: fn
        for name, fn in vars(optax.schedules).items()
        if inspect.isfunction(fn) and name.endswith(("schedule", "_decay")) and not name.startswith("_")
    }


def first_order(tx: optax.GradientTransformation, *, loss: str = "mean_square", redraw: int = 1) -> Optimizer:
    """Make an `Optimizer` of an optax transformation, line searches and L-BFGS included.

    Args:
        tx: the transformation.
        loss: ``"mean_square"`` for r.r / 2, ``"mean_absolute"`` for the mean of |f|.
        redraw: see `Optimizer`.

    Returns:
        The optimizer. Memory is O(P) for P params beyond one evaluation of the residual.
    """
    tx = optax.with_extra_args_support(tx)

    def strong(tree: Any) -> Any:
        """Give every leaf its dtype for good: a weakly typed one would make a resumed run compile again."""
        return jax.tree.map(lambda x: jax.lax.convert_element_type(x, jnp.asarray(x).dtype), tree)

    def step(residual_fn: ResidualFn, params: Params, state: Any):
        def loss_fn(params: Params) -> jax.Array:
            return LOSSES[loss](residual_fn, params)

        value, gradient = jax.value_and_grad(loss_fn)(params)
        updates, state = tx.update(gradient, state, params, value=value, grad=gradient, value_fn=loss_fn)
        info = StepInfo(value, jnp.array(True), jnp.full((), jnp.nan, value.dtype))
        return optax.apply_updates(params, updates), strong(state), info

    return Optimizer(lambda params: strong(tx.init(params)), step, log_every=100, redraw=redraw, patience=None)


def from_optax(name: str, options: Mapping[str, Any], loss: str, key: Key) -> Optimizer:
    """Build an optax optimizer from the options of a problem file.

    Args:
        name: one of `optax_optimizers()`.
        options: its arguments; ``learning_rate`` may be ``{schedule: NAME, ...}``.
        loss: see `first_order`.
        key: where the stage stands in the file.

    Raises:
        ProblemError: for an option that does not exist or that optax refuses.
    """
    fn = optax_optimizers()[name]
    options = dict(options)
    if isinstance(options.get("learning_rate"), Mapping):
        options["learning_rate"] = _schedule(options["learning_rate"], (*key, "learning_rate"))
    # L-BFGS compares gradients of successive steps, which new points would make meaningless.
    redraw = 200 if name == "lbfgs" else 1
    optimizer = first_order(_call(fn, options, key, "option"), loss=loss, redraw=redraw)
    _try_out(optimizer, name, key)
    return optimizer


def _schedule(given: Mapping[str, Any], key: Key) -> optax.Schedule:
    options = dict(given)
    name = options.pop("schedule", None)
    if name not in optax_schedules():
        raise unknown("schedule", str(name), optax_schedules(), (*key, "schedule"))
    boundaries = options.get("boundaries_and_scales")
    if isinstance(boundaries, Mapping):  # the one option of optax that is neither a number nor a truth value
        try:
            table = {int(step): float(factor) for step, factor in boundaries.items()}
        except (TypeError, ValueError):
            raise ProblemError("expected {step: factor}.", (*key, "boundaries_and_scales"), str(boundaries)) from None
        rest = {k: v for k, v in options.items() if k != "boundaries_and_scales"}
        return _call(partial(optax_schedules()[name], boundaries_and_scales=table), rest, key, "option")
    return _call(optax_schedules()[name], options, key, "option")


def _call(fn: Callable[..., Any], options: Mapping[str, Any], key: Key, kind: str) -> Any:
    parameters = inspect.signature(fn).parameters
    for name, value in options.items():
        if name not in parameters:
            raise unknown(kind, name, parameters, (*key, name))
        _check(value, parameters[name], (*key, name))
    required = [
        n for n, p in parameters.items() if p.default is p.empty and n not in options and p.kind is not p.VAR_KEYWORD
    ]
    if required:
        raise ProblemError(f"{_name(fn)} needs the option {required[0]!r}.", key)
    try:
        return fn(**options)
    except (TypeError, ValueError) as error:
        raise ProblemError(f"{_name(fn)} refuses these options: {str(error).splitlines()[0]}", key) from None


def _name(fn: Callable[..., Any]) -> str:
    return getattr(fn, "func", fn).__name__


def _check(value: Any, parameter: inspect.Parameter, key: Key) -> None:
    """Let through true or false where optax has those, numbers in their range elsewhere."""
    default, name = parameter.default, parameter.name
    if callable(value) or (value is None and default is None):
        return
    if isinstance(default, bool) or isinstance(value, bool):
        if not (isinstance(value, bool) and (isinstance(default, bool) or default is parameter.empty)):
            raise ProblemError(
                f"expected {'true or false' if isinstance(default, bool) else 'a number'}.", key, str(value)
            )
        return
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ProblemError("expected a number.", key, str(value))
    if name == "learning_rate" and not value > 0:
        raise ProblemError("the learning rate has to be greater than 0.", key, str(value))
    if name in FRACTIONS and not 0 <= value < 1:
        raise ProblemError("expected a number from 0 to below 1.", key, str(value))
    if name.startswith("eps") and value < 0:
        raise ProblemError("expected a number of 0 or more.", key, str(value))


def _try_out(optimizer: Optimizer, name: str, key: Key) -> None:
    """Trace one step on two numbers, so that options optax cannot use are refused before training."""
    params = jnp.zeros(2)
    try:
        jax.eval_shape(lambda p: optimizer.step(lambda q: q, p, optimizer.init(p)), params)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ProblemError(f"{name} refuses these options: {reason}", key) from None
