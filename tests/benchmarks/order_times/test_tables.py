"""What times of orders are said to mean, on times that are made up."""

import pytest

from benchmarks.order_times.tables import FIGURES, correlations, fit, rank_correlation, times_table
from elimax.interpreter.graph.price import Work


def record(name, seconds, nontrivial, entries=0, flops=None):
    """An order whose time is that of its entries, or of its multiplications."""
    return {
        "name": name,
        "seconds": seconds,
        "all": 2 * nontrivial,
        "nontrivial": nontrivial,
        "additions": 1,
        "price": nontrivial + 5 * entries,
        "arithmetic": nontrivial,
        "entries": entries,
        "products": 1,
        "flops": nontrivial if flops is None else flops,
    }


MODES = [{"name": "jacfwd", "seconds": 8.0}, {"name": "jacrev", "failed": "too large"}]
BY_COUNT = [record("forward", 2.0, 20), record("reverse", 4.0, 40), record("best", 1.0, 10)]


def result(task, records):
    """The file of a task."""
    return {"task": task, "batch": 512, "records": [*MODES, *records]}


def test_rank_correlation():
    """1 and -1 whatever the distances are; equal ranks share; nothing where nothing varies."""
    assert rank_correlation([1, 2, 100], [5, 6, 7]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3], [9, 2, 1]) == pytest.approx(-1.0)
    assert rank_correlation([1, 1, 2], [1, 2, 3]) == pytest.approx(0.866, abs=1e-3)
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None


def test_correlations_leave_out_jax_and_what_failed():
    """All figures follow the time here; of counts and operations as well."""
    found = correlations([*MODES, *BY_COUNT, {"name": "worst", "failed": "no"}])
    assert set(found) == {*FIGURES, "counts"}
    assert all(value == pytest.approx(1.0) for value in found.values())


def test_table():
    """In units of the fastest order; the median leaves out what is hardly told apart."""
    alike = [record("forward", 1.0, 30), record("reverse", 1.1, 20)]
    columns, rows = times_table([result("a", BY_COUNT), result("b", alike)])
    assert columns[:6] == ["task", "batch", "orders", "slowest", "forward, reverse", "JAX"]
    assert rows[0][:6] == ["a", 512, 3, 4.0, 2.0, 8.0]
    assert rows[1][3:5] == [1.1, 1.0] and rows[1][6] == pytest.approx(-1.0)
    assert rows[2][0] == "median of 1" and rows[2][6] == pytest.approx(1.0)


def test_fit():
    """Where time follows entries, a price without them is worse."""
    moved = [record("forward", 1.0, 30, 1), record("reverse", 2.0, 20, 9), record("x", 3.0, 25, 20)]
    _, rows = fit([result("a", moved)], [Work(1, 0, 0), Work(1, 5, 0)])
    assert rows[0][:2] == [5, 0]
    assert rows[0][2] == pytest.approx(1.0) and rows[1][2] < 0.9
