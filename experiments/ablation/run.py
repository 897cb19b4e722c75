"""What each part of the method is worth: Allen-Cahn with one thing changed at a time, at equal time.

python experiments/ablation/run.py                 everything that is not in results.json yet
python experiments/ablation/run.py --table         only print the table
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from changed import main

RESULTS = Path(__file__).parent / "results.json"
STAGE = "training.stages=[{optimizer: gauss_newton, steps: 5000, %s}]"
CASES = {
    "as shipped": [],
    "no lift: the initial condition is a soft term": ["ansatz.lift=none"],
    "no lift, 10 windows": ["ansatz.lift=none", "training.windows=10"],
    "lift of the heat equation alone (A)": ["ansatz.lift=heat"],
    "no symmetry": ["ansatz.symmetry=false"],
    "what was reached before is no input": ["ansatz.carried=false"],
    "1 window": ["training.windows=1"],
    "3 windows": ["training.windows=3"],
    "6 windows": ["training.windows=6"],
    "lowest loss instead of boldest step": [STAGE % "choose: lowest"],
    "classical damping": ["training.stages=[{optimizer: levenberg_marquardt, steps: 5000}]"],
    "less bold: damping shrinks by 0.1 and grows by 3": [STAGE % "shrink: 0.1, grow: 3"],
    "points redrawn every step": [STAGE % "redraw: 1"],
    "points redrawn every 50 steps": [STAGE % "redraw: 50"],
    "uniform points, no choice by residual": ["sampling.pool=1"],
    "a quarter of the points toward corners": ["sampling.corners=0.25"],
    "points kept while nothing is gained elsewhere": ["sampling.overfit=2"],
    "Latin hypercube": ["sampling.method=latin_hypercube"],
    "1500 points": ["sampling.equations=1500"],
    "6000 points": ["sampling.equations=6000"],
    "width 12": ["network.width=12"],
    "width 24": ["network.width=24"],
}


if __name__ == "__main__":
    main(__doc__, RESULTS, "allen_cahn", CASES, 60)
