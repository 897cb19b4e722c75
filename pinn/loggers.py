"""Logged steps handed on to other programs' formats. Only importer of tensorboardX."""

import os
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from pinn.errors import ProblemError

SCALARS = ("loss", "held_out", "error", "damping")
FLUSH_SECONDS = 10  # at most this much of the curves is lost with a killed process


class TensorBoard:
    """Writes loss, held-out loss, error and damping of each logged step as event files of TensorBoard.

    Is called with the record of a step, as `pinn.solve` calls ``on_log``; nothing is written before the first one.
    Where a run goes on, what a crashed one had written past that step is hidden.

    ```
    with pinn.TensorBoard("runs/board") as board:
        pinn.solve(problem, on_log=board)
    ```

    Args:
        folder: where the event files go; made if it is not there.

    Raises:
        ProblemError: if tensorboardX is not installed, or the folder cannot be written.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        _check_installed()
        _check_writable(self.folder)
        self._writer: Any = None

    def __call__(self, record: dict[str, Any]) -> None:
        """Write a record; what it has no number for is left out."""
        if self._writer is None:
            self._writer = _writer(self.folder, record["step"])
        for name in SCALARS:
            if record.get(name) is not None:
                self._writer.add_scalar(name, record[name], record["step"])

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def __enter__(self) -> "TensorBoard":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_installed() -> None:
    try:
        found = find_spec("tensorboardX")
    except ValueError:  # what sys.modules holds for a module that is blocked
        found = None
    if found is None:
        raise ProblemError(
            "TensorBoard files need tensorboardX, which is not installed: pip install 'pinn[tensorboard]'"
        )


def _check_writable(folder: Path) -> None:
    """See that the folder can be made, without making it."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise ProblemError(
            f"cannot be written: {there} is no folder that can be.", place=f"TensorBoard folder {folder}"
        )


def _writer(folder: Path, step: int) -> Any:
    from tensorboardX import SummaryWriter

    try:
        return SummaryWriter(str(folder), purge_step=step, flush_secs=FLUSH_SECONDS)
    except OSError as error:
        raise ProblemError(f"cannot be written: {error.strerror}.", place=str(folder)) from None
