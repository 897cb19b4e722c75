"""How wrong is the velocity of a run of cavity_stream? Its error is of the stream function.

python -m pinn.run cavity_stream --seconds 600 --seed 0 --out runs/stream
python experiments/cavity/velocity.py runs/stream

The problem of cavity_regularized is the same, so that u and v of its data are what to compare with.
"""

import sys
from pathlib import Path

import numpy as np

import pinn

DATA = Path(__file__).parents[2] / "problems" / "cavity_regularized.npz"


def main(run: str) -> None:
    """Print the relative L2 errors of u = s_y and v = -s_x, on the grid of the data."""
    solution, data = pinn.load_solution(run), np.load(DATA)
    x, y = np.meshgrid(data["x"], data["y"], indexing="ij")
    for name, found in (("u", solution.s_y(x=x, y=y)), ("v", -solution.s_x(x=x, y=y))):
        print(f"{name} {np.linalg.norm(found - data[name]) / np.linalg.norm(data[name]):.2e}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
