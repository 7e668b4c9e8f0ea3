"""Measures functions side by side: compiled ahead, interleaved round by round, paired.

A ratio is the median over the rounds of (time of the rival / time of ours) within one round, so
that a machine that slows down for a while slows both. It comes with the quartiles of these ratios.
How far the ratio of a function to a second compilation of itself is from 1 shows the noise.
"""

import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

MIN_MEASUREMENT = 1e-3
"""Shortest measurement in seconds; functions that take less are called several times."""

MAX_REPEATS = 1000


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A function compiled for given arguments.

    Attributes:
        call: Computes the result of these arguments, without waiting for it.
        seconds: What tracing and compiling took, in seconds.
    """

    call: Callable[[], Any]
    seconds: float


def compile_ahead(function: Callable[..., Any], arguments: Sequence[Any]) -> Compiled:
    """Compiles a function for given arguments.

    Args:
        function: The function.
        arguments: Arrays on the device.

    Returns:
        The compiled function.
    """
    start = time.perf_counter()
    # A new function object each time: two calls must not share one entry of JAX's caches.
    executable = jax.jit(lambda *args: function(*args)).lower(*arguments).compile()
    seconds = time.perf_counter() - start
    return Compiled(lambda: executable(*arguments), seconds)


def measure(
    functions: Mapping[str, Callable[[], Any]], *, rounds: int, seconds: float, seed: int
) -> dict[str, list[float]]:
    """Times functions in turns.

    Args:
        functions: What to time, by name.
        rounds: Rounds at most; in each every function is timed once, in a shuffled order.
        seconds: No round starts after this time, except for the first three.
        seed: Seed of the shuffling.

    Returns:
        Seconds a call, by name, one entry a round.
    """
    repeats = {name: _calibrate(call) for name, call in functions.items()}
    times: dict[str, list[float]] = {name: [] for name in functions}
    generator = np.random.default_rng(seed)
    names = list(functions)
    start = time.perf_counter()
    for number in range(rounds):
        if number >= 3 and time.perf_counter() - start > seconds:
            break
        for index in generator.permutation(len(names)):
            name = names[index]
            times[name].append(_time(functions[name], repeats[name]))
    return times


def paired_ratio(rival: Sequence[float], ours: Sequence[float]) -> dict[str, float]:
    """Compares two functions round by round.

    Args:
        rival: Seconds a call, one entry a round.
        ours: The same of the other function.

    Returns:
        `median` and quartiles `low` and `high` of rival / ours: above 1, ours is faster.
    """
    ratios = [first / second for first, second in zip(rival, ours, strict=True)]
    if len(ratios) < 2:
        return dict.fromkeys(("median", "low", "high"), round(ratios[0], 4))
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return {"median": round(median, 4), "low": round(low, 4), "high": round(high, 4)}


def _calibrate(call: Callable[[], Any]) -> int:
    """Returns how many calls make one measurement long enough; also warms the function up."""
    once = _time(call, 1)
    if once < MIN_MEASUREMENT:
        # The first call includes costs that later ones do not have.
        once = min(_time(call, 1) for _ in range(2))
    return min(MAX_REPEATS, max(1, math.ceil(MIN_MEASUREMENT / max(once, 1e-9))))


def _time(call: Callable[[], Any], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        jax.block_until_ready(call())
    return (time.perf_counter() - start) / repeats
