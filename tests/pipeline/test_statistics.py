"""The statistics against closed forms and plain numpy."""

import math

import numpy as np
import pytest

from elimax.pipeline.statistics import (
    bootstrap,
    interquartile_mean,
    mean,
    paired_difference,
    performance_profile,
)


def test_interquartile_mean_is_the_mean_of_the_middle_half() -> None:
    """Outliers have no say, whatever the sequence; of fewer than four values all count."""
    assert interquartile_mean(np.array([1e9, 1.0, 3.0, -1e9])) == 2.0
    assert interquartile_mean(np.array([0.0, 1.0, 2.0, 3.0, 100.0])) == 2.0
    assert interquartile_mean(np.array([0.0, 1.0, 5.0])) == 2.0
    rows = np.arange(24.0).reshape(2, 12)
    np.testing.assert_array_equal(interquartile_mean(rows), [rows[0, 3:9].mean(), 17.5])


def test_bootstrap_of_a_mean_is_the_normal_interval() -> None:
    """Of many values, the percentile interval is mean +- 1.96 standard errors."""
    values = np.random.default_rng(3).normal(5.0, 2.0, size=400)
    found = bootstrap([values], mean)
    error = values.std() / math.sqrt(len(values))
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)


def test_strata_keep_their_sizes() -> None:
    """What differs between sets only is not uncertain; drawn from one pot it would be."""
    strata = [np.zeros(10), np.ones(30)]
    assert bootstrap(strata, mean) == (0.75, 0.75, 0.75)
    pooled = bootstrap([np.concatenate(strata)], mean)
    assert pooled.low < 0.7 and pooled.high > 0.8


def test_runs_of_a_program_stay_together() -> None:
    """Runs that only repeat a program make nothing more certain."""
    values = np.array([0.0, 1.0, 2.0, 5.0])
    alone = bootstrap([values], mean, seed=4)
    repeated = bootstrap([np.repeat(values[:, None], 6, axis=1)], mean, seed=4)
    np.testing.assert_allclose(repeated, alone)


def test_bootstrap_depends_on_its_seed_alone() -> None:
    """Equal seeds give equal intervals; a wider level a wider interval."""
    values = np.random.default_rng(0).exponential(size=20)
    first = bootstrap([values], interquartile_mean, seed=1)
    assert first == bootstrap([values], interquartile_mean, seed=1)
    assert first != bootstrap([values], interquartile_mean, seed=2)
    wide = bootstrap([values], interquartile_mean, level=0.99, seed=1)
    assert wide.low < first.low < first.value < first.high < wide.high


@pytest.mark.parametrize("strata", [[], [np.zeros(3), np.zeros(0)]])
def test_nothing_to_resample(strata: list[np.ndarray]) -> None:
    """A set without programs is an error, not a nan."""
    with pytest.raises(ValueError, match="strata with at least one program each"):
        bootstrap(strata, mean)


def test_profile_counts_what_is_within_each_limit() -> None:
    """A gap that equals the limit is within it."""
    gaps = np.array([[0.0, 0.01], [0.02, 0.5]])
    np.testing.assert_array_equal(
        performance_profile(gaps, [0.0, 0.01, 0.1, 1.0]), [0.25, 0.5, 0.75, 1.0]
    )


def test_pairs_take_out_what_programs_have_in_common() -> None:
    """A constant advantage has no uncertainty, however much programs differ."""
    theirs = [np.array([1.0, 50.0, 900.0]), np.array([3.0])]
    ours = [x - 0.5 for x in theirs]
    assert paired_difference(ours, theirs) == (-0.5, -0.5, -0.5)
    with pytest.raises(ValueError, match="must have played the same programs"):
        paired_difference([np.zeros(2)], [np.zeros(3)])
