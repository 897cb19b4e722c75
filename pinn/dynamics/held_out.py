"""What models are trained on, what their params are chosen by, and how long windows can be in either."""

from collections.abc import Mapping

import jax

from pinn.dynamics.fit import Data
from pinn.dynamics.flowmap import Input
from pinn.dynamics.models import Model
from pinn.dynamics.sources import HELD_OUT


def split(models: Mapping[str, Model], states: jax.Array, inputs: Input) -> tuple[Data, Data]:
    """Return what is trained on, and what params are chosen by: some trajectories, or the end of the only one.

    That end holds the states of the longest window, if these are no more than a third of all.

    Args:
        models: to be trained.
        states: (n, T, ...), scaled.
        inputs: of the T - 1 steps.
    """
    many, count = states.shape[:2]
    if many > 1:
        kept = max(1, round(HELD_OUT * many))
        return Data(states[:-kept], inputs), Data(states[-kept:], inputs)
    window = 1 + max((model.length for model in models.values()), default=1)
    cut = count - max(round(HELD_OUT * count), min(window, count // 3))
    first, last = (jax.tree.map(lambda x, part=part: x[part], inputs) for part in (slice(0, cut - 1), slice(cut, None)))
    return Data(states[:, :cut], first), Data(states[:, cut:], last)


def fitting(models: Mapping[str, Model], parts: tuple[Data, Data]) -> tuple[dict[str, Model], tuple[str, ...]]:
    """Return models with windows no longer than both parts allow, and what is to be said of those."""
    longest = min(part.states.shape[1] for part in parts) - 1
    notes = tuple(
        f"{name}: trained on windows of {longest} steps where {model.length} are usual, for pieces of trajectories are "
        "no longer; it may do worse in long roll-outs"
        for name, model in models.items()
        if model.length > longest
    )
    return {name: model._replace(length=min(model.length, longest)) for name, model in models.items()}, notes
