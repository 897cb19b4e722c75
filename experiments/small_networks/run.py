"""What do a QR factor of the Jacobian, and waves of time as inputs, do for small networks?

python experiments/small_networks/run.py            measure what is not in results.json yet, and print the table
python experiments/small_networks/run.py --table    only print the table
"""

import argparse
import json
from pathlib import Path

import pinn
from pinn.optimizers import normal

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


def main() -> None:
    """Measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="measure nothing")
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for row in [] if parser.parse_args().table else [r for r in ROWS if r not in results]:
        results[row] = measure(*ROWS[row])
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print("| | params | windows | steps | seconds | held-out residual | relative L2 error |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for row, r in results.items():
        numbers = f"{r['params']} | {r['windows']} | {r['steps']} | {r['seconds']:.0f}"
        print(f"| {row} | {numbers} | {r['held_out']:.1e} | {r['relative_l2']:.1e} |")


if __name__ == "__main__":
    main()
