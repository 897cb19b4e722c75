"""Files a command writes for its user: not over another one unless asked, and at once or not at all."""

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from pinn.errors import ProblemError, shorten


def check_writable(path: Path, force: bool) -> None:
    """Refuse a file that exists, or that cannot be written, before the work for it is done.

    Args:
        path: the file.
        force: whether it may be replaced.

    Raises:
        ProblemError: saying which it is.
    """
    place = shorten(str(path))
    try:
        exists, is_folder, has_parent = path.exists(), path.is_dir(), path.parent.is_dir()
    except OSError as error:
        raise ProblemError(f"cannot be written: {error.strerror}.", place=place) from None
    if is_folder:
        raise ProblemError("is a folder; give the name of a file.", place=place)
    if exists and not force:
        raise ProblemError("exists. Choose another name, or replace it with --force.", place=place)
    if not has_parent:
        raise ProblemError(f"cannot be written: there is no folder {shorten(str(path.parent))}.", place=place)


def no_run(path: Path, lacks: str) -> ProblemError:
    """Say that a folder is not that of a run.

    Args:
        path: the folder.
        lacks: what it does not hold, such as "no checkpoint.npz".
    """
    told = f"is not the folder of a run: it holds {lacks}."
    with suppress(OSError):
        if (path / "dynamics.json").is_file():
            told = "is a folder of pinn dynamics, not of a run: its page is report.html, its numbers dynamics.json."
    return ProblemError(told, place=shorten(str(path)))


def unused(parent: Path, kind: str = "") -> Path:
    """Name a new folder by the time, after its kind; nothing is written yet."""
    stamp = kind + datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    names = (stamp, *(f"{stamp}-{n}" for n in range(2, 1000)))
    return next(parent / name for name in names if not (parent / name).exists())


@contextmanager
def at_once(path: Path) -> Iterator[Path]:
    """Yield a name beside a file; what is written there takes the file's place in the end, or is removed."""
    partial = path.with_name(path.name + ".partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Do the same for a file a user has named.

    Raises:
        ProblemError: if it cannot be written.
    """
    try:
        with at_once(path) as partial:
            yield partial
    except OSError as error:
        raise ProblemError(f"cannot be written: {error.strerror or error}.", place=shorten(str(path))) from None


def write_text(path: Path, text: str) -> None:
    """Write a file at once or not at all."""
    with at_once(path) as partial:
        partial.write_text(text, encoding="utf-8")


def lock(path: Path, in_use: str) -> int | None:
    """Lock a file, made if it is not there, for as long as what is returned is open, or a process that has it lives.

    Raises:
        ProblemError: with the sentence ``in_use``, if another process has locked it.
    """
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        return None
    held = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise ProblemError(in_use, place=str(path.parent)) from None
    except OSError:  # a file system without locks
        os.close(held)
        return None
    return held


def keep_run(run: Path, out: Path) -> None:
    """Refuse to replace a file of a run itself, also with --force.

    Raises:
        ProblemError: if it is one.
    """
    if out.exists() and (out.resolve() == run.resolve() or out.resolve().parent == run.resolve()):
        raise ProblemError("is a file of the run. Choose another name.", place=f"--out {out}")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as comma-separated text, quoted where it has to be."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
