"""Checkpoints: exact, atomic, and loud about what does not fit."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from pinn import checkpoint
from pinn.errors import ProblemError


class State(NamedTuple):
    weights: dict
    key: object


STATE = State({"a": jnp.array([1.0, np.pi]), "b": jnp.float32(2.0)}, jnp.array([1, 2], jnp.uint32))


@pytest.fixture
def path(tmp_path):
    checkpoint.save(tmp_path / "c.npz", STATE, {"note": "ü"})
    return tmp_path / "c.npz"


def test_round_trip(path):
    arrays, meta = checkpoint.load(path)
    assert meta["note"] == "ü"
    again = checkpoint.restore(arrays, STATE, "c.npz")
    for old, new in zip(
        (STATE.weights["a"], STATE.weights["b"], STATE.key), (*again.weights.values(), again.key), strict=True
    ):
        assert old.dtype == new.dtype
        np.testing.assert_array_equal(old, new)
    assert [p.name for p in path.parent.iterdir()] == ["c.npz"], "no partial file stays behind"


def test_a_failed_write_leaves_the_old_file(path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(OSError):
        checkpoint.save(path, State({}, jnp.zeros(2)), {})
    assert checkpoint.load(path)[1]["note"] == "ü"


@pytest.mark.parametrize(
    ("like", "says"),
    [
        (State({"a": jnp.zeros(3), "b": jnp.float32(0)}, STATE.key), "shape"),
        (State({"a": jnp.zeros(2, jnp.float32), "b": jnp.float32(0)}, STATE.key), "expected float32"),
        (
            State({"a": jnp.zeros(2), "b": jnp.float32(0), "c": jnp.zeros(1)}, STATE.key),
            "holds no .weights\\['c'\\]",
        ),
    ],
)
def test_what_does_not_fit_is_named(path, like, says):
    with pytest.raises(ProblemError, match=says):
        checkpoint.restore(checkpoint.load(path)[0], like, "c.npz")


def test_damaged_files(path, tmp_path):
    with pytest.raises(ProblemError, match="no such file"):
        checkpoint.load(tmp_path / "missing.npz")
    data = path.read_bytes()
    for content in (data[: len(data) // 2], b"", b"text", data[:50] + b"\0" * 40 + data[90:]):
        path.write_bytes(content)
        with pytest.raises(ProblemError, match="is not a checkpoint, or is damaged"):
            checkpoint.load(path)


def test_changed_bytes_never_pass_for_a_checkpoint(path):
    """Whatever single byte is changed, the file is refused or its numbers are the same."""
    data, (arrays, _) = path.read_bytes(), checkpoint.load(path)
    rng, refused = np.random.default_rng(0), 0
    for at in rng.choice(len(data), 150, replace=False):
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << rng.integers(8))]) + data[at + 1 :])
        try:
            found, _ = checkpoint.load(path)
        except ProblemError as error:
            assert "is damaged" in str(error) or "has format" in str(error)
            refused += 1
        else:
            for name in arrays:
                np.testing.assert_array_equal(found[name], arrays[name])
    assert refused > 75


def test_the_one_before_takes_the_place_of_a_damaged_file(path):
    checkpoint.keep_previous(path)
    checkpoint.save(path, STATE, {"note": "second"})
    assert checkpoint.mend(path) == "" and checkpoint.load(path)[1]["note"] == "second"
    path.write_bytes(path.read_bytes()[:-30])
    assert "The one before it is used" in checkpoint.mend(path)
    assert checkpoint.load(path)[1]["note"] == "ü"
    path.write_bytes(b"")
    with pytest.raises(ProblemError, match="is damaged"):
        checkpoint.mend(path)
    path.unlink()
    with pytest.raises(ProblemError, match="no such file"):
        checkpoint.mend(path)


def test_a_newer_format_is_refused(path, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", 0)
    with pytest.raises(ProblemError, match="has format 1; this version reads up to 0"):
        checkpoint.load(path)
