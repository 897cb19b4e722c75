"""A solution read back from a run folder, or from a file."""

from pathlib import Path

import jax
import numpy as np

from pinn import checkpoint, registry
from pinn.ansatz import Ansatz
from pinn.config import load_problem, problem_from_text
from pinn.errors import ProblemError
from pinn.files import no_run
from pinn.fingerprint import fingerprint
from pinn.networks import Network, Params
from pinn.problem import Problem
from pinn.runs import read_summary
from pinn.settings import Settings, make_settings
from pinn.solution import Solution, build_ansatz, in_precision

UNFINISHED = {"status": "interrupted"}  # of a run that has not written how it ended


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
        raise no_run(path, "no checkpoint.npz")
    if file.name == "solution.npz":
        raise ProblemError("holds values on a grid; pass the folder it is in.", place=str(path))
    arrays, meta = checkpoint.load(file)
    if problem is None and not meta["problem"] and meta["name"] in registry.PROBLEMS:
        problem = load_problem(meta["name"], meta["overrides"])
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
    summary = (read_summary(path / "summary.json") or UNFINISHED) if path.is_dir() else meta.get("summary", {})
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
