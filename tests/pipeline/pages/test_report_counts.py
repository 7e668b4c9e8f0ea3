"""Tables of multiplications, one for each count."""

from typing import Any

from elimax.interpreter.orders import PORTFOLIO
from elimax.pipeline.pages.report_counts import (
    best_classic_rule,
    best_table,
    brief_table,
    classic_table,
    learned_table,
)
from support.report_examples import BOTH, summary

ORDERS = {**dict.fromkeys(PORTFOLIO, BOTH), "reverse": {"all": 12, "nontrivial": 4}}
ORDERS |= {
    "annealing": {"all": 8, "nontrivial": 5},
    "annealing_nontrivial": {"all": 9, "nontrivial": 3},
}


def cells(table: tuple[list[str], list[list[Any]]]) -> dict[str, Any]:
    """The first row by heading."""
    return dict(zip(table[0], table[1][0], strict=True))


def test_each_count_has_its_own_best_order_and_rule() -> None:
    """The published order and the bound stand beside; a bound that is reached is a proof."""
    summaries, candidates = {"mlp": summary()}, {"mlp": ORDERS}
    row = cells(best_table(summaries, candidates, "all"))
    assert (row["task"], row["best"], row["best classic"], row["paper"]) == ("mlp", 8, 10, 292)
    assert (row["lower bound"], row["above bound %"], row["proven best"]) == (8, 0.0, "yes")
    assert round(row["saved %"], 6) == 20.0 and row["found by"] == "annealing"
    row = cells(best_table(summaries, candidates, "nontrivial"))
    assert (row["best"], row["best classic"], row["paper"]) == (3, 4, 199)
    assert row["proven best"] == "no" and row["found by"] == "annealing_nontrivial"


def test_tasks_of_a_user_have_no_published_order() -> None:
    """And a bound of 0 has nothing to compare with."""
    bounds = {"all": {"bound": 0, "optimal": False}}
    row = cells(best_table({"own:f": summary(bounds=bounds)}, {"own:f": ORDERS}, "all"))
    assert row["paper"] is None and row["above bound %"] is None


def test_classical_orders_have_one_column_each() -> None:
    """The cheapest is named; what is no classical order is left out."""
    assert best_classic_rule(ORDERS, "nontrivial") == "reverse"
    row = cells(classic_table({"a": ORDERS}, "all"))
    assert list(row) == ["task", "cheapest", *PORTFOLIO]
    assert row["reverse"] == 12 and row["cheapest"] != "reverse"


def test_learned_orders_and_checks() -> None:
    """Both counts in columns of their own; a wrong Jacobian cannot be overlooked."""
    row = cells(learned_table({"a": summary(error_below=1e-13)}))
    assert (row["vertices"], row["learned: all"], row["learned: nontrivial"]) == (7, 9, 6)
    assert (row["correct"], row["error below"]) == ("yes", "1e-13")
    row = cells(learned_table({"a": summary(correct=False, error_below=None)}))
    assert (row["correct"], row["error below"]) == ("NO", None)


def test_the_table_of_the_readme() -> None:
    """The count of the paper alone; a bound that is reached has an equals sign."""
    row = cells(brief_table({"mlp": summary(), "other": summary()}))
    assert (row["best"], row["bound"], row["paper"]) == ("8", "=8", "292")
    assert brief_table({"other": summary()})[1][0][-1] is None
