"""Paired measurements."""

import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter import timing
from support.clock import fake_clock


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


def test_a_slower_function_is_measured_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function of 4 ms takes four times as long as one of 1 ms."""
    clock = fake_clock(monkeypatch, timing)
    functions = {"fast": lambda: clock.sleep(0.001), "slow": lambda: clock.sleep(0.004)}
    times = timing.measure(functions, rounds=5, seconds=5.0, seed=0)
    assert {len(series) for series in times.values()} == {5}
    assert timing.paired_ratio(times["slow"], times["fast"])["median"] == 4


def test_short_functions_are_called_several_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until one measurement lasts a millisecond; the time is that of one call."""
    clock = fake_clock(monkeypatch, timing)
    calls: list[int] = []
    times = timing.measure(
        {"f": lambda: (calls.append(1), clock.sleep(0.0003))}, rounds=3, seconds=1.0, seed=0
    )
    assert len(calls) == 3 + 3 * 4  # Three to know how long it takes.
    np.testing.assert_allclose(times["f"], 0.0003)


@pytest.mark.parametrize(("seconds", "rounds"), [(0.0, 3), (0.045, 5), (9.0, 20)])
def test_time_is_capped_after_three_rounds(
    monkeypatch: pytest.MonkeyPatch, seconds: float, rounds: int
) -> None:
    """The number of rounds adapts to the time that there is."""
    clock = fake_clock(monkeypatch, timing)
    times = timing.measure({"f": lambda: clock.sleep(0.01)}, rounds=20, seconds=seconds, seed=0)
    assert len(times["f"]) == rounds


def test_two_compilations_are_two_executables() -> None:
    """The null comparison compiles anew, and both give the same result."""
    arguments = (jnp.arange(3.0),)
    first = timing.compile_ahead(jnp.sin, arguments)
    second = timing.compile_ahead(jnp.sin, arguments)
    assert first.seconds > 0 and second.seconds > 0
    np.testing.assert_array_equal(first.call(), second.call())
