"""This solver, two others and a classical method on Allen-Cahn: the same machine, the same time, taking turns.

pip install -r experiments/peers/requirements.txt  what the others need
python experiments/peers/run.py                    everything that is not in results/ yet
python experiments/peers/run.py --table            only print the table
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

HERE = Path(__file__).parent
RESULTS = HERE / "results"
SECONDS, SEEDS = 120, 3
TIMES, PLACES = np.linspace(0, 1, 201), np.linspace(-1, 1, 512, endpoint=False)
# name -> script and its options; a script leaves u on the grid, (201, 512), in a file
SOLVERS = {
    "this solver": ["ours.py"],
    "jinns, natural gradient": ["with_jinns.py"],
    "DeepXDE, Adam and L-BFGS": ["with_deepxde.py"],
    "Fourier modes and DOP853": ["spectral.py"],
}


def measure(name: str, seed: int, seconds: int) -> dict:
    """Run one solver once, and judge what it leaves."""
    script, *options = SOLVERS[name]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "u.npy"
        command = [sys.executable, str(HERE / script), *options, "--seconds", str(seconds), "--seed", str(seed)]
        before = os.times()
        ended = subprocess.run([*command, "--out", str(out)], cwd=folder, capture_output=True, text=True)
        after = os.times()
        if ended.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")
        u, told = np.load(out), json.loads(ended.stdout.splitlines()[-1])
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {
        "solver": name, "seed": seed, "budget": seconds, **told, "cpu_seconds": cpu, "cores": os.cpu_count(),
        "relative_l2": relative_l2(u, truth()), "linf": float(np.abs(u - truth()).max()),
    }  # fmt: skip


def truth() -> np.ndarray:
    """Return the reference on the grid, (201, 512)."""
    u = allen_cahn.evaluate(allen_cahn.modes(1e-4, 5.0, TIMES, 4096, 6.25e-4), PLACES)
    u[0] = allen_cahn.initial(PLACES)
    return u


def table() -> str:
    """Return the results as a Markdown table."""
    lines = [
        "| solver | relative L2 error by seed | median | steps | seconds | CPU seconds |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for name in SOLVERS:
        found = [json.loads(p.read_text()) for p in sorted(RESULTS.glob(f"{_slug(name)}-*.json"))]
        if found:
            errors = [r["relative_l2"] for r in found]
            middle = {k: statistics.median(r[k] for r in found) for k in ("steps", "seconds", "cpu_seconds")}
            version = found[0]["version"]
            lines.append(
                f"| {name} ({version}) | {', '.join(f'{e:.1e}' for e in errors)} | {statistics.median(errors):.1e} "
                f"| {middle['steps']:.0f} | {middle['seconds']:.3g} | {middle['cpu_seconds']:.3g} |"
            )
    return "\n".join(lines)


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name.lower())


def main() -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="only print the table")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for seed in range(SEEDS):
        for name in SOLVERS:  # in turn, so that a change of the machine's mood meets all of them
            file = RESULTS / f"{_slug(name)}-{seed}.json"
            if not options.table and not file.exists():
                began = time.perf_counter()
                file.write_text(json.dumps(measure(name, seed, SECONDS), indent=1) + "\n")
                print(f"{name}, seed {seed}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    print(table())


if __name__ == "__main__":
    main()
