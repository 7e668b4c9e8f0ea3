"""The published counts that the report shows."""

import pytest

from elimax.interpreter.graph.counting import count_multiplications
from elimax.pipeline.pages.published import PUBLISHED
from support.published import PUBLISHED_NAMES, published_order
from support.traced_tasks import task_graph


def test_every_published_task_has_its_count() -> None:
    """No task of the paper is left out, and none is added."""
    assert set(PUBLISHED) == set(PUBLISHED_NAMES)


@pytest.mark.parametrize("task", sorted(PUBLISHED))
def test_published_orders_recount(task: str) -> None:
    """The orders that the paper's program found, counted by the rule of this package."""
    count = count_multiplications(task_graph(task), published_order(task))
    assert (count.all, count.nontrivial) == PUBLISHED[task]
