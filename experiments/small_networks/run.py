"""What do a QR factor of the Jacobian, and waves of time as inputs, do for small networks?

python experiments/small_networks/run.py            measure what is not in results.json yet, and print the table
python experiments/small_networks/run.py --table    only print the table
python experiments/small_networks/run.py --threads  time a factor on one thread of LAPACK, and on all
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import jax
import jax.numpy as jnp

import pinn
from pinn.optimizers import normal
from pinn.surroundings import lapack_on_one_thread

RESULTS = Path(__file__).parent / "results.json"
SECONDS = 60
PROBLEM = "oscillator"
# Row -> params below which J is factored, waves of time.
ROWS = {
    "as shipped": (normal.SMALL, 2),
    "J^T J instead of a factor of J": (0, 2),
    "no waves": (normal.SMALL, 0),
    "J^T J, no waves": (0, 0),
}


def measure(small: int, waves: int) -> dict:
    """Solve the oscillator, and return what came of it."""
    normal.SMALL = small
    found = pinn.solve(pinn.load_problem(PROBLEM), seconds=SECONDS, ansatz={"waves": waves}).summary
    errors, windows = found["errors"], found["windows"]
    return {
        "relative_l2": max(e["relative_l2"] for e in errors.values()),
        "held_out": found["held_out"]["newton"]["rms"],
        "steps": found["steps"],
        "windows": len(windows) - 1,
        "params": found["params"],
        "seconds": round(found["seconds"]["total"] - found["seconds"]["evaluate"], 1),
    }


def factor_milliseconds() -> float:
    """Return how long a QR factor of 600 rows and 254 columns takes: the median of 51."""
    jac = jax.random.normal(jax.random.PRNGKey(0), (600, 254), dtype=jnp.float64)
    factor, spent = jax.jit(lambda jac: jnp.linalg.qr(jac, mode="r")), []
    for _ in range(52):
        began = time.perf_counter()
        factor(jac).block_until_ready()
        spent.append(time.perf_counter() - began)
    return 1e3 * statistics.median(spent[1:])  # the first one compiles


def time_threads() -> None:
    """Print the time of a factor, one thread and all threads in turn."""
    with jax.enable_x64(True):
        for _ in range(3):
            with lapack_on_one_thread():
                one = factor_milliseconds()
            print(f"one thread {one:.1f} ms, all {factor_milliseconds():.1f} ms")


def main() -> None:
    """Measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="measure nothing")
    parser.add_argument("--threads", action="store_true", help="time a factor instead")
    options = parser.parse_args()
    if options.threads:
        return time_threads()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for row in [] if options.table else [r for r in ROWS if r not in results]:
        results[row] = measure(*ROWS[row])
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print("| | params | windows | steps | seconds | held-out residual | relative L2 error |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for row, r in results.items():
        numbers = f"{r['params']} | {r['windows']} | {r['steps']} | {r['seconds']:.0f}"
        print(f"| {row} | {numbers} | {r['held_out']:.1e} | {r['relative_l2']:.1e} |")


if __name__ == "__main__":
    main()
