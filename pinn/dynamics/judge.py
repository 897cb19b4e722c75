"""How far a roll-out is right, beside the truth: errors, valid times, statistics in the long run, and what diverged.

Sources: Pathak, Wikner, Fussell, Chandra, Hunt, Girvan & Ott (2018), Chaos 28, 041101 (valid time, threshold 0.4);
Mikhaeil, Monfared & Durstewitz (2022), Advances in Neural Information Processing Systems 35 (Hellinger distance).
"""

from typing import Any

import numpy as np

THRESHOLD = 0.4  # of the error, relative to the root mean square of the state, up to which a prediction is valid
DIVERGED = 3.0  # times as far from the mean as any true state: what goes beyond has diverged
REST = 1e-3  # share of a component's spread over all times, with less of which in the end it has come to rest


def errors_by_time(states: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return ||state - truth|| over the root mean square of ||truth||, (n, S); not finite is infinite.

    Args:
        states: (n, S, ...)
        truth: (n, S, ...)
    """
    axes = tuple(range(2, truth.ndim))
    with np.errstate(all="ignore"):
        apart = np.sqrt(np.sum((states - truth) ** 2, axis=axes))
    size = np.sqrt(np.mean(np.sum(truth**2, axis=axes)))
    return np.where(np.isfinite(apart), apart, np.inf) / (size or 1.0)


def valid_times(errors: np.ndarray, dt: float) -> np.ndarray:
    """Return the time until the error first exceeds the threshold, (n,); the whole time where it never does."""
    invalid = errors > THRESHOLD
    first = np.where(invalid.any(axis=1), invalid.argmax(axis=1), errors.shape[1])
    return first * dt


def divergence_times(states: np.ndarray, truth: np.ndarray, dt: float) -> np.ndarray:
    """Return the time at which each roll-out has left where true states are, (n,); nan where it stays."""
    beyond = _beyond(states, truth)
    return np.where(beyond.any(axis=1), (beyond.argmax(axis=1) + 1) * dt, np.nan)


def _beyond(states: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Say where any component has left the true ones' range, `DIVERGED` times over, or is not finite, (n, S)."""
    all_but_last = tuple(range(truth.ndim - 1))
    centre = truth.mean(axis=all_but_last)
    reach = np.abs(truth - centre).max(axis=all_but_last)
    reach = np.where(reach > 0, reach, np.where(centre != 0, np.abs(centre), np.inf))  # what truly never changes
    with np.errstate(all="ignore"):
        inside = np.abs(states - centre) <= DIVERGED * reach
    return ~inside.all(axis=tuple(range(2, states.ndim)))


def judged(states: np.ndarray, truth: np.ndarray, dt: float) -> dict[str, Any]:
    """Return the numbers of a roll-out.

    Args:
        states: (n, S, ...) predicted.
        truth: (n, S, ...)
        dt: step of time.

    Returns:
        ``relative_l2`` median and worst over n, of the whole roll-out; ``valid_time`` median and quartiles;
        ``always_valid`` how many were to the end; ``diverged`` how many, with the earliest time.
    """
    axes = tuple(range(1, truth.ndim))
    with np.errstate(all="ignore"):
        apart = np.sqrt(np.sum((states - truth) ** 2, axis=axes) / np.sum(truth**2, axis=axes))
    apart = np.where(np.isfinite(apart), apart, np.inf)
    errors = errors_by_time(states, truth)
    valid, gone = valid_times(errors, dt), divergence_times(states, truth, dt)
    return {
        "relative_l2": {"median": float(np.median(apart)), "worst": float(apart.max())},
        "valid_time": dict(
            zip(("lower", "median", "upper"), np.quantile(valid, (0.25, 0.5, 0.75)).tolist(), strict=True)
        ),
        "always_valid": int(np.sum(np.all(errors <= THRESHOLD, axis=1))),
        "diverged": int(np.isfinite(gone).sum()),
        "first_diverged": float(np.nanmin(gone)) if np.isfinite(gone).any() else None,
    }


def one_step_error(states: np.ndarray, before: np.ndarray, after: np.ndarray) -> float:
    """Return the root mean square error of single steps, in units of the change of a step.

    Args:
        states: predicted.
        before: the true states they were predicted from.
        after: the true states they stand for.
    """
    with np.errstate(all="ignore"):
        found = float(np.sqrt(np.sum((states - after) ** 2) / np.sum((after - before) ** 2)))
    return found if np.isfinite(found) else float("inf")


def statistics(states: np.ndarray, truth: np.ndarray, usual: np.ndarray) -> dict[str, float] | None:
    """Return distances of histograms and power spectra.

    Args:
        states: (n, S, d) predicted.
        truth: (m, S, d)
        usual: (d,) spread of the components, beside which one that hardly moves here has come to rest.

    Returns:
        ``histogram``: Wasserstein distance in units of the component's spread; ``spectrum``: Hellinger distance, from
        0 for the same to 1 for nothing in common. Both the worst of all components that are not at rest; None if all
        are, or a roll-out diverged.
    """
    from scipy.stats import wasserstein_distance

    spread = truth.std(axis=(0, 1))
    moving = [k for k in range(truth.shape[-1]) if spread[k] > REST * usual[k]]
    if not moving or _beyond(states, truth).any():
        return None
    histograms = [wasserstein_distance(states[..., k].ravel(), truth[..., k].ravel()) / spread[k] for k in moving]
    a, b = (spectrum(x)[1] for x in (states, truth))
    total_a, total_b = np.maximum(a.sum(axis=0), 1e-300), np.maximum(b.sum(axis=0), 1e-300)
    common = np.sum(np.sqrt(a / total_a * b / total_b), axis=0)
    spectra = np.sqrt(np.clip(1 - common[moving], 0, 1))
    return {"histogram": float(max(histograms)), "spectrum": float(max(spectra))}


def spectrum(states: np.ndarray, dt: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies (F,) and the mean power of each component there, (F, d), in a window of von Hann's."""
    from scipy.signal import periodogram

    frequencies, power = periodogram(states, 1 / dt, window="hann", axis=1)
    return frequencies, power.mean(axis=0)
