"""Problem files: strict YAML to a `Problem`. Every mistake a user can write is worded with file and line."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pinn import registry
from pinn.errors import Key, ProblemError, did_you_mean, unknown
from pinn.names import check_names
from pinn.problem import Problem
from pinn.settings import SECTIONS, ProblemFile, checked, make_settings
from pinn.statement import make_problem
from pinn.yaml_text import Lines, override, override_key, parse_yaml, read_text


def load_problem(source: str | Path, overrides: Sequence[str] = (), folder: str = "") -> Problem:
    """Read and check a problem.

    Args:
        source: path of a YAML file, or the name of a shipped or registered problem.
        overrides: ``KEY=VALUE`` texts as of ``--set``, applied to the file before it is checked.
        folder: where relative paths in the file begin; its own folder if not given.

    Returns:
        The problem; the file's solver settings are in ``problem.settings``.

    Raises:
        ProblemError: for anything wrong, with file, line, key, the text as written and the cure.
    """
    path = find(source)
    if path is None:
        return _with_settings(registry.PROBLEMS[str(source)](), overrides)
    return problem_from_text(read_text(path), str(path), overrides, folder or str(path.resolve().parent))


def _with_settings(problem: Problem, overrides: Sequence[str]) -> Problem:
    """Apply changes of settings to a problem built in Python."""
    data = {section: dict(problem.settings.get(section, {})) for section in SECTIONS}
    changed = [override(data, entry, ProblemFile.model_fields) for entry in overrides]
    for key, entry in zip(changed, overrides, strict=True):
        if key[0] not in SECTIONS:
            raise ProblemError(
                "this problem is built in Python; only its settings can be changed.", place=f"--set {entry}"
            )
    changed_problem = replace(problem, settings=data, overrides=tuple(overrides)) if overrides else problem
    try:
        check_names(changed_problem, make_settings(data))
    except ProblemError as error:
        raise error.located(_place(error.key, problem.name, {}, changed, overrides)) from None
    return changed_problem


def find(source: str | Path) -> Path | None:
    """Return the path of a problem file; None for a problem registered in Python.

    Raises:
        ProblemError: if there is no such file or problem.
    """
    path, name = Path(source), str(source)
    try:
        if path.is_file():
            return path
    except OSError as error:
        raise ProblemError(f"cannot be read: {error.strerror}.", place=name[:80]) from None
    if name in registry.PROBLEMS:
        return None
    if name in registry.shipped():
        return registry.shipped()[name]
    names = [*registry.shipped(), *registry.PROBLEMS]
    if path.is_dir():
        raise ProblemError("is a folder; give a problem file.", place=name)
    raise ProblemError(f"no such file, and no problem of that name.{did_you_mean(path.stem, names)}", place=name)


def problem_from_text(text: str, file: str = "problem", overrides: Sequence[str] = (), folder: str = "") -> Problem:
    """Read a problem from the text of a problem file.

    Args:
        text: YAML.
        file: what messages call it.
        overrides: see `load_problem`.
        folder: see `load_problem`.

    Raises:
        ProblemError: see `load_problem`.
    """
    data, lines = parse_yaml(text, file)
    changed = [override(data, entry, ProblemFile.model_fields) for entry in overrides]
    try:
        return _build(data, text, tuple(overrides), folder)
    except ProblemError as error:
        raise error.located(_place(error.key, file, lines, changed, overrides)) from None


def locate(error: ProblemError, problem: Problem, file: str) -> ProblemError:
    """Add file and line, or the ``--set``, to an error found after the problem was read."""
    lines = parse_yaml(problem.text, file)[1] if problem.text else {}
    changed = [override_key(entry, ProblemFile.model_fields) for entry in problem.overrides]
    return error.located(_place(error.key, file, lines, changed, problem.overrides))


def _place(key: Key, file: str, lines: Lines, changed: list[Key], overrides: Sequence[str]) -> str:
    """Say where a key was written: by which --set, or on which line."""
    for target, entry in reversed(list(zip(changed, overrides, strict=True))):
        if key[: len(target)] == target:
            return f"--set {entry}"
    while key and key not in lines:
        key = key[:-1]
    return f"{file}:{lines[key].line}:{lines[key].column}" if key else file


def _build(data: dict[str, Any], text: str, overrides: tuple[str, ...], folder: str) -> Problem:
    file = checked(ProblemFile, data)
    settings = {section: getattr(file, section) for section in SECTIONS}
    checked_settings = make_settings(settings)
    equations = {name: _equation(value, ("equations", name)) for name, value in file.equations.items()}
    conditions = {}
    for name, entry in file.conditions.items():
        for key in entry:
            if key not in ("where", "equation"):
                error = unknown("key", key, ("where", "equation"), ("conditions", name, key))
                torn = any(c in key for c in "=()*/+")  # a comma inside { } ends the text
                error.message += " Text with a comma in it needs quotes inside { }." if torn else ""
                raise error
        conditions[name] = dict(entry)
        if not isinstance(entry.get("where", ""), str):
            raise ProblemError(
                "write where it holds, for example t=0.", ("conditions", name, "where"), str(entry["where"])
            )
        if "equation" in entry:
            conditions[name]["equation"] = _equation(entry["equation"], ("conditions", name, "equation"))
    problem = make_problem(
        file.name,
        file.coordinates,
        file.unknowns,
        equations,
        conditions,
        periodic=file.periodic,
        parameters=file.parameters,
        functions=file.functions,
        means=file.means,
        reference=file.reference,
        invariants=file.invariants,
        title=file.title,
        source=file.source,
        settings=settings,
        text=text,
        overrides=overrides,
        folder=folder,
    )
    check_names(problem, checked_settings)
    return problem


def _equation(value: Any, key: Key) -> Any:
    """Accept text, or the name of a residual of the registry."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and list(value) == ["residual"]:
        if value["residual"] not in registry.RESIDUALS:
            raise unknown("residual", str(value["residual"]), registry.RESIDUALS, (*key, "residual"))
        return registry.RESIDUALS[value["residual"]]
    raise ProblemError(
        "write an equation such as u_t = eps*u_xx, or {residual: NAME} of the registry.", key, str(value)
    )
