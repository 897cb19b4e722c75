"""VTK XML files, as ParaView reads them: a rectilinear grid, and one per time where there are two or more spaces.

The format: Kitware, "VTK XML Formats" (docs.vtk.org, VTKFileFormats). Arrays are base64 text of their length in bytes,
64 bits, and their numbers, little endian; x runs fastest. A collection (.pvd) lists files and their times.
"""

import base64
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from pinn.errors import ProblemError
from pinn.export.tables import arrays_of, contents
from pinn.files import replacing
from pinn.problem import TIME, Problem
from pinn.solution import Solution

TYPES = {"f4": "Float32", "f8": "Float64"}
MOST_AXES = 3
HEAD = '<?xml version="1.0"?>\n<VTKFile type="{}" version="1.0" byte_order="LittleEndian" header_type="UInt64">\n'


def check(problem: Problem, path: Path, force: bool) -> None:
    """Refuse a problem of too many coordinates, and a folder of pieces that is in use.

    Raises:
        ProblemError: see above.
    """
    if len(_space(problem)) > MOST_AXES:
        raise ProblemError(f"vtk has three axes; {problem.name!r} has {len(_space(problem))} coordinates beside time.")
    folder = path.with_suffix("")
    if not _in_time(problem) or not folder.exists():
        return
    ours = _holds_pieces(folder)
    if not ours or not force:
        cure = "or replace it with --force" if ours else "it holds other files"
        raise ProblemError(f"exists, and is to hold a file per time. Choose another name, {cure}.", place=str(folder))


def suffix(problem: Problem) -> str:
    """Return that of a collection for problems in time and two or more spaces, else that of a single grid."""
    return ".pvd" if _in_time(problem) else ".vtr"


def write(solution: Solution, path: Path) -> str:
    """Write the grid; time is an axis beside a single coordinate, and ParaView's time beside more."""
    if _in_time(solution.problem):
        _write_collection(solution, path)
        return f"{contents(solution)}, a file per {TIME} in {path.stem}/; open {path.name} in ParaView"
    names = _space(solution.problem) + [TIME] * (TIME in solution.problem.coordinates)
    with replacing(path) as partial:
        partial.write_text(_grid_text(solution, names, {}), encoding="utf-8")
    axes = ", ".join(f"{axis} is {name}" for axis, name in zip("XYZ", names, strict=False))
    return f"{contents(solution)}; open it in ParaView, where {axes}"


def _space(problem: Problem) -> list[str]:
    """Return the coordinates beside time, in the order of ParaView's axes."""
    return sorted((name for name in problem.coordinates if name != TIME), key=lambda n: (n not in "xyz", n))


def _in_time(problem: Problem) -> bool:
    return TIME in problem.coordinates and len(problem.coordinates) > 2


def _write_collection(solution: Solution, path: Path) -> None:
    names, folder = _space(solution.problem), path.with_suffix("")
    lines = []
    with replacing(path) as collection, _folder(folder) as pieces:
        for k, time in enumerate(solution.grid[TIME]):
            name = f"{folder.name}_{k:04d}.vtr"
            (pieces / name).write_text(_grid_text(solution, names, {TIME: k}), encoding="utf-8")
            lines.append(f'<DataSet timestep="{time!s}" part="0" file={quoteattr(f"{folder.name}/{name}")}/>\n')
        body = "".join(lines)
        text = HEAD.format("Collection") + f"<Collection>\n{body}</Collection>\n</VTKFile>\n"
        collection.write_text(text, encoding="utf-8")


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """Yield a folder that takes the place of another, which holds nothing but pieces, in the end."""
    partial = path.with_name(path.name + ".partial")
    try:
        if _holds_pieces(partial):  # left behind when an export was killed
            shutil.rmtree(partial)
        partial.mkdir()
        yield partial
        if _holds_pieces(path):
            shutil.rmtree(path)
        os.replace(partial, path)
    finally:
        if _holds_pieces(partial):
            shutil.rmtree(partial, ignore_errors=True)


def _holds_pieces(folder: Path) -> bool:
    return folder.is_dir() and all(file.suffix == ".vtr" for file in folder.iterdir())


def _grid_text(solution: Solution, names: Sequence[str], fixed: Mapping[str, int]) -> str:
    """Return a rectilinear grid as XML.

    Args:
        solution: with values.
        names: coordinates, in the order of VTK's axes.
        fixed: indices of the coordinates that are no axes.
    """
    coordinates = solution.problem.coordinates
    index = tuple(fixed.get(name, slice(None)) for name in coordinates)
    left = [name for name in coordinates if name not in fixed]
    order = [left.index(name) for name in names]
    fields = {name: v[index].transpose(order).ravel(order="F") for name, v in arrays_of(solution).items()}
    axes = {name: solution.grid[name] for name in names}
    axes |= {f"axis{k}": np.zeros(1) for k in range(len(names), MOST_AXES)}  # VTK wants three
    extent = " ".join(f"0 {len(axis) - 1}" for axis in axes.values())
    return (
        HEAD.format("RectilinearGrid")
        + f'<RectilinearGrid WholeExtent="{extent}">\n<Piece Extent="{extent}">\n'
        + f'<PointData Scalars="{solution.problem.unknowns[0]}">\n{_arrays(fields)}</PointData>\n'
        + f"<Coordinates>\n{_arrays(axes)}</Coordinates>\n"
        + "</Piece>\n</RectilinearGrid>\n</VTKFile>\n"
    )


def _arrays(arrays: Mapping[str, np.ndarray]) -> str:
    return "".join(_array(name, values) for name, values in arrays.items())


def _array(name: str, values: np.ndarray) -> str:
    kind = f"f{values.dtype.itemsize}"
    data = values.astype("<" + kind).tobytes()
    text = base64.b64encode(len(data).to_bytes(8, "little") + data).decode()
    return f'<DataArray type="{TYPES[kind]}" Name="{name}" format="binary">{text}</DataArray>\n'
