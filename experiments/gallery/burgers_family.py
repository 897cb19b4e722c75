"""Write problems/burgers_family.npz: Burgers at nine viscosities, by the Cole-Hopf transform.

Run from the root of the project: `python experiments/gallery/burgers_family.py`. It takes a second.
"""

import sys
from pathlib import Path

import numpy as np

from pinn.reference.base import relative_l2
from pinn.reference.burgers import cole_hopf

sys.path.insert(0, str(Path(__file__).parents[1]))
from data_files import write_data

T = np.linspace(0, 1, 21)
X = np.linspace(-1, 1, 201)
N = np.linspace(0.003, 0.05, 9)
ENTRIES = {"t": T, "x": X, "n": N}


def values(step: float) -> np.ndarray:
    """Return u on the grid, (T, X, N), with a step of the trapezoidal rule."""
    return np.stack([cole_hopf(nu, T, X, step) for nu in N], axis=2)


if __name__ == "__main__":
    u = values(0.05)
    size = write_data("burgers_family", **ENTRIES, u=u)
    print(f"burgers_family.npz: {size} bytes, uncertain by {relative_l2(values(0.1), u):.1e}")
