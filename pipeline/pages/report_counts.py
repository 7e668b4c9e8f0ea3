"""The tables of multiplications on the page of the report, one for each count."""

from collections.abc import Mapping
from typing import Any

from elimax.interpreter.graph.structure import Count
from elimax.interpreter.orders import PORTFOLIO
from elimax.pipeline.checkout.context import cheapest
from elimax.pipeline.pages.published import PUBLISHED
from elimax.pipeline.pages.report_tables import Table

COUNTS: tuple[Count, Count] = ("all", "nontrivial")

Candidates = Mapping[str, Mapping[str, Mapping[str, int]]]
"""By task and name, both counts of every order that search compared."""


def best_table(
    summaries: Mapping[str, Mapping[str, Any]],
    candidates: Candidates,
    count: Count,
) -> Table:
    """Makes the table of the best orders by one count.

    Args:
        summaries: Summary by task.
        candidates: What search compared.
        count: The count that is shown.

    Returns:
        Headings and rows: the best order and who found it, the best classic one and what is saved
        against it, the published order, the lower bound, how far the best order is above it, and
        whether it is proven to be the best of all.
    """
    columns = [
        "task", "best", "best classic", "saved %", "paper", "lower bound", "above bound %",
        "proven best", "found by",
    ]  # fmt: skip
    rows: list[list[Any]] = []
    for task, summary in summaries.items():
        ours, bound = candidates[task], summary["bounds"][count]
        # Not the summary's best, which the count of params.yaml has decided.
        found_by = cheapest(ours, count)
        best, classic = ours[found_by][count], ours[best_classic_rule(ours, count)][count]
        published = PUBLISHED.get(task)
        rows.append(
            [
                task,
                best,
                classic,
                100 * (1 - best / max(1, classic)),
                None if published is None else getattr(published, count),
                bound["bound"],
                100 * (best / bound["bound"] - 1) if bound["bound"] else None,
                "yes" if bound["optimal"] else "no",
                found_by,
            ]
        )
    return columns, rows


def brief_table(summaries: Mapping[str, Mapping[str, Any]]) -> Table:
    """Makes the table of the README: the count of the paper, in few columns.

    Args:
        summaries: Summary by task.

    Returns:
        Headings and rows; an equals sign marks a lower bound that is reached.
    """
    rows: list[list[Any]] = []
    for task, summary in summaries.items():
        bound, published = summary["bounds"]["all"], PUBLISHED.get(task)
        names = ("forward", "reverse", "best_classic", "learned", "best")
        rows.append(
            [
                task,
                *(f"{summary[name]['all']:,}" for name in names),
                f"{'=' if bound['optimal'] else ''}{bound['bound']:,}",
                None if published is None else f"{published.all:,}",
            ]
        )
    return ["task", "forward", "reverse", "best classic", "learned", "best", "bound", "paper"], rows


def best_classic_rule(candidates: Mapping[str, Mapping[str, int]], count: Count) -> str:
    """Returns the name of the cheapest classical order of a task by one count."""
    return cheapest({name: candidates[name] for name in PORTFOLIO}, count)


def classic_table(candidates: Candidates, count: Count) -> Table:
    """Makes the table of all classical orders by one count, one column per rule.

    Args:
        candidates: What search compared.
        count: The count that is shown.

    Returns:
        Headings and rows: the rule of the cheapest order, then the counts.
    """
    rows: list[list[Any]] = []
    for task, orders in candidates.items():
        costs = [orders[name][count] for name in PORTFOLIO]
        rows.append([task, best_classic_rule(orders, count), *costs])
    return ["task", "cheapest", *PORTFOLIO], rows


def learned_table(summaries: Mapping[str, Mapping[str, Any]]) -> Table:
    """Makes the table of graph sizes and of what the policy found by itself."""
    rows = [
        [
            task,
            summary["vertices"],
            *(summary["learned"][count] for count in COUNTS),
            *(summary["best"][count] for count in COUNTS),
            *(summary["fewest_nontrivial"][count] for count in COUNTS),
            "yes" if summary["correct"] else "NO",
            None if summary["error_below"] is None else f"{summary['error_below']:.0e}",
        ]
        for task, summary in summaries.items()
    ]
    columns = ["task", "vertices"]
    columns += [f"{name}: {count}" for name in ("learned", "best", "fewest nontrivial")
                for count in COUNTS]  # fmt: skip
    return [*columns, "correct", "error below"], rows
