"""What the scripts of this folder share: their options, the clock, the grid, and how they report."""

import argparse
import json
import time
from pathlib import Path

import numpy as np

BEGAN = time.perf_counter()  # imports of the solvers come after this one
TIMES, PLACES = np.linspace(0, 1, 201), np.linspace(-1, 1, 512, endpoint=False)
T, X = (a.ravel() for a in np.meshgrid(TIMES, PLACES, indexing="ij"))


def arguments() -> argparse.Namespace:
    """Read the options all scripts have."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, required=True, help="from the start of the script to the last step")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="npy file for u on the grid, (201, 512)")
    return parser.parse_args()


def elapsed() -> float:
    """Return seconds since the script began."""
    return time.perf_counter() - BEGAN


def report(out: Path, u: np.ndarray, steps: int, seconds: float, version: str) -> None:
    """Save u at all points of the grid, and print what `run.py` reads."""
    np.save(out, np.asarray(u, float).reshape(len(TIMES), len(PLACES)))
    print(json.dumps({"steps": steps, "seconds": seconds, "version": version}))
