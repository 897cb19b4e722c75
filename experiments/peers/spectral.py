"""What one would write without any of this: Fourier modes in numpy, an adaptive Runge-Kutta method of scipy."""

from common import PLACES, TIMES, arguments, elapsed, report

options = arguments()
import numpy as np
import scipy
from scipy.integrate import solve_ivp

N = 4096  # grid points; PLACES is every eighth
x = np.linspace(-1, 1, N, endpoint=False)
second = -((np.pi * np.arange(N // 2 + 1)) ** 2)


def slope(t: float, u: np.ndarray) -> np.ndarray:
    return 1e-4 * np.fft.irfft(second * np.fft.rfft(u), N) + 5 * u - 5 * u**3


solved = solve_ivp(slope, (0, 1), x**2 * np.cos(np.pi * x), method="DOP853", t_eval=TIMES, rtol=1e-9, atol=1e-9)
seconds = elapsed()
report(options.out, solved.y.T[:, :: N // len(PLACES)], solved.nfev, seconds, f"scipy {scipy.__version__}")
