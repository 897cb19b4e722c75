"""pinn: a physics-informed neural network solver that says how wrong its answer is.

The public names are loaded when first used, so that `import pinn` costs nothing.
"""

import os
import time
from importlib import import_module
from typing import Any

STARTED = time.monotonic()  # `--seconds` counts from here, before jax is imported
# Threads of OpenBLAS spin after each product, on cores the compiled step needs next.
# Read when numpy is imported, so without effect on a program that has done so before.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

_PUBLIC = {
    "Constraint": "pinn.problem",
    "Domain": "pinn.problem",
    "Hooks": "pinn.solver",
    "Network": "pinn.networks",
    "PinnWarning": "pinn.errors",
    "Problem": "pinn.problem",
    "ProblemError": "pinn.errors",
    "Residual": "pinn.language",
    "Settings": "pinn.settings",
    "Solution": "pinn.solution",
    "TensorBoard": "pinn.loggers",
    "from_flax": "pinn.networks",
    "load_problem": "pinn.config",
    "load_solution": "pinn.loading",
    "make_problem": "pinn.statement",
    "problem_from_text": "pinn.config",
    "register": "pinn.registry",
    "residual_on_grid": "pinn.grid",
    "solve": "pinn.solver",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'pinn' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return __all__
