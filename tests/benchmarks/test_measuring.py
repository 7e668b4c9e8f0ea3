"""Measurements of one case: values, null comparison, intervals."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import measuring
from benchmarks.cases import CLASSICAL, Case, Settings
from benchmarks.measuring import AGAIN, compare, measure_case, paired_ratio
from benchmarks.subjects import Subject
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.stages import rivals
from support.repository import ROOT

QUICK = Settings(batch=(4,), orders=("best", "auto"), rounds=3, builds=1, case_seconds=0.0)
VALUES = Case("bratu_stencil", "values", "float64", "published", 20)
PACKED = Case("bratu_stencil", "times", "float32", "packed", 4)


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A small task with its orders."""
    return Subject.load("bratu_stencil", Layout(ROOT), QUICK.orders)


@pytest.fixture(autouse=True)
def _noise_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rounds on a busy machine say nothing."""
    monkeypatch.setattr(measuring, "NULL_TOLERANCE", np.inf)
    monkeypatch.setattr(measuring, "NULL_WIDTH", np.inf)


def test_values_are_compared_with_both_modes(subject: Subject) -> None:
    """Every order, the classical ones too, and the structured blocks."""
    record = measure_case(subject, VALUES, 20, QUICK)
    assert record["wrong"] == record["unchecked"] == [] and set(record["failed"]) == {"native"}
    orders = {"best", "auto", *CLASSICAL}
    assert set(record["errors"]) == {*orders, "structured_written", "jacfwd", "jacrev"}
    assert all(set(record["errors"][name]) == {"jacfwd", "jacrev"} for name in orders)
    assert "structured_written" not in record["seconds"]
    for name, other in record["same"].items():
        assert subject.order(name).vertices == subject.order(other).vertices


def test_run_times_programs_and_searches(subject: Subject) -> None:
    """The packed layout has every figure of every contender, but no verdict."""
    record = measure_case(subject, PACKED, 2, dataclasses.replace(QUICK, builds=2, case_seconds=9))
    names = {"best", "auto", "assembled", "structured", "floor"}
    assert record["batch"] == 2 and record["wanted"] == 4 and record["rounds"] == 3
    assert set(record["ratios"]["jacrev"]) == set(record["ratios"]["jacfwd"]) == names
    for key in ("trace_seconds", "compile_seconds", "seconds"):
        assert names <= set(record[key]) and min(record[key].values()) > 0, key
    assert set(record["builds"].values()) == {2}
    assert record["programs"]["best"]["kernels"] > 0 and record["null"]["median"] > 0
    two_jacobians = 2 * 4 * rivals.dense_size(subject.task)
    assert record["programs"]["best"]["output_bytes"] == two_jacobians
    assert set(record["search"]) == {"auto"} and record["search"]["auto"]["seconds"] > 0
    assert "wrong" not in record


def test_wrong_values_are_told(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error above the tolerance names the order; one that is not finite is text."""
    monkeypatch.setattr(measuring, "relative_error", lambda ours, theirs: float("nan"))
    record = measure_case(subject, VALUES, 2, QUICK)
    assert record["wrong"] == ["best", "auto", *CLASSICAL, "structured_written"]
    assert record["errors"]["best"]["jacrev"] == "nan"


def test_slow_contenders_are_not_timed(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their values are compared all the same."""
    monkeypatch.setattr(measuring, "SLOW", 0.0)
    record = measure_case(subject, VALUES, 2, QUICK)
    assert "too long to time" in record["failed"]["jacrev"]
    assert record["seconds"] == record["ratios"] == {} and record["null"] is None
    assert record["wrong"] == [] and "refused" not in record


def test_null_comparison_is_with_a_second_compilation(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same program measured twice would always agree with itself."""
    calls: dict[str, Any] = {}

    def measure(functions: Any, **given: Any) -> dict[str, list[float]]:
        calls.update(functions)
        return {name: [1.0, 1.0] for name in functions}

    monkeypatch.setattr(measuring.timing, "measure", measure)
    measure_case(subject, PACKED, 2, QUICK)
    assert calls[AGAIN].func is not calls["best"].func
    for ours, again in zip(calls["best"](), calls[AGAIN](), strict=True):
        np.testing.assert_array_equal(ours, again)


def test_what_fails_is_told(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """A contender that cannot be traced, and one that compiles but cannot run."""

    def untraceable() -> Any:
        raise ValueError("not\navailable")

    def refuse(x: Any) -> Any:
        raise RuntimeError("no memory")

    def failing() -> Any:
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        return lambda *args: jax.pure_callback(refuse, shape, 0, vmap_method="sequential")

    real = measuring.contenders

    def with_failures(*args: Any, **given: Any) -> Any:
        makers, same, absent = real(*args, **given)
        return makers | {"hessian": untraceable, "asdex": failing}, same, absent

    monkeypatch.setattr(measuring, "contenders", with_failures)
    record = measure_case(subject, PACKED, 2, QUICK)
    assert record["failed"]["hessian"] == "ValueError: not available"
    assert set(record["failed"]) == {"hessian", "asdex", "native"}
    assert not {"hessian", "asdex"} & set(record["seconds"]) and "best" in record["seconds"]


def test_interval_covers_the_median_as_often_as_it_says() -> None:
    """Of many samples of a known distribution, about 95 % have its median in their interval."""
    generator = np.random.default_rng(0)
    found = 0
    for seed in range(200):
        ratios = np.exp(generator.normal(size=25)) * 2.0
        interval = paired_ratio(ratios, np.ones(25), seed)
        assert interval["low"] <= interval["median"] <= interval["high"]
        found += interval["low"] <= 2.0 <= interval["high"]
    assert 180 <= found <= 199


def test_rounds_are_paired() -> None:
    """A machine that is slow in one round slows both: the ratio stays what it is."""
    ours = [1.0, 5.0, 2.0, 1.5]
    assert paired_ratio([2 * x for x in ours], ours) == {"median": 2.0, "low": 2.0, "high": 2.0}


def times(again: Sequence[float]) -> dict[str, Sequence[float]]:
    """Run times of five rounds."""
    five = [1.0] * 5
    return {"jacfwd": [3.0] * 5, "jacrev": [2.0] * 5, "best": five, AGAIN: again}


def test_ratios_of_equal_orders() -> None:
    """Orders that were not measured again have the figures of the first."""
    record = compare(times([1.0] * 5), "best", {"reverse": "best"})
    assert record["ratios"]["jacrev"]["reverse"]["median"] == 2.0
    assert record["seconds"]["reverse"] == 1.0 and record["rounds"] == 5


@pytest.mark.parametrize(
    ("again", "why"),
    [
        ([1.04] * 5, ""),
        ([1.08, 1.07, 1.08, 1.09, 1.08], "1.07 to 1.09, is further than 0.05 from 1"),
        ([0.9, 0.92, 0.9, 0.91, 0.9], "0.90 to 0.92, is further than 0.05 from 1"),
        ([0.8, 1.3, 1.0, 1.2, 0.9], "0.80 to 1.30, is wider than 0.25"),
    ],
)
def test_null_comparison_refuses(
    again: list[float], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a program is not as fast as itself, no ratio is reported, and the reason is."""
    monkeypatch.undo()
    record = compare(times(again), "best", {})
    assert why in record.get("refused", "") and ("refused" in record) == bool(why)
    assert (record["ratios"] == {}) == bool(why)
    assert record["null"] is not None and set(record["seconds"]) == set(times(again))
