"""Games cost what the interpreter counts, and show what a plain look at the graph shows."""

import concurrent.futures
import math

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from elimax.interpreter.errors import InvalidOrderError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.graph.price import order_cost
from elimax.interpreter.graph.structure import UNTIED, Count, Kind, Objective, edge_structure
from elimax.interpreter.orders.annealing.tables import GrowingTables
from elimax.interpreter.orders.portfolio import named_order
from elimax.interpreter.tracing.call import trace
from elimax.models import compiled_game
from elimax.models.errors import BrokenGameError
from elimax.models.features import LOCAL
from elimax.models.game import Game, Played
from elimax.models.played_policy import PlayedPolicy, read_graph
from elimax.models.programs.arrays import random_array_program
from support.model_graphs import (
    array_graph,
    fork_graph,
    positions_logits,
    program,
    scalar_graph,
    shaken_policy,
)
from support.opaque import OPAQUE
from support.plain_features import (
    board_nodes,
    is_looked_ahead,
    plain_local,
    plain_outlook,
    plain_position,
    typical_cost,
)
from support.random_programs import orders
from support.small_graphs import graphs, opaque_graphs, scalar_graphs

COUNTS = st.sampled_from(["all", "nontrivial"])
OBJECTIVES = st.sampled_from(["all", "nontrivial", "price"])
PROGRAMS = st.builds(program, st.integers(0, 2**20), st.integers(5, 25))
GRAPHS = scalar_graphs() | graphs() | opaque_graphs() | PROGRAMS
SMALL = st.builds(program, st.integers(0, 2**20), st.just(8)) | graphs() | opaque_graphs()


def opaque_graph(name: str) -> ComputationalGraph:
    """The graph of a function with an equation that has no formula."""
    function, shapes = OPAQUE[name]
    return trace(function, *map(jnp.zeros, shapes), argnums=(0, 1))


def reader(game: Game, seed: int = 0) -> PlayedPolicy:
    """A policy that has read the game's graph."""
    return read_graph(shaken_policy(seed), game.start)


def play_order(game: Game, order) -> Played:
    """Plays an order of vertices."""
    return game.play(reader(game), given=game.moves(order))


@given(graph=GRAPHS, count=OBJECTIVES, data=st.data())
@settings(max_examples=60)
def test_cost_of_any_order(graph, count: Objective, data):
    """The costs of the moves sum to what the interpreter says, and the order comes back."""
    order = data.draw(orders(graph))
    game = Game(graph, count)
    played = play_order(game, order)
    assert played.costs.sum() == order_cost(graph, order, count)
    assert played.nodes.tolist() == game.moves(order).tolist()
    assert game.checked_cost(played, game.order(played.nodes, "drawn")) == played.costs.sum()


@pytest.mark.parametrize("count", ["all", "nontrivial", "price"])
@pytest.mark.parametrize("name", ["scan", "cholesky", "while", "custom rules", "moves in a batch"])
def test_cost_of_any_order_with_hidden_vertices(name, count: Objective):
    """Where operands and results of an equation are joined, a vertex is played like others."""
    graph = opaque_graph(name)
    game = Game(graph, count)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(graph.eliminable).tolist()
        played = play_order(game, order)
        assert played.costs.sum() == order_cost(graph, order, count)


@given(graph=SMALL, count=COUNTS, data=st.data())
@settings(max_examples=40)
def test_positions_by_brute_force(graph, count: Count, data):
    """What is computed from what a move changed is what elimination in a copy shows.

    At any moves, so that the changes of several add up before anybody looks.
    """
    order = data.draw(orders(graph))
    game = Game(graph, count)
    nodes, on_board = game.moves(order), board_nodes(graph)
    some = st.sets(st.integers(0, max(0, game.num_moves - 1)), max_size=4)
    moves = sorted(data.draw(some)) if game.num_moves else []
    found = game.positions(nodes, moves, len(on_board) + 2)
    vertices, unit = [graph.vertex(on_board[node]) for node in nodes], typical_cost(graph, count)
    elimination, row = CountingElimination(graph), 0
    outlook = plain_outlook(elimination, vertices, count)
    for move, vertex in enumerate(vertices):
        if is_looked_ahead(len(vertices) - move, outlook.moves):
            outlook = plain_outlook(elimination, vertices[move:], count)
        if move not in moves:
            elimination.eliminate(vertex)
            continue
        left = sorted(nodes[move:].tolist())
        assert np.flatnonzero(found.remains[row]).tolist() == left
        local = np.array(
            [plain_local(elimination, graph.vertex(on_board[v]), count, outlook) for v in left]
        )
        np.testing.assert_allclose(found.local[row][left], local, rtol=1e-5, atol=1e-6)
        position = plain_position(local, game.num_moves, outlook, unit)
        np.testing.assert_allclose(found.position[row], position, rtol=1e-5, atol=1e-6)
        between = {
            (succ, pred)
            for succ in left
            for pred in left
            if on_board[pred] in elimination.predecessors[on_board[succ]]
        }
        assert set(zip(*map(np.ndarray.tolist, np.nonzero(found.adjacency[row])), strict=True)) == (
            between
        )
        assert not found.local[row][~found.remains[row]].any()
        elimination.eliminate(vertex)
        row += 1


@pytest.mark.parametrize("seed", range(3))
def test_a_game_that_stops_for_its_tables_sees_the_same(seed, monkeypatch):
    """Nor does it matter how many looks it skips on the way to a position."""
    graph = random_array_program(np.random.default_rng(seed), 60)
    nodes = Game(graph).moves(named_order(graph, "markowitz").vertices)
    game, step_by_step = Game(graph), Game(graph)
    size, move, stops = len(game.start.nodes), game.num_moves * 2 // 3, []
    provide = game._provide

    def noted(status, board, desk):
        stops.append(status)
        return provide(status, board, desk)

    monkeypatch.setattr(game, "_provide", noted)
    first, again = (game.positions(nodes, [move], size) for _ in range(2))
    all_looks = step_by_step.positions(nodes, range(move + 1), size)
    assert compiled_game.MISSING in stops
    for one, other, expected in zip(first, again, all_looks, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one[0], expected[-1])


def test_positions_of_scans_by_brute_force():
    """The same for one traced function with hidden vertices, at every move."""
    graph = opaque_graph("scan")
    game, on_board = Game(graph), board_nodes(graph)
    assert graph.hidden
    nodes = game.moves(np.random.default_rng(0).permutation(graph.eliminable).tolist())
    found = game.positions(nodes, range(game.num_moves), len(on_board))
    elimination, vertices = CountingElimination(graph), [graph.vertex(on_board[v]) for v in nodes]
    outlook = plain_outlook(elimination, vertices, "all")
    for move, node in enumerate(nodes):
        if is_looked_ahead(len(nodes) - move, outlook.moves):
            outlook = plain_outlook(elimination, vertices[move:], "all")
        for other in nodes[move:]:
            expected = plain_local(elimination, graph.vertex(on_board[other]), "all", outlook)
            np.testing.assert_allclose(found.local[move, other], expected, rtol=1e-5, atol=1e-6)
        elimination.eliminate(graph.vertex(on_board[node]))


@given(graph=GRAPHS)
def test_first_position(graph):
    """Local features of the first position are the last columns of what the encoder sees."""
    game = Game(graph)
    on_board = board_nodes(graph)
    assert len(game.start.nodes) == len(on_board)
    assert game.start.edges[:, :2].tolist() == [
        [on_board.index(pred), on_board.index(succ)]
        for pred, succ in sorted(graph.edges, key=lambda pair: pair[::-1])
    ]
    elimination = CountingElimination(graph)
    playable = {graph.node(vertex) for vertex in graph.eliminable}
    left = [graph.vertex(node) for node in on_board if node in playable]
    assert game.num_moves == len(left)
    outlook = plain_outlook(elimination, left, "all")
    for k, node in enumerate(on_board):
        expected = [0.0] * len(LOCAL)
        if node in playable:
            expected = plain_local(elimination, graph.vertex(node), "all", outlook)
        shown = game.start.nodes[k, -len(LOCAL) :]
        np.testing.assert_allclose(shown, expected, rtol=1e-5, atol=1e-6)


def test_structures_are_numbered_by_edges():
    """Row 0 of the table is for no edge; edges of one structure share a row, others do not."""
    graph = array_graph()
    start, on_board = Game(graph).start, board_nodes(graph)
    assert not start.structures[0].any()
    rows = {}
    for pred, succ, row in start.edges.tolist():
        rows.setdefault(graph.edges[on_board[pred], on_board[succ]], set()).add(row)
    assert sorted(map(len, rows.values())) == [1] * (len(start.structures) - 1)
    assert set.union(*rows.values()) == set(range(1, len(start.structures)))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["scalars", "arrays", "scan"])
def test_log_probabilities_are_those_of_the_policy(name, seed):
    """The head that computes what a move changed, against the one that computes everything."""
    graph = {"scalars": lambda: program(seed, 14), "arrays": array_graph}.get(
        name, lambda: opaque_graph(name)
    )()
    game, policy = Game(graph), shaken_policy(seed)
    played = game.play(read_graph(policy, game.start), temperature=2.0, rng=rng(seed))
    logits = positions_logits(policy, game, played.nodes, range(game.num_moves))
    expected = np.asarray(jax.nn.log_softmax(logits))[np.arange(len(logits)), played.nodes]
    np.testing.assert_allclose(played.log_probabilities, expected, rtol=1e-4, atol=1e-5)
    assert np.ptp(played.log_probabilities) > 0.5


def rng(seed: int) -> np.random.Generator:
    """A source of randomness."""
    return np.random.default_rng(seed)


def test_moves_that_are_given_are_not_chosen():
    """They have no probability, whatever is played after them has."""
    game = Game(program(2, 14))
    policy = shaken_policy()
    given_moves = np.arange(len(game.start.nodes), dtype=np.int32)[::-1]
    given_moves = given_moves[game.start.nodes[given_moves, 6] == 1][:4]
    played = game.play(reader(game), given=given_moves)
    assert played.nodes[:4].tolist() == given_moves.tolist()
    assert not played.log_probabilities[:4].any()
    logits = positions_logits(policy, game, played.nodes, range(4, game.num_moves))
    assert played.nodes[4:].tolist() == logits.argmax(axis=1).tolist()
    np.testing.assert_allclose(
        played.log_probabilities[4:], np.max(jax.nn.log_softmax(logits), axis=1), atol=1e-5
    )


def test_greedy_games_take_the_highest_score():
    """At temperature 0 every move is the policy's first choice, and randomness changes nothing."""
    game, policy = Game(program(5, 14)), shaken_policy(1)
    ready = read_graph(policy, game.start)
    played = game.play(ready)
    logits = positions_logits(policy, game, played.nodes, range(game.num_moves))
    assert played.nodes.tolist() == logits.argmax(axis=1).tolist()
    again = game.play(ready, temperature=0.0, rng=rng(7))
    assert again.nodes.tolist() == played.nodes.tolist()


def test_ties_go_to_the_lowest_node():
    """A policy that finds all vertices alike plays them in ascending order."""
    game = Game(program(5, 14))
    ready = reader(game)
    ready = ready._replace(weights=ready.weights | {"score": np.zeros(5, np.float32)})
    played = game.play(ready)
    assert played.nodes.tolist() == sorted(played.nodes.tolist())
    assert len(played.nodes) == game.num_moves
    uniform = -np.log(np.arange(game.num_moves, 0, -1))
    np.testing.assert_allclose(played.log_probabilities, uniform, atol=1e-5)
    assert game.best_moves(ready, played.nodes[:2], 3) == played.nodes[2:5].tolist()


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_moves_are_drawn_by_their_probability(temperature):
    """Frequencies of the first move over many games, within five standard deviations."""
    game, policy, num = Game(program(9, 14)), shaken_policy(3), 2000
    ready, source = read_graph(policy, game.start), rng(0)
    drawn = [game.play(ready, temperature=temperature, rng=source).nodes[0] for _ in range(num)]
    (logits,) = positions_logits(policy, game, game.play(ready).nodes, [0])
    expected = np.asarray(jax.nn.softmax(jnp.asarray(logits) / np.float32(temperature)))
    found = np.bincount(drawn, minlength=len(expected)) / num
    assert np.all(np.abs(found - expected) <= 5 * np.sqrt(expected * (1 - expected) / num) + 1e-9)
    assert np.count_nonzero(expected > 0.05) > 1


@pytest.mark.parametrize("moves_before", [0, 3])
def test_best_moves_have_the_highest_logits(moves_before):
    """In falling order, at the first position and later; no more than remain."""
    game, policy = Game(program(4, 14)), shaken_policy(2)
    ready = read_graph(policy, game.start)
    nodes = game.play(ready, temperature=5.0, rng=rng(1)).nodes
    (logits,) = positions_logits(policy, game, nodes, [moves_before])
    remaining = game.num_moves - moves_before
    ranked = np.argsort(-logits, kind="stable")[:remaining].tolist()
    assert game.best_moves(ready, nodes[:moves_before], 100) == ranked
    assert game.best_moves(ready, nodes[:moves_before], 2) == ranked[:2]


@pytest.mark.parametrize("graph", [program(6, 25), array_graph()], ids=["scalars", "arrays"])
def test_threads_share_a_game(graph):
    """A game whose tables are empty, met by several threads at once, against one by one."""
    seeds = range(8)
    shared, alone = Game(graph), Game(graph)
    ready = reader(shared)

    def play(game: Game, seed: int) -> list[list]:
        played = game.play(ready, temperature=3.0, rng=rng(seed))
        return [array.tolist() for array in played[:3]]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: play(shared, seed), seeds))
    assert together == [play(alone, seed) for seed in seeds]
    assert len({tuple(game[0]) for game in together}) > 1


class Restless:
    """A counting rule whose tables another thread replaces whenever somebody has looked at them."""

    def __init__(self, rule: GrowingTables) -> None:
        self.rule = rule

    @property
    def tables(self):
        """Those of now, before they grow."""
        tables = self.rule.tables
        if len(tables.product) < 512:
            self.rule._grow()
        return tables

    def fill_in(self, *entry: int) -> None:
        """As it is."""
        self.rule.fill_in(*entry)


def test_space_fits_the_tables_that_are_read(monkeypatch):
    """Compiled code does not look where it writes: both must be of one moment."""
    game = Game(array_graph())
    monkeypatch.setattr(game, "_rule", Restless(game._rule))
    sizes = []

    def checked(name: str):
        function = getattr(compiled_game, name)

        def call(links, scratch, facts, tables, vertices, space, *rest):
            assert len(space.stamp_of) == len(space.factor) == len(tables.product)
            sizes.append((name, len(tables.product)))
            return function(links, scratch, facts, tables, vertices, space, *rest)

        return call

    for name in ("play", "replay", "score_position"):
        monkeypatch.setattr(compiled_game, name, checked(name))
    ready = reader(game)
    moves = game.best_moves(ready, np.zeros(0, np.int32), 1)
    played = game.play(ready)
    assert moves == played.nodes[:1].tolist()
    game.positions(played.nodes, [1], 16)
    assert len(set(sizes)) > 3 and len({name for name, _ in sizes}) == 3


def test_a_game_leaves_no_trace():
    """Greedy games before and after others, and after positions were looked at, are alike."""
    game = Game(array_graph())
    ready = reader(game)
    first = game.play(ready)
    game.play(ready, temperature=9.0, rng=rng(0))
    game.positions(first.nodes[::-1], [0, 3], 16)
    game.best_moves(ready, first.nodes[:3], 2)
    assert all(map(np.array_equal, game.play(ready), first))


def test_vertices_without_edges_come_first():
    """Vertices 1 and 2 of four have no edges; the others follow as they were played."""
    graph = scalar_graph(1, 5, [(0, 3), (3, 4), (4, 5)], (5,))
    game = Game(graph)
    order = game.order([2, 1], "by hand")
    assert order.vertices == (1, 2, 4, 3)
    assert order.name == "by hand" and order.fingerprint == graph.fingerprint
    assert game.moves(order.vertices).tolist() == [2, 1]


def test_output_keeps_its_in_edges():
    """Vertex 2 is an output that others use: after it, 1 still costs three products."""
    game = Game(fork_graph())
    played = play_order(game, (2, 1))
    assert played.costs.tolist() == [2, 3]
    assert play_order(game, (1, 2)).costs.tolist() == [1, 2]


def test_a_wrong_cost_is_noticed():
    """The message has both numbers and the graph; costs of an order are its own."""
    graph = program(1, 14)
    game = Game(graph)
    played = play_order(game, graph.eliminable)
    order = game.order(played.nodes, "forward")
    counted = order_cost(graph, order, "all")
    played.costs[-1] += 5
    with pytest.raises(
        BrokenGameError,
        match=rf"its order costs {counted + 5} \(count 'all'\), but the interpreter "
        rf"says {counted}: this is a bug in elimax, .* with the graph {graph.fingerprint}",
    ):
        game.checked_cost(played, order)


def test_a_wrong_order_is_noticed():
    """A vertex that is played twice is the interpreter's to refuse."""
    game = Game(program(1))
    nodes = game.moves(game.graph.eliminable)
    nodes[0] = nodes[1]
    played = Played(nodes, np.zeros(len(nodes), np.int64), np.zeros(len(nodes), np.float32))
    with pytest.raises(InvalidOrderError):
        game.checked_cost(played, game.order(nodes, "twice"))


def test_costs_beyond_64_bits():
    """They are scaled down while playing; what is reported is exact."""
    size = 10**11
    wide = edge_structure((size,), (size,), (UNTIED,), (0, 1), Kind.GENERAL)
    graph = ComputationalGraph(
        1, ((size,),) * 4, ("f",) * 3, (3,), {(k, k + 1): wide for k in range(3)}
    )
    game = Game(graph)
    played = play_order(game, graph.eliminable)
    exact = 2 * size**3
    assert game.checked_cost(played, game.order(played.nodes, "forward")) == exact > 2**64
    assert played.costs[0] == played.costs[1] > 0


@pytest.mark.parametrize(
    ("graph", "order"),
    [
        (scalar_graph(1, 1, [(0, 1)], (1,)), ()),
        (scalar_graph(2, 2, [], (1,)), (1, 2)),
        (scalar_graph(2, 2, [], (3,)), (1,)),
        (scalar_graph(0, 0, [], ()), ()),
    ],
    ids=["only outputs", "no edges", "no edges to the output", "nothing"],
)
def test_graphs_without_a_move(graph, order):
    """They are read and played like others: the game is over at once and costs nothing."""
    game = Game(graph)
    assert graph.eliminable == order
    played = game.play(reader(game), temperature=1.0, rng=rng(0))
    assert game.num_moves == 0
    assert [array.shape for array in played[:3]] == [(0,)] * 3
    assert game.order(played.nodes, "none").vertices == order
    assert game.checked_cost(played, game.order(played.nodes, "none")) == 0
    assert game.positions(played.nodes, [], 4).local.shape == (0, 4, len(LOCAL))
    assert np.all(np.isfinite(game.start.nodes))


def test_a_dead_end_costs_nothing():
    """A vertex that leads nowhere is played, has no products and finite features."""
    game = Game(scalar_graph(1, 3, [(0, 1), (1, 2), (1, 3)], (3,)))
    assert game.num_moves == 2
    played = game.play(reader(game))
    assert sorted(zip(played.nodes.tolist(), played.costs.tolist(), strict=True)) == [
        (1, 1 if played.nodes[0] == 2 else 2),
        (2, 0),
    ]
    assert math.isfinite(played.log_probabilities.sum())
