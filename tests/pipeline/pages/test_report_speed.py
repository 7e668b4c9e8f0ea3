"""Run times on the page of the report."""

from typing import Any

import pytest

from elimax.pipeline.pages.report_speed import (
    cases_of,
    flags_title,
    gpu_sections,
    gpu_table,
    mean_table,
    speed_charts,
    speed_sections,
    speed_up,
    usual_value,
    verdict_of,
)
from support.report_examples import DEVICE, TIMINGS, case


def gpu_case(best: float, **changes: Any) -> dict[str, Any]:
    """A case as benchmarks measure them."""
    measured = {**case(40, 20, best), "wanted": 512, "layout": "packed"}
    for mode in measured["ratios"].values():
        mode["structured"] = {name: 2 * x for name, x in mode["best"].items()}
    return {**measured, **changes}


def test_cases_have_a_speed_up_and_a_verdict() -> None:
    """Against the better mode; without a rival there is none."""
    found = {task: case for task, case in cases_of(TIMINGS) if case["ratios"]}
    assert {task: verdict_of(case) for task, case in found.items()} == {
        "win": "faster",
        "loss": "slower",
        "even": "even",
    }
    ratio = speed_up(found["win"])
    assert ratio is not None and ratio["median"] == 2.0
    assert speed_up(case(0, 0, 10)) is None and verdict_of(case(0, 0, 10)) == "alone"


def test_one_chart_for_each_set_of_flags_and_layout() -> None:
    """Default flags and published layouts first; the usual batch stands in the title."""
    fused = [{**case(30, 20, 10), "flags": "fusion", "layout": name}
             for name in ("packed", "published")]  # fmt: skip
    timings = {**TIMINGS, "fused": {"device": DEVICE, "skipped": {}, "cases": fused}}
    charts = speed_charts(timings)
    assert list(charts) == [
        "Default XLA flags: one vector in, one matrix out, batch 512, float32",
        "With multi-output fusion: the function's own arguments and results, batch 512, float32",
        "With multi-output fusion: one vector in, one matrix out, batch 512, float32",
    ]
    assert flags_title("other") == "other"


def test_rows_name_what_is_not_usual() -> None:
    """A batch of its own; where no batch is usual, all of them."""
    small = {"device": DEVICE, "skipped": {}, "cases": [{**case(10, 12, 10), "batch": 128}]}
    ((title, chart),) = speed_charts({**TIMINGS, "small": small}).items()
    assert "batch 512" in title and ">small × 128<" in chart and ">win<" in chart
    ((title, chart),) = speed_charts({"win": TIMINGS["win"], "small": small}).items()
    assert "batch" not in title and ">win × 512<" in chart
    assert usual_value([1, 1, 1, 2]) == 1 and usual_value([1, 2]) is None


def test_the_section_has_charts_and_folded_details() -> None:
    """Means in sight, all cases and compile times folded; means are coloured."""
    text = "".join(speed_sections(TIMINGS, list(TIMINGS), {}))
    assert text.count("<svg") == 1 and text.count("<details>") == 2
    assert "Not timed: loss float64 packed batch 1 (XLA crashed)." in text
    assert "faster by XLA" in mean_table(TIMINGS)


def test_gpu_means() -> None:
    """Geometric, by layout and the batch that was asked for; losses are counted."""
    cases = {"a": [gpu_case(10)], "b": [gpu_case(40, batch=100), gpu_case(10, layout="published")]}
    columns, rows = gpu_table(cases)
    assert columns == ["layout", "dtype", "batch", "tasks", "dense", "structured", "slower"]
    assert rows == [
        ["published", "float32", 512, 1, 2.0, 4.0, 0],
        ["packed", "float32", 512, 2, 1.0, 2.0, 1],
    ]


@pytest.mark.parametrize("gpu", [{}, {"h": {"device": "H", "jax": "1", "cases": {"a": []}}}])
def test_no_gpu_no_table(gpu: dict[str, Any]) -> None:
    """Neither without a file, nor where nothing was timed."""
    assert gpu_sections(gpu) == []


def test_gpus_are_named() -> None:
    """Escaped, with the version of JAX."""
    gpu = {"h": {"device": "<H100>", "jax": "0.11", "cases": {"a": [gpu_case(10)]}}}
    assert "On a GPU: &lt;H100&gt;, JAX 0.11" in "".join(gpu_sections(gpu))
