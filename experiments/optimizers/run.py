"""Optimizers on Allen-Cahn at equal wall time: the same network, points and lift, one window.

python experiments/optimizers/run.py               everything that is not in results.json yet
python experiments/optimizers/run.py --table       only print the table
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from changed import main

RESULTS = Path(__file__).parent / "results.json"
FIRST_ORDER = {"sgd": 1e-3, "adagrad": 1e-2, "rmsprop": 1e-3, "adam": 1e-3}  # with their learning rates
OTHERS = ("lbfgs", "ssbroyden", "levenberg_marquardt", "gauss_newton")


def stages(options: str) -> list[str]:
    """Return the settings of a run with one window and one optimizer."""
    return ["training.windows=1", f"training.stages=[{{{options}, steps: 1000000, patience: 1000000}}]"]


CASES = {n: stages(f"optimizer: {n}, learning_rate: {rate}") for n, rate in FIRST_ORDER.items()}
CASES |= {n: stages(f"optimizer: {n}") for n in OTHERS}

if __name__ == "__main__":
    main(__doc__, RESULTS, "allen_cahn", CASES, 60)
