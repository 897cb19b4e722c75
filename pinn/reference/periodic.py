"""Evolution on boxes whose every coordinate in space is periodic: Fourier modes, in numpy.

Initial data are integrated against the waves instead of sampled, so that a kink at the end of a period, which is smooth
on either side, costs no accuracy. Products are taken on a grid twice as fine and cut back.
"""

from collections.abc import Callable, Mapping

import numpy as np

from pinn.problem import TIME, Problem
from pinn.reference.collocation import on_grid
from pinn.reference.exponential import integrate
from pinn.reference.terms import Slot, System

PANEL = 8  # points of Gauss's rule to a spacing: a wave is turned by at most pi in it, integrated to 1e-13
PADDING = 2
WORK = 60_000_000  # evaluations times coefficients, about a minute, before an integration is given up


class Modes:
    """Fourier modes of the components of a system, and what is done to them.

    Coefficients have one axis for each coordinate of space, of n, the last of n/2 + 1, as of `numpy.fft.rfftn`.

    Args:
        system: on a periodic box.
        n: points per coordinate, even; the highest wave is left out.
    """

    def __init__(self, system: System, n: int):
        self.system, self.n, domain = system, n, system.problem.domain
        self.names = [system.problem.coordinates[a] for a in system.space]
        self.lows = [domain.bounds[c][0] for c in self.names]
        self.lengths = [domain.length(c) for c in self.names]
        d = len(self.names)
        last = np.arange(n // 2 + 1)
        integers = [np.fft.fftfreq(n, 1 / n) if i < d - 1 else last for i in range(d)]
        self.kept = np.ones([len(k) for k in integers], bool)
        self.waves = []
        for i, k in enumerate(integers):
            shape = [-1 if j == i else 1 for j in range(d)]
            self.kept &= (np.abs(k) < n // 2).reshape(shape)
            self.waves.append((2 * np.pi / self.lengths[i] * k).reshape(shape))
        self.fine = (PADDING * n,) * d
        axes = [lo + length * np.arange(PADDING * n) / (PADDING * n)
                for lo, length in zip(self.lows, self.lengths, strict=True)]  # fmt: skip
        self.mesh = dict(zip(self.names, np.meshgrid(*axes, indexing="ij"), strict=True))

    def factor(self, slot: Slot) -> np.ndarray | float:
        """Return what differentiation multiplies each coefficient with."""
        out: np.ndarray | float = 1.0
        for axis in slot.axes:
            out = out * 1j * self.waves[self.system.space.index(axis)]
        return out

    def on_grid(self, coefficients: np.ndarray) -> np.ndarray:
        """Return the values of one function on the fine grid."""
        d, n = len(self.names), self.n
        full = np.zeros((*self.fine[:-1], self.fine[-1] // 2 + 1), complex)
        for corner in np.ndindex(*(2,) * (d - 1)):
            here = tuple(slice(-(n // 2), None) if c else slice(0, n // 2) for c in corner)
            full[(*here, slice(0, n // 2 + 1))] = coefficients[(*here, slice(None))]
        return np.fft.irfftn(full, self.fine, range(d), norm="forward")

    def from_grid(self, values: np.ndarray) -> np.ndarray:
        """Return the coefficients of one function given on the fine grid."""
        d, n = len(self.names), self.n
        full = np.fft.rfftn(values, norm="forward")
        out = np.zeros(self.kept.shape, complex)
        for corner in np.ndindex(*(2,) * (d - 1)):
            here = tuple(slice(-(n // 2), None) if c else slice(0, n // 2) for c in corner)
            out[(*here, slice(None))] = full[(*here, slice(0, n // 2 + 1))]
        return out * self.kept

    def integrated(self, f: Callable[[Mapping[str, np.ndarray]], np.ndarray]) -> np.ndarray:
        """Return the coefficients of functions by Gauss's rule on each spacing, (count, ...)."""
        gauss, weight = np.polynomial.legendre.leggauss(PANEL)
        offsets, n, d = (gauss + 1) / 2, self.n, len(self.names)
        axes = [lo + length / n * (np.arange(n)[:, None] + offsets).ravel()
                for lo, length in zip(self.lows, self.lengths, strict=True)]  # fmt: skip
        out = f(dict(zip(self.names, np.meshgrid(*axes, indexing="ij"), strict=True))).astype(complex)
        for i in range(d):
            k = np.fft.fftfreq(n, 1 / n)
            out = np.moveaxis(out, i + 1, -1)
            panels = np.fft.fft(out.reshape(*out.shape[:-1], n, PANEL), axis=-2, norm="forward")
            turned = np.exp(-2j * np.pi / n * np.outer(k, offsets)) * weight / 2
            out = np.moveaxis((panels * turned).sum(axis=-1), -1, i + 1)
        return out[..., : n // 2 + 1] * self.kept

    def sums(self, points: list[np.ndarray]) -> list[np.ndarray]:
        """Return the matrix along each axis that sums the waves of a real function at any points."""
        out = []
        for i, x in enumerate(points):
            k = self.waves[i].ravel()
            twice = np.where(k == 0, 1, 2) if i == len(points) - 1 else 1
            out.append(np.exp(1j * np.outer(x - self.lows[i], k)) * twice)
        return out


def evolve(problem: Problem, grid: Mapping[str, np.ndarray], n: int, tolerance: float) -> np.ndarray:
    """Return the state of a periodic problem on a tensor grid.

    Args:
        problem: with every coordinate in space periodic.
        grid: by coordinate; times from the first on.
        n: points per coordinate, even.
        tolerance: of the integration in time.

    Returns:
        (times, count, ...) with one axis for each coordinate of space.

    Raises:
        Impossible: see `System`.
        Stalled: see `integrate`.
    """
    system = System(problem)
    modes, start = Modes(system, n), problem.domain.bounds[TIME][0]
    first = modes.integrated(lambda mesh: system.initial({TIME: np.asarray(start)} | dict(mesh), _shape(mesh)))
    parts, count = first[0].size, system.count

    def values_of(v: np.ndarray) -> Callable[[Slot], np.ndarray]:
        state = v.T.reshape(count, *modes.kept.shape)
        return lambda slot: modes.on_grid(state[slot.component] * modes.factor(slot))

    def rates(t: float, v: np.ndarray) -> np.ndarray:
        found = system.rates(values_of(v), {TIME: np.asarray(t)} | modes.mesh, modes.fine)
        return np.stack([modes.from_grid(r).ravel() for r in found], axis=1)

    v = first.reshape(count, parts).T
    given = {TIME: np.asarray(start)} | modes.mesh
    system.check_solvable(system.arguments(given, values_of(v)), modes.fine)

    def linearise(t: float, v: np.ndarray) -> np.ndarray:
        given = {TIME: np.asarray(t)} | modes.mesh
        return _symbol(system, modes, system.linearised(values_of(v), given, modes.fine))

    states = integrate(
        rates,
        linearise,
        v,
        grid[TIME],
        tolerance,
        lambda v: np.sqrt(np.sum(np.abs(v) ** 2, axis=0)),
        most=WORK // parts,
    )
    points = [grid[name] for name in modes.names]
    shaped = [s.T.reshape(count, *modes.kept.shape) for s in states]
    out = on_grid(np.stack(shaped), modes.sums(points)).real
    if grid[TIME][0] == start:  # of data with a kink, the waves' sum is the poorer one
        mesh = np.meshgrid(*points, indexing="ij")
        out[0] = system.initial({TIME: np.asarray(start)} | dict(zip(modes.names, mesh, strict=True)), mesh[0].shape)
    return out


def _shape(mesh: Mapping[str, np.ndarray]) -> tuple[int, ...]:
    return next(iter(mesh.values())).shape


def _symbol(system: System, modes: Modes, slopes: Mapping[Slot, np.ndarray]) -> np.ndarray:
    """Return the linear part with coefficients averaged over the box, (K, count, count)."""
    linear = np.zeros((modes.kept.size, system.count, system.count), complex)
    tops = {j: row for row, (j, k) in enumerate(system.components) if k + 1 == system.orders[j]}
    for row, (j, k) in enumerate(system.components):
        if k + 1 < system.orders[j]:
            linear[:, row, system.components.index((j, k + 1))] = 1
    for slot, by_unknown in slopes.items():
        means = by_unknown.mean(axis=tuple(range(1, by_unknown.ndim)))
        factor = np.broadcast_to(modes.factor(slot) * np.ones(modes.kept.shape), modes.kept.shape).ravel()
        for j, row in tops.items():
            linear[:, row, slot.component] += means[j] * factor
    return linear * modes.kept.ravel()[:, None, None]
