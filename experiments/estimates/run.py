"""How good are the error estimates? Every problem at two accuracies, the estimate beside the true error.

python experiments/estimates/run.py [PROBLEM ...]   run what is not in `results`, and print the table
python experiments/estimates/run.py --table         only print it
python experiments/estimates/run.py --mutations     change every problem file, and say which rung notices
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
# Problem -> changes and the two budgets in seconds.
CASES = {
    "allen_cahn": ([], (40, 120)),
    "burgers": ([], (30, 120)),
    "heat": ([], (10, 30)),
    "kdv": ([], (60, 180)),
    "lorenz": ([], (30, 60)),
    "poisson": ([], (10, 25)),
}


def measure(problem: str, seconds: int) -> dict:
    """Run a problem in a process of its own, and return what its summary says."""
    changes = [part for change in CASES[problem][0] for part in ("--set", change)]
    with tempfile.TemporaryDirectory() as folder:
        out, began = Path(folder) / "run", time.monotonic()
        command = [sys.executable, "-m", "pinn.run", problem, "--seconds", str(seconds), "--quiet", "--out", str(out)]
        subprocess.run(command + changes, check=False, stdout=subprocess.DEVNULL)
        summary = json.loads((out / "summary.json").read_text())
    print(problem, seconds, f"{time.monotonic() - began:.0f} s", flush=True)
    return {
        "problem": problem, "seconds": seconds, "changes": CASES[problem][0], "reference": summary["reference"],
        "errors": {n: e["relative_l2"] for n, e in summary["errors"].items()}, "estimate": summary["estimate"],
        "no_estimate": summary["no_estimate"], "bound": summary["bound"], "no_bound": summary["no_bound"],
        "evaluate_seconds": summary["seconds"]["evaluate"], "alarms": summary["alarms"],
    }  # fmt: skip


def rows() -> list[str]:
    """Return the table: of several unknowns, the one whose estimate is worst."""
    lines = ["| problem | seconds | true error | estimate | estimate/error | uncertain by | bound | bound/error | evidence |",
             "|---|--:|--:|--:|--:|--:|--:|--:|--:|"]  # fmt: skip
    found = [json.loads(file.read_text()) for file in RESULTS.glob("*.json")]
    for r in sorted(found, key=lambda r: (r["problem"], r["seconds"])):
        guesses, errors = r["estimate"] or {}, r["errors"]
        worst = max(errors, key=lambda n: abs(math.log((guesses.get(n) or {}).get("effectivity") or 1.0)))
        guess, most = guesses.get(worst), (r["bound"] or {}).get("relative_l2")
        cells = [r["problem"], r["seconds"], f"{errors[worst]:.1e}"]
        cells += (
            [f"{guess['relative_l2']:.1e}", f"{guess['effectivity']:.2f}", f"{guess['uncertainty']:.0%}"]
            if guess
            else [""] * 3
        )
        cells += [f"{most:.1e}", f"{most / errors[worst]:.0f}"] if most else ["none", ""]
        lines.append("| " + " | ".join(map(str, [*cells, f"{r['evaluate_seconds']:.0f} s"])) + " |")
    return lines


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("problems", nargs="*", default=[], help="default: all")
    options.add_argument("--table", action="store_true")
    options.add_argument("--mutations", action="store_true")
    given = options.parse_args()
    if given.mutations:
        from mutations import table

        print("\n".join(table()))
        return
    RESULTS.mkdir(exist_ok=True)
    for problem in given.problems or CASES:
        for seconds in () if given.table else CASES[problem][1]:
            file = RESULTS / f"{problem}-{seconds}.json"
            if not file.exists():
                file.write_text(json.dumps(measure(problem, seconds), indent=1) + "\n")
    print("\n".join(rows()))


if __name__ == "__main__":
    main()
