"""The figures aimed at, from results written by hand."""

import pytest

from benchmarks.interpreter_summary import (
    build_ratios,
    geometric_mean,
    summarise,
    summary_lines,
)
from support.interpreter_results import case, ratio, task_result


def test_every_task_counts_once() -> None:
    """The mean is over tasks, however many cases one has; single inputs are not in it."""
    tasks = {
        "mlp": task_result(case(0.1, batch=1), case(2.0), case(8.0, batch=65536)),
        "kerr_metric": task_result(case(0.2, batch=1), case(1.0)),
    }
    entry = summarise(tasks)["ratios"]["dense"]
    assert entry["by_task"] == {"mlp": 4.0, "kerr_metric": 1.0}
    assert entry["mean"] == 2.0
    assert entry["worst"] == [1.0, "kerr_metric", "published", 512]
    assert entry["worst_single"] == [0.1, "mlp", "published", 1]


def test_layouts_have_means_of_their_own() -> None:
    """Scalars in and out, and one vector in, gain and lose by different things."""
    tasks = {"mlp": task_result(case(0.1, batch=1), case(2.0), case(0.5, layout="packed"))}
    summary = summarise(tasks)
    entry = summary["ratios"]["dense"]
    assert entry["mean"] == 1.0 and entry["by_layout"] == {"published": 2.0, "packed": 0.5}
    assert "dense: by layout published 2.00, packed 0.50" in summary_lines(summary)


def test_contenders_that_were_not_measured_have_no_figure() -> None:
    """Without structured output there is no mean of it, and the summary says so."""
    summary = summarise({"mlp": task_result(case(0.1, batch=1), case(2.0))})
    assert set(summary["ratios"]) == {"dense"}
    assert "structured: not available" in summary_lines(summary)


def test_builds_are_compared_where_they_were_repeated() -> None:
    """0.8 s of ours against 0.8 s of the faster mode, and 0.4 s of the one built faster."""
    result = task_result(
        case(1.0, batch=1, trace_seconds={"jacfwd": 1.0, "jacrev": 1.0, "dense": 9.0}),
        case(1.0, builds=3),
        case(1.0, builds=3, layout="packed", better="jacfwd"),
    )
    wanted = {"worst": 2.0, "worst_cpu": 3.75, "worst_cheapest": 2.0}
    assert build_ratios(result) == {"dense": wanted}
    wanted = {"worst": 1.0, "worst_cpu": 1.5, "worst_cheapest": 2.0}
    assert build_ratios(task_result(case(1.0))) == {"dense": wanted}


def test_targets_are_met_or_missed() -> None:
    """Every figure with a target says which."""
    met = summary_lines(summarise({"mlp": task_result(case(1.2, batch=1), case(1.7, builds=2))}))
    assert met[0].endswith("1.70 (target 1.6: met)")
    assert met[1].endswith("1.70 (mlp, published, 512) (target 0.95: met)")
    assert met[2].endswith("1.20 (mlp, published, 1) (target 0.95: met)")
    assert "for 1 of 1 tasks, worst mlp 1.00 times" in met[3]
    missed = summary_lines(
        summarise({"autoencoder_bottleneck": task_result(case(0.9, batch=1), case(0.9))})
    )
    assert missed[0].endswith("0.90 (target 1.6: missed)")
    assert any(line.endswith("bottleneck 0.90 (target 6: missed)") for line in missed)


def test_structured_output_has_a_target_of_its_own() -> None:
    """Two times as fast, once it is there."""
    ratios = {"dense": ratio(1.0), "structured": ratio(2.5)}
    summary = summarise({"mlp": task_result(case(1.0, batch=1), case(1.0, ratios=ratios))})
    line = next(line for line in summary_lines(summary) if line.startswith("structured"))
    assert line.endswith("2.50 (target 2: met)")


def test_geometric_mean() -> None:
    """A gain and a loss by the same factor cancel."""
    assert geometric_mean([4.0, 0.25]) == pytest.approx(1.0)


def test_nothing_measured() -> None:
    """Without a case there is no figure, and no error."""
    summary = summarise({"mlp": task_result()})
    assert summary == {"ratios": {}, "builds": {"mlp": {}}}
