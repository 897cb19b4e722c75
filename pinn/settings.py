"""Settings of the solver: the sections of a problem file that need not be written. Only importer of pydantic."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pinn.errors import Key, ProblemError, did_you_mean

Enforcement = Literal["auto", "hard", "soft"]
LiftKind = Literal["reaction", "heat", "none"]
Positive = Annotated[int, Field(ge=1, le=10**9)]
Waves = Annotated[int, Field(ge=0, le=1000)]
Size = Annotated[float, Field(gt=0, lt=1e12)]


class Section(BaseModel):
    """A section whose keys are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Options(Section):
    """A section with further keys: options of what it names, checked against that thing's own signature."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)

    @property
    def options(self) -> dict[str, Any]:
        """The further keys."""
        return dict(self.model_extra or {})


class AnsatzSettings(Section):
    """How conditions enter: as part of the solution's form (hard) or as terms of the loss (soft)."""

    initial: Enforcement = "auto"
    dirichlet: Enforcement = "auto"
    lift: LiftKind = "reaction"
    symmetry: bool = True
    mirrors: Literal["auto", "none"] | list[str] = "auto"
    carried: Literal["state"] | bool = True
    scale: Literal["auto"] | Size | dict[str, Size] = "auto"
    layer: Literal["auto", "none"] | float = "auto"
    harmonics: Positive = 4
    waves: Waves | dict[str, Waves] = 4
    inputs: list[str] = []


class NetworkSettings(Options):
    """Which network; the further keys are its options, such as width and depth."""

    kind: str = "mlp"


class SamplingSettings(Section):
    """Where residuals are taken: ``equations`` in the interior, ``conditions`` on each face, chosen from a pool."""

    method: str = "sobol"
    equations: Positive = 3000
    conditions: Positive = 1000
    held_out: Positive = 20000
    pool: Positive = 4
    corners: Annotated[float, Field(ge=0, le=1)] = 0.0
    overfit: Annotated[float, Field(ge=0)] = 0.0


class StageSettings(Options):
    """One optimizer for a number of steps; the further keys are its options."""

    optimizer: str
    steps: Positive
    redraw: Positive | None = None
    log_every: Positive | None = None
    patience: Positive | None = None


class TrainingSettings(Section):
    """Stages in sequence, and what ends them early."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    seconds: Annotated[float, Field(gt=0)] | None = 180.0
    precision: Literal["float32", "float64"] = "float64"
    loss: Literal["mean_square", "mean_absolute"] = "mean_square"
    weights: dict[str, Annotated[float, Field(ge=0)]] = {}
    windows: Literal["auto"] | Annotated[int, Field(ge=1, le=10**4)] | list[float] = "auto"
    attempts: Positive = 30
    stages: Annotated[list[StageSettings], Field(min_length=1)] = [StageSettings(optimizer="gauss_newton", steps=5000)]


class TargetSettings(Section):
    """What has been achieved when the run may stop."""

    relative_l2: Annotated[float, Field(gt=0)] | None = None


class EvidenceSettings(Section):
    """Which rungs are climbed that need no reference."""

    estimate: bool = True
    bound: bool = True


class Settings(Section):
    """All settings of a solve."""

    ansatz: AnsatzSettings = AnsatzSettings()
    network: NetworkSettings = NetworkSettings()
    sampling: SamplingSettings = SamplingSettings()
    training: TrainingSettings = TrainingSettings()
    target: TargetSettings = TargetSettings()
    evidence: EvidenceSettings = EvidenceSettings()


SECTIONS = tuple(Settings.model_fields)


def make_settings(*layers: Mapping[str, Any]) -> Settings:
    """Merge layers of settings, later ones winning key by key, and check the result.

    Args:
        layers: nested dictionaries such as ``{"training": {"seed": 1}}``.

    Returns:
        The settings with defaults filled in.

    Raises:
        ProblemError: with the key at fault, for an unknown key, a wrong type or a value out of range.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        _merge(merged, layer)
    return checked(Settings, merged)


def _merge(into: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def checked(model: type[BaseModel], data: Any) -> Any:
    """Validate data against a model, and word the first mistake.

    Raises:
        ProblemError: with key, text and cure.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _worded(model, data, error) from None


KINDS = {  # branches of a union
    "int_type": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "bool_type": "true or false",
}


def _worded(model: type[BaseModel], data: Any, error: ValidationError) -> ProblemError:
    errors = error.errors(include_url=False)
    # Of a union's branches, the one whose kind of value was meant says most.
    here = [e for e in errors if e["loc"][:2] == errors[0]["loc"][:2]]
    problem = max(here, key=lambda e: (not _other_kind(e), len(e["loc"])))
    # A union adds the name of its branch to the location; it is not a key of the file.
    key = tuple(part for part in problem["loc"] if isinstance(part, int) or _is_key(data, problem["loc"], part))
    key = tuple(part for part in key if isinstance(part, int) or "[" not in part)
    if problem["type"] == "extra_forbidden":
        allowed = _fields_at(model, key[:-1])
        return ProblemError(f"unknown key {key[-1]!r}.{did_you_mean(str(key[-1]), allowed)}", key)
    if problem["type"] == "missing":
        return ProblemError(f"the key {problem['loc'][-1]!r} is missing.", key)
    written = problem["input"]
    text = written if isinstance(written, str) else repr(written)
    if problem["type"] == "model_type":
        return ProblemError(f"expected keys and values, one a line; got {text}.", key)
    reason = problem["msg"].replace("Input should be", "should be")
    for python, plain in {
        "a valid ": "a ",
        "a string": "text",
        "a integer": "a whole number",
        "a dictionary": "keys and values",
        "less than 2147483648": "less than 2**31",
    }.items():
        reason = reason.replace(python, plain)
    hint = ""
    if problem["type"] == "literal_error":
        allowed = str(problem["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        allowed += [KINDS[e["type"]] for e in errors if e["loc"][:-1] == problem["loc"][:-1] and e["type"] in KINDS]
        hint = did_you_mean(text, allowed)
        return ProblemError(f"unknown value.{hint}", key, text)
    if key == ("unknowns",):
        hint = " Write their names, as in [u]; a complex unknown is two real ones, such as [u, v] for u + i v."
    return ProblemError(f"{reason}.{hint}", key, text)


def _other_kind(error: Mapping[str, Any]) -> bool:
    return str(error["type"]).endswith(("literal_error", "_type", "_parsing"))


def _is_key(data: Any, loc: Key, part: str) -> bool:
    """Say whether a part of an error's location is a key of the data rather than of the union's making."""
    for step in loc[: loc.index(part)]:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            continue
    return isinstance(data, Mapping) and (part in data or loc[-1] == part)


def _fields_at(model: type[BaseModel], key: Key) -> list[str]:
    """List the keys allowed in the section a key path leads to."""
    for part in key:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        while get_args(annotation):
            annotation = get_args(annotation)[0]
        model = annotation
    return list(model.model_fields)


class ProblemFile(Section):
    """The keys of a problem file, before their contents are read."""

    name: str
    title: str = ""
    source: str = ""
    coordinates: dict[str, Any]
    periodic: list[str] = []
    unknowns: list[str]
    parameters: dict[str, Any] = {}
    functions: dict[str, str | float] = {}
    equations: dict[str, Any]
    conditions: dict[str, dict[str, Any]] = {}
    reference: dict[str, Any] | None = None
    means: dict[str, Any] = {}
    invariants: dict[str, str] = {}
    ansatz: dict[str, Any] = {}
    network: dict[str, Any] = {}
    sampling: dict[str, Any] = {}
    training: dict[str, Any] = {}
    target: dict[str, Any] = {}
    evidence: dict[str, Any] = {}
