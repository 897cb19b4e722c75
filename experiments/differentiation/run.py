"""Symbolic, numerical, automatic: how exact is each way to differentiate, and what does it cost?

python experiments/differentiation/run.py    prints the tables, and draws docs/course/differences.png and cost.png
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from pinn.language import evaluate, parse
from pinn.language.calculus import differentiate, write
from pinn.language.simplify import simplify
from pinn.language.tree import numpy_functions
from pinn.trace import trace

TEXT, AT = "exp(sin(x**2))", 1.3
STEPS = 10.0 ** np.arange(-16, 0.01, 0.25)  # h of the differences
INPUTS = (1, 4, 16, 64, 256, 1024)  # numbers of variables whose gradient is timed
FOLDER = Path(__file__).parents[2] / "docs" / "course"


def value(x: float) -> float:
    """Return the function."""
    return float(evaluate(parse(TEXT), {"x": np.float64(x)}, numpy_functions()))


def exact(x: float) -> float:
    """Return its derivative, worked out on paper."""
    return float(np.exp(np.sin(x * x)) * np.cos(x * x) * 2 * x)


def forward_difference(x: float, h: float) -> float:
    """Return (f(x + h) - f(x)) / h; its truncation error is h f''/2."""
    return (value(x + h) - value(x)) / h


def centred_difference(x: float, h: float) -> float:
    """Return (f(x + h) - f(x - h)) / 2 h; its truncation error is h^2 f'''/6."""
    return (value(x + h) - value(x - h)) / (2 * h)


def errors_of_differences() -> dict[str, np.ndarray]:
    """Return the relative error of both for each of the `STEPS`."""
    return {
        name: np.array([abs(rule(AT, h) / exact(AT) - 1) for h in STEPS])
        for name, rule in (("forward", forward_difference), ("centred", centred_difference))
    }


def ways() -> dict[str, tuple[float, str]]:
    """Return the derivative by each way, and how it was found."""
    symbolic = simplify(differentiate(parse(TEXT), "x"))
    found, differences = trace(TEXT, {"x": AT}), errors_of_differences()
    best = {name: STEPS[np.nanargmin(e)] for name, e in differences.items()}
    return {
        "symbolic": (float(evaluate(symbolic, {"x": np.float64(AT)}, numpy_functions())), write(symbolic)),
        "forward difference": (forward_difference(AT, best["forward"]), f"h = {best['forward']:.0e}, the best"),
        "centred difference": (centred_difference(AT, best["centred"]), f"h = {best['centred']:.0e}, the best"),
        "automatic, forward": (found.tangent[-1].value, f"{found.counts['forward']} operations, with the value"),
        "automatic, reverse": (found.gradient["x"], f"{found.counts['reverse']} operations, with the value"),
    }


def sum_of_waves(x: jax.Array) -> jax.Array:
    """Return a function of n variables that all of them enter twice."""
    return jnp.sum(jnp.sin(x) * jnp.exp(-(jnp.roll(x, 1) ** 2)))


def by_differences(x: jax.Array, h: float = 6e-6) -> jax.Array:
    """Return the gradient by centred differences, 2 n evaluations."""
    steps = h * jnp.eye(x.size)
    return jax.vmap(lambda s: (sum_of_waves(x + s) - sum_of_waves(x - s)) / (2 * h))(steps)


GRADIENTS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "one reverse sweep": jax.grad(sum_of_waves),
    "n forward sweeps": jax.jacfwd(sum_of_waves),
    "centred differences": by_differences,
}


def seconds_of(f: Callable[[jax.Array], jax.Array], x: jax.Array, rounds: int = 21) -> float:
    """Return the median time of a call, of many in a row so that the call itself does not count."""
    compiled = jax.jit(lambda x: jax.lax.fori_loop(0, 20, lambda _, x: x + 1e-9 * f(x), x))
    compiled(x).block_until_ready()
    spent = []
    for _ in range(rounds):
        began = time.perf_counter()
        compiled(x).block_until_ready()
        spent.append((time.perf_counter() - began) / 20)
    return statistics.median(spent)


def costs() -> dict[str, list[float]]:
    """Return the time of each gradient in evaluations of the function, by number of variables."""
    found: dict[str, list[float]] = {name: [] for name in GRADIENTS}
    for n in INPUTS:
        x = jnp.linspace(0.1, 1.0, n)
        once = seconds_of(lambda x: sum_of_waves(x) * jnp.ones_like(x), x)
        for name, gradient in GRADIENTS.items():
            found[name].append(seconds_of(gradient, x) / once)
    return found


def draw_differences(file: Path) -> None:
    """Draw the errors of differences against h, with the two lines they lie on."""
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    ax = figure.subplots()
    for (name, errors), color in zip(errors_of_differences().items(), ("tab:blue", "tab:orange"), strict=True):
        ax.loglog(STEPS, np.maximum(errors, 1e-17), ".-", color=color, label=f"{name} difference")
    eps = np.finfo(float).eps
    ax.loglog(STEPS, eps / STEPS, ":", color="gray", label="round-off, eps / h")
    ax.loglog(STEPS, STEPS, "--", color="tab:blue", alpha=0.5, label="truncation, h")
    ax.loglog(STEPS, STEPS**2, "--", color="tab:orange", alpha=0.5, label="truncation, h squared")
    ax.axhline(eps, color="black", linewidth=0.8, label="symbolic and automatic")
    ax.set(xlabel="h", ylabel="relative error", ylim=(1e-17, 10))
    ax.legend(fontsize=8)
    figure.savefig(file, dpi=110)


def draw_costs(found: dict[str, list[float]], file: Path) -> None:
    """Draw the cost of a gradient against the number of variables."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    ax = figure.subplots()
    for name, times in found.items():
        ax.loglog(INPUTS, times, "o-", label=name)
    ax.set(xlabel="variables", ylabel="time, in evaluations of the function")
    ax.legend()
    figure.savefig(file, dpi=110)


def main() -> None:
    """Print the tables and draw the figures."""
    jax.config.update("jax_enable_x64", True)
    print(f"The derivative of {TEXT} at x = {AT}\n\n| | value | relative error | how |\n|---|--:|--:|---|")
    for name, (found, how) in ways().items():
        print(f"| {name} | {found:.15f} | {abs(found / exact(AT) - 1):.0e} | `{how}` |")
    draw_differences(FOLDER / "differences.png")
    table = costs()
    print("\nTime of a gradient, in evaluations of the function\n")
    print(f"| variables | {' | '.join(GRADIENTS)} |\n|--:|{'--:|' * len(GRADIENTS)}")
    for k, n in enumerate(INPUTS):
        print(f"| {n} | {' | '.join(f'{table[name][k]:.1f}' for name in GRADIENTS)} |")
    draw_costs(table, FOLDER / "cost.png")


if __name__ == "__main__":
    main()
