"""A solution as a compiled function that needs jax to run, and nothing of this project: StableHLO through jax.export.

The file is a zip of ``solution.jax``, what `jax.export` serializes (it holds the StableHLO module, with the params as
constants), ``names.json``, and ``README.txt``, which says how it is called.
"""

import json
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from pinn.errors import ProblemError
from pinn.files import replacing
from pinn.pointwise import wrapped
from pinn.problem import Problem
from pinn.solution import Solution, in_precision
from pinn.surroundings import versions

PLATFORMS = ("cpu", "cuda", "tpu")
DERIVATIVES = 1  # reverse-mode sweeps that can be taken through the function once it is read back

README = """\
{unknowns} of the problem {name!r}, as functions of {coordinates}.
To call them, jax and flatbuffers have to be installed (pip install jax flatbuffers); pinn has not.

    import zipfile
    import jax
    import numpy as np

    {x64}with zipfile.ZipFile("{file}") as file:
        solution = jax.export.deserialize(bytearray(file.read("solution.jax")))
    points = np.array([{point}], "{dtype}")  # (N, {d}): {coordinates}
    values = solution.call(points)  # (N, {m}): {unknowns}

Any number of points can be evaluated at once.{note} Written by jax {jax}; jax reads such files for six months at least.
"""


def check(problem: Problem, path: Path, force: bool) -> None:
    """Refuse to begin without the package jax writes functions with.

    Raises:
        ProblemError: naming it.
    """
    if find_spec("flatbuffers") is None:
        raise ProblemError("stablehlo needs the package flatbuffers: pip install 'pinn[stablehlo]'.")


def write(solution: Solution, path: Path) -> str:
    """Write the solution as a function of points (N, d) to unknowns (N, m)."""
    with in_precision(solution.settings):
        data = bytes(exported(solution).serialize(vjp_order=DERIVATIVES))
    names = names_of(solution)
    with replacing(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("solution.jax", data)
        archive.writestr("names.json", json.dumps(names, indent=2) + "\n")
        archive.writestr("README.txt", readme(names, path.name))
    hint = ""
    if names["dtype"] == "float64":
        hint = '; it is in float64: the program that reads it has to say jax.config.update("jax_enable_x64", True)'
    unknowns = ", ".join(solution.problem.unknowns)
    return f"{unknowns} as a function of points (N, {len(names['coordinates'])}); README.txt in it says how{hint}"


def exported(solution: Solution) -> Any:
    """Return the solution as `jax.export.Exported`, for any number of points."""
    problem, apply, params = solution.problem, solution.ansatz.network.apply, solution.params
    (count,) = jax.export.symbolic_shape("points")

    def function(points: jax.Array) -> jax.Array:
        return jax.vmap(apply, (None, 0))(params, wrapped(problem, points, jnp))

    like = jax.ShapeDtypeStruct((count, len(problem.coordinates)), jax.tree.leaves(params)[0].dtype)
    return jax.export.export(jax.jit(function), platforms=PLATFORMS)(like)


def names_of(solution: Solution) -> dict[str, Any]:
    """Return what a reader has to know of the function."""
    problem = solution.problem
    return {
        "problem": problem.name,
        "title": problem.title,
        "coordinates": list(problem.coordinates),
        "bounds": [list(problem.domain.bounds[name]) for name in problem.coordinates],
        "periodic": list(problem.domain.periodic),
        "unknowns": list(problem.unknowns),
        "dtype": solution.settings.training.precision,
        "unfinished": solution.unfinished,
        "versions": versions(),
    }


def readme(names: dict[str, Any], file: str) -> str:
    """Return how the function is read back and called."""
    return README.format(
        name=names["problem"],
        file=file,
        unknowns=", ".join(names["unknowns"]),
        coordinates=", ".join(names["coordinates"]),
        x64='jax.config.update("jax_enable_x64", True)\n    ' if names["dtype"] == "float64" else "",
        point=str([lo for lo, _ in names["bounds"]]),
        dtype=names["dtype"],
        d=len(names["coordinates"]),
        m=len(names["unknowns"]),
        note=f" Note that {names['unfinished']}" if names["unfinished"] else "",
        jax=names["versions"]["jax"],
    )
