"""Files a command writes for its user: not over another one unless asked, and at once or not at all."""

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
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
        raise ProblemError("exists. Choose another name with --out, or replace it with --force.", place=place)
    if not has_parent:
        raise ProblemError(f"cannot be written: there is no folder {shorten(str(path.parent))}.", place=place)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a name beside a file; what is written there takes the file's place in the end, or is removed.

    Raises:
        ProblemError: if it cannot be written.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise ProblemError(f"cannot be written: {error.strerror or error}.", place=shorten(str(path))) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as comma-separated text, quoted where it has to be."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
