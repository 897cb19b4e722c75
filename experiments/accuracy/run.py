"""How small an error in how many seconds? Runs the command for several problems and seeds, and keeps the numbers.

python experiments/accuracy/run.py                 everything that is not in results/ yet
python experiments/accuracy/run.py heat burgers    some problems
python experiments/accuracy/run.py --table         only print the table, and write problems/measured.json anew
python experiments/accuracy/run.py --curves        draw errors against seconds, curves.png
python experiments/accuracy/run.py --spectral      a classical spectral solver on Allen-Cahn, for scale
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from pinn.reference import allen_cahn
from pinn.reference.base import relative_l2
from pinn.registry import shipped

sys.path.insert(0, str(Path(__file__).parents[1]))
from measured import machine, problem_sha256, today, write_measured

RESULTS = Path(__file__).parent / "results"
CASES = [
    ("allen_cahn", 180, 5),
    ("heat", 60, 3),
    ("burgers", 180, 3),
    ("kdv", 180, 3),
    ("allen_cahn", 60, 3),
    ("burgers", 60, 3),
    ("allen_cahn", 600, 3),
    ("burgers", 600, 3),
    ("kdv", 600, 3),
]  # problem, seconds, seeds
PUBLISHED = {"allen_cahn": 9.43e-7, "burgers": 8.25e-9, "kdv": 2.17e-6}  # of networks; sources in README.md


def measure(problem: str, seconds: int, seed: int) -> dict:
    """Run the command once, and return its error, times and peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pinn.run", problem, "--seconds", str(seconds), "--seed", str(seed)]
        process = subprocess.Popen([*command, "--out", folder, "--quiet"], cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)  # the usage of this run alone
        if os.waitstatus_to_exitcode(status) != 0:
            raise SystemExit(f"{' '.join(command)} failed")
        summary = json.loads((Path(folder) / "summary.json").read_text())
        first = json.loads((Path(folder) / "log.jsonl").read_text().splitlines()[0])
    return {
        "problem": problem,
        "budget": seconds,
        "seed": seed,
        "relative_l2": summary["errors"]["u"]["relative_l2"],
        "linf": summary["errors"]["u"]["linf"],
        "held_out": summary["held_out"]["pde"]["rms"],
        "steps": summary["steps"],
        "seconds": summary["seconds"],
        "first_step_seconds": first["seconds"],
        "peak_memory_mib": usage.ru_maxrss / 1024,
        "cores": os.cpu_count(),
        "versions": summary["versions"],
        "machine": machine(),
        "date": today(),
        "problem_sha256": problem_sha256(shipped()[problem]),
    }


def results(problem: str, seconds: int | str = "*") -> list[dict]:
    """Return the finished runs of a problem."""
    return [json.loads(p.read_text()) for p in sorted(RESULTS.glob(f"{problem}-{seconds}-*.json"))]


def table() -> str:
    """Return the results as a Markdown table, in the order of `CASES`."""
    lines = [
        "| problem | seconds | relative L2 error by seed | median | worst | first step after | peak memory |",
        "|---|--:|---|--:|--:|--:|--:|",
    ]
    for problem, seconds, _ in CASES:
        found = results(problem, seconds)
        if not found:
            continue
        errors = [r["relative_l2"] for r in found]
        lines.append(
            f"| {problem} | {seconds} | {', '.join(f'{e:.1e}' for e in errors)} | {statistics.median(errors):.1e} "
            f"| {max(errors):.1e} | {max(r['first_step_seconds'] for r in found):.0f} s "
            f"| {max(r['peak_memory_mib'] for r in found):.0f} MiB |"
        )
    return "\n".join(lines)


def curves() -> None:
    """Draw every finished run, and the medians, as errors against seconds."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    for color, problem in enumerate(dict.fromkeys(problem for problem, _, _ in CASES)):
        found = results(problem)
        budgets = sorted({r["budget"] for r in found})
        by_budget = [[r["relative_l2"] for r in found if r["budget"] == b] for b in budgets]
        axes.plot(budgets, [statistics.median(e) for e in by_budget], "-", color=f"C{color}", label=problem)
        axes.plot([r["budget"] for r in found], [r["relative_l2"] for r in found], "o", color=f"C{color}", ms=4)
        if problem in PUBLISHED:
            axes.axhline(PUBLISHED[problem], color=f"C{color}", ls=":", lw=1)
            label = f"published, {problem}"
            axes.text(72, PUBLISHED[problem] * 1.15, label, color=f"C{color}", fontsize=8)
    axes.set(xscale="log", yscale="log", xlabel="seconds", ylabel="relative L2 error", xlim=(45, 700))
    axes.set_xticks([60, 180, 600], ["60", "180", "600"], minor=False)
    axes.xaxis.set_minor_locator(plt.NullLocator())
    axes.legend(frameon=False, fontsize=8, ncols=2)
    axes.grid(alpha=0.3)
    figure.savefig(RESULTS.parent / "curves.png", dpi=120)


def spectral() -> str:
    """Return errors and times of the Fourier solver at several resolutions, as a Markdown table."""
    t, x = np.linspace(0, 1, 201), np.linspace(-1, 1, 512, endpoint=False)

    def solve(n: int, dt: float) -> np.ndarray:
        u = allen_cahn.evaluate(allen_cahn.modes(1e-4, 5.0, t, n, dt), x)
        u[0] = allen_cahn.initial(x)
        return u

    truth = solve(4096, 6.25e-4)
    lines = ["| modes | time step | relative L2 error | seconds |", "|--:|--:|--:|--:|"]
    for n in (256, 512, 1024, 2048):
        began = time.perf_counter()
        error = relative_l2(solve(n, 5e-3), truth)
        lines.append(f"| {n // 2} | 5e-3 | {error:.1e} | {time.perf_counter() - began:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", nargs="*", help="default: all")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--curves", action="store_true")
    parser.add_argument("--spectral", action="store_true")
    options = parser.parse_args()
    if options.spectral:
        print(spectral())
        return
    if options.curves:
        curves()
        return
    known = {problem for problem, _, _ in CASES}
    if strangers := set(options.problems) - known:
        parser.error(f"unknown problem {', '.join(sorted(strangers))}; known: {', '.join(sorted(known))}")
    RESULTS.mkdir(exist_ok=True)
    for problem, seconds, seeds in CASES:
        for seed in range(seeds):
            file = RESULTS / f"{problem}-{seconds}-{seed}.json"
            wanted = not options.problems or problem in options.problems
            if wanted and not options.table and not file.exists():
                file.write_text(json.dumps(measure(problem, seconds, seed), indent=1) + "\n")
    write_measured()
    print(table())


if __name__ == "__main__":
    main()
