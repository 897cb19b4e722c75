"""Plain nested data, as JSON and YAML have them: made fit for JSON, and flattened to dotted keys."""

import math
from typing import Any

from pinn.errors import dotted


def finite(tree: Any) -> Any:
    """Replace nan and inf, which JSON does not have, by null."""
    if isinstance(tree, dict):
        return {key: finite(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [finite(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree


def flat(tree: Any, key: tuple = ()) -> dict[str, Any]:
    """Flatten nested settings to ``{"training.stages[0].steps": 100}``."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else None
    if items is None:
        return {dotted(key): tree}
    return {k: v for part, value in items for k, v in flat(value, (*key, part)).items()}
