"""Solve the shipped problems, keep what comes out, and write the table: README.md here and docs/gallery.md.

python experiments/gallery/run.py                       everything that is not in results/ yet
python experiments/gallery/run.py kdv wave --seeds 0,1  some problems, some seeds
python experiments/gallery/run.py kdv --again           also what is finished
python experiments/gallery/run.py --table               only write the table, and problems/measured.json, anew

A run that is finished is kept, though its file has changed since: then it is called stale. One that crashed is tried
again.
"""

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pinn.evaluate import total_relative_l2
from pinn.registry import shipped

sys.path.insert(0, str(Path(__file__).parents[1]))
from kept import RESULTS, ROOT, THUMBNAILS, asked, command_of, finished, is_stale, seeds_of, write
from measured import machine, problem_sha256, today, write_measured
from table import write_tables

PATIENCE = 3600  # seconds a run may take after its time, for all that follows training; then it hangs
KEPT = ("reference", "no_reference", "no_estimate", "held_out", "alarms", "notes", "steps", "params", "seconds",
        "versions")  # fmt: skip


def measure(name: str, seconds: float, seed: int, thumbnail: Path | None = None) -> dict[str, Any]:
    """Run the command once, in a process of its own, and return what is kept of it.

    Args:
        name: of a shipped problem.
        seconds: wall time to the last step.
        seed: of network and points.
        thumbnail: where to draw the solution.
    """
    command = command_of(name, seconds, seed)
    said = {"problem": name, "seed": seed, "budget": seconds, "command": command, "machine": machine(),
            "date": today(), "problem_sha256": problem_sha256(shipped()[name])}  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="gallery-", ignore_cleanup_errors=True) as folder:
        out, errors = Path(folder) / "run", Path(folder) / "stderr"
        arguments = [sys.executable, *command.split()[1:], "--quiet", "--out", str(out)]
        with errors.open("w") as stderr:
            memory, code = _wait(
                subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=stderr), seconds + PATIENCE
            )
        if not (out / "summary.json").exists():
            told = f"exit code {code}: " + "\n".join(errors.read_text().splitlines()[-5:])
            return said | {"status": "crashed", "message": told, "relative_l2": None}
        summary = json.loads((out / "summary.json").read_text())
        if thumbnail and (out / "solution.npz").exists():
            from thumbnails import draw

            draw(out / "solution.npz", shipped()[name], thumbnail)
    return said | {"peak_memory_mib": round(memory)} | of_summary(summary)


def of_summary(summary: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a run's summary that is kept: errors by unknown, of all the worst, and what else it says."""
    errors, estimate = summary["errors"], summary["estimate"]
    known = errors and all(e["relative_l2"] is not None for e in errors.values())
    return {
        "status": summary["status"],
        "message": summary["message"],
        "relative_l2": total_relative_l2(errors) if known else None,
        "errors": {n: {k: e[k] for k in ("relative_l2", "linf")} for n, e in errors.items()} if errors else None,
        "estimate": {n: e["relative_l2"] for n, e in estimate.items()} if estimate else None,
        "used": round(summary["seconds"]["total"] - summary["seconds"]["evaluate"], 1),
        "windows": len(summary["windows"]) - 1,
    } | {key: summary[key] for key in KEPT}


def _wait(process: subprocess.Popen, limit: float) -> tuple[float, int | str]:
    """Return the peak memory of a process in MiB and its exit code; kill it where it takes too long or we end."""
    began = time.monotonic()
    try:
        while time.monotonic() - began < limit:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)  # the usage of this process alone
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                return usage.ru_maxrss / 1024, process.returncode
            time.sleep(0.2)
        return 0.0, f"none after {limit:g} s"
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()


def run_all(names: list[str], seconds: float | None, seeds: tuple[int, ...] | None, again: bool) -> list[str]:
    """Run what is missing, the first seed of every problem before the next, and return what crashed."""
    entries, crashed = asked(), []
    planned = [(name, seed) for name in names for seed in (seeds or seeds_of(entries[name]))]
    for name, seed in sorted(planned, key=lambda p: p[1]):
        budget, old = seconds or entries[name]["seconds"], finished(name, seed)
        if old and not again:
            if is_stale(old):
                print(f"{name}, seed {seed}: stale, its file has changed since; --again runs it anew", flush=True)
            elif old["budget"] != budget:
                kept = f"kept is a run of {old['budget']:g} s, not of {budget:g}"
                print(f"{name}, seed {seed}: {kept}; --again runs it anew", flush=True)
            continue
        picture = THUMBNAILS / f"{name}.png"
        wanted = seed == 0 or not picture.exists()
        result = measure(name, budget, seed, picture if wanted else None)
        if result["status"] == "interrupted":
            raise KeyboardInterrupt
        if result["status"] == "crashed" and old:
            print(f"{name}, seed {seed}: crashed, and what was finished is kept:", result["message"], flush=True)
            continue
        write(RESULTS / f"{name}-{seed}.json", json.dumps(result, indent=1) + "\n")
        crashed += [f"{name}, seed {seed}"] if result["status"] == "crashed" else []
        error = result["relative_l2"]
        told = f"{error:.1e} in {result['used']:.0f} s" if error is not None else result["status"]
        print(f"{name}, seed {seed}: {told}", flush=True)
    return crashed


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above zero")
    return seconds


def _seeds(text: str) -> tuple[int, ...]:
    seeds = text.split(",")
    if not all(s.isdecimal() and int(s) < 2**31 for s in seeds):
        raise argparse.ArgumentTypeError(f"{text!r} are no whole numbers from 0 on, with commas in between")
    return tuple(dict.fromkeys(map(int, seeds)))


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("problems", nargs="*", metavar="PROBLEM", help="default: all")
    p.add_argument("--seconds", type=_seconds, help="of each run; default: those of published.yaml")
    p.add_argument("--seeds", type=_seeds, help="such as 0,1,2")
    p.add_argument("--again", action="store_true", help="run what is finished too")
    p.add_argument("--table", action="store_true", help="run nothing")
    return p


def main(arguments: list[str] | None = None) -> None:
    """Run what is missing, and write the tables."""
    options = parser().parse_args(arguments)
    if strangers := set(options.problems) - set(shipped()):
        parser().error(f"unknown problem {', '.join(sorted(strangers))}; known: {', '.join(shipped())}")
    if options.table and (options.problems or options.seconds or options.seeds or options.again):
        parser().error("--table runs nothing, and stands alone")
    crashed: list[str] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the run goes on alone
    try:
        if not options.table:
            crashed = run_all(options.problems or list(shipped()), options.seconds, options.seeds, options.again)
    except KeyboardInterrupt:
        print("stopped; what is finished is kept", file=sys.stderr)
        raise SystemExit(130) from None
    finally:
        write_measured()
        write_tables()
    if crashed:
        raise SystemExit("crashed: " + "; ".join(crashed))


if __name__ == "__main__":
    main()
