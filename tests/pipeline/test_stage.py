"""What all stages share."""

from interpreter.orders import PORTFOLIO
from pipeline.stage import SHOWN, table_names

EQUAL = {name: {"all": 10, "nontrivial": 5} for name in PORTFOLIO}


def test_tables_show_few_classical_orders() -> None:
    """Four by name, the best of all others if it is better, and everything learned."""
    learned = {"finetuned": {"all": 3, "nontrivial": 3}}
    assert table_names(EQUAL, "all") == list(SHOWN)
    counts = {**EQUAL, "momr": {"all": 9, "nontrivial": 6}, **learned}
    assert table_names(counts, "all") == [*SHOWN, "momr", "finetuned"]
    assert table_names(counts, "nontrivial") == [*SHOWN, "finetuned"]
