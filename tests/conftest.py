"""Tests run strict: float64, and arrays of different rank do not broadcast by accident."""

import os
import tempfile
import time
from pathlib import Path

import jax
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")

# Many tests compile the same small program; within one session it is compiled once, whichever process asks.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    CACHE = tempfile.TemporaryDirectory(prefix="pinn-tests-", ignore_cleanup_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = CACHE.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
# References made here are not kept for the user.
os.environ["PINN_CACHE"] = ""
jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def pytest_configure(config):
    """Compilation is most of what the fast tests do; their programs are small enough to run unoptimised."""
    if "not slow" in config.option.markexpr:
        os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
        jax.config.update("jax_disable_most_optimizations", True)


HEAT = """\
name: small_heat
coordinates: {t: [0, 1], x: [0, 1]}
unknowns: [u]
parameters: {k: 0.1}
equations:
  pde: u_t = k*u_xx
conditions:
  initial: {where: t=0, equation: u = sin(pi*x)}
  left: {where: x=0, equation: u}
  right: {where: x=1, equation: u}
reference: {kind: exact, u: exp(-k*pi**2*t)*sin(pi*x)}
network: {width: 8, depth: 2}
sampling: {equations: 200, conditions: 50, held_out: 400}
evidence: {estimate: false, bound: false}
training:
  windows: 1
  stages: [{optimizer: levenberg_marquardt, steps: 20}]
"""


@pytest.fixture(autouse=True)
def _clock_starts_now(monkeypatch):
    """The time of a run counts from the start of its process; that of the tests started long before."""
    monkeypatch.setattr("pinn.run.STARTED", time.monotonic())


@pytest.fixture
def sketched(monkeypatch):
    """Figures are painted and not rendered, which takes seconds to a run; test_page.py has them as they are."""

    def savefig(self, file, format=None, **_):
        if format == "svg":
            file.write("<svg></svg>")
        else:
            Path(file).write_bytes(b"\x89PNG\r\n\x1a\n")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", savefig)


@pytest.fixture
def heat_text():
    """A problem file that solves in a second."""
    return HEAT


@pytest.fixture
def heat_file(tmp_path):
    """The same on disk."""
    path = tmp_path / "small_heat.yaml"
    path.write_text(HEAT)
    return path
