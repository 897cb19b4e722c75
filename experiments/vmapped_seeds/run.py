"""Are several seeds of one network shape trained faster together, by vmap, than one after the other?

python experiments/vmapped_seeds/run.py            measure what is not in results.json yet, and print the table
python experiments/vmapped_seeds/run.py --table    only print the table
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from pinn import load_problem
from pinn.settings import make_settings
from pinn.solution import build_ansatz
from pinn.training.bank import residual_on
from pinn.training.plan import make_plan
from pinn.training.programs import Programs
from pinn.training.state import init_state

RESULTS = Path(__file__).parent / "results.json"
SEEDS = (2, 4)
REPEAT = 5
ADAM = {"optimizer": "adam", "steps": 1, "learning_rate": 1e-3}
# Problem, width, stage, points, steps in a call. Below 256 params a step of Gauss-Newton calls no BLAS.
CASES = {
    "adam, width 16": ("allen_cahn", 16, ADAM, 3000, 20),
    "adam, width 8": ("allen_cahn", 8, ADAM, 200, 200),
    "gauss_newton, width 16": ("allen_cahn", 16, {"optimizer": "gauss_newton", "steps": 1}, 3000, 3),
    "gauss_newton, width 8": ("allen_cahn", 8, {"optimizer": "gauss_newton", "steps": 1}, 1000, 3),
}


def seeds_of(problem_name: str, width: int, stage: dict[str, Any], points: int, count: int) -> tuple[Any, ...]:
    """Return optimizer, stacked params and optimizer states, and the residual on the points of the first seed."""
    problem, states = load_problem(problem_name), []
    for seed in range(count):
        settings = make_settings(
            {
                "network": {"width": width},
                "sampling": {"equations": points},
                "training": {"stages": [stage], "seed": seed},
            }
        )
        plan = make_plan(problem, settings, build_ansatz(problem, settings))
        states.append(init_state(plan))
    bank = Programs(plan).bank(states[0])
    bank = bank.at({place: jnp.arange(points) for place in bank.points})
    residual = residual_on(problem, plan.constraints(), plan.ansatz, settings, states[0].window, bank)
    stacked = [
        jax.tree.map(lambda *x: jnp.stack(x), *trees)
        for trees in zip(*((s.params, s.opt_state) for s in states), strict=True)
    ]
    return plan.optimizers[0], *stacked, residual


def stepper(optimizer: Any, residual: Any, steps: int) -> Callable[[Any, Any], Any]:
    """Return (params, optimizer state) -> the same after so many steps, and the last loss."""

    def run(params: Any, state: Any) -> tuple[Any, Any, Any]:
        def step(carry: tuple, _: None) -> tuple:
            params, state, info = optimizer.step(residual, *carry)
            return (params, state), info.loss

        (params, state), losses = jax.lax.scan(step, (params, state), None, length=steps)
        return params, state, losses[-1]

    return run


def seconds(f: Callable[[], Any]) -> float:
    """Return the time of a call."""
    began = time.perf_counter()
    jax.block_until_ready(f())
    return time.perf_counter() - began


def measure(case: str) -> list[dict[str, Any]]:
    """Time steps of several seeds one after the other and together, alternating, on the same points."""
    problem, width, stage, points, steps = CASES[case]
    optimizer, params, states, residual = seeds_of(problem, width, stage, points, max(SEEDS))
    run, rows = stepper(optimizer, residual, steps), []
    alone, together = jax.jit(run), jax.jit(jax.vmap(run))
    for count in SEEDS:
        several = jax.tree.map(lambda x, n=count: x[:n], (params, states))
        single = [jax.tree.map(lambda x, k=k: x[k], several) for k in range(count)]

        def sequential(single: list[Any] = single) -> list[Any]:
            return [alone(*of_seed)[2] for of_seed in single]

        def vmapped(several: Any = several) -> Any:
            return together(*several)[2]

        first, second = jnp.stack(sequential()), vmapped()  # the first calls compile
        pairs = [(seconds(sequential), seconds(vmapped)) for _ in range(REPEAT)]
        rows.append(
            {
                "case": case,
                "params": sum(x[0].size for x in jax.tree.leaves(params)),
                "points": points,
                "seeds": count,
                "sequential": statistics.median(a for a, _ in pairs) / steps,
                "vmapped": statistics.median(b for _, b in pairs) / steps,
                "ratio": statistics.median(a / b for a, b in pairs),
                "difference": float(jnp.max(jnp.abs(first / second - 1))),
                "load": os.getloadavg()[0],
            }
        )
    return rows


def table(found: list[dict[str, Any]]) -> str:
    """Return the table in Markdown."""
    lines = ["| optimizer | params | points | seeds | one after the other, ms | together, ms | gain | difference |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|--:|")
    for r in found:
        lines.append(
            f"| {r['case']} | {r['params']} | {r['points']} | {r['seeds']} | {1e3 * r['sequential']:.1f} "
            f"| {1e3 * r['vmapped']:.1f} | {r['ratio']:.2f} | {r['difference']:.0e} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure if asked, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    for case in CASES:
        if not options.table and case not in {r["case"] for r in found}:
            with jax.enable_x64(True):
                found += measure(case)
            RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(table(found))


if __name__ == "__main__":
    main()
