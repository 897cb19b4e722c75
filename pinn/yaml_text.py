"""YAML text to plain data and the lines it stands on, strictly. Only importer of ruamel.yaml."""

import io
import itertools
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.tokens import AliasToken, AnchorToken, TagToken

from pinn.errors import Key, ProblemError, dotted, unknown

MAX_BYTES = 200_000
MAX_NESTING = 20


class Place(NamedTuple):
    """Where in a file something stands, both counted from one."""

    line: int
    column: int


Lines = dict[Key, Place]


def read_text(path: Path) -> str:
    """Read a UTF-8 file of bounded size.

    Raises:
        ProblemError: if it cannot be read, is too large, or is not text.
    """
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


def parse_yaml(text: str, file: str) -> tuple[dict[str, Any], Lines]:
    """Read a mapping.

    Returns:
        Plain data, and the place of every key path's value.

    Raises:
        ProblemError: for what is not YAML, duplicate keys, anchors, tags, or too much nesting; with the line.
    """
    _check_size(text, file)
    yaml = YAML(typ="rt")
    try:
        for token in yaml.scan(io.StringIO(text)):
            if isinstance(token, (AliasToken, AnchorToken, TagToken)):
                at = f"{file}:{token.start_mark.line + 1}:{token.start_mark.column + 1}"
                raise ProblemError("anchors, aliases and tags of YAML are not read.", place=at)
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
    place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
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
            line, column = node.lc.value(name) if node[name] is not None else node.lc.key(name)
            lines[(*key, name)] = Place(line + 1, column + 1)
            if not isinstance(name, str):
                line, column = node.lc.key(name)
                raise ProblemError(f"the key {name!r} needs quotes.", key, place=f"{file}:{line + 1}:{column + 1}")
        return {str(name): _plain(value, (*key, name), lines, file) for name, value in node.items()}
    if isinstance(node, CommentedSeq):
        for index in range(len(node)):
            line, column = node.lc.item(index)
            lines[(*key, index)] = Place(line + 1, column + 1)
        return [_plain(value, (*key, index), lines, file) for index, value in enumerate(node)]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    place = lines.get(key, Place(1, 1))
    raise ProblemError(f"{node!r} is neither text nor a number.", key, place=f"{file}:{place.line}:{place.column}")


def override_key(entry: str, allowed: Collection[str]) -> Key:
    """Read the key of a KEY=VALUE.

    Raises:
        ProblemError: if it is not of that form.
    """
    left, equals, _ = entry.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z]\w*((\.[A-Za-z]\w*)|(\[\d{1,4}\]))*", left.strip(), re.ASCII):
        raise ProblemError(
            "write KEY=VALUE, for example training.seed=1 or parameters.eps=1e-3.", place=f"--set {entry}"
        )
    key = tuple(int(n) if n else name for name, n in re.findall(r"([A-Za-z]\w*)|\[(\d+)\]", left))
    if key[0] not in allowed:
        raise unknown("key", str(key[0]), allowed).located(f"--set {entry}")
    return key


def override(data: dict[str, Any], entry: str, allowed: Collection[str]) -> Key:
    """Apply one KEY=VALUE to the file's data, and return the key.

    Raises:
        ProblemError: if it is not of that form, or the data have no such place.
    """
    place, right = f"--set {entry}", entry.partition("=")[2]
    key = override_key(entry, allowed)
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
    raise ProblemError(f"the file has no entry {part!r} to change; give it as a whole, as in KEY=[...].", place=place)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of our own writing.

    Raises:
        ProblemError: if it is not YAML.
    """
    return parse_yaml(read_text(path), str(path))[0]


def dump_yaml(data: Mapping[str, Any]) -> str:
    """Write plain data as YAML."""
    yaml, stream = YAML(), io.StringIO()
    yaml.dump(dict(data), stream)
    return stream.getvalue()
