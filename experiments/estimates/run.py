"""How good are the error estimates? Every problem at two accuracies, the estimate beside the true error.

python experiments/estimates/run.py [PROBLEM ...]   run what is not in `results`, and print the table
python experiments/estimates/run.py --table         only print it
python experiments/estimates/run.py --references    references made from the file beside special ones
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
FIRST_TURN = ("coordinates.t=[0, 0.4]", "training.windows=5")
# Problem -> two runs, the second to a higher accuracy: seconds, and what is changed in the file.
CASES = {
    "allen_cahn": ((40, ()), (120, ())),
    "burgers": ((30, ()), (120, ())),
    "heat": ((10, ("network.width=4",)), (20, ())),
    "kdv": ((90, ()), (180, ())),
    "lorenz": ((45, (*FIRST_TURN, "network.width=6")), (45, FIRST_TURN)),
    "poisson": ((15, ("network.width=5",)), (15, ())),
}


def measure(problem: str, seconds: int, changes: tuple[str, ...]) -> dict:
    """Run a problem in a process of its own, and return what its summary says."""
    options = [part for change in changes for part in ("--set", change)]
    with tempfile.TemporaryDirectory() as folder:
        out, began = Path(folder) / "run", time.monotonic()
        command = [sys.executable, "-m", "pinn.run", problem, "--seconds", str(seconds), "--quiet", "--out", str(out)]
        subprocess.run(command + options, check=False, stdout=subprocess.DEVNULL)
        summary = json.loads((out / "summary.json").read_text())
    print(problem, seconds, f"{time.monotonic() - began:.0f} s", flush=True)
    return {
        "problem": problem, "seconds": seconds, "changes": list(changes), "reference": summary["reference"],
        "errors": {n: e["relative_l2"] for n, e in summary["errors"].items()}, "estimate": summary["estimate"],
        "no_estimate": summary["no_estimate"], "bound": summary["bound"], "no_bound": summary["no_bound"],
        "evaluate_seconds": summary["seconds"]["evaluate"], "alarms": summary["alarms"],
    }  # fmt: skip


def references() -> list[str]:
    """Return a table of references made from the file, beside exact and special ones."""
    from pinn.config import load_problem
    from pinn.reference import KINDS, kind_of, spectral
    from pinn.reference.base import grid_of, relative_l2

    lines = ["| problem | judge | difference | stated uncertainty | method | seconds |", "|---|---|--:|--:|---|--:|"]
    for name in ("allen_cahn", "burgers", "heat", "kdv", "poisson"):
        problem = load_problem(name)
        grid, began = grid_of(problem.domain), time.monotonic()
        made = spectral.solve(problem, grid)
        took, kind = time.monotonic() - began, kind_of(problem)
        apart = relative_l2(made.values["u"], KINDS[kind].solve(problem, grid).values["u"])
        lines.append(f"| {name} | {kind} | {apart:.1e} | {made.uncertainty:.1e} | {made.method} | {took:.1f} |")
        print(lines[-1], flush=True)
    return lines


def rows() -> list[str]:
    """Return the table: of several unknowns, the one whose estimate is worst."""
    heads = (
        "problem, seconds, changed, true error, estimate, estimate/error, uncertain by, bound, bound/error, evidence"
    )
    lines = [f"| {heads.replace(', ', ' | ')} |", "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|"]
    found = [json.loads(file.read_text()) for file in RESULTS.glob("*.json")]
    for r in sorted(found, key=lambda r: (r["problem"], -max(r["errors"].values()))):
        guesses, errors = r["estimate"] or {}, r["errors"]
        worst = max(errors, key=lambda n: abs(math.log((guesses.get(n) or {}).get("effectivity") or 1.0)))
        guess, most = guesses.get(worst), (r["bound"] or {}).get("relative_l2")
        cells = [r["problem"], r["seconds"], ", ".join(r["changes"]), f"{errors[worst]:.1e}"]
        cells += (
            [f"{guess['relative_l2']:.1e}", f"{guess['effectivity']:.2f}", f"{guess['uncertainty']:.0%}"]
            if guess
            else [""] * 3
        )
        # The bound is of every unknown, so of the one with the largest error.
        cells += [f"{most:.1e}", f"{most / max(errors.values()):.1f}"] if most else ["none", ""]
        lines.append("| " + " | ".join(map(str, [*cells, f"{r['evaluate_seconds']:.0f} s"])) + " |")
    return lines


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("problems", nargs="*", default=[], help="default: all")
    options.add_argument("--table", action="store_true")
    options.add_argument("--mutations", action="store_true")
    options.add_argument("--references", action="store_true")
    given = options.parse_args()
    if given.mutations:
        from mutations import table

        print("\n".join(table()))
        return
    if given.references:
        print("\n".join(references()))
        return
    RESULTS.mkdir(exist_ok=True)
    for problem in given.problems or CASES:
        for index, (seconds, changes) in enumerate(() if given.table else CASES[problem]):
            file = RESULTS / f"{problem}-{index}.json"
            if not file.exists():
                file.write_text(json.dumps(measure(problem, seconds, changes), indent=1) + "\n")
    print("\n".join(rows()))


if __name__ == "__main__":
    main()
