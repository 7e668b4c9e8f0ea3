"""Command compare: classical orders beside the best known one."""

import pytest

from elimax.interpreter.orders import forward_order
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.files import Layout, write_json
from elimax.pipeline.command_line.compare import compare_task, table_rows
from elimax.pipeline.errors import PipelineError
from elimax.pipeline.tasks import load_task


def test_a_function_of_ones_own(layout: Layout, toy: str) -> None:
    """Without files, the best order is the best of the portfolio, by its name."""
    result = compare_task(layout, toy)
    assert result["task"] == toy and result["vertices"] == 8
    orders = result["orders"]
    assert list(orders) == ["forward", "reverse", "markowitz", "markowitz_high", "best"]
    assert orders["best"]["all"] == min(entry["all"] for entry in orders.values())
    assert orders["best"]["found_by"] in {"forward", "reverse", "markowitz"}
    assert table_rows(result)[-1] == [
        "best", orders["best"]["all"], orders["best"]["nontrivial"], orders["best"]["found_by"]
    ]  # fmt: skip


def test_the_stored_order_is_used_where_it_fits(layout: Layout, toy: str) -> None:
    """An order of search counts, unless it is for another graph or broken."""
    task = load_task(toy)
    graph = trace(task.function, *task.example_inputs(), argnums=task.argnums)
    order = forward_order(graph)
    content = {
        "fingerprint": graph.fingerprint,
        "order": list(order.vertices),
        "found_by": "finetuned",
    }
    path = layout.order(toy)
    write_json(path, content)
    best = compare_task(layout, toy)["orders"]["best"]
    assert best["found_by"] == "finetuned"
    assert best["all"] == compare_task(layout, toy)["orders"]["forward"]["all"]
    for change in ({"fingerprint": "0"}, {"order": [1]}):
        write_json(path, {**content, **change})
        assert compare_task(layout, toy)["orders"]["best"]["found_by"] != "finetuned"
    path.write_text("{")
    assert compare_task(layout, toy)["orders"]["best"]["found_by"] != "finetuned"


def test_unknown_tasks_are_errors(layout: Layout) -> None:
    """A wrong name is an error of the pipeline, with near names."""
    with pytest.raises(PipelineError, match="roe_flux_1d"):
        compare_task(layout, "roe_flux_1")
