"""Problem files: strict YAML to a `Problem`. Every mistake a user can write is worded with file and line."""

import io
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.tokens import AliasToken, AnchorToken, TagToken

from pinn import registry
from pinn.errors import Key, ProblemError, did_you_mean, dotted, unknown
from pinn.problem import Problem, make_problem
from pinn.settings import SECTIONS, ProblemFile, checked, make_settings

MAX_BYTES = 200_000
MAX_NESTING = 20
PROBLEM_KEYS = tuple(k for k in ProblemFile.model_fields if k not in SECTIONS)

Lines = dict[Key, int]


def load_problem(source: str | Path, overrides: Sequence[str] = ()) -> Problem:
    """Read and check a problem.

    Args:
        source: path of a YAML file, or the name of a shipped or registered problem.
        overrides: ``KEY=VALUE`` texts as of ``--set``, applied to the file before it is checked.

    Returns:
        The problem; the file's solver settings are in ``problem.settings``.

    Raises:
        ProblemError: for anything wrong, with file, line, key, the text as written and the cure.
    """
    path = find(source)
    if path is None:
        return _with_settings(registry.PROBLEMS[str(source)](), overrides)
    return problem_from_text(_read(path), str(path), overrides)


def _with_settings(problem: Problem, overrides: Sequence[str]) -> Problem:
    """Apply changes of settings to a problem built in Python."""
    data = {section: dict(problem.settings.get(section, {})) for section in SECTIONS}
    changed = [_override(data, entry) for entry in overrides]
    for key, entry in zip(changed, overrides, strict=True):
        if key[0] not in SECTIONS:
            raise ProblemError(
                "this problem is built in Python; only its settings can be changed.", place=f"--set {entry}"
            )
    changed_problem = replace(problem, settings=data, overrides=tuple(overrides)) if overrides else problem
    try:
        _check_names(changed_problem, make_settings(data))
    except ProblemError as error:
        raise error.located(_place(error.key, problem.name, {}, changed, overrides)) from None
    return changed_problem


def find(source: str | Path) -> Path | None:
    """Return the path of a problem file; None for a problem registered in Python.

    Raises:
        ProblemError: if there is no such file or problem.
    """
    path, name = Path(source), str(source)
    if path.is_file():
        return path
    if name in registry.PROBLEMS:
        return None
    if name in registry.shipped():
        return registry.shipped()[name]
    names = [*registry.shipped(), *registry.PROBLEMS]
    if path.is_dir():
        raise ProblemError("is a folder; give a problem file.", place=name)
    raise ProblemError(f"no such file, and no problem of that name.{did_you_mean(path.stem, names)}", place=name)


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProblemError(f"cannot be read: {error.strerror}.", place=str(path)) from None
    if len(data) > 4 * MAX_BYTES:
        raise ProblemError(f"has {len(data)} bytes; a problem file may have {MAX_BYTES} characters.", place=str(path))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProblemError(f"is not UTF-8 text (byte {error.start}).", place=str(path)) from None


def problem_from_text(text: str, file: str = "problem", overrides: Sequence[str] = ()) -> Problem:
    """Read a problem from the text of a problem file.

    Args:
        text: YAML.
        file: what messages call it.
        overrides: see `load_problem`.

    Raises:
        ProblemError: see `load_problem`.
    """
    data, lines = _parse_yaml(text, file)
    changed = [_override(data, entry) for entry in overrides]
    try:
        return _build(data, text, tuple(overrides))
    except ProblemError as error:
        raise error.located(_place(error.key, file, lines, changed, overrides)) from None


def _place(key: Key, file: str, lines: Lines, changed: list[Key], overrides: Sequence[str]) -> str:
    """Say where a key was written: by which --set, or on which line."""
    for target, entry in reversed(list(zip(changed, overrides, strict=True))):
        if key[: len(target)] == target:
            return f"--set {entry}"
    while key and key not in lines:
        key = key[:-1]
    return f"{file}:{lines[key]}" if key else file


def _parse_yaml(text: str, file: str) -> tuple[dict[str, Any], Lines]:
    _check_size(text, file)
    yaml = YAML(typ="rt")
    try:
        for token in yaml.scan(io.StringIO(text)):
            if isinstance(token, (AliasToken, AnchorToken, TagToken)):
                line = token.start_mark.line + 1
                raise ProblemError("anchors, aliases and tags of YAML are not read.", place=f"{file}:{line}")
        tree = yaml.load(text)
    except MarkedYAMLError as error:
        raise _yaml_error(error, file) from None
    except (YAMLError, RecursionError, ValueError) as error:
        reason = "too deeply nested" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        raise ProblemError(f"is not YAML: {reason}.", place=file) from None
    if not isinstance(tree, CommentedMap):
        raise ProblemError("is not a problem file: expected keys such as name, coordinates and equations.", place=file)
    lines: Lines = {}
    return _plain(tree, (), lines, file), lines


def _check_size(text: str, file: str) -> None:
    """Refuse what the YAML reader would take long over."""
    if len(text) > MAX_BYTES:
        raise ProblemError(f"has {len(text)} characters; a problem file may have {MAX_BYTES}.", place=file)
    depth = 0
    for line, content in enumerate(text.splitlines(), 1):
        for character in content:
            depth += (character in "[{") - (character in "]}")
            if depth > MAX_NESTING:
                raise ProblemError("too deeply nested.", place=f"{file}:{line}")


def _yaml_error(error: MarkedYAMLError, file: str) -> ProblemError:
    mark = error.problem_mark or error.context_mark
    place = f"{file}:{mark.line + 1}" if mark else file
    reason = (error.problem or "unreadable").splitlines()[0].rstrip(".")
    if duplicate := re.match(r'found duplicate key "([^"]*)"', reason):
        return ProblemError(f"key {duplicate[1]!r} is given twice.", place=place)
    cure = "Expressions with ', ', ': ' or ' #' in them need quotes." if "expected" in reason else ""
    return ProblemError(f"is not YAML: {reason}. {cure}".rstrip(), place=place)


def _plain(node: Any, key: Key, lines: Lines, file: str) -> Any:
    """Turn YAML nodes into plain dictionaries, lists, text and numbers, and note their lines."""
    if len(key) > MAX_NESTING:
        raise ProblemError("too deeply nested.", key[:3], place=file)
    if isinstance(node, CommentedMap):
        for name in node:
            lines[(*key, name)] = node.lc.key(name)[0] + 1
            if not isinstance(name, str):
                raise ProblemError(f"the key {name!r} needs quotes.", key, place=f"{file}:{lines[(*key, name)]}")
        return {str(name): _plain(value, (*key, name), lines, file) for name, value in node.items()}
    if isinstance(node, CommentedSeq):
        for index in range(len(node)):
            lines[(*key, index)] = node.lc.item(index)[0] + 1
        return [_plain(value, (*key, index), lines, file) for index, value in enumerate(node)]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    raise ProblemError(f"{node!r} is neither text nor a number.", key, place=f"{file}:{lines.get(key, 1)}")


def _override(data: dict[str, Any], entry: str) -> Key:
    """Apply one KEY=VALUE to the file's data, and return the key."""
    place = f"--set {entry}"
    left, equals, right = entry.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z]\w*((\.[A-Za-z]\w*)|(\[\d+\]))*", left.strip(), re.ASCII):
        raise ProblemError("write KEY=VALUE, for example training.seed=1 or parameters.eps=1e-3.", place=place)
    key = tuple(int(n) if n else name for name, n in re.findall(r"([A-Za-z]\w*)|\[(\d+)\]", left))
    if key[0] not in ProblemFile.model_fields:
        raise unknown("key", str(key[0]), ProblemFile.model_fields).located(place)
    try:
        value = _plain(YAML(typ="rt").load(right), key, {}, place)
    except (YAMLError, RecursionError, ValueError):
        raise ProblemError(f"{right!r} cannot be read as a value.", place=place) from None
    target: Any = data
    for part, following in itertools.pairwise(key):
        target = _descend(target, part, following, place)
    last = key[-1]
    if isinstance(target, list) and not (isinstance(last, int) and last < len(target)):
        raise ProblemError(f"there is no entry {last!r}; the list has {len(target)}.", place=place)
    if not isinstance(target, (dict, list)):
        raise ProblemError(f"{dotted(key[:-1])} holds a single value, not keys.", place=place)
    target[last] = value
    return key


def _descend(target: Any, part: str | int, following: str | int, place: str) -> Any:
    if isinstance(target, dict) and isinstance(part, str):
        if target.get(part) is None and isinstance(following, str):
            target[part] = {}
        if part in target:
            return target[part]
    if isinstance(target, list) and isinstance(part, int) and part < len(target):
        return target[part]
    raise ProblemError(f"the file has no entry {part!r} to change.", place=place)


def _build(data: dict[str, Any], text: str, overrides: tuple[str, ...]) -> Problem:
    file = checked(ProblemFile, data)
    settings = {section: getattr(file, section) for section in SECTIONS}
    checked_settings = make_settings(settings)
    equations = {name: _equation(value, ("equations", name)) for name, value in file.equations.items()}
    conditions = {}
    for name, entry in file.conditions.items():
        for key in entry:
            if key not in ("where", "equation"):
                raise unknown("key", key, ("where", "equation"), ("conditions", name, key))
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
        reference=file.reference,
        title=file.title,
        source=file.source,
        settings=settings,
        text=text,
        overrides=overrides,
    )
    _check_names(problem, checked_settings)
    return problem


def _equation(value: Any, key: Key) -> Any:
    """Accept text, a number-free expression, or the name of a residual of the registry."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and list(value) == ["residual"]:
        if value["residual"] not in registry.RESIDUALS:
            raise unknown("residual", str(value["residual"]), registry.RESIDUALS, (*key, "residual"))
        return registry.RESIDUALS[value["residual"]]
    raise ProblemError(
        "write an equation such as u_t = eps*u_xx, or {residual: NAME} of the registry.", key, str(value)
    )


def _check_names(problem: Problem, settings: Any) -> None:
    """Refuse networks, optimizers, samplers, references and options that do not exist."""
    from pinn.networks import check_network
    from pinn.optimizers import check_stage
    from pinn.reference import check_reference
    from pinn.sampling import SAMPLERS

    check_network(settings.network.kind, settings.network.options)
    for index, stage in enumerate(settings.training.stages):
        key = ("training", "stages", index)
        check_stage(stage.optimizer, stage.options, settings.training.loss, key)
    if settings.sampling.method not in SAMPLERS:
        raise unknown("sampling method", settings.sampling.method, SAMPLERS, ("sampling", "method"))
    for name in settings.training.weights:
        if name not in {c.name for c in problem.constraints}:
            raise unknown("constraint", name, [c.name for c in problem.constraints], ("training", "weights", name))
    check_reference(problem)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of our own writing.

    Raises:
        ProblemError: if it is not YAML.
    """
    return _parse_yaml(_read(path), str(path))[0]


def dump_yaml(data: Mapping[str, Any]) -> str:
    """Write plain data as YAML."""
    yaml, stream = YAML(), io.StringIO()
    yaml.dump(dict(data), stream)
    return stream.getvalue()
