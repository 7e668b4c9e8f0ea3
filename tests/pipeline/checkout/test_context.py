"""What all stages share."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest

from elimax.interpreter.orders import PORTFOLIO
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.context import SHOWN, order_from, table_names
from elimax.pipeline.errors import FileError

EQUAL = {name: {"all": 10, "nontrivial": 5} for name in PORTFOLIO}


def test_tables_show_few_classical_orders() -> None:
    """Four by name, the best of all others if it is better, and everything learned."""
    learned = {"finetuned": {"all": 3, "nontrivial": 3}}
    assert table_names(EQUAL, "all") == list(SHOWN)
    counts = {**EQUAL, "momr": {"all": 9, "nontrivial": 6}, **learned}
    assert table_names(counts, "all") == [*SHOWN, "momr", "finetuned"]
    assert table_names(counts, "nontrivial") == [*SHOWN, "finetuned"]


@pytest.mark.parametrize(
    "content",
    [{}, [], {"order": [1.5, 2]}, {"order": [float("inf")]}, {"order": "12"}, {"order": [1, 1]}],
)
def test_files_without_an_order_are_refused(content: Any) -> None:
    """Missing, rounded, unending and repeated vertices end in one line with the command."""
    graph = trace(lambda x: jnp.sin(jnp.cos(jnp.exp(x))), 1.0)
    assert order_from({"order": [2, 1]}, graph, Path("a.json"), "elimax x", "n").vertices == (2, 1)
    with pytest.raises(FileError, match=r"a\.json holds no order .*; write it with: elimax x"):
        order_from(content, graph, Path("a.json"), "elimax x", "best")
