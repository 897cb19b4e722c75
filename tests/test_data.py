"""Data that come with problems keep, at all their times, the balances of their equations."""

from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import CubicSpline, make_interp_spline

PROBLEMS = Path(__file__).parent.parent / "problems"
ENOUGH = 1e-4  # relative; what is left is of the coarse grids, in time too
WRONG = 1e-2  # by which the last times are made wrong, which has to be seen


def departures(t, stock, rate):
    """Return how far a stock is from its first value and the integral of its rate, (T,), in units of that value."""
    spline = CubicSpline(t, rate)
    return (stock - stock[0] - np.array([spline.integrate(t[0], end) for end in t])) / np.abs(stock[0])


def of_schroedinger(d):
    """Mass and energy of i h_t + h_xx/2 + |h|^2 h = 0 stay; derivatives by Fourier modes."""
    h, still = d["u"] + 1j * d["v"], np.zeros(len(d["t"]))
    k = 2 * np.pi / 10 * np.fft.fftfreq(h.shape[1], 1 / h.shape[1])
    h_x = np.fft.ifft(1j * k * np.fft.fft(h, axis=1), axis=1)
    mass, energy = (abs(h) ** 2).mean(axis=1), (abs(h_x) ** 2 - abs(h) ** 4).mean(axis=1) / 2
    return [departures(d["t"], stock, still) for stock in (mass, energy)]


def of_gray_scott(d):
    """The mean of u + v changes as reactions say; from where the first, fast one is over."""
    t, u, v = (d[n][10:].astype(float) for n in ("t", "u", "v"))
    return [
        departures(t, (u + v).mean(axis=1), (40 * (1 - u) - 100 * v).mean(axis=1)),
        departures(t, u.mean(axis=1), (40 * (1 - u) - 1000 * u * v**2).mean(axis=1)),
    ]


def of_burgers_family(d):
    """The energy u^2/2 falls by n u_x^2; for viscosities whose shock the grid resolves."""

    def integral(values):
        return make_interp_spline(d["x"], values, 7, axis=1).integrate(-1, 1)

    out = []
    for n, u in zip(d["n"][2:], np.moveaxis(d["u"], 2, 0)[2:], strict=True):
        u_x = make_interp_spline(d["x"], u, 7, axis=1).derivative()(d["x"])
        out.append(departures(d["t"], integral(u**2 / 2), -n * integral(u_x**2)))
    return out


CASES = {"schroedinger": of_schroedinger, "gray_scott": of_gray_scott, "burgers_family": of_burgers_family}


@pytest.mark.parametrize("name", CASES)
def test_balances_hold_at_all_times(name):
    data = dict(np.load(PROBLEMS / f"{name}.npz"))
    assert np.abs(CASES[name](data)).max() < ENOUGH
    late = (np.arange(len(data["t"])) > 0.9 * len(data["t"])).astype(float)
    for unknown in {"u", "v"} & set(data):
        factor = 1 + WRONG * late.reshape(-1, *[1] * (data[unknown].ndim - 1))
        off = np.abs(CASES[name](data | {unknown: data[unknown] * factor}))
        assert off.max() > ENOUGH, f"{unknown}: this test could not fail"
