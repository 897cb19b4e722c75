"""Whether a run fits into the machine, asked before it starts."""

import math
import os
from collections.abc import Mapping
from typing import Any

from pinn.errors import ProblemError
from pinn.optimizers import OPTIMIZERS

GIB = 2.0**30


def step_bytes(params: int, rows: int, itemsize: int, jacobian_limit: float) -> float:
    """Estimate the memory of a step with a dense Jacobian.

    Args:
        params: P.
        rows: N.
        itemsize: bytes of a number.
        jacobian_limit: bytes beyond which the Jacobian is formed in blocks of rows.

    Returns:
        Bytes: the Jacobian twice, as it is formed and as it is used, and four square matrices.
    """
    side, jacobian = min(params, rows), float(itemsize) * params * rows
    if rows >= params:  # with fewer residuals than params it is never formed in blocks
        jacobian = min(jacobian, max(jacobian_limit, float(itemsize) * params))
    return 4.0 * itemsize * side**2 + 2.0 * jacobian


def machine_bytes() -> float:
    """Return the machine's memory; infinity where it cannot be asked."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return math.inf


def check_memory(name: str, options: Mapping[str, Any], params: int, rows: int, itemsize: int) -> None:
    """Refuse a stage of a second-order optimizer whose step does not fit.

    Raises:
        ProblemError: with how much is needed, and what would need less.
    """
    if name not in OPTIMIZERS:
        return
    if name == "ssbroyden":
        needed = 4.0 * itemsize * params**2
    else:
        needed = step_bytes(params, rows, itemsize, options.get("memory", 2.0) * GIB)
    _refuse(
        needed,
        f"a step of {name} with {params} params and {rows} residuals",
        "A smaller network.width or sampling.equations, or a first-order optimizer such as adam, needs less.",
        ("network",),
    )


def check_points(points: int, params: int, itemsize: int, what: str, cure: str, key: tuple[str, ...]) -> None:
    """Refuse residuals at more points than fit.

    A point takes at least the values of one layer and their derivatives: a few times sqrt(P) numbers.

    Raises:
        ProblemError: with how much is needed, and what would need less.
    """
    _refuse(4.0 * itemsize * points * math.sqrt(params), f"the residual at {points} {what}", f"{cure} needs less.", key)


def _refuse(needed: float, what: str, cure: str, key: tuple[str, ...]) -> None:
    there = machine_bytes()
    if needed > there:
        raise ProblemError(
            f"{what} needs about {needed / GIB:.3g} GiB, and this machine has {there / GIB:.3g}. {cure}", key
        )
