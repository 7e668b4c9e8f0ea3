"""The tables of `elimax explain`."""

from collections.abc import Sequence
from typing import Any

from elimax.interpreter.graph.explanation import EliminationStep, costs_by_vertex
from elimax.pipeline.command_line.explain import Explanation
from elimax.pipeline.console import Console

STEPS_SHOWN = 15
SAVINGS_SHOWN = 8

Table = tuple[list[str], list[list[Any]]]


def say_explanation(explained: Explanation, console: Console) -> None:
    """Prints the most expensive eliminations and the largest savings.

    Args:
        explained: The explanation.
        console: Where the tables go.
    """
    console.table(*step_table(explained, STEPS_SHOWN), headline(explained))
    for rival in explained.rivals:
        columns, rows = saving_table(explained, rival, SAVINGS_SHOWN)
        console.say(f"\n{verdict(explained, rival)}")
        if rows:
            console.table(columns, rows)


def headline(explained: Explanation) -> str:
    """Says in one line what is explained."""
    steps, graph = explained.steps, explained.graph
    total = explained.cost()
    best = ", the best classic order," if explained.is_best_classic else ""
    return (
        f"{explained.task}: {explained.order.name}{best} eliminates {len(steps)} of "
        f"{graph.num_vertices} vertices with {total:,} multiplications ({explained.count})"
    )


def verdict(explained: Explanation, rival: str) -> str:
    """Says in one line what the order saves against one of the portfolio."""
    ours, theirs = explained.cost(), explained.cost(rival)
    name = f"{rival}, the best classic order" if rival == explained.best_classic else rival
    if ours == theirs:
        return f"as many as {name}: {theirs:,}"
    share = 100 * abs(theirs - ours) / max(theirs, ours)
    verb = "saves" if ours < theirs else "wastes"
    return f"{verb} {abs(theirs - ours):,} of {max(ours, theirs):,} ({share:.1f} %) against {name}"


def step_table(explained: Explanation, shown: int | None = None) -> Table:
    """The eliminations of an order, in their sequence.

    Args:
        explained: The explanation.
        shown: How many of them, the most expensive ones, with one more row for all others; None
            for all.

    Returns:
        Columns and rows: number, vertex, primitive, shape, predecessors and successors at the time,
        both counts, the sum so far, and what the vertex costs in each rival.
    """
    count, rivals = explained.count, explained.rivals
    elsewhere = [costs_by_vertex(explained.others[rival], count) for rival in rivals]

    def row(number: int, step: EliminationStep) -> list[Any]:
        shape = "x".join(map(str, step.shape)) or "scalar"
        ends = f"{step.predecessors} x {step.successors}"
        costs = [step.cost.all, step.cost.nontrivial, getattr(step.total, count)]
        there = [other[step.vertex] for other in elsewhere]
        return [number, step.vertex, step.primitive, shape, ends, *costs, *there]

    numbered = list(enumerate(explained.steps, start=1))
    dearest = sorted(numbered, key=lambda entry: -getattr(entry[1].cost, count))
    listed = sorted(dearest if shown is None else dearest[:shown], key=lambda entry: entry[0])
    rows = [row(*entry) for entry in listed]
    rest = [] if shown is None else [row(*entry) for entry in dearest[shown:]]
    if rest:
        sums = [sum(cells[k] for cells in rest) for k in (5, 6)]
        there = [sum(cells[k] for cells in rest) for k in range(8, 8 + len(rivals))]
        rows.append([None, None, f"{len(rest)} others", "", "", *sums, None, *there])
    columns = ["step", "vertex", "primitive", "shape", "before x after", "all", "nontrivial"]
    return [*columns, f"sum ({count})", *(f"in {rival}" for rival in rivals)], rows


def saving_table(explained: Explanation, rival: str, shown: int | None = None) -> Table:
    """The vertices that cost less or more than in an order of the portfolio.

    Args:
        explained: The explanation.
        rival: The order of the portfolio.
        shown: How many of them, the largest savings, with one more row for the others that save
            and one for those that cost more; None for all.

    Returns:
        Columns and rows: vertex, primitive, cost here, cost there, saved; largest saving first.
    """
    found = [saving for saving in explained.savings(rival) if saving.saved]
    listed = found if shown is None else [saving for saving in found[:shown] if saving.saved > 0]
    rest = found[len(listed) :]
    names = explained.graph.primitives
    rows: list[list[Any]] = [
        [saving.vertex, names[saving.vertex - 1], saving.cost, saving.other, saving.saved]
        for saving in listed
    ]
    groups = {
        "that save": [saving for saving in rest if saving.saved > 0],
        "that cost more": [saving for saving in rest if saving.saved < 0],
    }
    for what, group in groups.items():
        if group:
            sums = _sums([[saving.cost, saving.other, saving.saved] for saving in group])
            rows.append([None, f"{len(group)} {'others ' * bool(listed)}{what}", *sums])
    return ["vertex", "primitive", "here", f"in {rival}", "saved"], rows


def _sums(rows: Sequence[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*rows, strict=True)]
