"""Imports point down the list of layers, and each third-party package has one home."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "pinn"

LAYERS = [
    {"errors", "surroundings"},
    {"language", "options", "derivatives", "checkpoint", "yaml_text"},
    {"problem", "networks", "optimizers", "pieces"},
    {"settings", "fingerprint", "sampling", "weights", "memory"},
    {"reference"},
    {"statement", "invariants", "estimate", "bound", "alarms", "fields"},
    {"face", "residuals", "evaluate", "features", "kinks", "linearity"},
    {"registry", "symbol", "corners"},
    {"findings"},
    {"lift", "smoothness", "symmetry", "failure", "names"},
    {"hard", "layer"},
    {"ansatz"},
    {"bank", "windows", "config"},
    {"plan"},
    {"state", "solution"},
    {"programs", "grid", "runfolder", "attempts", "targets", "evidence"},
    {"train"},
    {"solver"},
    {"report"},
    {"run", "check", "verify"},
    {"__init__", "__main__"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
HOME = {
    "flax": {"networks"},
    "optax": {"optimizers"},
    "ruamel": {"yaml_text"},
    "pydantic": {"settings"},
    "matplotlib": {"report"},
    "rich": {"report"},
}
WITHOUT_JAX = {
    "config",
    "errors",
    "evaluate",
    "fingerprint",
    "options",
    "problem",
    "reference",
    "registry",
    "settings",
    "statement",
}


def imports(everywhere=True):
    """Yield (importing module, dotted name) for the imports in the package; the lazy ones too if asked."""
    for path in PACKAGE.rglob("*.py"):
        owner = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree) if everywhere else tree.body:
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: imports are absolute"
                if node.module == "pinn":
                    yield from ((owner, f"pinn.{alias.name}") for alias in node.names)
                else:
                    yield owner, node.module
            elif isinstance(node, ast.Import):
                yield from ((owner, alias.name) for alias in node.names)


def test_every_module_has_a_layer():
    found = {p.relative_to(PACKAGE).parts[0].removesuffix(".py") for p in PACKAGE.rglob("*.py")}
    assert found == set(RANK)


def test_imports_point_down():
    for owner, name in imports():
        package, _, rest = name.partition(".")
        target = rest.split(".")[0]
        if package != "pinn" or target not in RANK:
            continue
        assert target == owner or RANK[target] < RANK[owner], f"{owner} imports {name}"


def test_packages_have_one_home():
    for owner, name in imports():
        package = name.partition(".")[0]
        assert owner in HOME.get(package, {owner}), f"{owner} imports {name}"


def test_references_and_reading_do_without_jax():
    for owner, name in imports(everywhere=False):
        assert name.partition(".")[0] != "jax" or owner not in WITHOUT_JAX, f"{owner} imports {name}"


def test_only_the_command_and_the_tests_touch_jax_config():
    for path in PACKAGE.rglob("*.py"):
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        touched = any(ast.unparse(c.func).endswith("config.update") for c in calls)
        assert not touched or path.name == "run.py", path


def test_files_stay_small():
    for path in PACKAGE.rglob("*.py"):
        lines = len(path.read_text().splitlines())
        assert lines <= 250, f"{path.name} has {lines} lines; split it by idea"
