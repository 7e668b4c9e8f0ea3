"""The game costs what the interpreter counts, whatever the graph and the order."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.tracing.call import trace
from elimax.models import game
from elimax.models.boards import make_board, pad_board, stack_boards
from elimax.models.game import (
    Board,
    State,
    eliminate,
    elimination_costs,
    lookup,
)
from support.model_graphs import array_graph, fork_graph, program
from support.opaque import OPAQUE


@jax.jit
def play_order(board: Board, nodes: jax.Array) -> tuple[jax.Array, jax.Array, State]:
    """Plays board positions in turn; -1 is no move. Returns costs, Markowitz degrees, the end."""

    def step(state: State, node: jax.Array):
        degrees = elimination_costs(board.rules, state.edges)
        state, cost = eliminate(board.rules, board.nodes, state, node, node >= 0)
        return state, (cost, degrees)

    start = jax.tree.map(jnp.asarray, board.start)
    end, (costs, degrees) = jax.lax.scan(step, start, nodes)
    return costs, degrees, end


def positions(board: Board, order: tuple[int, ...], length: int) -> np.ndarray:
    """Board positions of the vertices of an order that are on the board, then -1."""
    place = {int(v): i for i, v in enumerate(board.nodes.vertex) if v > 0}
    played = [place[v] for v in order if v in place and board.start.remaining[place[v]]]
    return np.pad(np.asarray(played, np.int32), (0, length - len(played)), constant_values=-1)


@given(
    seed=st.integers(0, 2**20), shuffle=st.randoms(), count=st.sampled_from(["all", "nontrivial"])
)
def test_cost_of_any_order_of_a_scalar_program(seed, shuffle, count):
    """The sum of the costs of the moves is the count of the interpreter."""
    graph = program(seed)
    order = list(graph.eliminable)
    shuffle.shuffle(order)
    board = pad_board(make_board(graph, count), 32, 4)
    costs, _, end = play_order(board, positions(board, tuple(order), 10))
    assert costs.sum() == getattr(count_multiplications(graph, order), count)
    assert not end.remaining.any()


@pytest.mark.parametrize("count", ["all", "nontrivial"])
@pytest.mark.parametrize("seed", range(5))
def test_cost_of_any_order_of_an_array_program(seed, count):
    """Shapes, ties and contracted labels are in the tables."""
    graph = array_graph()
    order = tuple(np.random.default_rng(seed).permutation(graph.eliminable).tolist())
    board = make_board(graph, count)
    costs, _, _ = play_order(board, positions(board, order, len(order)))
    assert costs.sum() == getattr(count_multiplications(graph, order), count)


@pytest.mark.parametrize("count", ["all", "nontrivial"])
@pytest.mark.parametrize("name", ["scan", "cholesky", "while", "custom rules", "moves in a batch"])
def test_cost_of_any_order_with_opaque_edges(name, count):
    """Hidden vertices are played like others, and applications of functions are paid for."""
    function, shapes = OPAQUE[name]
    graph = trace(function, *map(jnp.zeros, shapes))
    board = make_board(graph, count)
    for seed in range(3):
        order = tuple(np.random.default_rng(seed).permutation(graph.eliminable).tolist())
        costs, _, end = play_order(board, positions(board, order, len(order)))
        assert costs.sum() == getattr(count_multiplications(graph, order), count)
        assert not end.remaining.any()


@pytest.mark.parametrize("graph", [program(3), program(4), array_graph()])
def test_markowitz_degrees(graph):
    """At every step the degree of every vertex that is left is what its elimination would cost."""
    order = np.random.default_rng(0).permutation(graph.eliminable).tolist()
    board = make_board(graph)
    nodes = positions(board, tuple(order), len(order))
    _, degrees, _ = play_order(board, nodes)
    place = {int(v): i for i, v in enumerate(board.nodes.vertex) if v > 0}
    state = CountingElimination(graph)
    on_board = [vertex for vertex in order if vertex in place]
    for step, vertex in enumerate(on_board):
        for other in on_board[step:]:
            assert degrees[step, place[other]] == state.cost(other).all
        state.eliminate(vertex)


@pytest.mark.parametrize("count", ["all", "nontrivial"])
@pytest.mark.parametrize("small_table", [0, 100])
def test_markowitz_degrees_by_definition(monkeypatch, small_table, count):
    """On boards of different graphs, stacked: the whole cost table, summed over pairs of edges."""
    monkeypatch.setattr(game, "_SMALL_TABLE", small_table)
    boards = stack_boards([make_board(graph, count) for graph in (program(3), array_graph())])
    degrees = jax.jit(jax.vmap(lambda *board: elimination_costs(*board)))(
        boards.rules, boards.start.edges
    )
    for graph, (cost, edges) in enumerate(zip(boards.rules.cost, boards.start.edges, strict=True)):
        expected = [cost[np.ix_(edges[:, v], edges[v])].sum() for v in range(len(edges))]
        assert np.any(expected) and np.array_equal(degrees[graph], expected)


def test_large_markowitz_degrees_are_close():
    """Above 2^24 float32 no longer holds every whole number; the relative error is a rounding."""

    def network(x, wide, narrow):
        hidden = jnp.tanh(wide @ x)
        return jnp.tanh(narrow @ hidden) * jnp.sum(hidden)

    shapes = [(601, 301), (1999, 601), (299, 1999)]
    graph = trace(
        network,
        *(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes),
        argnums=range(len(shapes)),
    )
    board = make_board(graph)
    degrees = np.asarray(elimination_costs(board.rules, board.start.edges))
    state = CountingElimination(graph)
    place = {int(v): i for i, v in enumerate(board.nodes.vertex) if board.start.remaining[i]}
    exact = [state.cost(vertex).all for vertex in place]
    assert max(exact) > 2**24
    np.testing.assert_allclose(degrees[list(place.values())], exact, rtol=1e-6)


def test_output_keeps_its_in_edges():
    """Eliminating an output that others use drops its out-edges only."""
    board = make_board(fork_graph())
    costs, _, end = play_order(board, jnp.asarray([2]))
    edges = {(int(p), int(s)) for s, p in zip(*np.nonzero(end.edges), strict=True)}
    assert costs.tolist() == [2.0]
    assert edges == {(0, 1), (1, 2), (1, 3), (1, 4)}
    assert np.flatnonzero(end.remaining).tolist() == [1]


def test_a_move_that_is_not_played_changes_nothing():
    """Games that have ended wait for the others."""
    board = make_board(fork_graph())
    costs, _, end = play_order(board, jnp.asarray([-1, -1]))
    assert costs.tolist() == [0.0, 0.0]
    assert all(map(np.array_equal, end, board.start))


def test_lookup_of_small_and_large_tables(monkeypatch):
    """Both ways of reading a table give the same."""
    table = jnp.asarray(np.random.default_rng(0).normal(size=(4, 4)), jnp.float32)
    first, second = jnp.asarray([[0], [3], [2]]), jnp.asarray([[1, 2, 3, 0]])
    by_selects = lookup(table, first, second)
    monkeypatch.setattr(game, "_SMALL_TABLE", 0)
    assert np.array_equal(by_selects, lookup(table, first, second))
    assert np.array_equal(by_selects, np.asarray(table)[first, second])


def test_padding_does_not_change_costs():
    """More nodes and more structures are neither seen nor paid for."""
    graph = program(5)
    small = make_board(graph)
    large = pad_board(small, 48, 16)
    nodes = positions(small, graph.eliminable, 10)
    for board in (small, large):
        costs, _, _ = play_order(board, nodes)
        assert costs.sum() == count_multiplications(graph, graph.eliminable).all


def test_steps_compile_once_for_one_size():
    """Graphs of one bucket share a compiled game."""
    jitted = jax.jit(partial(play_order.__wrapped__))
    for seed in range(3):
        board = pad_board(make_board(program(seed)), 32, 4)
        jitted(board, positions(board, program(seed).eliminable, 10))
    assert jitted._cache_size() == 1
