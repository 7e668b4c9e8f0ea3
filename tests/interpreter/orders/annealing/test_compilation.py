"""Compiled code: there, missing, and a word to those who wait for it."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from elimax.interpreter.orders.annealing import compilation
from elimax.interpreter.orders.auto import auto_order
from support.repository import ROOT
from support.traced_tasks import task_graph

SEARCH = """
import logging
logging.basicConfig(format="%(message)s")
from elimax.interpreter.orders.auto import auto_order
from support.traced_tasks import task_graph
print(auto_order(task_graph("kerr_metric")).vertices)
"""


@pytest.fixture(autouse=True)
def fresh():
    """As in a new process."""
    compilation.can_anneal.cache_clear()
    yield
    compilation.can_anneal.cache_clear()


def search(folder: Path) -> tuple[str, str]:
    """The order that a process finds with a cache folder of numba, and what it says."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", SEARCH],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        cwd=ROOT / "tests",
        env=environment,
    )
    return done.stdout, done.stderr


@pytest.mark.slow
def test_compiling_is_told_once_and_changes_nothing(tmp_path):
    """The first process on a machine says what it waits for; the order is the same."""
    first, said = search(tmp_path)
    assert "compiling the search over elimination orders" in said and len(said.splitlines()) == 1
    assert search(tmp_path) == (first, "")


def test_where_no_folder_can_be_written(tmp_path):
    """Every process compiles, and finds the same order."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    order = auto_order(task_graph("kerr_metric")).vertices
    assert search(blocked / "cache")[0] == f"{order}\n"


def test_nothing_is_said_where_code_is_there(caplog):
    """In this process it was compiled before, or is now."""
    auto_order(task_graph("kerr_metric"))
    compilation.can_anneal.cache_clear()
    with caplog.at_level(logging.INFO):
        assert compilation.can_anneal()
    assert not caplog.records


def test_without_numba(monkeypatch):
    """It warns, and the order is the cheapest of the portfolio."""
    graph = task_graph("kerr_metric")
    annealed = auto_order(graph)
    compilation.can_anneal.cache_clear()
    monkeypatch.setitem(sys.modules, "elimax.interpreter.orders.annealing.compiled", None)
    with pytest.warns(UserWarning, match="orders are not annealed because numba cannot be loaded"):
        found = auto_order(graph)
    assert annealed.name == "annealing" and found.name != "annealing"
