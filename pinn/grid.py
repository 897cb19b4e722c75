"""Residuals of any function, or of values on a grid: what a user's own test asserts on."""

import inspect
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pinn.errors import ProblemError, unknown
from pinn.problem import Constraint, Problem
from pinn.reference.differences import finite_difference, fourier_derivative

Values = dict[str, np.ndarray]
METHODS = ("auto", "finite_difference", "spectral")


def residual_on_grid(
    problem: Problem, f: Any, n: int | Mapping[str, int] = 64, derivatives: str = "auto"
) -> dict[str, np.ndarray]:
    """Evaluate every equation and condition of a problem on a uniform grid.

    The grid has ``n`` points a coordinate with both ends, or without the right end where it is periodic.

    Args:
        problem: what should hold.
        f: a function of the coordinates by name, ``lambda t, x: jnp.sin(x)``, elementwise and written with
            jax.numpy, returning the unknown, or a tuple of the unknowns in order, or a dictionary of them; a
            `Solution`; or values on the grid: an array with one axis per coordinate, or a dictionary of them
            by unknown, whose shape then decides the grid.
        n: points per coordinate, or by coordinate.
        derivatives: of values: "finite_difference" (sixth order), "spectral" (Fourier; periodic coordinates only)
            or "auto" (spectral where periodic). Functions are differentiated by jax.

    Returns:
        By constraint name, residuals with one axis for each coordinate the constraint leaves free. For a function,
        also ``"periodic x: u_x"``: the difference between the two ends, of u and of its derivatives below the
        order of the equations; gridded values are periodic as they are.

    Raises:
        ProblemError: if f does not fit the problem.
    """
    if derivatives not in METHODS:
        raise unknown("method of differentiation", derivatives, METHODS)
    if callable(f):
        return _of_function(problem, f, n)
    values = _gridded(problem, f)
    return _of_values(problem, values, derivatives)


def _axis(problem: Problem, coordinate: str, n: int) -> np.ndarray:
    lo, hi = problem.domain.bounds[coordinate]
    return np.linspace(lo, hi, n, endpoint=coordinate not in problem.domain.periodic)


def _of_function(problem: Problem, f: Callable[..., Any], n: int | Mapping[str, int]) -> dict[str, np.ndarray]:
    import jax

    counts = dict(n) if isinstance(n, Mapping) else dict.fromkeys(problem.coordinates, operator.index(n))
    missing = [c for c in problem.coordinates if c not in counts]
    if missing:
        raise ProblemError(f"n says nothing about {missing[0]!r}; give a number, or one for each coordinate.")
    u = _point_function(problem, f)
    with jax.enable_x64(True):
        residuals = {c.name: _on_points(problem, c, u, counts) for c in problem.constraints}
        return residuals | _ends_of_periods(problem, u, counts)


def _on_points(
    problem: Problem, constraint: Constraint, u: Callable[[Any], Any], counts: Mapping[str, int]
) -> np.ndarray:
    import jax

    from pinn.residuals import residual_at

    axes = [
        np.array([constraint.where[c]]) if c in constraint.where else _axis(problem, c, counts[c])
        for c in problem.coordinates
    ]
    points = np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")], axis=1)
    at = jax.jit(jax.vmap(lambda x: residual_at(problem, [constraint], u, x)[0]))
    try:
        values = at(jax.numpy.asarray(points))
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError):
        raise ProblemError(
            "f uses numpy or math, or branches on a value; write it with jax.numpy, or pass its values on a grid."
        ) from None
    return np.asarray(values).reshape(
        [len(a) for a, c in zip(axes, problem.coordinates, strict=True) if c not in constraint.where]
    )


def _ends_of_periods(problem: Problem, u: Callable[[Any], Any], counts: Mapping[str, int]) -> dict[str, np.ndarray]:
    from pinn.language import from_text
    from pinn.problem import Constraint

    out = {}
    for coordinate in problem.domain.periodic:
        for name in problem.unknowns:
            for order in range(max(1, problem.order(coordinate, name))):
                symbol = name + ("_" + coordinate * order if order else "")
                residual = from_text(symbol, problem.symbols)
                lo, hi = (
                    _on_points(problem, Constraint(symbol, {coordinate: end}, residual), u, counts)
                    for end in problem.domain.bounds[coordinate]
                )
                out[f"periodic {coordinate}: {symbol}"] = lo - hi
    return out


def _point_function(problem: Problem, f: Callable[..., Any]) -> Callable[[Any], Any]:
    """Turn a function of named coordinates into one from a point (d,) to unknowns (m,)."""
    import jax.numpy as jnp

    from pinn.solution import Solution

    if isinstance(f, Solution):
        return lambda x: f.ansatz.network.apply(f.params, x)

    try:
        inspect.signature(f).bind(**dict.fromkeys(problem.coordinates))
    except TypeError as error:
        wanted = ", ".join(problem.coordinates)
        raise ProblemError(f"f has to take the coordinates {wanted} by name ({error}).") from None

    def u(x: Any) -> Any:
        result = f(**dict(zip(problem.coordinates, x, strict=True)))
        if isinstance(result, Mapping):
            result = [result[name] if name in result else _lacks(name) for name in problem.unknowns]
        parts = list(result) if isinstance(result, (tuple, list)) else [result]
        if len(parts) != len(problem.unknowns) or any(jnp.ndim(p) for p in parts):
            raise ProblemError(
                f"f has to return one number for each of {', '.join(problem.unknowns)} at a point; got shapes "
                f"{[jnp.shape(p) for p in parts]}."
            )
        return jnp.stack([jnp.asarray(p, x.dtype) for p in parts])

    return u


def _lacks(name: str) -> Any:
    raise ProblemError(f"f gives no values for {name!r}.")


def _gridded(problem: Problem, f: Any) -> Values:
    given = dict(f) if isinstance(f, Mapping) else {problem.unknowns[0]: f}
    for name in given:
        if name not in problem.unknowns:
            raise unknown("unknown", name, problem.unknowns)
    values = {name: np.asarray(given[name] if name in given else _lacks(name), float) for name in problem.unknowns}
    first = next(iter(values.values()))
    for name, array in values.items():
        if array.ndim != len(problem.coordinates) or array.shape != first.shape:
            raise ProblemError(
                f"the values of {name!r} have shape {array.shape}; expected one axis for each of "
                f"{', '.join(problem.coordinates)}, the same for all unknowns."
            )
    return values


def _of_values(problem: Problem, values: Values, derivatives: str) -> dict[str, np.ndarray]:
    shape = next(iter(values.values())).shape
    axes = {c: _axis(problem, c, n) for c, n in zip(problem.coordinates, shape, strict=True)}
    mesh = dict(zip(axes, np.meshgrid(*axes.values(), indexing="ij"), strict=True)) | dict(problem.parameters)
    out = {}
    for constraint in problem.constraints:
        index = _slice(problem, constraint, axes)
        arguments = {}
        for name in constraint.residual.needs:
            full = mesh.get(name)
            if full is None:
                partial = problem.symbols.partial(name)
                full = _differentiate(problem, values[problem.unknowns[partial.unknown]], partial.axes, derivatives)
            arguments[name] = full[index] if np.ndim(full) else full
        out[constraint.name] = np.asarray(constraint.residual.fn(**arguments))
    return out


def _slice(problem: Problem, constraint: Constraint, axes: Mapping[str, np.ndarray]) -> tuple:
    """Return the index of a constraint's place in the grid."""
    index: list[Any] = []
    for coordinate, axis in axes.items():
        if coordinate not in constraint.where:
            index.append(slice(None))
            continue
        value = constraint.where[coordinate]
        nearest = int(np.abs(axis - value).argmin())
        if abs(axis[nearest] - value) > 1e-9 * problem.domain.length(coordinate):
            raise ProblemError(
                f"{constraint.name!r} holds at {coordinate}={value:g}, where the grid of {len(axis)} points has none."
            )
        index.append(nearest)
    return tuple(index)


def _differentiate(problem: Problem, values: np.ndarray, axes: tuple[int, ...], derivatives: str) -> np.ndarray:
    for axis in sorted(set(axes)):
        coordinate, order = problem.coordinates[axis], axes.count(axis)
        periodic, n = coordinate in problem.domain.periodic, values.shape[axis]
        length = problem.domain.length(coordinate)
        if derivatives == "spectral" and not periodic:
            raise ProblemError(f"spectral derivatives need a periodic coordinate; {coordinate!r} is not. Use 'auto'.")
        if n <= order + 2:
            raise ProblemError(f"{n} points along {coordinate!r} are too few for a derivative of order {order}.")
        if periodic and derivatives != "finite_difference":
            values = fourier_derivative(values, length, axis, order)
        else:
            spacing = length / (n if periodic else n - 1)
            values = finite_difference(values, spacing, axis, order, periodic)
    return values
