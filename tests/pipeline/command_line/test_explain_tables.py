"""The tables of `elimax explain`: the dearest rows, the rest in one, sums that agree."""

import pytest

from elimax.interpreter.orders import best_classic, forward_order
from elimax.pipeline.command_line.explain import Explanation, explain_order
from elimax.pipeline.command_line.explain_tables import (
    headline,
    saving_table,
    say_explanation,
    step_table,
    verdict,
)
from elimax.pipeline.console import Console
from support.traced_tasks import task_graph


@pytest.fixture(scope="module")
def explained() -> Explanation:
    """Forward elimination of a task with 45 vertices."""
    graph = task_graph("kerr_metric")
    return explain_order("kerr_metric", graph, forward_order(graph))


@pytest.mark.parametrize("shown", [None, 5, 15, 1000])
def test_steps_and_the_rest_are_the_whole(explained: Explanation, shown: int | None) -> None:
    """Every column of multiplications adds up to the count of its order."""
    columns, rows = step_table(explained, shown)
    assert len(columns) == len(rows[0]) == 8 + len(explained.rivals)
    limit = len(explained.steps) if shown is None else min(shown, len(explained.steps))
    assert len(rows) == limit + (limit < len(explained.steps))
    total = explained.steps[-1].total
    assert sum(row[5] for row in rows) == total.all == 223
    assert sum(row[6] for row in rows) == total.nontrivial == 157
    for k, rival in enumerate(explained.rivals, start=8):
        assert columns[k] == f"in {rival}"
        assert sum(row[k] for row in rows) == explained.cost(rival)
    numbers = [row[0] for row in rows if row[0] is not None]
    assert numbers == sorted(numbers)


def test_the_dearest_steps_are_shown(explained: Explanation) -> None:
    """None of the others costs more than one that is shown."""
    _, rows = step_table(explained, 5)
    shown = {row[1] for row in rows[:-1]}
    others = [step.cost.all for step in explained.steps if step.vertex not in shown]
    assert max(others) <= min(row[5] for row in rows[:-1])
    assert rows[-1][2] == f"{len(others)} others"


@pytest.mark.parametrize("shown", [None, 2, 8])
def test_savings_add_up(explained: Explanation, shown: int | None) -> None:
    """To the difference of both orders, however many rows are shown."""
    for rival in explained.rivals:
        columns, rows = saving_table(explained, rival, shown)
        assert columns[3] == f"in {rival}"
        assert sum(row[4] for row in rows) == explained.cost(rival) - explained.cost()
        assert all(row[4] == row[3] - row[2] for row in rows)
        assert shown is None or len(rows) <= shown + 2


def test_lines_say_what_is_compared(explained: Explanation) -> None:
    """More, less, equally many."""
    assert headline(explained) == (
        "kerr_metric: forward eliminates 38 of 45 vertices with 223 multiplications (all)"
    )
    assert verdict(explained, "reverse") == "saves 211 of 434 (48.6 %) against reverse"
    best = best_classic(explained.graph)
    assert (
        verdict(explained, "markowitz_high") == "wastes 33 of 223 (14.8 %) against markowitz_high"
    )
    assert verdict(explained, best.name).endswith(f"against {best.name}, the best classic order")
    assert verdict(explained, "forward") == "as many as forward: 223"
    graph = explained.graph
    chosen = explain_order("kerr_metric", graph, best)
    assert f"{best.name}, the best classic order, eliminates" in headline(chosen)


def test_what_the_console_shows(explained: Explanation, capsys: pytest.CaptureFixture) -> None:
    """A table of steps and one for each rival; nothing but JSON under --json."""
    say_explanation(explained, Console())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == headline(explained)
    assert sum(line.startswith("vertex ") for line in lines) == len(explained.rivals)
    assert len(lines) < 50 and max(map(len, lines)) <= 120
    say_explanation(explained, Console(as_json=True))
    assert capsys.readouterr().out == ""
