"""Trajectories from a user's file: csv with a row per state, or npz.

csv: columns t and one per component; a column `trajectory` tells several apart. npz: t (T,), and each component (T,) or
(n, T); of a field besides x (X,), and each component (T, X) or (n, T, X).
"""

import csv
from pathlib import Path

import numpy as np

from pinn.checkpoint import read_npz
from pinn.dynamics.trajectories import FEWEST, MEMORY, Trajectories
from pinn.errors import ProblemError, shorten
from pinn.problem import TIME

WHICH, SPACE = "trajectory", "x"
UNEVEN = 1e-2  # of a step, by which steps may differ: files have a few digits


def read_trajectories(path: Path) -> Trajectories:
    """Read a file.

    Raises:
        ProblemError: if it cannot be read, or holds gaps, uneven steps, what is no finite number, or too few states.
    """
    place = shorten(str(path))
    if path.suffix not in (".csv", ".npz"):
        raise ProblemError("trajectories are read from .csv and .npz files.", place=place)
    return _from_csv(path, place) if path.suffix == ".csv" else _from_npz(read_npz(path), place)


def check_times(times: np.ndarray, place: str, rounding: float = 0.0) -> np.ndarray:
    """Refuse times that are too few or not evenly spaced; return them even to the last digit.

    Args:
        times: (T,)
        place: the file, for messages.
        rounding: relative, of the times themselves.

    Raises:
        ProblemError: with the time at which it is wrong.
    """
    if len(times) < MEMORY + FEWEST:
        most = f"a trajectory needs {MEMORY + FEWEST} at least, and the only one five times as many"
        raise ProblemError(f"{len(times)} states; {most}.", place=place)
    steps, usual = np.diff(times), float(np.median(np.diff(times)))
    if not np.all(steps > 0):
        k = int(np.argmin(steps > 0))
        raise ProblemError(f"after t = {times[k]:g} comes t = {times[k + 1]:g}; times have to ascend.", place=place)
    wrong = np.abs(steps - usual) > UNEVEN * usual + 2 * rounding * np.abs(times).max()
    if wrong.any():
        k = int(np.argmax(wrong))
        many = steps[k] / usual
        what = "a gap" if many > 1.5 else "an uneven step"
        raise ProblemError(
            f"{what} from t = {times[k]:g} to t = {times[k + 1]:g}, where steps are {usual:g}. Interpolate, or give "
            "the pieces as trajectories of their own.",
            place=place,
        )
    return np.linspace(times[0], times[-1], len(times))


def _from_csv(path: Path, place: str) -> Trajectories:
    header, numbers = _table(path, place)
    if TIME not in header:
        raise ProblemError(f"holds no column {TIME!r}; the first line names {', '.join(header)}.", place=place)
    names = tuple(n for n in header if n not in (TIME, WHICH))
    if not names:
        raise ProblemError("holds no component beside t.", place=place)
    columns = dict(zip(header, numbers.T, strict=True))
    which = columns.get(WHICH, np.zeros(len(numbers)))
    pieces = []
    for label in dict.fromkeys(which.tolist()):
        rows = which == label
        here = f"{place}, trajectory {label:g}" if WHICH in columns else place
        times = check_times(columns[TIME][rows], here)
        pieces.append((here, times, np.stack([columns[n][rows] for n in names], axis=1)))
    together = _check_alike(pieces)
    return Trajectories(names, pieces[0][1], np.stack([states for _, _, states in pieces]), together=together)


def _check_alike(pieces: list[tuple[str, np.ndarray, np.ndarray]]) -> bool:
    """Refuse trajectories of different lengths or steps; return whether all begin at the same time."""
    first, together = pieces[0][1], True
    dt = first[1] - first[0]
    for here, times, _ in pieces:
        own = times[1] - times[0]
        if len(times) != len(first) or abs(own - dt) > UNEVEN * dt:
            raise ProblemError(
                f"has {len(times)} states in steps of {own:g}, another {len(first)} in steps of {dt:g}; trajectories "
                "have to be alike.",
                place=here,
            )
        together &= bool(abs(times[0] - first[0]) <= UNEVEN * dt)
    return together


def _table(path: Path, place: str) -> tuple[list[str], np.ndarray]:
    """Return the names and the numbers (rows, columns) of a csv file."""
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except OSError as error:
        raise ProblemError(f"cannot be read: {error.strerror}.", place=place) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ProblemError(f"is not a csv file in UTF-8: {error}.", place=place) from None
    if not lines:
        raise ProblemError("is empty.", place=place)
    header, rows = [name.strip() for name in lines[0]], []
    if len(set(header)) < len(header):
        raise ProblemError("names a column twice in its first line.", place=place)
    for number, line in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) != len(header):
            raise ProblemError(
                f"expected {len(header)} cells, as in the first line; got {len(line)}.", place=f"{place}:{number}"
            )
        rows.append([_number(cell, name, f"{place}:{number}") for cell, name in zip(line, header, strict=True)])
    if not rows:
        raise ProblemError("holds no states.", place=place)
    return header, np.array(rows)


def _number(cell: str, name: str, place: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ProblemError(f"column {name!r}: {shorten(cell)!r} is not a finite number.", place=place)
    return value


def _from_npz(arrays: dict[str, np.ndarray], place: str) -> Trajectories:
    times = _times(arrays, place)
    names = tuple(n for n in arrays if n not in (TIME, SPACE))
    field = _is_field(arrays, names, len(times))
    names = names if field else tuple(n for n in arrays if n != TIME)
    if field:
        _check_places(arrays[SPACE], place)
    if not names:
        raise ProblemError("holds no component beside t.", place=place)
    shape = (len(times), len(arrays[SPACE])) if field else (len(times),)
    states = [_component(arrays, name, names[0], times, shape, place) for name in names]
    if field and all(np.allclose(s[..., 0], s[..., -1], rtol=1e-12, atol=0) and np.ptp(s) > 0 for s in states):
        raise ProblemError(f"{SPACE!r}: its first and last place hold the same, always; give one of the two ends of "
                           "the period.", place=place)  # fmt: skip
    return Trajectories(names, times, np.stack(states, axis=-1), arrays[SPACE].astype(float) if field else None)


def _times(arrays: dict[str, np.ndarray], place: str) -> np.ndarray:
    """Return the times of an npz file, of which all arrays have to hold numbers."""
    for name, array in arrays.items():
        if array.dtype.kind not in "iuf":
            raise ProblemError(f"{name!r} holds {array.dtype}; expected numbers.", place=place)
    if TIME not in arrays:
        raise ProblemError(f"holds no array {TIME!r} of times; it holds {', '.join(arrays) or 'nothing'}.", place=place)
    times = arrays[TIME]
    if times.ndim != 1:
        told = f"{TIME!r} is of shape {times.shape}; expected (T,), the times of every trajectory."
        raise ProblemError(told, place=place)
    _check_finite(times, TIME, times, 1, place)
    rounding = float(np.finfo(times.dtype).eps) if times.dtype.kind == "f" else 0.0
    return check_times(times.astype(float), place, rounding)


def _is_field(arrays: dict[str, np.ndarray], names: tuple[str, ...], many: int) -> bool:
    """Say whether an array x is the places of a field; it is a component if there is nothing else, or it fits times."""
    places, first = arrays.get(SPACE, np.empty(())), arrays[names[0]].shape if names else ()
    fits = first[-2:] == (many, places.size) or (many in first[:-1] and many != places.size)
    return places.ndim == 1 and fits


def _component(
    arrays: dict[str, np.ndarray], name: str, first: str, times: np.ndarray, shape: tuple[int, ...], place: str
) -> np.ndarray:
    """Return a component of all trajectories, (n, *shape), which has to be shaped like the first."""
    array, alike = arrays[name].astype(float), arrays[first].shape
    if array.shape[-len(shape) :] != shape or array.ndim > len(shape) + 1 or array.shape != alike:
        wanted = f"{shape}, or (n, {', '.join(map(str, shape))}) for n trajectories"
        wanted += f"; {first!r} is of shape {alike}" if name != first else ""
        raise ProblemError(f"{name!r} is of shape {array.shape}; expected {wanted}.", place=place)
    if not array.size:
        raise ProblemError(f"{name!r} holds no trajectory.", place=place)
    _check_finite(array, name, times, len(shape), place)
    return array.reshape(-1, *shape)


def _check_places(x: np.ndarray, place: str) -> None:
    if (
        len(x) < FEWEST
        or not np.all(np.diff(x) > 0)
        or not np.allclose(np.diff(x), (x[-1] - x[0]) / (len(x) - 1), rtol=UNEVEN)
    ):
        raise ProblemError(f"{SPACE!r}: a field needs {FEWEST} places, ascending and evenly spaced.", place=place)


def _check_finite(array: np.ndarray, name: str, times: np.ndarray, axes: int, place: str) -> None:
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        at, of = wrong[0], len(wrong)
        which = f", trajectory {at[0]}" if array.ndim > axes else ""
        time = at[array.ndim - axes]
        when = f"at t = {times[time]:g}" if name != TIME else f"at its place {time}, counted from 0"
        raise ProblemError(f"{name!r} is not finite {when}{which} ({of} such values).", place=place)
