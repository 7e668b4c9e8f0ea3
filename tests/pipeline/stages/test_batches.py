"""Batches of inputs."""

import jax
import numpy as np
import pytest

from elimax.pipeline.stages import batches


def test_jitter_keeps_dtype_and_spreads_zeros() -> None:
    """Only floating leaves of differentiated arguments get a batch axis."""
    arguments = ({"x": np.float32(2.0), "n": np.int32(3)}, np.zeros(2, np.float32), np.ones(2))
    batch = batches.jitter_batch(arguments, (0, 1), 1000, seed=0)
    axes = batches.batch_axes(arguments, (0, 1))
    assert axes == ({"x": 0, "n": None}, 0, None)
    assert batch[0]["x"].shape == (1000,) and batch[0]["x"].dtype == np.float32
    assert batch[0]["n"] == 3 and batch[2] is arguments[2]
    assert batch[0]["x"].std() == pytest.approx(0.1, rel=0.1)
    assert batch[1].shape == (1000, 2) and batch[1].std() == pytest.approx(0.01, rel=0.1)
    again = batches.jitter_batch(arguments, (0, 1), 1000, seed=0)
    assert jax.tree.all(jax.tree.map(np.array_equal, batch, again))


@pytest.mark.parametrize(
    ("batch", "bytes_each", "expected"),
    [(512, 4, 512), (65536, 1000, 262144 // 2**2), (65536, 10_000, 32768), (8, 10**9, 1)],
)
def test_batches_fit_in_memory(batch: int, bytes_each: int, expected: int) -> None:
    """A batch that does not fit becomes the largest power of two that does, at least one."""
    assert batches.fitting_batch(batch, bytes_each, 0.5e9) == expected
