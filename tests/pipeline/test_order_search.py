"""Searches that need neither a policy nor a file."""

import json
import subprocess
import sys

import pytest

from interpreter.counting import count_multiplications
from pipeline.order_search import search_order, summary_rows
from tests.interpreter.traced_tasks import task_graph

KEYS = {
    "task", "method", "all", "nontrivial", "bound", "optimal", "evaluations", "seconds", "order",
}  # fmt: skip


@pytest.mark.parametrize("method", ["annealing", "exact", "portfolio"])
def test_every_method(method) -> None:
    """An order with the counts that it claims, and a bound below them."""
    result = search_order("propane_combustion", method, "nontrivial", seconds=0.05, seed=3)
    assert set(result) == KEYS
    counts = count_multiplications(task_graph("propane_combustion"), result["order"])
    assert (result["all"], result["nontrivial"]) == (counts.all, counts.nontrivial)
    assert (result["bound"], result["optimal"]) == (24, True)
    assert result["evaluations"] >= 0 and result["seconds"] >= 0.0
    assert ["bound", 24] in summary_rows(result)


def test_the_count_that_is_saved() -> None:
    """Each search is best by its own count, and the bound is of that count."""
    by_all = search_order("roe_flux_1d", "annealing", "all", seconds=0.5)
    by_other = search_order("roe_flux_1d", "annealing", "nontrivial", seconds=0.5)
    assert by_all["all"] < by_other["all"] and by_all["nontrivial"] > by_other["nontrivial"]
    assert by_other["bound"] <= by_other["nontrivial"] < by_all["bound"] <= by_all["all"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line as a user would."""
    command = [sys.executable, "-m", "pipeline", "search", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_command_line() -> None:
    """JSON alone on standard output; a wrong method or count is wrong usage."""
    done = run("mlp", "--method", "annealing", "--seconds", "0.05", "--count", "all", "--json")
    assert done.returncode == 0 and set(json.loads(done.stdout)) == KEYS
    for option, value in (("--method", "magic"), ("--count", "some"), ("--seconds", "-1")):
        words = {"--method": "annealing", option: value}
        failed = run("mlp", *(word for pair in words.items() for word in pair))
        assert failed.returncode == 2 and option in failed.stderr
    unknown = run("nope", "--method", "annealing")
    assert unknown.returncode == 1 and unknown.stderr.startswith("error: there is no task 'nope'")
