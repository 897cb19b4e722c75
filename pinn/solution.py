"""A solution: the trained ansatz, callable at any point, with what is known of its error."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np

from pinn import checkpoint
from pinn.ansatz import Ansatz, make_ansatz
from pinn.derivatives import Axes
from pinn.errors import NoSuchAttribute, PinnWarning, ProblemError, unknown
from pinn.evidence.fields import fields_of
from pinn.fingerprint import fingerprint
from pinn.networks import Network, Params, make_network
from pinn.pointwise import (
    SLACK,
    check_coordinates,
    evaluate_points,
    is_traced,
    outside,
    solved_bounds,
    stacked_points,
    traced_values,
    wrapped,
)
from pinn.problem import TIME, Problem
from pinn.reference import Grid
from pinn.settings import Settings
from pinn.surroundings import computing_in

ENDS = {
    "done": "the run's time was up",
    "failed": "the run failed",
    "interrupted": "the run was interrupted, or still goes on",
}


@dataclass(frozen=True, eq=False)
class Solution:
    """What a solve returns.

    Call it with coordinates, ``solution(t=0.5, x=[0.0, 0.1])``: arrays of shapes that broadcast give an array
    of that shape, or a dictionary of them if the problem has several unknowns. Unknowns and their derivatives to order
    four are functions by name: ``solution.u(t=0.5, x=0.1)``, ``solution.u_xx(...)``, ``solution.v_tx(...)``.
    All of them work under `jax.jit`, `jax.grad` and `jax.vmap`.

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
        """One of "done", "interrupted" and "failed"; a run that still goes on reads as interrupted."""
        return self.summary.get("status", "done")

    def __call__(self, **coordinates: Any) -> Any:
        """Evaluate at points.

        Periodic coordinates may lie anywhere. Elsewhere points outside of what was solved are answered with a warning.

        Args:
            coordinates: numbers or arrays of shapes that broadcast; or values under `jit`, `grad` or `vmap`.

        Returns:
            Numpy arrays in the solution's own precision; under jax's transformations jax's arrays, in float32 unless
            x64 is on there, with a warning if that is less.

        Raises:
            ProblemError: for a coordinate that is missing or does not exist, or a parameter of a family of problems
                (a coordinate no equation differentiates by) outside its range; where jax traces it, the result is nan.
        """
        table = self._at(coordinates, ())
        out = {name: table[..., k] for k, name in enumerate(self.problem.unknowns)}
        return out if len(out) > 1 else out[self.problem.unknowns[0]]

    def partial(self, name: str) -> Callable[..., Any]:
        """Return an unknown or a derivative as a function of the coordinates by name, called as the solution is.

        ``solution.u_xx`` is ``solution.partial("u_xx")``; the long form serves unknowns called like an attribute.

        Raises:
            ProblemError: for a name that stands for neither.
        """
        symbols = self.problem.symbols
        wanted = symbols.partial(name)
        if wanted is None:
            raise unknown("name", name, symbols.partial_names())

        def at(**coordinates: Any) -> Any:
            return self._at(coordinates, wanted.axes)[..., wanted.unknown]

        at.__name__ = at.__qualname__ = name
        return at

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in self.__dataclass_fields__:  # asked for before there is anything
            raise AttributeError(f"a Solution has no attribute {name!r}")
        try:
            return self.partial(name)
        except ProblemError as error:
            raise NoSuchAttribute(error.message) from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.problem.symbols.partial_names()]

    def _at(self, coordinates: dict[str, Any], axes: Axes) -> Any:
        """Return the unknowns or one of their derivatives, (..., m)."""
        problem = self.problem
        check_coordinates(problem, coordinates)
        if is_traced(coordinates):
            return traced_values(problem, self.ansatz.network, self.params, coordinates, axes)
        points, shape = stacked_points(problem, coordinates)
        if odd := self.outside(points):
            warnings.warn(odd, PinnWarning, stacklevel=3)
        # Numbers are evaluated at once also where something else is being traced.
        with jax.ensure_compile_time_eval(), in_precision(self.settings):
            table = evaluate_points(self.ansatz, self.params, wrapped(problem, points), axes)
        return table.reshape(*shape, table.shape[1])

    def at_points(self, points: np.ndarray, names: Iterable[str]) -> dict[str, np.ndarray]:
        """Return unknowns and derivatives at points (N, d), by name, (N,) each; compiled as one program."""
        problem = self.problem
        with in_precision(self.settings):
            fields = fields_of(problem, self.ansatz, self.params, names)(wrapped(problem, points))
        return {name: values.astype(self.settings.training.precision) for name, values in fields.items()}

    def outside(self, points: np.ndarray) -> str:
        """Say how many points (N, d) lie outside of what was solved; empty if none does.

        Raises:
            ProblemError: for a parameter of a family outside its range.
        """
        return outside(self.problem, solved_bounds(self.problem, self.params, self.ansatz.time_axis), points)

    @property
    def unfinished(self) -> str:
        """What is to be said of a run that did not come to its end, or not to that of time; empty if it did."""
        reached = solved_bounds(self.problem, self.params, self.ansatz.time_axis).get(TIME, (0.0, 0.0))[1]
        end = self.problem.domain.bounds.get(TIME, (0.0, 0.0))[1]
        short = reached < end - SLACK * abs(end)
        if self.status == "done" and not short:
            return ""
        how = ENDS.get(self.status, ENDS["interrupted"])
        reach = f", which reaches {TIME}={reached:g} of {end:g}" if short else ""
        return f"{how}: the values are those of its last checkpoint{reach}."

    def save(self, path: str | Path) -> Path:
        """Write the solution to one npz file that `load_solution` reads back."""
        path = Path(path)
        path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
        checkpoint.save(
            path, {"params": self.params}, describe(self.problem, self.settings) | {"summary": self.summary}
        )
        return path


def on_grid(ansatz: Ansatz, params: Params, problem: Problem, grid: Grid) -> dict[str, np.ndarray]:
    """Return the unknowns on a tensor grid, by name."""
    axes = np.meshgrid(*(grid[c] for c in problem.coordinates), indexing="ij")
    table = evaluate_points(ansatz, params, np.stack([a.ravel() for a in axes], axis=1))
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
    return computing_in(settings.training.precision)


def build_ansatz(problem: Problem, settings: Settings, network: Network | None = None) -> Ansatz:
    """Make the ansatz of a problem: around the network of the settings, or around a given one.

    Raises:
        ProblemError: see `make_network` and `make_ansatz`.
    """

    def build(inputs: Sequence[int], outputs: int) -> Network:
        return make_network(settings.network.kind, inputs, outputs, settings.network.options)

    return make_ansatz(problem, network or build, settings.ansatz)
