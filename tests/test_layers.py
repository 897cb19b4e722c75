"""Imports point down the list of layers, and each third-party package has one home."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "pinn"

# A dotted name is a file of a folder; a folder named alone stands for all of its files.
LAYERS = [
    {"errors", "surroundings", "templates", "faults", "terminals", "blocks"},
    {"files"},
    {"language", "options", "perceptrons", "derivatives", "checkpoint", "yaml_text", "plain", "loggers"},
    {"problem", "networks", "optimizers", "pieces", "trace"},
    {"settings", "fingerprint", "gauge", "sampling", "weights", "training.memory"},
    {"reference", "places"},
    {"consistency"},
    {"statement", "evaluate", "residuals", "runs"},
    {
        "evidence.invariants",
        "evidence.estimate",
        "evidence.bound",
        "evidence.alarms",
        "evidence.jumps",
    },
    {"registry", "findings.symbol", "findings.corners", "names"},
    {"findings.counts"},
    {"findings"},
    {"ansatz.face", "ansatz.features", "ansatz.kinks", "ansatz.linearity"},
    {"ansatz.lift", "ansatz.smoothness", "ansatz.symmetry", "ansatz.scale", "ansatz.rate"},
    {"ansatz.mirrors", "ansatz.blend"},
    {"ansatz.hard", "ansatz.layer"},
    {"ansatz"},
    {"marching"},
    {"config", "pointwise", "evidence.fields", "schema", "training.failure", "training.bank", "training.windows"},
    {"training.plan", "training.jumps", "solution"},
    {"training.state", "training.limits", "grid", "loading"},
    {"training.programs", "training.attempts", "training.targets", "runfolder", "evidence.gather"},
    {"training.stage"},
    {"training.train"},
    {"summary"},
    {"solver", "dynamics"},
    {"report", "export"},
    {"sweep"},
    {"run", "commands"},
    {"__init__", "__main__"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
HOME = {
    "flax": {"networks", "perceptrons", "dynamics"},
    "optax": {"optimizers"},
    "ruamel": {"yaml_text"},
    "pydantic": {"settings"},
    "matplotlib": {"report"},
    "rich": {"report"},
    "tensorboardX": {"loggers"},
    "threadpoolctl": {"surroundings"},
}
WITHOUT_JAX = {
    "config",
    "consistency",
    "errors",
    "evaluate",
    "findings",
    "fingerprint",
    "loggers",
    "options",
    "plain",
    "problem",
    "reference",
    "registry",
    "runs",
    "settings",
    "statement",
    "sweep",
}


def owner_of(module):
    """Return the entry of LAYERS a dotted name of the package belongs to; None if there is none."""
    parts = module.split(".")
    return next((n for n in (".".join(parts[:2]), parts[0]) if n in RANK), None)


def modules():
    """Yield (path, dotted name inside the package); a folder has the name of its __init__.py."""
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield path, ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imports(everywhere=True):
    """Yield (importing module, dotted name) for the imports in the package; the lazy ones too if asked."""
    for path, owner in modules():
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree) if everywhere else tree.body:
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: imports are absolute"
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    is_module = node.module.startswith("pinn") and owner_of(inner.partition(".")[2]) in RANK
                    yield owner, inner if is_module else node.module
            elif isinstance(node, ast.Import):
                yield from ((owner, alias.name) for alias in node.names)


def test_every_module_has_a_layer():
    empty = {"training", "evidence"}  # folders whose files stand in several layers
    found = {owner_of(name) or name for _, name in modules()}
    assert found - empty == set(RANK)


def test_imports_point_down():
    for owner, name in imports():
        package, _, rest = name.partition(".")
        mine, target = owner_of(owner), owner_of(rest)
        if package != "pinn" or target is None:
            continue
        assert target == mine or RANK[target] < RANK[mine], f"{owner} imports {name}"


def test_packages_have_one_home():
    for owner, name in imports():
        package, top = name.partition(".")[0], owner.partition(".")[0]
        assert top in HOME.get(package, {top}), f"{owner} imports {name}"


def test_references_and_reading_do_without_jax():
    for owner, name in imports(everywhere=False):
        assert name.partition(".")[0] != "jax" or owner.partition(".")[0] not in WITHOUT_JAX, f"{owner} imports {name}"


def test_only_the_command_and_the_tests_touch_jax_config():
    for path in PACKAGE.rglob("*.py"):
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        touched = any(ast.unparse(c.func).endswith("config.update") for c in calls)
        assert not touched or path.name == "run.py", path


def test_files_stay_small():
    for path in PACKAGE.rglob("*.py"):
        lines = len(path.read_text().splitlines())
        assert lines <= 250, f"{path.name} has {lines} lines; split it by idea"
