"""The tables of the report: losses are shown like wins."""

import statistics
from typing import Any

import pytest

from elimax.interpreter.orders import CLASSIC, PORTFOLIO
from elimax.pipeline.checkout.context import SHOWN
from elimax.pipeline.errors import FileError
from elimax.pipeline.pages.report_tables import (
    better_rival,
    count_table,
    markdown_report,
    markdown_table,
    seed_table,
    speed_table,
    timing_notes,
    timing_table,
    verdict,
)
from elimax.pipeline.stages.report import spread_of, summarise_task
from support.report_examples import BOTH, DEVICE, TIMINGS, case, ratio, summary


def test_the_better_rival_is_the_reference() -> None:
    """Ratios are against the faster one of JAX's two Jacobians."""
    assert better_rival(case(40, 20, 10)) == "jacrev"
    assert better_rival(case(5, 0, 10)) == "jacfwd"
    assert better_rival(case(0, 0, 10)) is None


def test_losses_are_counted_and_shown() -> None:
    """A ratio below 1 stands in the table as it is."""
    assert verdict(TIMINGS) == {"faster": 1, "slower": 1, "even": 1, "alone": 1}
    noisy = {"device": DEVICE, "cases": [{**case(40, 20, 10), "null": ratio(2.1)}]}
    assert verdict({"noisy": noisy})["even"] == 1
    columns, rows = timing_table(TIMINGS)
    best = [row[columns.index("best")] for row in rows]
    assert best == pytest.approx([2.0, None, 0.5, 1.0])
    text = markdown_report({"win": summary()}, TIMINGS, "all")
    assert "faster in 1, slower in 1, and within the noise in 1" in text
    assert "0.45 to 0.55" in text
    assert "no while loops" in text
    assert "Not timed: loss float64 packed batch 1 (XLA crashed)." in text
    assert "cpu (Test chip), JAX 1.0" in text


def test_means_of_each_setting() -> None:
    """Geometric, over the tasks that have a rival; every loss is named."""
    fused = {**case(30, 20, 10), "flags": "fusion"}
    timings = {**TIMINGS, "fused": {"device": DEVICE, "skipped": {}, "cases": [fused]}}
    columns, rows = speed_table(timings)
    assert columns[:5] == ["flags", "dtype", "layout", "batch", "tasks"]
    assert rows == [
        ["default", "float32", "packed", 512, 3, 1.0, None, "loss"],  # of 2, 0.5 and 1
        ["fusion", "float32", "packed", 512, 1, 2.0, None, "none"],
    ]


def test_tasks_without_run_times_are_named() -> None:
    """All others are shown; where there are none at all, nothing else is said."""
    some = timing_notes(TIMINGS, ["win", "x", "y"])
    assert some[-1] == "No run times for x, y: measure them with elimax evaluate TASK."
    assert timing_notes({}, ["x"]) == [
        "No run times for x: measure them with elimax evaluate TASK."
    ]
    assert timing_notes(TIMINGS, TIMINGS) == some[:-1]


def test_counts_as_rows() -> None:
    """One row per task; a wrong Jacobian cannot be overlooked."""
    columns, rows = count_table({"a": summary(), "b": summary(correct=False)})
    assert rows[0] == [
        "a", 7, *["10 / 5"] * 4, "10 / 5 (forward)", "9 / 6", "8 / 5", "11 / 4", "=8 / 1,234", 20.0,
        "annealing", "yes",
    ]  # fmt: skip
    assert rows[1][columns.index("correct")] == "NO"


def test_markdown_escapes_and_aligns() -> None:
    """A bar in a cell does not end it; numbers are aligned to the right."""
    assert (
        markdown_table(["a", "b"], [["x|y", 1.5]]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1.50 |"
    )


def test_a_summary_needs_one_graph() -> None:
    """Evaluation and order of different graphs are not mixed."""
    with pytest.raises(FileError, match=r"t are for different graphs; run: elimax evaluate t"):
        summarise_task({"fingerprint": "1"}, {"fingerprint": "2", "task": "t"}, "all")


@pytest.mark.parametrize(
    ("found", "seeds", "message"),
    [
        (
            {},
            (0, 1),
            "the order of t is of one seed, expected the seeds 0, 1; run: elimax search t",
        ),
        (
            {"seeds": {"0": BOTH, "1": BOTH}},
            (0,),
            "is of the seeds 0, 1, expected the seeds 0; run",
        ),
        ({"seeds": {"0": BOTH, "1": BOTH}}, (0, 2), "the seeds 0, 1, expected the seeds 0, 2;"),
    ],
)
def test_a_summary_needs_the_seeds_of_the_parameters(
    found: dict[str, Any], seeds: tuple[int, ...], message: str
) -> None:
    """What search found with other seeds is not reported."""
    found = {"fingerprint": "1", "task": "t", "candidates": dict.fromkeys(PORTFOLIO, BOTH), **found}
    with pytest.raises(FileError, match=message):
        summarise_task({"fingerprint": "1"}, found, "all", seeds)


def test_seeds_have_a_table_where_there_are_several() -> None:
    """Lowest, median and highest cost; nothing is shown for one seed."""
    summaries = {"a": summary(), "b": summary(seeds=spread_of([7, 12, 8]))}
    row = ["b", 3, 7, 8, 12, "9 ± 2.65", "9.0 (7.0 to 12.0)"]
    assert seed_table(summaries)[1] == [row]
    assert "| b | 3 | 7 | 8 | 12 | 9 ± 2.65 | 9.0 (7.0 to 12.0) |" in markdown_report(
        summaries, TIMINGS, "all"
    )
    assert "Seeds" not in markdown_report({"a": summary()}, TIMINGS, "all")


def test_spread_of_seeds() -> None:
    """The interquartile mean leaves out a quarter on both sides; one seed has no spread."""
    found = spread_of([10, 20, 30, 1000])
    assert (found["number"], found["median"], found["mean"], found["iqm"]) == (4, 25, 265, 25.0)
    assert 10 <= found["iqm_low"] <= 25 <= found["iqm_high"] <= 1000
    assert found["std"] == pytest.approx(statistics.stdev([10, 20, 30, 1000]), abs=0.01)
    assert spread_of([7])["std"] == 0.0 and spread_of([7, 8])["median"] == 7.5


def test_a_summary_needs_the_whole_portfolio() -> None:
    """An order that was found when there were fewer rules is found again."""
    found = {"fingerprint": "1", "task": "t", "candidates": dict.fromkeys(CLASSIC, BOTH)}
    with pytest.raises(FileError, match=r"of t lack .*lmmd.*; run: elimax search t"):
        summarise_task({"fingerprint": "1"}, found, "all")


def test_a_summary_has_the_best_of_all_kinds() -> None:
    """The best classical, learned and annealed orders, whoever found them."""
    candidates = {**dict.fromkeys(PORTFOLIO, BOTH), "lmmd": {"all": 7, "nontrivial": 4}}
    found = {"fingerprint": "1", "task": "t", "candidates": candidates}
    candidates |= {
        "finetuned": {"all": 9, "nontrivial": 4},
        "annealing": {"all": 6, "nontrivial": 6},
        "annealing_nontrivial": {"all": 9, "nontrivial": 2},
    }
    annealed = {
        "all": {**candidates["annealing"], "found_by": "annealing", "bound": 6, "optimal": True},
        "nontrivial": {
            **candidates["annealing_nontrivial"],
            "found_by": "annealing_nontrivial",
            "bound": 1,
            "optimal": False,
        },
    }
    found |= {"by_count": annealed}
    checked = {"best": {"correct": True, "error_below": 1e-14}}
    evaluation = {"fingerprint": "1", "vertices": 7, "orders": checked}
    entry = summarise_task(evaluation, found, "all")
    assert entry["best_classic"] == {"all": 7, "nontrivial": 4, "found_by": "lmmd"}
    assert entry["learned"] == {"all": 9, "nontrivial": 4, "found_by": "finetuned"}
    assert entry["best"] == {"all": 6, "nontrivial": 6, "found_by": "annealing"}
    assert entry["fewest_nontrivial"]["nontrivial"] == 2
    assert entry["bounds"]["nontrivial"] == {"bound": 1, "optimal": False}
    assert entry["improvement"] == round(1 - 6 / 7, 4)
    assert not set(entry) & (set(PORTFOLIO) - set(SHOWN))
