"""Command search with a method."""

import itertools
import json
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, get_args

import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.price import order_price
from elimax.interpreter.graph.structure import Count
from elimax.interpreter.orders import PORTFOLIO, best_classic, portfolio
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.command_line import cli, order_search
from elimax.pipeline.command_line.arguments import SearchMethod as Method
from elimax.pipeline.command_line.order_search import search_order, summary_rows
from elimax.pipeline.errors import ParamsError
from elimax.pipeline.tasks import InvalidTaskError, UnknownTaskError

METHODS: tuple[Method, ...] = get_args(Method)
COUNTS: tuple[Count, ...] = ("all", "nontrivial")

Provide = Callable[..., str]


@pytest.fixture
def provide(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provide]:
    """Makes a task of a function and its arguments, in a module that exists in memory only."""

    def make(function: Callable[..., Any], *inputs: Any) -> str:
        module = types.ModuleType("searched")
        vars(module).update(function=function, example_inputs=lambda: inputs)
        monkeypatch.setitem(sys.modules, "searched", module)
        return "searched:function"

    yield make


def lever(x: Any, y: Any) -> Any:
    """Two outputs, one of them used by the other."""
    z = jnp.sin(x) * y
    w = jnp.cos(z) * x * y
    return jnp.exp(w), jnp.exp(w) * z


@pytest.mark.parametrize(("method", "count"), list(itertools.product(METHODS, COUNTS)))
def test_results_are_what_the_order_costs(provide: Provide, method: Method, count: Count) -> None:
    """Both counts are those of the order, and no order is below the bound."""
    result = search_order(provide(lever, 1.0, 2.0), method, count, seconds=0.05)
    graph = trace(lever, 1.0, 2.0, argnums=(0, 1))
    counts = count_multiplications(graph, result["order"])
    assert (result["all"], result["nontrivial"]) == (counts.all, counts.nontrivial)
    least = min(
        getattr(count_multiplications(graph, order), count)
        for order in itertools.permutations(graph.eliminable)
    )
    assert result["bound"] <= least <= result[count]
    assert result["optimal"] == (result["bound"] == result[count])
    if method == "exact":
        assert result["optimal"] and result[count] == least


def matrices(x: Any) -> Any:
    """Products of small matrices, whose price is more than their multiplications."""
    return jnp.tanh(jnp.tanh(x @ x.T) @ x).sum(axis=1)


@pytest.mark.parametrize("method", ["portfolio", "annealing", "policy"])
def test_the_price_can_be_saved(provide: Provide, method: Method) -> None:
    """It is that of the order, and no order is known to have less than the bound."""
    inputs = np.ones((3, 2), np.float32)
    result = search_order(provide(matrices, inputs), method, "price", seconds=0.2)
    graph = trace(matrices, inputs)
    assert result["price"] == order_price(graph, result["order"]).price > result["nontrivial"]
    least = min(order_price(graph, order).price for order in portfolio(graph).values())
    assert result["bound"] <= result["price"]
    assert method == "policy" or result["price"] <= least


def test_the_exact_search_counts_multiplications(provide: Provide) -> None:
    """The price of single numbers is a count of them; that of arrays is refused."""
    with pytest.raises(ParamsError, match="give --count all or nontrivial, or another method"):
        search_order(provide(matrices, np.ones((3, 2), np.float32)), "exact", "price")
    result = search_order(provide(lever, 1.0, 2.0), "exact", "price")
    assert result["price"] == result["nontrivial"] and result["optimal"]


@pytest.mark.parametrize("method", ["policy", "both", "beam"])
def test_a_search_with_the_policy_needs_time(provide: Provide, method: Method) -> None:
    """It says so before it loads the policy."""
    with pytest.raises(ParamsError, match=f"--seconds 0 must be positive for --method {method}"):
        search_order(provide(lever, 1.0, 2.0), method, seconds=0.0)


def test_what_was_looked_at(provide: Provide) -> None:
    """Orders of the portfolio, or states; annealing without time looks at nothing."""
    name, graph = provide(lever, 1.0, 2.0), trace(lever, 1.0, 2.0, argnums=(0, 1))
    found = search_order(name, "portfolio")
    assert found["evaluations"] == len(PORTFOLIO)
    assert found["order"] == list(best_classic(graph).vertices)
    annealed = search_order(name, "annealing", seconds=0.0, seed=10**30)
    assert (annealed["evaluations"], annealed["all"]) == (0, found["all"])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "function", [lambda x: x, jnp.sin, lambda x: jnp.ones(3)], ids=["identity", "sin", "constant"]
)
def test_nothing_to_eliminate(
    provide: Provide, method: Method, function: Callable[..., Any]
) -> None:
    """The empty order costs nothing and is optimal."""
    result = search_order(provide(function, np.ones(3, np.float32)), method, seconds=0.05)
    assert result["order"] == []
    assert (result["all"], result["nontrivial"], result["bound"]) == (0, 0, 0)
    assert result["optimal"]


def test_whole_numbers_beside_others(provide: Provide) -> None:
    """An argument of whole numbers has no Jacobian; a function of nothing else is refused."""
    name = provide(
        lambda n, x: jnp.sin(jnp.cos(x)) * n.astype(x.dtype), np.arange(3), np.ones(3, np.float32)
    )
    assert search_order(name, "exact")["optimal"]
    with pytest.raises(InvalidTaskError, match="holds floating point numbers"):
        search_order(provide(lambda n: n * 2, np.arange(3)), "exact")


def test_unknown_tasks_are_refused() -> None:
    """Before anything is searched."""
    with pytest.raises(UnknownTaskError, match="there is no task 'roe'"):
        search_order("roe", "annealing")


def test_the_table_leaves_the_order_out(provide: Provide) -> None:
    """A row for each figure."""
    result = search_order(provide(lever, 1.0, 2.0), "portfolio")
    figures = dict(summary_rows(result))
    assert list(figures) == ["all", "nontrivial", "bound", "optimal", "evaluations", "seconds"]
    assert figures["all"] == result["all"]
    assert set(METHODS) == set(order_search._SEARCHES)


def test_command_line() -> None:
    """Run as a user would: JSON alone on standard output."""
    words = [
        "propane_combustion",
        "--method",
        "annealing",
        "--seconds",
        "0.05",
        "--count",
        "all",
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "elimax.pipeline", "search", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["method"] == "annealing"


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong method, count or combination is wrong usage; an unknown task is an error."""

    def run(*words: str) -> tuple[int | str | None, str]:
        with pytest.raises(SystemExit) as caught:
            cli.run(["search", *words])
        return caught.value.code, capsys.readouterr().err

    for option, value in (("--method", "magic"), ("--count", "some"), ("--seconds", "-1")):
        words = {"--method": "annealing", option: value}
        code, error = run("mlp", *(word for pair in words.items() for word in pair))
        assert code == 2 and option in error
    for words in (("--seconds", "1"), ("--method", "exact", "-S", "seed=1")):
        code, error = run("mlp", *words)
        assert code == 2 and "--method" in error
    code, error = run("nope", "--method", "annealing")
    assert code == 1 and error.startswith("error: there is no task 'nope'")
