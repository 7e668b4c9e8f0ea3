"""Aggregate figures over seeds or programs, with their uncertainty.

Source: Agarwal, Schwarzer, Castro, Courville & Bellemare, Deep reinforcement learning at the edge
of the statistical precipice (NeurIPS 2021): the interquartile mean, intervals by a stratified
bootstrap, and performance profiles. There the strata are tasks and runs are resampled. In
`make bench-learning` they are sets of programs, and programs are resampled with all their runs:
rules and greedy play have only one run each, and the uncertainty lies in the choice of programs.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 10_000
TRIMMED = 0.25

Statistic = Callable[[np.ndarray], np.ndarray]


class Estimate(NamedTuple):
    """A figure and the interval around it."""

    value: float
    low: float
    high: float


def mean(values: np.ndarray) -> np.ndarray:
    """The mean along the last axis."""
    return values.mean(axis=-1)


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """The mean of the middle half of the values.

    Args:
        values: (..., N), N at least 1.

    Returns:
        (...): the mean without the lowest and the highest floor(N / 4) values.
    """
    cut = int(TRIMMED * values.shape[-1])
    return np.sort(values, axis=-1)[..., cut : values.shape[-1] - cut].mean(axis=-1)


def bootstrap(
    strata: Sequence[np.ndarray],
    statistic: Statistic,
    *,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """A statistic of all values with a percentile interval by stratified bootstrap.

    Args:
        strata: One array (programs,) or (programs, runs) per set, each with at least one program.
        statistic: Reduces the last axis, such as `interquartile_mean`.
        resamples: Number of resamples.
        level: Share of the resamples in the interval.
        seed: Seed of the draws.

    Returns:
        The statistic of all values together, and its interval.

    Raises:
        ValueError: If there is no stratum, or one without a program.
    """
    if not strata or any(len(stratum) == 0 for stratum in strata):
        raise ValueError("a bootstrap needs strata with at least one program each")
    rng = np.random.default_rng(seed)
    drawn = []
    for stratum in strata:
        chosen = rng.integers(len(stratum), size=(resamples, len(stratum)))
        drawn.append(stratum[chosen].reshape(resamples, -1))
    tail = (1 - level) / 2
    low, high = np.quantile(statistic(np.concatenate(drawn, axis=1)), [tail, 1 - tail])
    value = statistic(np.concatenate([np.ravel(stratum) for stratum in strata]))
    return Estimate(float(value), float(low), float(high))


def performance_profile(gaps: np.ndarray, limits: Sequence[float]) -> np.ndarray:
    """The shares of values that stay within limits.

    Args:
        gaps: (N,), or any shape: all entries count alike.
        limits: T limits.

    Returns:
        (T,): for each limit, the share of gaps that do not exceed it.
    """
    return (np.ravel(gaps)[:, None] <= np.asarray(limits)).mean(axis=0)


def paired_difference(
    ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], *, seed: int = 0
) -> Estimate:
    """The mean difference between two methods on the same programs, with its interval.

    Args:
        ours: One array (programs,) for each set, means over runs.
        theirs: The other method's, on the same programs in the same sequence.
        seed: Seed of the bootstrap.

    Returns:
        The mean of ours minus theirs; negative if ours is lower.

    Raises:
        ValueError: If the numbers of programs differ.
    """
    pairs = list(zip(ours, theirs, strict=True))
    if any(len(x) != len(y) for x, y in pairs):
        raise ValueError("paired methods must have played the same programs")
    return bootstrap([x - y for x, y in pairs], mean, seed=seed)
