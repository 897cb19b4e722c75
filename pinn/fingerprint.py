"""A hash of what is solved, by which checkpoints and references know their problem."""

import hashlib
import json

from pinn.language import Residual
from pinn.problem import Problem


def fingerprint(problem: Problem) -> str:
    """Return a hash of what is solved: domain, unknowns, parameters, constraints; not of titles or settings."""
    content = {
        "domain": {c: list(b) for c, b in problem.domain.bounds.items()},
        "periodic": sorted(problem.domain.periodic),
        "unknowns": list(problem.unknowns),
        "parameters": dict(problem.parameters),
        **({"functions": dict(problem.functions)} if problem.functions else {}),
        **({"means": dict(problem.means)} if problem.means else {}),
        "constraints": [[c.name, dict(c.where), _identity(c.residual)] for c in problem.constraints],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _identity(residual: Residual) -> str:
    """Return the text of a residual; for a Python function also a hash of its code, which the text does not show."""
    code = getattr(residual.fn, "__code__", None)
    if residual.tree is not None or code is None:
        return residual.text
    constants = [c for c in code.co_consts if isinstance(c, (int, float, str))]
    return residual.text + hashlib.sha256(repr((code.co_code, code.co_names, constants)).encode()).hexdigest()
