"""The annealing benchmark: what it measures is what it prints."""

import json
import os

import pytest

from benchmarks import orders
from benchmarks.orders import (
    counts_table,
    is_scalar,
    main,
    measure_auto,
    measure_graphs,
    scaling_graph,
    stored_counts,
)
from elimax.interpreter.graph.counting import count_multiplications
from elimax.pipeline.checkout.files import Layout
from support.repository import ROOT
from support.traced_tasks import task_graph


def results_of(found_all: list[int], found_nontrivial: list[int]) -> dict:
    """Results of one task as `measure_graphs` returns them."""
    entries = {"all": found_all, "nontrivial": found_nontrivial}
    return {
        "roe_flux_1d": {
            count: {"portfolio": 400, "found": found, "bound": 100, "evaluations": 7}
            for count, found in entries.items()
        }
    }


def test_counts_are_those_of_orders():
    """Every found count is one that the stored order has."""
    graph = task_graph("bratu_stencil")
    told: list[str] = []
    (entry,) = measure_graphs({"bratu_stencil": graph}, (0.05, 0.05), [0, 1], told.append).values()
    assert told == ["bratu_stencil"]
    for count in ("all", "nontrivial"):
        assert len(entry[count]["found"]) == 2
        best = getattr(count_multiplications(graph, entry[count]["order"]), count)
        assert best == min(entry[count]["found"]) <= entry[count]["portfolio"]
        assert entry[count]["evaluations"] > 0


def test_table():
    """Equal seeds are one number, different ones a range, next to published and stored counts."""
    stored = {"roe_flux_1d": {"all": 295, "nontrivial": 184}}
    columns, rows = counts_table(results_of([295, 295], [184, 190]), stored)
    assert columns[3:8] == ["published", "stored", "annealed", "bound", "gap %"]
    assert rows == [
        ["roe_flux_1d", "all", 400, 320, 295, "295", 100, 66.1, 7],
        ["roe_flux_1d", "nontrivial", 400, 217, 184, "184 to 190", 100, 45.7, 7],
    ]
    unknown = {"mine": results_of([1], [1])["roe_flux_1d"]}
    assert counts_table(unknown, {})[1][0][3:5] == [None, None]


def test_stored_counts_are_those_of_search():
    """Each the lowest of its count; a function without a file has none."""
    found = stored_counts(Layout(ROOT), ["mlp", "mine:f"])
    assert found == {"mlp": {"all": 284, "nontrivial": 199}}


def test_what_auto_finds_is_found_again():
    """In memory and in a file; the user's own cache is not touched."""
    before = os.environ.get("ELIMAX_CACHE_DIR")
    entry = measure_auto(task_graph("mlp"))
    assert (entry["all"], entry["nontrivial"], entry["found_by"]) == (284, 199, "reverse")
    assert entry["seconds"] > 0 and entry["memory_ms"] > 0 and entry["file_ms"] > 0
    assert os.environ.get("ELIMAX_CACHE_DIR") == before


def test_scalar_graphs_have_the_shorter_limit():
    """By the shapes of all values."""
    assert is_scalar(task_graph("roe_flux_1d"))
    assert not is_scalar(task_graph("mlp"))
    assert scaling_graph(50).num_vertices == 50


def test_command(capsys, tmp_path, monkeypatch):
    """Both tables, and the same as JSON."""
    monkeypatch.setattr(orders, "measure_speed", lambda graph, seconds: 1234.5)
    path = tmp_path / "result.json"
    words = ["bratu_stencil", "--seconds", "0.05", "0.05", "--seeds", "1", "--sizes", "20"]
    assert main([*words, "--json", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "| bratu_stencil | all |" in printed and "| 20 | 1234 |" in printed
    stored = json.loads(path.read_text())
    assert stored["speeds"] == {"20": 1234}
    assert stored["tasks"]["bratu_stencil"]["all"]["found"]


def test_unknown_task():
    """The error that every command gives."""
    with pytest.raises(Exception, match="there is no task 'nope'"):
        main(["nope"])
