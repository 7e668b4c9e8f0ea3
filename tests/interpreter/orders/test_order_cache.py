"""The plan cache: memory, files, faults of files, several processes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.differentiation import resolve_order
from elimax.interpreter.errors import InvalidOrderError, PlanCacheWarning
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.price import order_price
from elimax.interpreter.orders import forward_order, order_cache, portfolio, reverse_order
from elimax.interpreter.orders.auto import auto_order
from elimax.interpreter.orders.order_cache import cache_folder, cached_order, forget_orders
from elimax.interpreter.tracing.call import trace
from support.random_programs import scalar_programs
from support.repository import ROOT
from support.traced_tasks import task_graph


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache: nothing in memory, files in a folder of the test, all worth a file."""
    monkeypatch.setenv("ELIMAX_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(order_cache, "WORTH_A_FILE", 0.0)
    forget_orders()
    yield tmp_path / "cache"
    forget_orders()


def never(graph: ComputationalGraph, wanted: object) -> EliminationOrder:
    """A search that must not run."""
    raise AssertionError("the order should have been known")


def by(order: EliminationOrder):
    """A search that finds this order."""
    return lambda graph, wanted: order


def mlp() -> ComputationalGraph:
    """A graph on which forward costs many times what reverse costs."""
    return task_graph("mlp")


def files(folder: Path) -> list[Path]:
    """The entries in a folder."""
    return sorted(folder.glob("*.json"))


def test_auto_is_what_auto_order_finds():
    """Once found, the order comes from memory, and after that from the file."""
    graph = mlp()
    assert resolve_order(graph, "auto") == auto_order(graph)
    assert cached_order(graph, search=never) == auto_order(graph)
    forget_orders()
    assert cached_order(graph, search=never) == auto_order(graph)


def test_memory_serves_without_files(monkeypatch):
    """Also with files switched off nothing is searched twice."""
    monkeypatch.setenv("ELIMAX_CACHE_DIR", "off")
    first = cached_order(mlp())
    assert cached_order(mlp(), search=never) is first


def test_memory_is_bounded(monkeypatch):
    """The entry that was used least recently is forgotten first."""
    monkeypatch.setenv("ELIMAX_CACHE_DIR", "")
    monkeypatch.setattr(order_cache, "MAX_IN_MEMORY", 2)
    graphs = [trace(jnp.sin, jnp.ones(size)) for size in (2, 3, 4)]
    for graph in (graphs[0], graphs[1], graphs[0], graphs[2]):
        cached_order(graph)
    cached_order(graphs[0], search=never)
    cached_order(graphs[2], search=never)
    with pytest.raises(AssertionError, match="should have been known"):
        cached_order(graphs[1], search=never)


@pytest.mark.parametrize("value", ["", "off", " OFF "])
def test_files_can_be_switched_off(monkeypatch, folder, value):
    """An empty variable and "off" mean no files."""
    monkeypatch.setenv("ELIMAX_CACHE_DIR", value)
    assert cache_folder() is None
    cached_order(mlp())
    assert not folder.exists()


def test_the_folder_is_that_of_the_platform(monkeypatch):
    """Without the variable platformdirs decides; without platformdirs there are no files."""
    monkeypatch.delenv("ELIMAX_CACHE_DIR")
    found = cache_folder()
    assert found is not None and "elimax" in found.parts
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert cache_folder() is None


def test_an_isolated_cache_knows_nothing(folder):
    """Neither what was found before nor in it is seen on the other side."""
    graph = mlp()
    cheap, dear = reverse_order(graph), forward_order(graph)
    cached_order(graph, search=by(cheap))
    with order_cache.isolated_cache():
        assert cache_folder() is None
        assert cached_order(graph, search=by(dear)) == dear
        assert resolve_order(graph, "auto") == dear
        forget_orders()
        assert cached_order(graph, search=by(dear)) == dear
    assert cached_order(graph, search=never) == cheap
    assert len(files(folder)) == 1


def test_quick_searches_leave_no_file(monkeypatch, folder):
    """Reading a file would take as long as finding the order."""
    monkeypatch.setattr(order_cache, "WORTH_A_FILE", 60.0)
    cached_order(mlp())
    assert files(folder) == []


def test_wanted_blocks_have_entries_of_their_own(folder):
    """The order for half of a Jacobian is another question."""
    graph = mlp()
    half = frozenset({(graph.num_inputs - 1, graph.outputs[0])})
    whole = cached_order(graph, search=by(reverse_order(graph)))
    cached_order(graph, half, by(forward_order(graph)))
    forget_orders()
    assert cached_order(graph, search=never) == whole
    assert cached_order(graph, half, never) == forward_order(graph)
    assert len(files(folder)) == 2


FAULTS = {
    "torn": lambda content: '{"schema": 1, "sea',
    "empty": lambda content: "",
    "no JSON object": lambda content: "[1, 2]",
    "without an order": lambda content: json.dumps({**content, "order": None}),
    "without a version": lambda content: json.dumps(
        {k: content[k] for k in content if k != "search"}
    ),
    "with a vertex without end": lambda content: json.dumps(
        {**content, "order": {**content["order"], "vertices": [float("inf")]}}
    ),
    "for another graph": lambda content: json.dumps(
        {**content, "order": {**content["order"], "fingerprint": "0" * 16}}
    ),
    "with a vertex twice": lambda content: json.dumps(
        {**content, "order": {**content["order"], "vertices": [1, 1]}}
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_corrupt_files_are_replaced_with_one_line(folder, fault):
    """The warning names the file and the fault, and the next process finds a good file."""
    graph = mlp()
    order = cached_order(graph)
    (path,) = files(folder)
    path.write_text(FAULTS[fault](json.loads(path.read_text())))
    forget_orders()
    with pytest.warns(PlanCacheWarning, match="the file is replaced") as caught:
        assert cached_order(graph) == order
    (message,) = (str(warning.message) for warning in caught)
    assert "\n" not in message and str(path) in message
    forget_orders()
    assert cached_order(graph, search=never) == order


@pytest.mark.parametrize("key", ["schema", "search"])
def test_files_of_other_versions_are_replaced_silently(folder, key):
    """An older search is no fault of anybody's."""
    graph = mlp()
    cached_order(graph, search=by(forward_order(graph)))
    (path,) = files(folder)
    path.write_text(json.dumps({**json.loads(path.read_text()), key: 0}))
    forget_orders()
    assert cached_order(graph, search=by(reverse_order(graph))) == reverse_order(graph)
    version = {"schema": order_cache.CACHE_SCHEMA, "search": order_cache.SEARCH_VERSION}[key]
    assert json.loads(path.read_text())[key] == version


def test_a_folder_that_cannot_be_written_is_silently_no_folder(tmp_path, monkeypatch):
    """A file stands where the folder should be; the order is found all the same."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ELIMAX_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert cached_order(mlp()) == auto_order(mlp())


def test_a_search_that_finds_nonsense_is_an_error():
    """What does not fit the graph is never remembered."""
    graph = mlp()
    with pytest.raises(InvalidOrderError, match="it misses"):
        cached_order(graph, search=by(EliminationOrder((1,), graph.fingerprint)))
    assert cached_order(graph) == auto_order(graph)


@given(scalar_programs(max_steps=12))
@settings(max_examples=15)
def test_what_comes_back_is_what_was_found(program):
    """Memory and file give the same order, and the portfolio has none with a lower price."""
    graph = trace(program, *program.inputs, argnums=range(len(program.inputs)))
    forget_orders()
    found = cached_order(graph)
    forget_orders()
    assert cached_order(graph, search=never) == found
    best = min(order_price(graph, order) for order in portfolio(graph).values())
    assert order_price(graph, found) <= best


WRITER = """
import json, sys
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.orders import order_cache

order_cache.WORTH_A_FILE = 0.0
graph = ComputationalGraph.from_dict(json.load(open(sys.argv[1])))
found = set()
for step in range(40):
    order_cache.forget_orders()
    if step % 4 == int(sys.argv[2]) and order_cache.cache_folder().is_dir():
        for path in order_cache.cache_folder().glob("*.json"):
            path.unlink(missing_ok=True)
    found.add(order_cache.cached_order(graph).vertices)
assert "jax" not in sys.modules
print(json.dumps([list(vertices) for vertices in found]))
"""


def test_processes_share_a_folder(tmp_path, folder):
    """Four processes read, write and remove one file: none sees a torn one or another order."""
    graph = task_graph("mlp")
    (tmp_path / "graph.json").write_text(json.dumps(graph.to_dict()))
    arguments = [sys.executable, "-W", "error", "-c", WRITER, str(tmp_path / "graph.json")]
    processes = [
        subprocess.Popen(
            [*arguments, str(seed)], cwd=ROOT / "tests", stdout=subprocess.PIPE, text=True
        )
        for seed in range(4)
    ]
    expected = [list(auto_order(graph).vertices)]
    for process in processes:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0 and json.loads(out) == expected
    assert {path.suffix for path in folder.iterdir()} <= {".json"}
