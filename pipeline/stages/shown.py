"""What search and evaluate show of their results: tables on the console, rows and tables in W&B."""

from collections.abc import Mapping
from typing import Any

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.pipeline.checkout.context import Objective, table_names
from elimax.pipeline.console import Console
from elimax.pipeline.pages.graph_svg import draw, lay_out
from elimax.pipeline.pages.report_tables import better_rival, task_timing_table, timing_table
from elimax.pipeline.tracking import Tracker

LARGEST_PICTURE = 300
"""Vertices of the largest graph that is drawn for W&B."""


def show_search(console: Console, content: Mapping[str, Any], count: Objective) -> None:
    """Prints the counts of all candidates.

    Args:
        console: Where the table goes.
        content: What search wrote.
        count: Which count decides.
    """
    title = f"{content['task']}: best by {content['found_by']}"
    console.table(["order", "all", "nontrivial"], _candidate_rows(content, count), title)


def mirror_search(
    tracker: Tracker, graph: ComputationalGraph, content: Mapping[str, Any], count: Objective
) -> None:
    """Mirrors what search found to W&B: the best orders, all candidates, a picture of the graph.

    Args:
        tracker: The run.
        graph: The graph of the task.
        content: What search wrote.
        count: Which count decides.
    """
    tracker.summary({key: content[key] for key in ("all", "nontrivial", "found_by")})
    for which, best in content["by_count"].items():
        shown = ("all", "nontrivial", "found_by", "bound", "optimal")
        tracker.summary({f"fewest_{which}": {key: best[key] for key in shown}})
    columns = ["order", "all", "nontrivial"]
    tracker.table("candidates", columns, _candidate_rows(content, count))
    tracker.table("best_order", ["step", "vertex", "primitive"], [
        [step, vertex, graph.primitives[vertex - 1]]
        for step, vertex in enumerate(content["order"], start=1)
        if vertex <= graph.num_vertices
    ])  # fmt: skip
    if tracker.active and graph.num_vertices <= LARGEST_PICTURE:
        tracker.picture("graph", draw(lay_out(graph), graph.edges))


def show_evaluation(
    console: Console, evaluation: Mapping[str, Any], timings: Mapping[str, Any]
) -> None:
    """Prints whether every order is correct, and how fast the best one is.

    Args:
        console: Where the tables go.
        evaluation: What evaluate found to be correct.
        timings: What it measured.
    """
    columns = ["order", "all", "nontrivial", "error below"]
    console.table(columns, _correctness_rows(evaluation), evaluation["task"])
    title = "\nTimes, and speed relative to JAX's better mode"
    console.table(*task_timing_table(timings), title)


def mirror_timings(tracker: Tracker, timings: Mapping[str, Any]) -> None:
    """Mirrors run times to W&B: one numbered row per case, for plots, and a table of all columns.

    Args:
        tracker: The run.
        timings: What evaluate measured.
    """
    columns, rows = timing_table({timings["task"]: timings})
    for number, case in enumerate(timings["cases"]):
        rival = better_rival(case)
        ratios = case["ratios"][rival] if rival is not None else {}
        tracker.log(
            {
                "case": number,
                **{key: case[key] for key in ("flags", "dtype", "layout", "batch")},
                **{f"microseconds/{name}": 1e6 * x for name, x in case["seconds"].items()},
                **{f"speedup/{name}": ratio["median"] for name, ratio in ratios.items()},
            }
        )
    tracker.table("timings", columns, rows)
    tracker.summary({"skipped": timings["skipped"]})


def _correctness_rows(evaluation: Mapping[str, Any]) -> list[list[Any]]:
    results, kernel = evaluation["orders"], evaluation["native"]
    rows = [
        [name, x["all"], x["nontrivial"], f"{x['error_below']:.0e}"] for name, x in results.items()
    ]
    error = f"{kernel['error_below']:.0e}" if "error_below" in kernel else "no kernel"
    return [*rows, ["native kernel", None, None, error]]


def _candidate_rows(content: Mapping[str, Any], count: Objective) -> list[list[Any]]:
    counts = content["candidates"]
    return [
        [name, counts[name]["all"], counts[name]["nontrivial"]]
        for name in table_names(counts, count)
    ]
