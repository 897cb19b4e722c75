"""Points, derivatives and faces of a box by collocation: Chebyshev on joined intervals, Fourier where periodic."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from pinn.problem import Problem
from pinn.reference import chebyshev


class Line:
    """One coordinate.

    Args:
        edges: where intervals begin and end, ascending; of a periodic coordinate its two ends.
        n: points of each interval.
        periodic: whether the ends are one point.
    """

    def __init__(self, edges: Sequence[float], n: int, periodic: bool = False):
        self.edges, self.n, self.periodic = np.asarray(edges, float), n, periodic
        self.halves = np.diff(self.edges) / 2
        self.size = n if periodic else n * len(self.halves)

    @cached_property
    def points(self) -> np.ndarray:
        """All points, ascending; where intervals meet there are two of the same place."""
        lo, hi = self.edges[0], self.edges[-1]
        if self.periodic:
            return lo + (hi - lo) * np.arange(self.n) / self.n
        middles = (self.edges[:-1] + self.edges[1:]) / 2
        inner = middles[:, None] + self.halves[:, None] * chebyshev.nodes(self.n)
        inner[:, 0], inner[:, -1] = self.edges[:-1], self.edges[1:]
        return inner.ravel()

    def differentiation(self, order: int) -> np.ndarray:
        """Return the matrix of a derivative, (size, size)."""
        if self.periodic:
            k = 2 * np.pi / (self.edges[-1] - self.edges[0]) * np.fft.fftfreq(self.n, 1 / self.n)
            if self.n % 2 == 0 and order % 2:
                k[self.n // 2] = 0
            return np.fft.ifft((1j * k[:, None]) ** order * np.fft.fft(np.eye(self.n), axis=0), axis=0).real
        return blocks([chebyshev.differentiation(self.n, order) / h**order for h in self.halves])

    def differentiate(self, values: np.ndarray, axis: int, order: int) -> np.ndarray:
        """Differentiate values along an axis."""
        if self.periodic:
            return np.moveaxis(np.tensordot(self._matrices[order], values, axes=(1, axis)), 0, axis)
        moved = np.moveaxis(values, axis, 0)
        parts = moved.reshape(len(self.halves), self.n, -1)
        out = np.matmul(chebyshev.differentiation(self.n, order), parts) / self.halves[:, None, None] ** order
        return np.moveaxis(out.reshape(moved.shape), 0, axis)

    @cached_property
    def _matrices(self) -> list[np.ndarray]:
        return [self.differentiation(order) for order in range(5)]

    def reduction(self, order: int) -> np.ndarray:
        """Return the matrix to the points where an equation of some order in this coordinate is asked to hold."""
        if self.periodic or not order:
            return np.eye(self.size)
        return blocks([chebyshev.interpolation(self.n, chebyshev.inner_nodes(self.n - order))] * len(self.halves))

    def joints(self, order: int) -> np.ndarray:
        """Return rows that vanish where value and derivatives below the order agree between intervals."""
        rows = []
        for k in range(order if not self.periodic else 0):
            matrix = self.differentiation(k)
            for i in range(1, len(self.halves)):
                rows.append((matrix[i * self.n - 1] - matrix[i * self.n]) * self.halves[i] ** k)
        return np.array(rows).reshape(-1, self.size)

    def interpolation(self, x: np.ndarray) -> np.ndarray:
        """Return the matrix from values at the points to values at x, (X, size)."""
        lo, hi = self.edges[0], self.edges[-1]
        if self.periodic:
            k = np.fft.fftfreq(self.n, 1 / self.n)
            k[self.n // 2] *= self.n % 2  # the highest wave of an even grid counts as its mean
            waves = np.exp(2j * np.pi * np.outer((x - lo) / (hi - lo), k))
            return (waves @ np.fft.fft(np.eye(self.n), axis=0, norm="forward")).real
        where = np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, len(self.halves) - 1)
        out = np.zeros((len(x), self.size))
        for i in np.unique(where):
            mine = where == i
            local = (x[mine] - self.edges[i]) / self.halves[i] - 1
            out[mine, i * self.n : (i + 1) * self.n] = chebyshev.interpolation(self.n, local)
        return out

    def tails(self, values: np.ndarray) -> np.ndarray:
        """Return the size of the last coefficients of each interval, the largest along all other axes, (intervals,).

        Args:
            values: with points along the last axis.
        """
        parts = chebyshev.coefficients(values.reshape(*values.shape[:-1], len(self.halves), self.n))
        last = np.abs(parts[..., -max(2, self.n // 8) :]).max(axis=-1)
        return last.reshape(-1, len(self.halves)).max(axis=0)


def blocks(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the matrix with the given ones along its diagonal."""
    out = np.zeros((sum(len(p) for p in parts), sum(p.shape[1] for p in parts)))
    row = column = 0
    for part in parts:
        out[row : row + len(part), column : column + part.shape[1]] = part
        row, column = row + len(part), column + part.shape[1]
    return out


class Mesh:
    """The tensor product of lines, one for each coordinate in space.

    Args:
        problem: names the coordinates.
        axes: indices of those the lines belong to.
        lines: in the same order.
    """

    def __init__(self, problem: Problem, axes: tuple[int, ...], lines: Sequence[Line]):
        self.axes, self.lines = axes, tuple(lines)
        self.names = tuple(problem.coordinates[a] for a in axes)
        self.shape = tuple(line.size for line in lines)
        self.size = int(np.prod(self.shape))
        self.bounds = {name: problem.domain.bounds[name] for name in self.names}

    @cached_property
    def points(self) -> dict[str, np.ndarray]:
        """The coordinates of all points, by name, of the mesh's shape."""
        return dict(zip(self.names, np.meshgrid(*(line.points for line in self.lines), indexing="ij"), strict=True))

    def orders(self, axes: tuple[int, ...]) -> list[int]:
        """Return how often something is differentiated along each line."""
        return [axes.count(a) for a in self.axes]

    def differentiate(self, values: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
        """Differentiate values of the mesh's shape."""
        for i, order in enumerate(self.orders(axes)):
            if order:
                values = self.lines[i].differentiate(values, i, order)
        return values

    def matrix(self, axes: tuple[int, ...]) -> np.ndarray:
        """Return the same as a matrix on flattened values."""
        return kron([line.differentiation(k) for line, k in zip(self.lines, self.orders(axes), strict=True)])

    def joints(self, orders: Sequence[int]) -> np.ndarray:
        """Return the rows of a line's joints; more than one line have none, being of one interval each."""
        return self.lines[0].joints(orders[0]) if len(self.lines) == 1 else np.zeros((0, self.size))

    def interpolation(self, grid: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return the matrix of each line to the points of a grid."""
        return [line.interpolation(grid[name]) for line, name in zip(self.lines, self.names, strict=True)]

    def place(self, where: Mapping[str, float]) -> np.ndarray:
        """Return the flat indices of the points of a face, an edge or a corner.

        Raises:
            KeyError: where the mesh has no points there.
        """
        chosen = np.ones(self.shape, bool)
        for i, name in enumerate(self.names):
            if name in where:
                hit = np.isclose(self.lines[i].points, where[name], rtol=0, atol=1e-12 * np.ptp(self.bounds[name]))
                if not hit.any():
                    raise KeyError(name)
                hit[np.flatnonzero(hit)[1:]] = False  # of two points of one place, one
                chosen &= hit.reshape([-1 if j == i else 1 for j in range(len(self.lines))])
        return np.flatnonzero(chosen)


def kron(matrices: Sequence[np.ndarray]) -> np.ndarray:
    """Return the Kronecker product of matrices."""
    out = np.eye(1)
    for matrix in matrices:
        out = np.kron(out, matrix)
    return out


def on_grid(values: np.ndarray, matrices: Sequence[np.ndarray]) -> np.ndarray:
    """Apply a matrix along each of the last axes of values."""
    first = values.ndim - len(matrices)
    for i, matrix in enumerate(matrices):
        values = np.moveaxis(np.tensordot(matrix, values, axes=(1, first + i)), 0, first + i)
    return values
