"""Are the delta recursions of backpropagation what jax.grad computes?

python experiments/backpropagation/run.py    prints the table, and draws docs/course/backpropagation.png

A feed-forward network a^l = f(z^l), z^l = W^l a^{l-1} + b^l with the cost C = |a^L - y|^2 / 2 has, after Rumelhart,
Hinton & Williams (1986), Nature 323, 533-536,

    delta^L = dC/dz^L = (a^L - y) * f'(z^L)
    delta^l = ((W^{l+1})^T delta^{l+1}) * f'(z^l)
    dC/dW^l = delta^l (a^{l-1})^T,  dC/db^l = delta^l
"""

import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

SIZES = (1, 16, 16, 1)  # input, two hidden layers, output
POINTS = 32
RATE, STEPS = 0.05, 4000
FIGURE = Path(__file__).parents[2] / "docs" / "course" / "backpropagation.png"
Layers = list[tuple[np.ndarray, np.ndarray]]  # W (out, in) and b (out,) of each layer


def init(sizes: tuple[int, ...], seed: int) -> Layers:
    """Draw weights of variance one over the inputs of a layer, and biases of variance one."""
    rng = np.random.default_rng(seed)
    return [(rng.standard_normal((m, n)) / np.sqrt(n), rng.standard_normal(m)) for n, m in itertools.pairwise(sizes)]


def slope(z: np.ndarray) -> np.ndarray:
    """Return f'(z) of f = tanh."""
    return (1 - np.tanh(z)) * (1 + np.tanh(z))


def backpropagate(layers: Layers, x: np.ndarray, y: np.ndarray) -> Layers:
    """Return dC/dW^l and dC/db^l of every layer, of one point x (n,) with the answer y (m,)."""
    a, z = [x], []
    for weights, biases in layers:
        z.append(weights @ a[-1] + biases)
        a.append(np.tanh(z[-1]))
    delta = (a[-1] - y) * slope(z[-1])
    gradients = [(np.outer(delta, a[-2]), delta)]
    for level in range(len(layers) - 2, -1, -1):
        delta = (layers[level + 1][0].T @ delta) * slope(z[level])
        gradients.insert(0, (np.outer(delta, a[level]), delta))
    return gradients


def cost(layers: Layers, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return C of one point, for jax."""
    for weights, biases in layers:
        x = jnp.tanh(weights @ x + biases)
    return 0.5 * jnp.sum((x - y) ** 2)


def difference(sizes: tuple[int, ...], seed: int) -> float:
    """Return how far both gradients are apart at most, relative to the largest entry, at a random point."""
    rng = np.random.default_rng(seed + 1000)
    layers, x, y = init(sizes, seed), rng.standard_normal(sizes[0]), rng.uniform(-1, 1, sizes[-1])
    with jax.enable_x64(True):
        theirs = [np.asarray(t) for t in jax.tree.leaves(jax.grad(cost)(layers, x, y))]
    ours = jax.tree.leaves(backpropagate(layers, x, y))
    largest = max(float(np.abs(t).max()) for t in theirs)
    return max(float(np.abs(o - t).max()) for o, t in zip(ours, theirs, strict=True)) / largest


def train(seed: int, steps: int = STEPS) -> tuple[list[float], Layers]:
    """Fit sin(pi x) / 2 on [-1, 1] by steepest descent, one point after another: W <- W - rate dC/dW, b likewise.

    Returns:
        The mean cost before each round through the points and after the last one, and the layers.
    """
    layers, points = init(SIZES, seed), np.linspace(-1, 1, POINTS)
    rng, costs = np.random.default_rng(seed), [mean_cost(layers, points)]
    for _ in range(steps // POINTS):
        for x in rng.permutation(points):
            gradients = backpropagate(layers, np.array([x]), answer(x))
            layers = [(w - RATE * dw, b - RATE * db) for (w, b), (dw, db) in zip(layers, gradients, strict=True)]
        costs.append(mean_cost(layers, points))
    return costs, layers


def answer(x: float) -> np.ndarray:
    """Return what the network is to say at x."""
    return np.array([0.5 * np.sin(np.pi * x)])


def mean_cost(layers: Layers, points: np.ndarray) -> float:
    """Return the mean of C over points."""
    return float(np.mean([0.5 * np.sum((forward(layers, x) - answer(x)) ** 2) for x in points]))


def forward(layers: Layers, x: float) -> np.ndarray:
    """Return what the network says at x."""
    a = np.array([x])
    for weights, biases in layers:
        a = np.tanh(weights @ a + biases)
    return a


def draw(costs: list[float], layers: Layers, file: Path) -> None:
    """Draw the cost, and what was learned."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.semilogy(costs)
    left.set(xlabel="rounds through the points", ylabel="mean cost")
    x = np.linspace(-1, 1, 201)
    right.plot(x, 0.5 * np.sin(np.pi * x), color="black", label="wanted")
    right.plot(x, [forward(layers, v)[0] for v in x], "--", label="learned")
    right.set(xlabel="x")
    right.legend()
    figure.savefig(file, dpi=110)


def main() -> None:
    """Print the table and draw the figure."""
    print("| layers | largest difference from jax.grad, of ten networks |\n|---|--:|")
    for sizes in ((2, 3, 1), SIZES, (3, 40, 40, 40, 2)):
        print(f"| {', '.join(map(str, sizes))} | {max(difference(sizes, seed) for seed in range(10)):.1e} |")
    costs, layers = train(seed=0)
    print(f"\nMean cost of the fit: {costs[0]:.1e} at first, {costs[-1]:.1e} after {len(costs) - 1} rounds.")
    draw(costs, layers, FIGURE)


if __name__ == "__main__":
    main()
