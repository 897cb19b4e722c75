"""A solution: the trained ansatz, callable at any point, with what is known of its error."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import numpy as np

from pinn import checkpoint
from pinn.ansatz import Ansatz, make_ansatz
from pinn.config import problem_from_text
from pinn.errors import ProblemError, unknown
from pinn.fingerprint import fingerprint
from pinn.networks import Network, Params, make_network
from pinn.problem import Problem
from pinn.reference import Grid
from pinn.settings import Settings, make_settings

CHUNK = 20_000  # points evaluated at once; bounds memory


@dataclass(frozen=True)
class Solution:
    """What a solve returns.

    Call it with coordinates, ``solution(t=0.5, x=[0.0, 0.1])``: arrays of shapes that broadcast give an array
    of that shape, or a dictionary of them if the problem has several unknowns.

    Attributes:
        problem: what was solved.
        settings: how.
        ansatz: the network with features and hard conditions.
        params: trained.
        summary: the run in numbers; the keys of ``summary.json``.
        history: one record per logged step.
        grid: where it was evaluated.
        values: by unknown, on the tensor grid.
        reference: the true solution there, by unknown; empty if it is not known.
        points: those of the last training step, by place.
    """

    problem: Problem
    settings: Settings
    ansatz: Ansatz
    params: Params
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    grid: Grid = field(default_factory=dict)
    values: dict[str, np.ndarray] = field(default_factory=dict)
    reference: dict[str, np.ndarray] = field(default_factory=dict)
    points: dict[str, Any] = field(default_factory=dict)

    @property
    def errors(self) -> dict[str, dict[str, Any]] | None:
        """Errors against the reference, by unknown; None if there is none."""
        return self.summary.get("errors")

    @property
    def status(self) -> str:
        """One of "done", "interrupted" and "failed"."""
        return self.summary.get("status", "done")

    def __call__(self, **coordinates: Any) -> Any:
        """Evaluate at points.

        Raises:
            ProblemError: for a coordinate that is missing or does not exist.
        """
        points, shape = self._points(coordinates)
        with in_precision(self.settings):
            table = evaluate_points(self.ansatz.network, self.params, points)
        out = {name: table[:, k].reshape(shape) for k, name in enumerate(self.problem.unknowns)}
        return out if len(out) > 1 else out[self.problem.unknowns[0]]

    def _points(self, coordinates: dict[str, Any]) -> tuple[np.ndarray, tuple[int, ...]]:
        names = self.problem.coordinates
        for name in coordinates:
            if name not in names:
                raise unknown("coordinate", name, names)
        missing = [name for name in names if name not in coordinates]
        if missing:
            raise ProblemError(f"the coordinate {missing[0]!r} is missing; give {', '.join(names)}.")
        try:
            arrays = np.broadcast_arrays(*(np.asarray(coordinates[name], float) for name in names))
        except (TypeError, ValueError) as error:
            raise ProblemError(f"coordinates do not fit together: {error}.") from None
        return np.stack([a.ravel() for a in arrays], axis=1), arrays[0].shape

    def save(self, path: str | Path) -> Path:
        """Write the solution to one npz file that `load_solution` reads back."""
        path = Path(path)
        path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
        checkpoint.save(
            path, {"params": self.params}, describe(self.problem, self.settings) | {"summary": self.summary}
        )
        return path


@lru_cache(maxsize=8)
def _compiled(apply: Callable) -> Callable:
    return jax.jit(jax.vmap(apply, (None, 0)))


def evaluate_points(network: Network, params: Params, points: np.ndarray) -> np.ndarray:
    """Return the unknowns at points (N, d) as an array (N, m), in chunks of bounded memory."""
    dtype, apply = jax.tree.leaves(params)[0].dtype, _compiled(network.apply)
    count, size = len(points), min(CHUNK, max(1, len(points)))
    full = np.concatenate([points, np.repeat(points[-1:], -count % size, axis=0)])  # chunks of one size compile once
    parts = [np.asarray(apply(params, full[i : i + size].astype(dtype))) for i in range(0, max(1, count), size)]
    return np.concatenate(parts)[:count]


def on_grid(network: Network, params: Params, problem: Problem, grid: Grid) -> dict[str, np.ndarray]:
    """Return the unknowns on a tensor grid, by name."""
    axes = np.meshgrid(*(grid[c] for c in problem.coordinates), indexing="ij")
    table = evaluate_points(network, params, np.stack([a.ravel() for a in axes], axis=1))
    return {name: table[:, k].reshape(axes[0].shape) for k, name in enumerate(problem.unknowns)}


def describe(problem: Problem, settings: Settings) -> dict[str, Any]:
    """Return what a file has to hold so that the solution can be rebuilt from it."""
    return {
        "name": problem.name,
        "problem_sha256": fingerprint(problem),
        "problem": problem.text,
        "overrides": list(problem.overrides),
        "folder": problem.folder,
        "settings": settings.model_dump(),
    }


def in_precision(settings: Settings) -> Any:
    """Return a context in which jax computes in the precision of the settings, whatever the caller's own is."""
    context = ExitStack()
    context.enter_context(jax.enable_x64(settings.training.precision == "float64"))
    context.enter_context(jax.default_matmul_precision("highest"))  # accelerators round products to less
    return context


def build_ansatz(problem: Problem, settings: Settings, network: Network | None = None) -> Ansatz:
    """Make the ansatz of a problem: around the network of the settings, or around a given one.

    Raises:
        ProblemError: see `make_network` and `make_ansatz`.
    """

    def build(inputs: int, outputs: int) -> Network:
        return make_network(settings.network.kind, inputs, outputs, settings.network.options)

    return make_ansatz(problem, network or build, settings.ansatz)


def load_solution(path: str | Path, network: Network | None = None, problem: Problem | None = None) -> Solution:
    """Read a solution back.

    Args:
        path: a run folder, or a file written by `Solution.save`.
        problem: the problem, if it was built in Python and is in no file.
        network: the same network as was trained, if it was the user's own.

    Raises:
        ProblemError: if it is neither, is damaged, or is of another network.
    """
    path = Path(path)
    file = path / "checkpoint.npz" if path.is_dir() else path
    if path.is_dir() and not file.exists():
        raise ProblemError("is not a run folder: it holds no checkpoint.npz.", place=str(path))
    if file.name == "solution.npz":
        raise ProblemError("holds values on a grid; pass the folder it is in.", place=str(path))
    arrays, meta = checkpoint.load(file)
    if problem is None and not meta["problem"]:
        raise ProblemError(f"is of {meta['name']!r}, which was built in Python; pass it as problem=.", place=str(file))
    problem = problem or problem_from_text(meta["problem"], str(file), meta["overrides"], meta.get("folder", ""))
    if fingerprint(problem) != meta["problem_sha256"]:
        raise ProblemError(f"is of another problem than {problem.name!r}.", place=str(file))
    settings = make_settings(meta["settings"])
    with in_precision(settings):
        ansatz = build_ansatz(problem, settings, network)
        like = jax.eval_shape(lambda: _params_like(ansatz, settings, _windows(arrays, str(file))))
        params = checkpoint.restore(arrays, like, str(file), "['params']")
    numbers = path / "summary.json"
    summary = (
        json.loads(numbers.read_text(encoding="utf-8"))
        if path.is_dir() and numbers.exists()
        else meta.get("summary", {})
    )
    return Solution(problem, settings, ansatz, params, summary)


def _windows(arrays: dict[str, np.ndarray], place: str) -> int:
    """Return the number of windows the params in a file are of."""
    starts = arrays.get("['params'].windows.start")
    if starts is None:
        raise ProblemError("was written by an older version.", place=place)
    return len(starts)


def _params_like(ansatz: Ansatz, settings: Settings, windows: int) -> Params:
    params = ansatz.network.init(jax.random.PRNGKey(0))
    return jax.tree.map(lambda x: jax.numpy.repeat(x.astype(settings.training.precision), windows, 0), params)
