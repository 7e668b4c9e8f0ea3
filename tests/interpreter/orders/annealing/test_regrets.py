"""Regrets of moves along an order: what counting every moved order says."""

import concurrent.futures
import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from elimax.interpreter.errors import InvalidOrderError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder, check_order
from elimax.interpreter.graph.pair_structure import Direction, OpaqueStructure, PairStructure
from elimax.interpreter.graph.price import order_cost
from elimax.interpreter.graph.structure import Kind, edge_structure
from elimax.interpreter.orders.annealing import chain as chain_module
from elimax.interpreter.orders.annealing.regrets import (
    LabelledOrder,
    descend_order,
    label_order,
)
from elimax.interpreter.orders.fixed import forward_order, reverse_order
from elimax.interpreter.tracing.call import trace
from elimax.models.programs.scalar import random_program
from support.random_programs import array_programs
from support.small_graphs import graphs, opaque_graphs
from support.traced_tasks import task_graph

COUNTS = ("all", "nontrivial", "price")

NO_CUT = 1e9


def cost_of(graph: ComputationalGraph, order, count: str) -> int:
    """What an order costs, by the function that is the reference."""
    return order_cost(graph, order, count)


def assert_as_counted(graph: ComputationalGraph, labelled: LabelledOrder, count: str) -> None:
    """Counts the order of every move that has a regret."""
    order, cost = labelled.order.vertices, labelled.cost
    assert check_order(graph, labelled.order) == order
    assert cost == cost_of(graph, order, count)
    for t, regrets in zip(labelled.places, labelled.regrets, strict=True):
        moved = [(*order[:t], order[k], *order[t:k], *order[k + 1 :]) for k in range(t, len(order))]
        expected = [min(cost_of(graph, x, count) - cost, labelled.cut) for x in moved]
        assert regrets.tolist() == expected and expected[0] == 0 and min(expected) >= 0


def assert_labels(graph: ComputationalGraph) -> None:
    """Labels two orders by both counts, without a cut."""
    for count in COUNTS:
        for start in (forward_order(graph), reverse_order(graph)):
            labelled = label_order(graph, start, count, cut=NO_CUT)
            assert labelled.cost <= cost_of(graph, start, count)
            assert descend_order(graph, start, count) == labelled.order
            assert_as_counted(graph, labelled, count)


@pytest.mark.parametrize("seed", range(8))
def test_scalar_programs(seed):
    """Where the edges depend on the set of eliminated vertices alone."""
    assert_labels(random_program(np.random.default_rng(seed), 8 + 2 * seed))


def test_more_than_64_nodes():
    """Bit sets of several words; at a few places, which takes long enough to count."""
    graph = random_program(np.random.default_rng(3), 90)
    labelled = label_order(graph, forward_order(graph), "all", places=4, cut=NO_CUT)
    assert_as_counted(graph, labelled, "all")


@given(array_programs())
@settings(max_examples=20)
def test_array_programs(program):
    """Where a move may change what comes behind its stretch."""
    shapes = program.shapes
    inputs = [jnp.zeros(shape) for shape in shapes]
    assert_labels(trace(program, *inputs, argnums=range(len(shapes))))


@given(graphs())
@settings(max_examples=40)
def test_graphs_of_any_structures(graph):
    """Sums that break ties and fill in labels, in any order."""
    assert_labels(graph)


@given(opaque_graphs())
@settings(max_examples=40)
def test_opaque_graphs(graph):
    """Edges that are written or not, according to what they meet first."""
    assert_labels(graph)


@given(opaque_graphs(shapes=((),)))
@settings(max_examples=40)
def test_opaque_scalars(graph):
    """The same between single numbers, which are then not by set."""
    assert_labels(graph)


def test_swaps_that_change_what_follows():
    """Then the regret is not the sum of what the swaps cost; the order is evaluated instead."""
    structural = edge_structure((), (), (), (), Kind.STRUCTURAL)
    trivial = edge_structure((), (), (), (), Kind.TRIVIAL)
    opaque = PairStructure((OpaqueStructure(structural, 0, Direction.FORWARD),))
    edges = {
        **dict.fromkeys([(0, 2), (0, 4), (1, 4), (0, 5), (2, 5), (4, 5)], opaque),
        **dict.fromkeys([(0, 3), (1, 3), (2, 3), (2, 4), (3, 4), (1, 5)], structural),
        (1, 2): trivial,
    }
    graph = ComputationalGraph(2, ((),) * 6, ("f",) * 4, (5,), edges)
    for start in itertools.permutations(graph.eliminable):
        order = EliminationOrder(start, graph.fingerprint)
        assert_as_counted(graph, label_order(graph, order, "all", cut=NO_CUT), "all")


@pytest.mark.parametrize("name", ["mlp", "bratu_stencil", "transformer_encoder"])
def test_array_tasks(name):
    """At a few places of graphs that real functions have."""
    graph = task_graph(name)
    labelled = label_order(graph, reverse_order(graph), "all", places=3, cut=NO_CUT)
    assert_as_counted(graph, labelled, "all")


def test_cut():
    """Regrets above so many mean costs of a move are given as that; the others stay."""
    graph = random_program(np.random.default_rng(6), 40)
    exact = label_order(graph, forward_order(graph), "all", cut=NO_CUT)
    labelled = label_order(graph, forward_order(graph), "all", cut=1.5)
    assert labelled.cut == 1.5 * labelled.cost / len(labelled.places)
    regrets, uncut = np.concatenate(labelled.regrets), np.concatenate(exact.regrets)
    assert uncut.max() > labelled.cut > regrets[regrets > 0].min()
    assert (regrets == np.minimum(uncut, labelled.cut)).all()


def test_a_sample_of_places():
    """Distinct, ascending, decided by the seed; their regrets are those among all places."""
    graph = random_program(np.random.default_rng(6), 50)
    start = reverse_order(graph)
    everywhere = label_order(graph, start, "all")
    first, same, other = (label_order(graph, start, "all", places=7, seed=s) for s in (1, 1, 2))
    assert len(set(first.places)) == 7 and (np.diff(first.places) > 0).all()
    assert (first.places == same.places).all() and (first.places != other.places).any()
    rows = dict(zip(everywhere.places.tolist(), everywhere.regrets, strict=True))
    for t, regrets in zip(first.places.tolist(), first.regrets, strict=True):
        assert (regrets == rows[t]).all()
    more = label_order(graph, start, "all", places=1000)
    assert (more.places == everywhere.places).all()


def test_vertices_without_edges():
    """They come first, and no place is theirs."""

    def f(x, y):
        return jnp.sin(jnp.cos(x)) * jnp.exp(y), jnp.cos(jnp.sin(jnp.floor(y)))

    graph = trace(f, 1.0, 2.0, argnums=(0, 1))
    labelled = label_order(graph, reverse_order(graph), "all", cut=NO_CUT)
    moves = {v for v in graph.eliminable if any(graph.node(v) in edge for edge in graph.edges)}
    free = len(graph.eliminable) - len(moves)
    assert free > 0 and moves.isdisjoint(labelled.order.vertices[:free])
    assert labelled.places.tolist() == list(range(free, len(graph.eliminable)))
    assert_as_counted(graph, labelled, "all")


def test_nothing_to_eliminate():
    """An order without vertices has no places."""
    graph = trace(jnp.sin, 1.0)
    labelled = label_order(graph, forward_order(graph), "all")
    assert labelled.order.vertices == () and labelled.cost == 0
    assert labelled.places.size == 0 and labelled.regrets == ()


def test_counts_beyond_64_bits():
    """Costs are rounded to what fits, and regrets are given in multiplications all the same."""
    n = 1 << 31
    shapes = ((n,), (2 * n,), (n,), (3 * n,), (n,))
    edges = {
        (k, k + 1): edge_structure(shapes[k + 1], shapes[k], [-1], [0, 1], Kind.GENERAL)
        for k in range(4)
    }
    graph = ComputationalGraph(1, shapes, ("f",) * 4, (4,), edges)
    labelled = label_order(graph, forward_order(graph), "all", cut=2.5)
    order, cost = labelled.order.vertices, labelled.cost
    assert cost == cost_of(graph, order, "all") > 1 << 64
    assert labelled.cut == 2.5 * cost / 3
    for t, regrets in zip(labelled.places, labelled.regrets, strict=True):
        for k, regret in enumerate(regrets, start=t):
            moved = (*order[:t], order[k], *order[t:k], *order[k + 1 :])
            exact = min(cost_of(graph, moved, "all") - cost, labelled.cut)
            assert regret == pytest.approx(exact, rel=1e-9)
    assert labelled.regrets[0].max() == labelled.cut > labelled.regrets[1].max() > 0.0


def test_little_room(monkeypatch):
    """Arrays that grow, and entries noted one by one, change nothing."""

    def layers(x):
        for _ in range(4):
            x = jnp.tanh(jnp.outer(x, x).sum(0)) + x[::-1]
        return x

    graph = trace(layers, jnp.ones(3))
    expected = label_order(graph, reverse_order(graph), "all", cut=NO_CUT)
    for name in ("MAX_MISSING", "FIRST_LOG", "FIRST_UNDO"):
        monkeypatch.setattr(chain_module, name, 1)
    labelled = label_order(graph, reverse_order(graph), "all", cut=NO_CUT)
    assert labelled.order == expected.order
    for row, other in zip(labelled.regrets, expected.regrets, strict=True):
        assert row.tolist() == other.tolist()


def test_threads():
    """Several at once find what one finds alone."""
    some = [random_program(np.random.default_rng(seed), 60) for seed in range(6)]
    some.append(task_graph("mlp"))

    def label(graph: ComputationalGraph) -> tuple:
        labelled = label_order(graph, forward_order(graph), "all", places=9)
        return labelled.order, [row.tolist() for row in labelled.regrets]

    alone = [label(graph) for graph in some]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert list(pool.map(label, some * 2)) == alone * 2


def test_errors():
    """What was given, and what is wanted."""
    graph = random_program(np.random.default_rng(0), 5)
    start = forward_order(graph)
    with pytest.raises(ValueError, match="places=0 must be at least 1, or None for all places"):
        label_order(graph, start, "all", places=0)
    with pytest.raises(ValueError, match=r"cut=0\.0 must be positive"):
        label_order(graph, start, "all", cut=0.0)
    with pytest.raises(ValueError, match="additions"):
        descend_order(graph, start, "additions")  # pyright: ignore[reportArgumentType]
    other = random_program(np.random.default_rng(1), 5)
    with pytest.raises(InvalidOrderError, match="was made for the graph"):
        label_order(other, start, "all")
