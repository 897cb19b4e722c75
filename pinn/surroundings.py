"""What a run runs on: the kind of device, and the versions its numbers depend on."""

from importlib.metadata import PackageNotFoundError, version

import jax


def platform() -> str:
    """Return the kind of device arrays are put on: "cpu", "gpu" or "tpu"."""
    return next(iter(jax.numpy.zeros(()).devices())).platform


def versions() -> dict[str, str]:
    """Return the versions of the package and of what its numbers depend on."""
    out = {}
    for name in ("pinn", "jax", "jaxlib", "flax", "optax", "numpy", "scipy"):
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            out[name] = "not installed"
    return out
