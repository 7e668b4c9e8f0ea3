"""Side by side measurements of contenders."""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.interpreter_contenders import Maker
from benchmarks.interpreter_measure import Limits, build_all, measure_case
from elimax.interpreter.jacobian import jacve
from elimax.pipeline.errors import StageError

LIMITS = Limits(builds=1, rounds=3, seconds=0.01)
ARGUMENTS = (np.ones((4, 3), np.float32),)


def square(x: Any) -> Any:
    """A function with a diagonal Jacobian."""
    return x * x


def makers(**others: Maker) -> dict[str, Maker]:
    """JAX's modes, one of them in our place, and others."""
    return {
        "jacfwd": lambda: jax.jacfwd(lambda x: square(x)),
        "jacrev": lambda: jax.jacrev(lambda x: square(x)),
        "dense": lambda: jax.jacfwd(lambda x: square(x)),
        **others,
    }


def broken() -> Any:
    """A contender that is not available."""
    raise ValueError("output='structured' is not\navailable")


@pytest.mark.slow
def test_every_round_traces_and_compiles() -> None:
    """Times of both are kept apart, one entry a round, and a second executable for the null."""
    builds, failed = build_all(makers(), ARGUMENTS, 0, Limits(builds=2))
    assert not failed
    for build in builds.values():
        assert len(build.trace_seconds) == len(build.compile_seconds) == 2
        assert len(build.executables) == 2 and build.executables[0] is not build.executables[1]
        assert min(build.trace_seconds + build.compile_seconds + build.cpu_seconds) > 0


def test_null_comparison_needs_two_builds() -> None:
    """With one round `dense` is compiled once more; the others are not."""
    builds, _ = build_all(makers(), ARGUMENTS, 0, LIMITS)
    counts = {name: len(build.executables) for name, build in builds.items()}
    assert counts == {"jacfwd": 1, "jacrev": 1, "dense": 2}


def test_no_further_round_when_building_takes_long() -> None:
    """A slow compiler does not multiply the time of the benchmark."""
    builds, _ = build_all(makers(), ARGUMENTS, 0, Limits(builds=5, build_seconds=0.0))
    assert len(builds["jacrev"].trace_seconds) == 1


def test_case_compares_with_the_better_mode() -> None:
    """Every contender but that mode has a ratio; ours is checked against it."""
    case = measure_case(makers(), ARGUMENTS, 0, LIMITS)
    assert case["better"] in ("jacfwd", "jacrev")
    seconds = case["seconds"]
    assert seconds[case["better"]] == min(seconds["jacfwd"], seconds["jacrev"])
    assert set(case["ratios"]) == {"jacfwd", "jacrev", "dense"} - {case["better"]}
    assert case["null"]["low"] <= case["null"]["median"] <= case["null"]["high"]
    assert case["errors"] == {"dense": 0.0}
    # A batch of four Jacobians of 3 x 3 in float32.
    assert case["bytes"]["dense"] >= 4 * 9 * 4
    assert case["rounds"] == 3 and case["called_once"] == []


def test_wrong_results_show() -> None:
    """The difference is relative to the largest entry of the Jacobian, which is 2 here."""

    def wrong() -> Any:
        return lambda x: jax.jacfwd(square)(x) + 0.5

    case = measure_case(makers(assembled=wrong), ARGUMENTS, 0, LIMITS)
    assert case["errors"]["assembled"] == 0.25


def test_structured_results_are_compared_in_full() -> None:
    """Blocks without their zeros are written out, and are as right as dense ones."""

    def structured() -> Any:
        return jacve(square, output="structured")

    case = measure_case(makers(structured=structured), ARGUMENTS, 0, LIMITS)
    assert case["errors"]["structured"] == 0.0
    assert case["bytes"]["structured"] < case["bytes"]["jacrev"]


def test_not_a_number_in_both_is_no_difference() -> None:
    """Where JAX has no number ours need not have one; a number of ours alone is a difference."""

    def undefined() -> Any:
        return lambda x: jnp.where(jnp.eye(3) == 0, jnp.nan, jax.jacfwd(square)(x))

    undefined_in_both: dict[str, Maker] = dict.fromkeys(("jacfwd", "jacrev"), undefined)
    others: dict[str, Maker] = {"assembled": undefined, **undefined_in_both}
    case = measure_case(makers(**others), ARGUMENTS, 0, LIMITS)
    assert case["errors"] == {"assembled": 0.0, "dense": 1.0}


def test_what_cannot_be_built_is_told() -> None:
    """A contender that is not available neither stops the case nor disappears silently."""
    case = measure_case(makers(structured=broken), ARGUMENTS, 0, LIMITS)
    assert case["failed"] == {
        "structured": "ValueError: output='structured' is not available",
    }
    assert "structured" not in case["seconds"]


def test_what_cannot_be_run_is_told() -> None:
    """A contender that compiles and then fails is left out with the reason."""

    def refuse(x: Any) -> Any:
        raise RuntimeError("no memory")

    def fails() -> Any:
        shape = jax.ShapeDtypeStruct((3,), jnp.float32)
        return lambda x: jax.pure_callback(refuse, shape, x, vmap_method="sequential")

    case = measure_case(makers(asdex=fails), ARGUMENTS, 0, LIMITS)
    assert "calling callback" in case["failed"]["asdex"]
    assert "asdex" not in case["ratios"]


def test_without_jax_there_is_no_comparison() -> None:
    """If neither mode works, the error says why."""
    modes = {"jacfwd": broken, "jacrev": broken}
    with pytest.raises(StageError, match=r"no Jacobian to compare with.*is not available"):
        measure_case(makers(**modes), ARGUMENTS, 0, LIMITS)


def test_slow_contenders_are_called_once() -> None:
    """One call of a slow contender is its time; the others still go through all rounds."""

    def wait(x: Any) -> Any:
        time.sleep(0.1)
        return x

    def slow() -> Any:
        shape = jax.ShapeDtypeStruct((3,), jnp.float32)
        return lambda x: jax.pure_callback(wait, shape, x, vmap_method="expand_dims")

    limits = Limits(builds=1, rounds=3, seconds=0.01, slow_seconds=0.05)
    case = measure_case(makers(asdex=slow), ARGUMENTS, 0, limits)
    assert case["called_once"] == ["asdex"]
    assert case["seconds"]["asdex"] >= 0.1
    assert case["ratios"]["asdex"]["median"] < 1 and case["rounds"] == 3
