"""Command compare: classical orders beside the best known one."""

import pytest

from elimax.interpreter.orders import forward_order
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.files import Layout, write_json
from elimax.pipeline.command_line.compare import compare_task, table_rows
from elimax.pipeline.command_line.explain import explain_task
from elimax.pipeline.errors import FileError, PipelineError
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


def test_the_stored_order_is_used_where_it_fits(
    layout: Layout, toy: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An order of search counts, unless it is for another graph, which is said."""
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
    assert compare_task(layout, toy, "forward")["orders"]["best"]["found_by"] == "forward"
    write_json(path, {**content, "fingerprint": "0"})
    assert compare_task(layout, toy)["orders"]["best"]["found_by"] != "finetuned"
    assert "is for another graph and is ignored" in caplog.text


@pytest.mark.parametrize("text", ["{", '{"schema": 1}', '{"schema": 2}', ""])
def test_a_torn_order_is_an_error(layout: Layout, toy: str, text: str) -> None:
    """Whoever compares wants to know that the file is of no use, and how to renew it."""
    path = layout.order(toy)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    for command in (compare_task, explain_task):
        with pytest.raises(FileError, match="write it with: elimax search toy_functions:toy"):
            command(layout, toy)


def test_an_order_that_misses_a_vertex_is_an_error(layout: Layout, toy: str) -> None:
    """It is said what is wrong with it."""
    task = load_task(toy)
    graph = trace(task.function, *task.example_inputs(), argnums=task.argnums)
    content = {"fingerprint": graph.fingerprint, "order": [1], "found_by": "x"}
    write_json(layout.order(toy), content)
    with pytest.raises(FileError, match=r"holds no order .*misses"):
        compare_task(layout, toy)


def test_unknown_tasks_are_errors(layout: Layout) -> None:
    """A wrong name is an error of the pipeline, with near names."""
    with pytest.raises(PipelineError, match="roe_flux_1d"):
        compare_task(layout, "roe_flux_1")
