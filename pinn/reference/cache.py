"""References that took a while, kept on disk under a hash of problem, grid and the code that made them."""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from pinn.fingerprint import fingerprint
from pinn.problem import Problem
from pinn.reference.base import Reference

VARIABLE = "PINN_CACHE"  # a folder; empty for no cache


def folder() -> Path | None:
    """Return where references are kept, or None: the variable, or the user's cache folder."""
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE]) if os.environ[VARIABLE] else None
    base = os.environ.get("XDG_CACHE_HOME")
    with suppress(RuntimeError):  # no home
        return (Path(base) if base else Path.home() / ".cache") / "pinn"
    return None


def key(problem: Problem, grid: Mapping[str, np.ndarray]) -> str | None:
    """Return the hash a reference is kept under; None for Python functions, whose globals no hash sees."""
    if any(c.residual.tree is None for c in problem.constraints):
        return None
    content = hashlib.sha256(fingerprint(problem).encode())
    for name, axis in grid.items():
        content.update(name.encode() + np.ascontiguousarray(axis, float).tobytes())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        content.update(file.read_bytes())
    return content.hexdigest()[:32]


def load(problem: Problem, grid: Mapping[str, np.ndarray]) -> Reference | None:
    """Return a reference that was kept; None if there is none, or it cannot be read."""
    place, name = folder(), key(problem, grid)
    if place is None or name is None:
        return None
    try:
        with (place / f"{name}.npz").open("rb") as file, np.load(file, allow_pickle=False) as kept:
            values = {u: kept[f"u:{u}"] for u in problem.unknowns}
            found = Reference(str(kept["kind"]), values, float(kept["uncertainty"]), str(kept["method"]))
    except Exception:  # whatever is wrong with it, it is made again
        return None
    shape = tuple(len(grid[c]) for c in problem.coordinates)
    return found if all(v.shape == shape for v in values.values()) else None


def save(problem: Problem, grid: Mapping[str, np.ndarray], reference: Reference) -> None:
    """Keep a reference; where that is not possible, nothing happens."""
    place, name = folder(), key(problem, grid)
    if place is None or name is None:
        return
    partial = place / f"{name}.{os.getpid()}.partial"
    arrays = {f"u:{n}": v for n, v in reference.values.items()}
    try:
        place.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.savez(file, kind=reference.kind, uncertainty=reference.uncertainty, method=reference.method, **arrays)
        os.replace(partial, place / f"{name}.npz")
    except OSError:
        with suppress(OSError):
            partial.unlink()
