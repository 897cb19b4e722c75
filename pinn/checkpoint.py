"""Any pytree of arrays to one npz file and back, loudly: what does not fit is an error, never a silent default."""

import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import jax
import numpy as np

from pinn.errors import ProblemError
from pinn.files import at_once

FORMAT = 1
META = "meta"


class Damaged(ProblemError):
    """A file that is missing or cannot be understood; the one before it may take its place."""


def save(path: Path, tree: Any, meta: dict[str, Any]) -> None:
    """Write a pytree and a JSON header, so that the file is either the old one or the new one, never half.

    Args:
        path: ends in ``.npz``.
        tree: pytree of arrays.
        meta: anything JSON can hold.
    """
    arrays = {"leaf" + jax.tree_util.keystr(k): v for k, v in jax.tree_util.tree_leaves_with_path(tree)}
    write_npz(path, {META: np.array(json.dumps({"format": FORMAT, **meta})), **arrays})


def write_npz(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays under any names at all to an npz file, at once or not at all.

    `numpy.savez` takes the names as keywords, and so cannot write an array called "file".
    """
    with at_once(path) as partial, partial.open("wb") as file:
        pack(file, arrays)
        file.flush()
        os.fsync(file.fileno())


def previous(path: Path) -> Path:
    """Return where the file before the last one is kept."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def keep_previous(path: Path) -> None:
    """Copy a file that is about to be replaced."""
    if path.exists():
        with at_once(previous(path)) as partial:
            shutil.copyfile(path, partial)


def mend(path: Path) -> str:
    """Put the file before the last in the place of one that is missing or damaged, which is set aside.

    Returns:
        A sentence on what was done; empty if nothing had to be.

    Raises:
        ProblemError: if neither can be read, or the last one is of a newer format.
    """
    try:
        load(path)
    except Damaged as error:
        if not previous(path).exists():
            raise
        load(previous(path))
        if path.exists():
            os.replace(path, path.with_name(f"{path.stem}.damaged{path.suffix}"))
        os.replace(previous(path), path)
        return f"{path.name}: {error.message} The one before it is used."
    return ""


def pack(file: BinaryIO, arrays: Mapping[str, Any]) -> None:
    """Write arrays to an open file in the npz format."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, value in arrays.items():
            with archive.open(name + ".npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(value), allow_pickle=False)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of an npz file.

    Raises:
        ProblemError: if it is missing or damaged.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise ProblemError(f"cannot be read: {error.strerror or error}.", place=str(path)) from None
    except ValueError:  # of numpy, which proposes to read it in an unsafe way
        raise ProblemError("is damaged, or no npz file of numbers.", place=str(path)) from None
    except Exception as error:  # bytes that were changed make zipfile and numpy raise nearly anything
        raise ProblemError(f"is damaged: {error}.", place=str(path)) from None


def load(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read a file written by `save`.

    Returns:
        Arrays by key path, and the header.

    Raises:
        ProblemError: if the file is missing, damaged, or of a newer format.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            meta = json.loads(str(file[META]))
            newer = meta["format"] > FORMAT
            arrays = {name.removeprefix("leaf"): file[name] for name in file.files if name != META}
    except FileNotFoundError:
        raise Damaged("no such file.", place=str(path)) from None
    except PermissionError as error:
        raise ProblemError(f"cannot be read: {error.strerror}.", place=str(path)) from None
    except Exception as error:  # bytes that were changed make zipfile and numpy raise nearly anything
        hint = " --resume goes on from the one before it." if previous(path).exists() else ""
        raise Damaged(f"is not a checkpoint, or is damaged: {error}.{hint}", place=str(path)) from None
    if newer:
        raise ProblemError(f"has format {meta['format']}; this version reads up to {FORMAT}.", place=str(path))
    if "settings" in meta:  # inputs of the network were not even about ends before this setting was there
        meta["settings"].setdefault("ansatz", {}).setdefault("mirrors", "none")
    return arrays, meta


def restore(arrays: dict[str, np.ndarray], like: Any, place: str, prefix: str = "") -> Any:
    """Put loaded arrays into the shape of an existing pytree.

    Args:
        arrays: from `load`.
        like: a pytree with the leaves' names, shapes and dtypes.
        place: the file, for messages.
        prefix: key path of ``like`` inside the saved pytree.

    Raises:
        ProblemError: naming the first leaf that is missing or of another shape or dtype.
    """

    def leaf(path: Any, expected: Any) -> Any:
        name = prefix + jax.tree_util.keystr(path)
        if name not in arrays:
            raise ProblemError(f"holds no {name}; it is of a run with other settings.", place=place)
        found = arrays[name]
        if found.shape != expected.shape or found.dtype != expected.dtype:
            raise ProblemError(
                f"{name} is {found.dtype} of shape {found.shape}; expected {expected.dtype} of shape "
                f"{expected.shape}. It is of a run with other settings.",
                place=place,
            )
        return jax.numpy.asarray(found)

    return jax.tree_util.tree_map_with_path(leaf, like)
