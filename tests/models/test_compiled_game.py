"""Compiled code against dictionaries and the interpreter; positions and costs are in test_game."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.graph.structure import Count
from elimax.interpreter.orders.annealing.compiled import PRODUCT, SUM, UNKNOWN
from elimax.models import compiled_game
from elimax.models import game as game_module
from elimax.models.compiled_game import DONE, FULL, MISSING
from elimax.models.game import Game
from elimax.models.lessons import left_over
from elimax.models.links import make_links
from elimax.models.played_policy import PlayedPolicy, read_graph
from elimax.models.simple_orders import simple_orders
from support.compiled_links import edges_of
from support.model_graphs import array_graph, program, scalar_graph, shaken_policy
from support.plain_features import board_nodes
from support.random_programs import orders
from support.small_graphs import graphs, opaque_graphs, scalar_graphs

NUM_NODES = 7
PAIRS = st.tuples(st.integers(0, NUM_NODES - 1), st.integers(0, NUM_NODES - 1))


@given(steps=st.lists(st.tuples(PAIRS, st.integers(0, 40)), max_size=120))
@settings(max_examples=60)
def test_edges_are_put_and_dropped_like_entries_of_a_dictionary(steps):
    """New ones, changed ones and those that are gone (structure 0), in any order, few slots."""
    links = make_links(np.zeros((0, 3), np.int32), NUM_NODES, NUM_NODES**2)
    edges = {}
    for number, ((pred, succ), structure) in enumerate(steps):
        if structure:
            edges[pred, succ] = structure
            compiled_game.put_edge(links, pred, succ, structure)
        elif edges.pop((pred, succ), None):
            compiled_game._drop_edge(links, pred, succ)
        assert compiled_game._structure(links, pred, succ) == edges.get((pred, succ), 0)
        if number % 16 == 0:
            assert edges_of(links) == edges
    assert edges_of(links) == edges


@given(seed=st.integers(0, 2**20), share=st.floats(0.2, 1.0))
def test_dropping_closes_gaps_in_a_full_table(seed, share):
    """With a slot per record, nearly all slots full and many pushed on, all are still found."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(NUM_NODES**2, 31, replace=False)
    edges = {(int(k) // NUM_NODES, int(k) % NUM_NODES): int(k) + 1 for k in chosen}
    links = make_links(np.zeros((0, 3), np.int32), NUM_NODES, 32)
    links = links._replace(slots=np.full(32, -1, np.int32))
    compiled_game.put_edges(links, np.array([(*p, s) for p, s in edges.items()], np.int32))
    for k in rng.permutation(list(edges))[: int(31 * share)]:
        pair = (int(k[0]), int(k[1]))
        compiled_game._drop_edge(links, *pair)
        del edges[pair]
        assert edges_of(links) == edges


@given(graph=scalar_graphs() | graphs() | opaque_graphs(), data=st.data())
@settings(max_examples=40)
def test_edges_after_any_moves(graph, data):
    """All edges and their structures are those of the interpreter, outputs' included."""
    order = data.draw(orders(graph))
    game, on_board = Game(graph), board_nodes(graph)
    nodes = game.moves(order)
    until = data.draw(st.integers(0, len(nodes)))
    vertices = game._vertices()
    (links, _), _ = game._go_to(game._board(), vertices, game._desk(), nodes, until)
    elimination = CountingElimination(graph)
    for node in nodes[:until]:
        elimination.eliminate(graph.vertex(on_board[node]))
    assert edges_of(links) == {
        (on_board.index(pred), on_board.index(succ)): game._rule.number(structure)
        for succ, edges in enumerate(elimination.predecessors)
        for pred, structure in edges.items()
    }
    alive = vertices.alive[: vertices.counts[compiled_game.NUM_ALIVE]]
    assert sorted(alive.tolist()) == sorted(nodes[until:].tolist())
    assert np.flatnonzero(vertices.remains).tolist() == sorted(alive.tolist())
    assert vertices.alive[vertices.place[alive]].tolist() == alive.tolist()
    assert not vertices.mark.any()


def reader(game: Game) -> PlayedPolicy:
    """A policy that has read the game's graph."""
    return read_graph(shaken_policy(), game.start)


@pytest.mark.parametrize("graph", [program(3, 30), array_graph()], ids=["scalars", "arrays"])
def test_records_that_run_out_change_nothing(graph, monkeypatch):
    """A game that begins without a free record grows and goes on to the same end."""
    game = Game(graph)
    nodes = game.play(reader(game), temperature=9.0, rng=np.random.default_rng(0)).nodes
    roomy = game.play(reader(game), temperature=1.0, rng=np.random.default_rng(1))
    seen = game.positions(nodes, range(game.num_moves), len(game.start.nodes))
    grown = []
    grow = game_module.grown_links
    monkeypatch.setattr(game_module, "grown_links", lambda x: grown.append(x) or grow(x))
    game._links = make_links(game._edges, len(game.start.nodes), len(game._edges))
    narrow = game.play(reader(game), temperature=1.0, rng=np.random.default_rng(1))
    assert grown
    assert all(map(np.array_equal, narrow, roomy))
    grown.clear()
    again = game.positions(nodes, range(game.num_moves), len(game.start.nodes))
    assert grown
    assert all(map(np.array_equal, again, seen))


def test_a_move_without_room_changes_nothing():
    """Two predecessors and two successors may need four records; there are three."""
    game = Game(scalar_graph(2, 3, [(0, 2), (1, 2), (2, 3), (2, 4)], (3, 4)))
    tables = game._rule.tables
    for capacity, expected in ((7, (0, FULL)), (8, (4, DONE))):
        links = make_links(game._edges, 5, capacity)
        before, vertices = edges_of(links), game._vertices()
        args = (links, game._facts, tables, vertices, game._desk().space, 2)
        assert compiled_game.eliminate(*args) == expected
        assert (edges_of(links) == before) == (expected[1] == FULL)
        assert vertices.remains[2] == (expected[1] == FULL)
        assert vertices.counts[compiled_game.NUM_MOVES] == (expected[1] == DONE)


@pytest.mark.parametrize("count", ["all", "nontrivial"])
def test_unknown_entries_are_noted_before_a_move(count: Count):
    """Nothing is played; when they are filled in, the game goes on as if they had been known."""
    known = Game(array_graph(), count)
    nodes = known.moves(known.graph.eliminable)
    expected = known.positions(nodes, range(known.num_moves), 16)
    game = Game(array_graph(), count)
    for table in (game._rule.tables.product, game._rule.tables.sum):
        table[:] = UNKNOWN
    board, vertices, (tables, space) = game._board(), game._vertices(), game._desk()
    links, args = board.links, (*board, game._facts, tables, vertices, space)
    before = edges_of(links)
    assert compiled_game.replay(*args, nodes, 1) == MISSING
    assert edges_of(links) == before and vertices.counts[compiled_game.NUM_MOVES] == 0
    noted = space.missing[: space.noted[0]]
    assert len(noted) and set(noted[:, 0].tolist()) <= {PRODUCT, SUM}
    numbers = set(before.values())
    assert {row for table, row, _ in noted.tolist() if table == PRODUCT} <= numbers
    found = game.positions(nodes, range(game.num_moves), 16)
    assert all(map(np.array_equal, found, expected))


def test_games_of_empty_tables_are_games_of_full_ones():
    """Whatever a policy plays first on a graph, it plays again; tables have grown meanwhile."""
    game = Game(array_graph())
    first = game.play(reader(game), temperature=1.0, rng=np.random.default_rng(0))
    assert np.count_nonzero(game._rule.tables.product != UNKNOWN) > len(game._edges)
    again = game.play(reader(game), temperature=1.0, rng=np.random.default_rng(0))
    assert all(map(np.array_equal, first, again))


def test_few_unknown_entries_at_a_time(monkeypatch):
    """With space to note one of them, the game asks more often and shows the same."""
    known = Game(array_graph())
    nodes = known.moves(known.graph.eliminable)
    expected = known.positions(nodes, range(known.num_moves), 16)
    monkeypatch.setattr(game_module, "_MAX_MISSING", 1)
    found = Game(array_graph()).positions(nodes, range(known.num_moves), 16)
    assert all(map(np.array_equal, found, expected))


@pytest.mark.parametrize("count", ["all", "nontrivial"])
def test_the_outlook_is_that_of_the_graph_that_is_left(count: Count):
    """Wherever it is computed, by eliminating what is left in three orders from scratch."""
    game = Game(array_graph() if count == "all" else program(3, 60), count)
    nodes = game.play(reader(game), temperature=9.0, rng=np.random.default_rng(0)).nodes
    looks = 0
    for move in range(game.num_moves):
        vertices = game._vertices()
        game._go_to(game._board(), vertices, game._desk(), nodes, move)
        if vertices.counts[compiled_game.LAST_LOOK] != game.num_moves - move:
            continue
        expected = simple_orders(left_over(game, nodes[:move]), count, game._nodes)
        left = nodes[move:]
        np.testing.assert_array_equal(vertices.outlook.costs[left], expected.costs[left])
        np.testing.assert_array_equal(vertices.outlook.totals, expected.totals)
        looks += 1
    assert looks >= 5


def test_an_outlook_that_takes_long_is_the_first_one():
    """Of a complete graph, whose eliminations have more products than are looked at."""
    edges = [(pred, succ) for succ in range(30, 90) for pred in range(succ)]
    game = Game(scalar_graph(30, 60, edges, (89,)))
    first, vertices = game._facts.outlook, game._vertices()
    nodes = game.moves(game.graph.eliminable)
    game._go_to(game._board(), vertices, game._desk(), nodes, 10)
    game._go_to(game._board(), vertices, game._desk(), nodes, 20)
    assert vertices.counts[compiled_game.LAST_LOOK] < game.num_moves
    left, found = nodes[20:], vertices.outlook
    assert found.totals[compiled_game.FORWARD] == first.totals[compiled_game.FORWARD]
    forward = (outlook.costs[left, compiled_game.FORWARD] for outlook in (found, first))
    np.testing.assert_array_equal(*forward)
    assert found.totals[compiled_game.REVERSE] < first.totals[compiled_game.REVERSE]


def test_a_game_that_was_begun_is_seen_as_if_it_was_played():
    """With given moves, the policy finds the outlook that it would have found on its way."""
    game = Game(program(4, 60))
    whole = game.play(reader(game), temperature=1.0, rng=np.random.default_rng(0))
    for begun_with in range(0, game.num_moves, 7):
        begun = game.play(
            reader(game),
            temperature=1.0,
            rng=np.random.default_rng(0),
            given=whole.nodes[:begun_with],
        )
        np.testing.assert_array_equal(begun.nodes, whole.nodes)
        np.testing.assert_allclose(
            begun.log_probabilities[begun_with:],
            whole.log_probabilities[begun_with:],
            rtol=1e-4,
            atol=1e-5,
        )
