"""Options written in a problem file, checked against the signature of the function that takes them."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin

from pinn.errors import Key, ProblemError, unknown


def keyword_options(fn: Callable[..., Any]) -> dict[str, Any]:
    """Return the keyword-only arguments of a function and their annotations."""
    parameters = inspect.signature(fn, eval_str=True).parameters.values()
    return {p.name: p.annotation for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def check_options(fn: Callable[..., Any], given: Mapping[str, Any], key: Key, also: tuple[str, ...] = ()) -> None:
    """Refuse options a function does not take, or of another type, or not positive.

    Args:
        fn: takes its options as keyword-only arguments annotated int, float or Literal.
        given: options as read from the file.
        key: where they stand.
        also: keys beside the options, for the suggestion.

    Raises:
        ProblemError: naming the option, and what would be right.
    """
    allowed = keyword_options(fn)
    for name, value in given.items():
        if name not in allowed:
            raise unknown("option", name, [*allowed, *also], (*key, name))
        _check_value(value, allowed[name], (*key, name))


def fit(allowed: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Say whether options are among those allowed, by annotation, and have values they can have."""
    try:
        for name, value in given.items():
            _check_value(value, allowed[name], (name,))
    except (KeyError, ProblemError):
        return False
    return True


def _check_value(value: Any, annotation: Any, key: Key) -> None:
    if get_origin(annotation) is Literal:
        if value not in get_args(annotation):
            raise unknown("value", str(value), map(str, get_args(annotation)), key)
        return
    kinds = (int,) if annotation is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value < math.inf:
        wanted = "a whole number" if annotation is int else "a number"
        raise ProblemError(f"expected {wanted} greater than 0.", key, str(value))
