"""What a run runs on: the kind of device, the threads of its linear algebra, and the versions its numbers depend on.

Only importer of threadpoolctl.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jax
from threadpoolctl import ThreadpoolController


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


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Let jax compute in "float64" or "float32", whatever the caller's own precision is."""
    # Accelerators round products to less unless told otherwise.
    with jax.enable_x64(precision == "float64"), jax.default_matmul_precision("highest"):
        yield


@contextmanager
def lapack_on_one_thread() -> Iterator[None]:
    """Keep the LAPACK of scipy, which is also that of jax on CPUs, to one thread.

    Two threads make a QR factor of 600 rows and 254 columns twice as slow (experiments/small_networks). Products come
    from the BLAS of numpy, a library of its own, which keeps its threads. Where both share one, nothing is changed.
    """
    threads = ThreadpoolController()
    files = [entry["filepath"] for entry in threads.info()]
    own = [file for file in files if {"scipy", "scipy.libs"} & set(Path(file).parts[-3:-1])]  # as wheels have it
    with threads.select(filepath=own).limit(limits=1):
        yield
