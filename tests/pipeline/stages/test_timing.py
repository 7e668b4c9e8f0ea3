"""Paired measurements."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.pipeline.stages import timing


def test_ratio_is_the_median_of_pairs() -> None:
    """A slow round that hits both functions does not change the ratio."""
    ratio = timing.paired_ratio([2.0, 20.0, 2.0], [1.0, 10.0, 1.0])
    assert ratio == {"median": 2.0, "low": 2.0, "high": 2.0}
    assert timing.paired_ratio([1.0, 2.0, 3.0], [1.0, 1.0, 1.0]) == {
        "median": 2.0,
        "low": 1.5,
        "high": 2.5,
    }
    assert timing.paired_ratio([3.0], [2.0])["median"] == 1.5


def test_a_slower_function_is_measured_slower() -> None:
    """Interleaved times tell a sleep of 4 ms from one of 1 ms."""
    functions = {"fast": lambda: time.sleep(0.001), "slow": lambda: time.sleep(0.004)}
    times = timing.measure(functions, rounds=5, seconds=5.0, seed=0)
    assert {len(series) for series in times.values()} == {5}
    assert timing.paired_ratio(times["slow"], times["fast"])["median"] > 2


def test_time_is_capped_after_three_rounds() -> None:
    """The number of rounds adapts to the time that there is."""
    times = timing.measure({"f": lambda: time.sleep(0.01)}, rounds=100, seconds=0.0, seed=0)
    assert len(times["f"]) == 3


def test_two_compilations_are_two_executables() -> None:
    """The null comparison compiles anew, and both give the same result."""
    arguments = (jnp.arange(3.0),)
    first = timing.compile_ahead(jnp.sin, arguments)
    second = timing.compile_ahead(jnp.sin, arguments)
    assert first.seconds > 0 and second.seconds > 0
    np.testing.assert_array_equal(first.call(), second.call())


def test_jitter_keeps_dtype_and_spreads_zeros() -> None:
    """Only floating leaves of differentiated arguments get a batch axis."""
    arguments = ({"x": np.float32(2.0), "n": np.int32(3)}, np.zeros(2, np.float32), np.ones(2))
    batch = timing.jitter_batch(arguments, (0, 1), 1000, seed=0)
    axes = timing.batch_axes(arguments, (0, 1))
    assert axes == ({"x": 0, "n": None}, 0, None)
    assert batch[0]["x"].shape == (1000,) and batch[0]["x"].dtype == np.float32
    assert batch[0]["n"] == 3 and batch[2] is arguments[2]
    assert batch[0]["x"].std() == pytest.approx(0.1, rel=0.1)
    assert batch[1].shape == (1000, 2) and batch[1].std() == pytest.approx(0.01, rel=0.1)
    again = timing.jitter_batch(arguments, (0, 1), 1000, seed=0)
    assert jax.tree.all(jax.tree.map(np.array_equal, batch, again))


@pytest.mark.parametrize(
    ("batch", "bytes_each", "expected"),
    [(512, 4, 512), (65536, 1000, 262144 // 2**2), (65536, 10_000, 32768), (8, 10**9, 1)],
)
def test_batches_fit_in_memory(batch: int, bytes_each: int, expected: int) -> None:
    """A batch that does not fit becomes the largest power of two that does, at least one."""
    assert timing.fitting_batch(batch, bytes_each, 0.5e9) == expected
