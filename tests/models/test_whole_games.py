"""Whole games cost what the interpreter counts, in bits, in rows, and on any number of devices."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from model_graphs import array_graph, fork_graph, program, scalar_graph

from interpreter.counting import count_multiplications
from interpreter.errors import InvalidOrderError, StructureLimitError
from interpreter.tracing import trace
from models import whole_games
from models.boards import make_board, pad_board, stack_boards
from models.whole_games import (
    NO_MOVE,
    BitGames,
    TableGames,
    order_positions,
    play_orders,
    play_random,
    prepare_games,
)
from tests.interpreter.random_programs import array_programs, scalar_programs

ROOT = Path(__file__).parents[2]
COUNTS = ("all", "nontrivial")
EPISODES, MOVES, NODES, STRUCTURES = 3, 32, 48, 32


def games_cost(graph, count, *, bits, seed=0):
    """Costs of random orders by the game and by the interpreter; one size, to compile once."""
    try:
        board = make_board(graph, count, STRUCTURES - 1)
    except StructureLimitError:
        assume(False)
        raise
    boards = stack_boards([pad_board(board, NODES, STRUCTURES)])
    games = prepare_games(boards, bits=bits)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(graph.eliminable).tolist() for _ in range(EPISODES)]
    moves = order_positions(boards, [orders])
    moves = np.pad(moves, ((0, 0), (0, 0), (0, MOVES - moves.shape[2])), constant_values=NO_MOVE)
    played = play_orders(games, moves)
    assert np.array_equal(played.is_played, moves != NO_MOVE)
    counted = [getattr(count_multiplications(graph, order), count) for order in orders]
    return played.cost.sum(axis=2)[0].tolist(), counted


@settings(max_examples=15)
@given(drawn=scalar_programs(), count=st.sampled_from(COUNTS), bits=st.booleans())
def test_cost_of_scalar_programs(drawn, count, bits):
    """In bits and in rows the return is the count of the interpreter."""
    played, counted = games_cost(
        trace(drawn, *drawn.inputs, argnums=range(len(drawn.inputs))), count, bits=bits
    )
    assert played == counted


@settings(max_examples=15)
@given(drawn=array_programs(), count=st.sampled_from(COUNTS))
def test_cost_of_array_programs(drawn, count):
    """Shapes, ties and contracted labels are in the tables."""
    argnums = range(len(drawn.shapes))
    graph = trace(drawn, *drawn.example_inputs(), argnums=tuple(argnums))
    played, counted = games_cost(graph, count, bits=True)
    assert played == counted


@pytest.mark.parametrize("bits", [True, False])
@pytest.mark.parametrize("episodes", [0, 2])
def test_no_moves_and_no_games(bits, episodes):
    """A graph with nothing to eliminate, and no episode of it, give empty results."""
    boards = stack_boards([make_board(scalar_graph(1, 1, [(0, 1)], (1,)), "all")])
    games = prepare_games(boards, bits=bits)
    moves = order_positions(boards, [[[]] * episodes])
    for played in (
        play_orders(games, moves),
        play_random(games, episodes, key=jax.random.key(0)),
    ):
        assert {array.shape for array in played} == {(1, episodes, 0)}


@pytest.mark.parametrize(("count", "bits"), [("nontrivial", True), ("all", False)])
def test_different_graphs_in_one_batch(monkeypatch, count, bits):
    """Every game follows its own graph, with fewer episodes at once than there are."""
    monkeypatch.setattr(whole_games, "EPISODES_AT_ONCE", 4)
    graphs = [program(1, 8), program(2, 20), fork_graph()]
    boards = stack_boards([make_board(graph, count) for graph in graphs])
    games = prepare_games(boards, bits=bits)
    assert isinstance(games, BitGames if bits else TableGames)
    played = play_random(games, 3, key=jax.random.key(0))
    for index, graph in enumerate(graphs):
        for episode in range(3):
            assert played_count(boards, graph, played, index, episode, count) == float(
                played.cost[index, episode].sum()
            )


def played_count(boards, graph, played, index, episode, count):
    """The interpreter's count of the order of a game that was drawn."""
    nodes = played.node[index, episode][played.is_played[index, episode]]
    vertices = boards.nodes.vertex[index][np.asarray(nodes)].tolist()
    idle = [vertex for vertex in graph.eliminable if vertex not in vertices]
    return getattr(count_multiplications(graph, (*idle, *vertices)), count)


def test_array_graphs_and_scalar_graphs_in_one_batch():
    """Where one graph needs tables all are played by tables."""
    graphs = [array_graph(), program(3, 12)]
    boards = stack_boards([make_board(graph) for graph in graphs])
    played = play_random(prepare_games(boards), 2, key=jax.random.key(1))
    for index, graph in enumerate(graphs):
        expected = played_count(boards, graph, played, index, 1, "all")
        assert float(played.cost[index, 1].sum()) == expected


@pytest.mark.parametrize("bits", [True, False])
def test_moves_that_are_not_legal(bits):
    """A vertex twice, an input, padding, an output, and positions outside change nothing."""
    boards = stack_boards([make_board(fork_graph())])
    games = prepare_games(boards, bits=bits)
    moves = [[[2, 2, 0, 9, 3, 16, 99, NO_MOVE, 1]]]
    played = play_orders(games, moves)
    assert np.flatnonzero(played.is_played[0, 0]).tolist() == [0, 8]
    # Without the edges 2 -> 3 and 2 -> 4 vertex 1 still has three successors.
    assert played.cost[0, 0].tolist() == [2.0, 0, 0, 0, 0, 0, 0, 0, 3.0]


@pytest.mark.parametrize("bits", [True, False])
def test_inside_of_jit_vmap_and_scan(bits):
    """Games are functions of JAX: transformed ones cost the same."""
    games = prepare_games(stack_boards([make_board(program(4, 15))]), bits=bits)
    keys = jax.random.split(jax.random.key(0), 3)

    def cost(key):
        return play_random(games, 2, key=key).cost

    expected = jnp.stack([cost(key) for key in keys])
    scanned = jax.jit(lambda keys: jax.lax.scan(lambda _, key: (None, cost(key)), None, keys)[1])
    assert np.array_equal(jax.jit(jax.vmap(cost))(keys), expected)
    assert np.array_equal(scanned(keys), expected)


def test_random_orders_are_uniform():
    """All 6 orders of 3 vertices come up equally often, within five deviations."""
    graph = scalar_graph(1, 4, [(0, 1), (1, 2), (2, 3), (3, 4)], (4,))
    games = prepare_games(stack_boards([make_board(graph)]))
    node = play_random(games, 1200, key=jax.random.key(0)).node[0]
    _, often = np.unique(node, axis=0, return_counts=True)
    assert len(often) == 6 and abs(often - 200).max() < 5 * np.sqrt(1200 * 5 / 36)


def test_a_board_without_a_move():
    """Nothing to eliminate costs nothing."""
    games = prepare_games(stack_boards([make_board(scalar_graph(1, 1, [(0, 1)], (1,)))]))
    assert play_random(games, 2, key=jax.random.key(0)).cost.shape == (1, 2, 0)


_SHARDED = """
import jax, numpy as np
from model_graphs import array_graph, program
from models.boards import make_board, stack_boards
from models.whole_games import play_orders, play_random, prepare_games

devices = jax.devices()
assert len(devices) == 2
key = jax.random.key(0)
scalars = prepare_games(stack_boards([make_board(program(seed, 9)) for seed in range(3)]))
one, many = (play_random(scalars, 3, key=key, devices=on) for on in (None, devices))
assert all(map(np.array_equal, one, many))
arrays = prepare_games(stack_boards([make_board(array_graph())]))
one = play_random(arrays, 5, key=key)
assert all(map(np.array_equal, one, play_orders(arrays, one.node, devices=devices)))
"""


@pytest.mark.slow
def test_devices_share_the_episodes():
    """Nine and five episodes on two devices are those of one device."""
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
    }
    command = [sys.executable, "-c", _SHARDED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_orders_that_are_none():
    """The message names the order, what it lacks and what it repeats."""
    boards = stack_boards([make_board(fork_graph())])
    assert order_positions(boards, [[(2, 1), (1, 2)]]).tolist() == [[[2, 1], [1, 2]]]
    with pytest.raises(InvalidOrderError, match=r"order 1 of graph 0 lacks the vertices \[1\]"):
        order_positions(boards, [[(1, 2), (2,)]])
    with pytest.raises(InvalidOrderError, match=r"repeats \[2\], expected each of the 2 vertices"):
        order_positions(boards, [[(1, 2, 2)]])
    with pytest.raises(InvalidOrderError, match=r"orders for 2 graphs, \[1, 1\] each.*1 boards"):
        order_positions(boards, [[(1, 2)], [(1, 2)]])
