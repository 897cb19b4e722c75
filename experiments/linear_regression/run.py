"""What do five optimizers do with the smallest problem there is, a line through ten points?

python experiments/linear_regression/run.py    prints the table, and draws docs/course/linear_regression.png
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from pinn.optimizers import make_optimizer

X = np.arange(10.0)
Y = 2 * X
START = (-1.0, 8.0)  # w, b
STEP = 0.005  # of gradient descent; beyond 2 over the largest curvature, 292, it diverges
STEPS = 3000
NEAR = 1e-3  # of w = 2, b = 0
# Name -> optimizer of the interface that solves differential equations, and its options.
METHODS = {
    "gradient descent": ("sgd", {"learning_rate": STEP}),
    "Adagrad": ("adagrad", {"learning_rate": 1.0}),
    "RMSprop": ("rmsprop", {"learning_rate": 0.02}),
    "Adam": ("adam", {"learning_rate": 0.1}),
    "Gauss-Newton": ("gauss_newton", {}),
}
FIGURE = Path(__file__).parents[2] / "docs" / "course" / "linear_regression.png"


def loss(w, b):
    """Return half the summed squares of w x + b - y, for numbers or arrays w, b of one shape."""
    return 0.5 * ((np.multiply.outer(w, X) + np.asarray(b)[..., None] - Y) ** 2).sum(axis=-1)


def gradient_by_hand(w: float, b: float) -> tuple[float, float]:
    """Return dL/dw = sum (w x + b - y) x and dL/db = sum (w x + b - y)."""
    misfit = w * X + b - Y
    return float(misfit @ X), float(misfit.sum())


def descend_by_hand(steps: int = STEPS) -> np.ndarray:
    """Return the path (steps + 1, 2) of w, b <- w, b - step * gradient."""
    path = [START]
    for _ in range(steps):
        w, b = path[-1]
        dw, db = gradient_by_hand(w, b)
        path.append((w - STEP * dw, b - STEP * db))
    return np.array(path)


def residuals(params: jax.Array) -> jax.Array:
    """Return w x + b - y, (10,), whose half sum of squares is the loss."""
    return params[0] * X + params[1] - Y


def descend(name: str, steps: int = STEPS) -> np.ndarray:
    """Return the path (steps + 1, 2) of one of the `METHODS`."""
    optimizer, options = METHODS[name]
    method, params = make_optimizer(optimizer, options), jnp.array(START)

    def step(carry: tuple, _: None) -> tuple:
        params, state, _ = method.step(residuals, *carry)
        return (params, state), params

    path = jax.lax.scan(step, (params, method.init(params)), None, length=steps)[1]
    return np.concatenate([[START], np.asarray(path)])


def steps_until_near(path: np.ndarray) -> int | None:
    """Return the first step after which w and b stay near their true values; None if they never do."""
    away = np.flatnonzero(np.abs(path - [2.0, 0.0]).max(axis=1) > NEAR)
    return None if away.size and away[-1] == len(path) - 1 else int(away[-1]) + 1 if away.size else 0


def draw(paths: dict[str, np.ndarray], file: Path) -> None:
    """Draw the paths on the loss surface."""
    figure = Figure(figsize=(7, 4.6), layout="constrained")
    ax = figure.subplots()
    w, b = np.meshgrid(np.linspace(-1.8, 3.2, 200), np.linspace(-3, 9.5, 200))
    surface = ax.contourf(w, b, np.log10(loss(w, b) + 1e-3), 24, cmap="Greys")
    figure.colorbar(surface, label="log10 of the loss")
    for (name, path), style in zip(paths.items(), ("o", "s", "^", "d", "x"), strict=True):
        ax.plot(*path[:400].T, marker=style, markersize=2.5, linewidth=1, label=name)
    ax.plot(2, 0, "*", color="white", markeredgecolor="black", markersize=12)
    ax.set(xlabel="w", ylabel="b", xlim=(-1.8, 3.2), ylim=(-3, 9.5))
    ax.legend()
    figure.savefig(file, dpi=110)


def main() -> None:
    """Print the table and draw the figure."""
    jax.config.update("jax_enable_x64", True)
    exact = jax.grad(lambda p: 0.5 * jnp.sum(residuals(p) ** 2))(jnp.array(START))
    print(f"gradient at the start, by hand: {gradient_by_hand(*START)}, by jax: {tuple(map(float, exact))}\n")
    paths = {name: descend(name) for name in METHODS}
    print("| | w | b | loss | steps until both are within 1e-3 |\n|---|--:|--:|--:|--:|")
    for name, path in ({"by hand": descend_by_hand()} | paths).items():
        (w, b), steps = path[-1], steps_until_near(path)
        print(f"| {name} | {w:.6f} | {b:.6f} | {loss(w, b):.1e} | {'never' if steps is None else steps} |")
    apart = np.abs(descend_by_hand() - paths["gradient descent"]).max()
    print(f"\nBy hand and by the interface the paths are {apart:.0e} apart at most.")
    draw(paths, FIGURE)


if __name__ == "__main__":
    main()
