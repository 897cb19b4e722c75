"""The JSON schema of a problem file, for editors: keys, types, choices and what they mean.

Types, ranges and defaults come from `pinn.settings`, choices and options from the tables of networks, optimizers,
samplers and references, descriptions from the tables of problems/README.md. It says less than `pinn check`: it knows
nothing of equations.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args, get_origin

from pinn.options import keyword_options
from pinn.registry import shipped_folder
from pinn.settings import SECTIONS, ProblemFile, Settings
from pinn.statement import NAME

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
CONSTANT = {"type": ["number", "string"]}  # a number, or arithmetic such as 0.01/pi
EQUATION = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"residual": {"type": "string"}},
            "required": ["residual"],
            "additionalProperties": False,
        },
    ]
}
# What settings.py leaves open, since statement.py words those mistakes better.
CONTENTS: dict[str, Schema] = {
    "name": {"type": "string", "pattern": f"^{NAME}$"},
    "coordinates": {
        "type": "object",
        "propertyNames": {"pattern": "^[A-Za-z]$"},
        "additionalProperties": {"type": "array", "items": CONSTANT, "minItems": 2, "maxItems": 2},
        "minProperties": 1,
    },
    "periodic": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    "unknowns": {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 1},
    "parameters": {"type": "object", "additionalProperties": CONSTANT},
    "means": {"type": "object", "additionalProperties": CONSTANT},
    "equations": {"type": "object", "additionalProperties": EQUATION, "minProperties": 1},
    "conditions": {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "properties": {"where": {"type": "string"}, "equation": EQUATION},
            "required": ["where", "equation"],
            "additionalProperties": False,
        },
    },
}
# References with keys of their own; those of formulas are the unknowns.
REFERENCES: dict[str, Schema] = {
    "exact": {"additionalProperties": CONSTANT},
    "manufactured": {"additionalProperties": CONSTANT},
    "file": {
        "properties": {
            "path": {"type": "string"},
            "uncertainty": {"type": "number"},
            "unknowns": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        },
        "required": ["path"],
        "additionalProperties": False,
    },
}

# Of a stage, which the file format describes in a sentence of its own.
STAGE = {
    "optimizer": "One of ours, or of optax by its name",
    "steps": "How many steps at most",
    "redraw": "Steps between new points",
    "log_every": "Steps between lines of the log",
    "patience": "Steps without a halving of the loss after which the stage ends",
}


def schema() -> Schema:
    """Return the JSON schema (draft 2020-12) of a problem file.

    Imports jax, for the tables of networks and optimizers.
    """
    keys, settings = ProblemFile.model_json_schema(), Settings.model_json_schema()
    keys["properties"] |= CONTENTS | {"reference": _reference()}
    keys["properties"] |= {section: settings["properties"][section] for section in SECTIONS}
    definitions = settings["$defs"]
    _fill(definitions)
    _describe(keys, definitions, described())
    out = {"$schema": DIALECT, **keys, "title": "A problem file of pinn", "$defs": definitions}
    return _without_titles(out)


def described() -> dict[str, str]:
    """Return what each key means, from the tables of the file format; empty if that page was not installed."""
    folder = shipped_folder()
    page = folder / "README.md" if folder else None
    if page is None or not page.is_file():
        return {}
    rows = re.findall(r"^\| (`[^|]+) \| [^|]+ \| [^|]+ \|([^|]*)\|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    found = {key: meaning.strip() for names, meaning in rows for key in re.findall(r"`([^`]+)`", names)}
    return {key: meaning[:1].upper() + meaning[1:] for key, meaning in found.items() if meaning}


def _fill(definitions: dict[str, Schema]) -> None:
    """Put the names and options of the tables where settings.py has any text and further keys."""
    from pinn.networks import NETWORKS
    from pinn.optimizers import OPTIMIZERS, optax_optimizers
    from pinn.sampling import SAMPLERS

    definitions["SamplingSettings"]["properties"]["method"]["enum"] = sorted(SAMPLERS)
    networks = {kind: _own_options(network.__init__) for kind, network in NETWORKS.items()}
    _by_name(definitions["NetworkSettings"], "kind", networks, default="mlp")
    stages = {name: _own_options(optimizer) for name, optimizer in OPTIMIZERS.items()}
    stages |= {name: _optax_options(fn) for name, fn in optax_optimizers().items()}
    _by_name(definitions["StageSettings"], "optimizer", stages)
    for key, meaning in STAGE.items():
        definitions["StageSettings"]["properties"][key]["description"] = meaning


def _by_name(section: Schema, key: str, options: Mapping[str, Schema], default: str = "") -> None:
    """Allow in a section the options of what its key names, and no others."""
    common = dict.fromkeys(section["properties"], True)
    section["properties"][key]["enum"] = list(options)
    section["properties"] |= {n: True for own in options.values() for n in own if n not in common}
    section["additionalProperties"] = False
    section["allOf"] = [
        {
            # Without the key it is the default that is meant.
            "if": {"properties": {key: {"const": name}}, "required": [] if name == default else [key]},
            "then": {"properties": common | own, "additionalProperties": False},
        }
        for name, own in options.items()
    ]


def _own_options(fn: Callable[..., Any]) -> Schema:
    """Return the options of a network or an optimizer of our own, by their annotations."""
    return {name: _typed(annotation) for name, annotation in keyword_options(fn).items()}


def _typed(annotation: Any) -> Schema:
    if get_origin(annotation) is Literal:
        return {"enum": list(get_args(annotation))}
    return {"type": "integer" if annotation is int else "number", "exclusiveMinimum": 0}


def _optax_options(fn: Callable[..., Any]) -> Schema:
    """Return the options of an optimizer of optax by name; a learning rate may be a schedule."""
    rate = {"anyOf": [{"type": "number"}, {"type": "object", "required": ["schedule"]}]}
    return {name: rate if name == "learning_rate" else True for name in inspect.signature(fn).parameters}


def _reference() -> Schema:
    from pinn.reference import KINDS, NONE

    kinds = [*KINDS, NONE]
    return {
        "type": "object",
        "properties": {"kind": {"enum": kinds}},
        "required": ["kind"],
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}},
                "then": _with_kind(REFERENCES.get(kind, {"additionalProperties": False})),
            }
            for kind in kinds
        ],
    }


def _with_kind(form: Schema) -> Schema:
    return form | {"properties": {"kind": True} | form.get("properties", {})}


def _describe(keys: Schema, definitions: dict[str, Schema], meanings: Mapping[str, str]) -> None:
    """Put what a key means beside it; pydantic has put the docstring of each section there."""
    keys["description"] = "What is solved, and how. The file is the whole problem; nothing in it is executed."
    for key, entry in keys["properties"].items():
        if key in meanings:
            entry["description"] = meanings[key]
    for section in SECTIONS:
        model = definitions[keys["properties"][section]["$ref"].rpartition("/")[2]]
        keys["properties"][section] = {"$ref": keys["properties"][section]["$ref"]}
        for key, entry in model["properties"].items():
            if f"{section}.{key}" in meanings:
                entry = model["properties"][key] = {} if entry is True else entry
                entry["description"] = meanings[f"{section}.{key}"]


def _without_titles(node: Any) -> Any:
    """Leave out pydantic's titles of single keys, which repeat the key."""
    if isinstance(node, list):
        return [_without_titles(part) for part in node]
    if not isinstance(node, dict):
        return node
    keys: Iterable[str] = (k for k in node if not (k == "title" and "type" in node and "properties" not in node))
    return {k: _without_titles(node[k]) for k in keys}
