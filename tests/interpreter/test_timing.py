"""Paired measurements."""

import time

import jax.numpy as jnp
import numpy as np

from elimax.interpreter import timing


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
