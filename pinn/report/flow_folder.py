"""The folder of a study of learned dynamics: roll-outs, figure, page and numbers, all of them or nothing."""

import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from pinn.checkpoint import write_npz
from pinn.dynamics.study import Study
from pinn.dynamics.summary import summary_of
from pinn.errors import ProblemError
from pinn.files import at_once, unused, write_text
from pinn.report.flow_plots import save_figure
from pinn.report.flows import page

FILES = ("rollouts.npz", "figure.png", "report.html", "dynamics.json")


def reserve(out: str | None, name: str) -> tuple[Path, list[Path]]:
    """Make the folder, before time is spent on what goes into it; return it, and the folders that were not there yet.

    Args:
        out: where; None for a name by the time.
        name: of the system.

    Raises:
        ProblemError: if it cannot be written.
    """
    folder = Path(out) if out else unused(Path("runs") / name, "dynamics-")
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "partial").touch()
        (folder / "partial").unlink()
    except OSError as error:
        raise ProblemError(f"cannot be written: {error.strerror}.", place=str(folder)) from None
    return folder, new


def give_back(folder: Path, new: list[Path]) -> None:
    """Remove files that were begun in a folder, and the folders that were made for it, if they are empty."""
    with suppress(OSError):
        for name in FILES:
            (folder / name).unlink(missing_ok=True)
        for path in new:
            path.rmdir()


def write(found: Study, folder: Path, again: list[str]) -> None:
    """Write the folder's files, all of them rendered before the first is written.

    Args:
        found: the study.
        folder: that was reserved for it.
        again: the words of the command that repeats it.

    Raises:
        ProblemError: if they cannot be written.
    """
    tests, components = found.source.tests, found.source.train.names
    arrays: dict[str, Any] = {"t": found.times} | ({} if tests.places is None else {"x": tests.places})
    paths = {"truth": found.truth} | {name: outcome.states for name, outcome in found.outcomes.items()}
    for name, states in paths.items():
        arrays |= {f"{c}_{name}": np.asarray(states[..., k]) for k, c in enumerate(components)}
    text, picture = page(found, again), io.BytesIO()
    save_figure(found, picture)
    table = json.dumps(summary_of(found), indent=2) + "\n"
    try:
        write_npz(folder / FILES[0], arrays)
        with at_once(folder / FILES[1]) as partial:
            partial.write_bytes(picture.getvalue())
        write_text(folder / FILES[2], text)
        write_text(folder / FILES[3], table)
    except OSError as error:
        raise ProblemError(f"cannot be written: {error.strerror}.", place=str(folder)) from None
