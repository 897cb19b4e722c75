"""The models by name, and what each of them can be trained on."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from pinn.dynamics.adversarial import adversarial
from pinn.dynamics.models import Model, Shape, autoencoder, convolutional, feed_forward, informed, recurrent
from pinn.errors import ProblemError, unknown


class Entry(NamedTuple):
    """A model of the list.

    Attributes:
        make: shape of the system -> model.
        fields: whether it steps fields instead of states of a few components.
        equations: whether it needs the equations.
    """

    make: Callable[[Shape], Model]
    fields: bool = False
    equations: bool = False


MODELS = {
    "feed_forward": Entry(feed_forward),
    "informed": Entry(informed, equations=True),
    "gru": Entry(partial(recurrent, "gru")),
    "lstm": Entry(partial(recurrent, "lstm")),
    "autoencoder": Entry(autoencoder),
    "adversarial": Entry(adversarial),
    "convolutional": Entry(convolutional, fields=True),
}


def suitable(fields: bool, equations: bool) -> list[str]:
    """Return the names of the models that can be trained on fields or states, with equations or without."""
    return [n for n, e in MODELS.items() if e.fields == fields and (equations or not e.equations)]


def check_models(names: list[str], fields: bool, equations: bool) -> list[str]:
    """Return the models asked for; "all" stands for those that fit.

    Raises:
        ProblemError: for a name that does not exist, or a model that does not fit.
    """
    can, out = suitable(fields, equations), []
    for name in names:
        if name == "all":
            out += can
            continue
        if name not in MODELS:
            raise unknown("model", name, [*MODELS, "all"]).located("--model")
        if name not in can:
            kind = "a field" if fields else "states of a few components"
            reason = f"it steps {'fields' if MODELS[name].fields else 'states of a few components'}; here is {kind}"
            if MODELS[name].fields == fields:
                reason = "it needs the equations; give a problem file"
            raise ProblemError(f"{reason}. Those that fit: {', '.join(can)}.", text=name, place="--model")
        out.append(name)
    return list(dict.fromkeys(out))
