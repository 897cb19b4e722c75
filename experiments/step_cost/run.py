"""Where the time of a Gauss-Newton step goes, by part, against params and points; and what derivatives cost.

python experiments/step_cost/run.py                measure, keep the numbers in results.json, print the tables
python experiments/step_cost/run.py --table        only print the tables
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.jet import jet

from pinn import load_problem
from pinn.derivatives import partials
from pinn.optimizers.normal import gram, solve_damped
from pinn.settings import make_settings
from pinn.solution import build_ansatz
from pinn.training.bank import residual_on
from pinn.training.plan import make_plan
from pinn.training.programs import Programs
from pinn.training.state import init_state

RESULTS = Path(__file__).parent / "results.json"
WIDTHS, POINTS = (8, 12, 16, 24, 32), (1000, 2000, 4000, 8000)
WIDTH, COUNT = 16, 3000
PARTS = ("residual", "linearize", "gram", "factor and solve", "step")


def seconds(f: Callable[..., Any], *args: Any, repeat: int = 7) -> float:
    """Return the median time of a compiled call."""
    compiled = jax.jit(f)  # of a compiled function: itself
    jax.block_until_ready(compiled(*args))
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        jax.block_until_ready(compiled(*args))
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def first_window(width: int, points: int) -> tuple[Any, Any, Any, Callable[[Any], Any]]:
    """Return optimizer, params, bank, and bank -> residual function, as Allen-Cahn's first window begins."""
    problem = load_problem("allen_cahn")
    settings = make_settings({"network": {"width": width}, "sampling": {"equations": points}})
    plan = make_plan(problem, settings, build_ansatz(problem, settings))
    state = init_state(plan)
    bank = Programs(plan).bank(state)
    bank = bank.at({place: jnp.arange(points) for place in bank.points})

    def residual(bank: Any) -> Any:
        return residual_on(problem, plan.constraints(), plan.ansatz, settings, state.window, bank)

    return plan.optimizers[0], state.params, bank, residual


def parts(width: int, points: int) -> dict[str, float]:
    """Time the parts of a step of Allen-Cahn's first window at random params; peak memory is that of this process."""
    with jax.enable_x64(True):
        optimizer, params, bank, residual = first_window(width, points)
        jac = jax.jit(lambda p, b: residual(b).linearize(p)[1])(params, bank)
        normal, lam = gram(jac), jnp.asarray(1e-3)
        opt_state = optimizer.init(params)
        return {
            "params": int(jac.shape[1]),
            "points": points,
            "residual": seconds(lambda p, b: residual(b)(p), params, bank),
            "linearize": seconds(lambda p, b: residual(b).linearize(p), params, bank),
            "gram": seconds(gram, jac),
            "factor and solve": seconds(solve_damped, normal, lam, normal[0]),
            "step": seconds(lambda p, s, b: optimizer.step(residual(b), p, s), params, opt_state, bank),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def taylor(f: Callable[[Any], Any], x: Any, order: int) -> Any:
    """Return the derivative of one order along the second coordinate in Taylor mode."""
    line = [jnp.zeros_like(x).at[1].set(1), *(jnp.zeros_like(x) for _ in range(order - 1))]
    return jet(f, (x,), (line,))[1][-1]


def derivatives(order: int) -> dict[str, float]:
    """Time the gradient in the params of the derivative of one order in x, by both ways, alternating."""
    problem, settings = load_problem("allen_cahn"), make_settings({})
    axes = (1,) * order
    with jax.enable_x64(True):
        plan = make_plan(problem, settings, build_ansatz(problem, settings))
        state = init_state(plan)
        points = Programs(plan).bank(state).points["interior"][:COUNT]

        def jacobian(way: Callable[..., Any]) -> Callable[..., Any]:
            def value(params: Any, x: Any) -> Any:
                return way(lambda y: plan.ansatz.trained(params, state.window, y, jnp.zeros(1)), x)[0]

            return jax.jit(jax.vmap(jax.grad(value), (None, 0)))

        ways = jacobian(lambda f, x: partials(f, x, [axes])[axes]), jacobian(lambda f, x: taylor(f, x, order))
        flat = [np.concatenate([np.asarray(x).ravel() for x in jax.tree.leaves(w(state.params, points))]) for w in ways]
        times = [[seconds(w, state.params, points, repeat=1) for w in ways] for _ in range(21)]
        nested_time, taylor_time = np.median(times, axis=0)
        return {
            "order": order,
            "nested": float(nested_time),
            "taylor": float(taylor_time),
            "ratio": float(np.median([a / b for a, b in times])),
            "difference": float(np.abs(flat[0] - flat[1]).max() / np.abs(flat[0]).max()),
        }


LAMBDA = 1e-10  # the damping a run ends with


def step_ways(width: int, points: int) -> list[dict[str, Any]]:
    """Time ways to a step from the same Jacobian, taken after 25 steps, and compare them with singular values."""
    with jax.enable_x64(True):
        optimizer, params, bank, residual = first_window(width, points)
        step = jax.jit(lambda p, s: optimizer.step(residual(bank), p, s)[:2])
        opt_state = optimizer.init(params)
        for _ in range(25):
            params, opt_state = step(params, opt_state)
        r, jac = jax.jit(residual(bank).linearize)(params)
        exact = WAYS["singular values"](jac, r)
        return [
            {
                "way": name,
                "seconds": seconds(way, jac, r),
                "difference": float(jnp.linalg.norm(way(jac, r) - exact) / jnp.linalg.norm(exact)),
            }
            for name, way in WAYS.items()
        ]


def by_singular_values(jac: Any, r: Any) -> Any:
    """Return the damped step from the decomposition of J."""
    u, s, vt = jnp.linalg.svd(jac, full_matrices=False)
    return -vt.T @ (s / (s * s + LAMBDA) * (u.T @ r))


def by_qr(jac: Any, r: Any) -> Any:
    """Return the damped step from the triangular factor of J above sqrt(lambda) I."""
    size = jac.shape[1]
    stacked = jnp.concatenate([jac, LAMBDA**0.5 * jnp.eye(size)])
    q, upper = jnp.linalg.qr(stacked)
    return -jax.scipy.linalg.solve_triangular(upper, q.T @ jnp.concatenate([r, jnp.zeros(size)]))


def by_single_precision(jac: Any, r: Any, repeat: int = 5) -> Any:
    """Return the damped step from a float32 product and factor, corrected with residuals in float64."""
    single, gradient = jac.astype(jnp.float32), jac.T @ r
    normal = single.T @ single + jnp.float32(LAMBDA) * jnp.eye(jac.shape[1], dtype=jnp.float32)
    # Round-off of the product makes it indefinite below this damping.
    shift = jnp.finfo(jnp.float32).eps * jnp.trace(normal)
    factor = jax.scipy.linalg.cho_factor(normal + shift * jnp.eye(jac.shape[1], dtype=jnp.float32))
    move = jnp.zeros_like(gradient)
    for _ in range(repeat):
        left = -gradient - jac.T @ (jac @ move) - LAMBDA * move
        move = move + jax.scipy.linalg.cho_solve(factor, left.astype(jnp.float32)).astype(jac.dtype)
    return move


def by_sketch(jac: Any, r: Any) -> Any:
    """Return the damped step with J^T J of J's rows summed, with random signs, into 2 P rows."""
    place, sign = jax.random.split(jax.random.PRNGKey(0))
    rows = jax.random.randint(place, r.shape, 0, 2 * jac.shape[1])
    signed = jac * jax.random.rademacher(sign, r.shape, jac.dtype)[:, None]
    small = jax.ops.segment_sum(signed, rows, 2 * jac.shape[1])
    return -solve_damped(gram(small), jnp.asarray(LAMBDA), jac.T @ r)


WAYS: dict[str, Callable[..., Any]] = {
    "J^T J by BLAS, Cholesky by LAPACK (used)": lambda j, r: -solve_damped(gram(j), jnp.asarray(LAMBDA), j.T @ r),
    "J^T J by XLA, the same Cholesky": lambda j, r: -solve_damped(j.T @ j, jnp.asarray(LAMBDA), j.T @ r),
    "float32 by XLA, five corrections in float64": by_single_precision,
    "J sketched to 2 P rows": by_sketch,
    "QR of J": by_qr,
    "singular values": by_singular_values,
}


def measure() -> dict[str, Any]:
    """Run each case in a process of its own, so that peak memory is its own."""

    def case(*what: object) -> Any:
        command = [sys.executable, __file__, "--case", json.dumps(what)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    return {
        "cores": os.cpu_count(),
        "width": [case("parts", w, COUNT) for w in WIDTHS],
        "points": [case("parts", WIDTH, n) for n in POINTS],
        "order": [case("derivatives", k) for k in (1, 2, 3, 4)],
        "ways": case("ways", WIDTH, COUNT),
    }


def growth(rows: list[dict[str, float]], key: str, part: str) -> float:
    """Fit the exponent of a part's time in params or points."""
    return float(np.polyfit(np.log([r[key] for r in rows]), np.log([r[part] for r in rows]), 1)[0])


def table(found: dict[str, Any]) -> str:
    """Return the tables in Markdown."""
    lines = ["| params | points | " + " | ".join(f"{p}, ms" for p in PARTS) + " | peak memory |"]
    lines.append("|--:|--:|" + "--:|" * (len(PARTS) + 1))
    for row in found["width"] + found["points"]:
        times = " | ".join(f"{1e3 * row[p]:.1f}" for p in PARTS)
        lines.append(f"| {row['params']} | {row['points']} | {times} | {row['peak_mib']:.0f} MiB |")
    for rows, key in ((found["width"], "params"), (found["points"], "points")):
        exponents = " | ".join(f"{growth(rows, key, p):.1f}" for p in PARTS)
        lines.append(f"| exponent in {key} | | {exponents} | |")
    lines += ["", "| order in x | nested, ms | Taylor, ms | nested / Taylor | largest relative difference |"]
    lines.append("|--:|--:|--:|--:|--:|")
    for row in found["order"]:
        lines.append(
            f"| {row['order']} | {1e3 * row['nested']:.1f} | {1e3 * row['taylor']:.1f} | {row['ratio']:.2f} "
            f"| {row['difference']:.0e} |"
        )
    lines += ["", "| way to a step | ms | relative difference of the step |", "|---|--:|--:|"]
    lines += [f"| {r['way']} | {1e3 * r['seconds']:.0f} | {r['difference']:.0e} |" for r in found.get("ways", [])]
    return "\n".join(lines)


def main() -> None:
    """Measure if asked, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        kind, *numbers = json.loads(options.case)
        print(json.dumps({"parts": parts, "derivatives": derivatives, "ways": step_ways}[kind](*numbers)))
        return
    if not options.table:
        RESULTS.write_text(json.dumps(measure(), indent=1) + "\n")
    print(table(json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    main()
