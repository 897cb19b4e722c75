"""What a problem file, and the literature, say of a problem, as cells of a table."""

from typing import Any


def published(entry: dict[str, Any]) -> str:
    """Return a published error, how it was reached, and in whose words."""
    if not (known := entry.get("published")):
        return ""
    parts = [f"{known['error']:.2e}: {known['how']}; {known['source']}"]
    parts += ["*as reported by others*"] if known.get("second_hand") else []
    parts += [f"another problem: {known['differs']}"] if "differs" in known else []
    return "; ".join(parts)


def statement(problem: dict[str, Any]) -> str:
    """Return the functions a problem defines, and its equations, one to a line."""
    definitions = [f"{n} = {text}" for n, text in (problem.get("functions") or {}).items()]
    return texts([*definitions, *problem["equations"].values()])


def texts(equations: Any) -> str:
    """Return equations, one to a line."""
    return "<br>".join(f"`{e if isinstance(e, str) else 'residual ' + e['residual']}`" for e in equations)


def setting(problem: dict[str, Any]) -> str:
    """Return the ranges of a problem's coordinates and the values of its parameters."""
    ranges = [f"`{name}` from {low} to {high}" for name, (low, high) in problem["coordinates"].items()]
    values = [f"`{name} = {short(value)}`" for name, value in (problem.get("parameters") or {}).items()]
    return "; ".join(", ".join(part) for part in (ranges, values) if part)


def short(value: Any) -> str:
    """Write a number with no more digits than it has."""
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def conditions(problem: dict[str, Any]) -> str:
    """Return the conditions of a problem, one to a line; those of one text together."""
    found: dict[str, list[str]] = {}
    for one in (problem.get("conditions") or {}).values():
        found.setdefault(str(one["equation"]), []).append(str(one["where"]))
    lines = [f"`{text}` at {', '.join(f'`{w}`' for w in places)}" for text, places in found.items()]
    means = [f"mean of `{name}` is `{value}`" for name, value in (problem.get("means") or {}).items()]
    return "<br>".join([f"periodic in {c}" for c in problem.get("periodic") or []] + lines + means)
