"""Complete games: every vertex once, on shrinking boards."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.graph.counting import count_multiplications
from elimax.models.boards import make_board, stack_boards
from elimax.models.game import (
    Board,
    Nodes,
    State,
    eliminate,
)
from elimax.models.rollout import (
    Position,
    join_moves,
    move_together,
    observe,
    plan_segments,
    play,
    select_episodes,
)
from support.model_graphs import array_graph, fork_graph, program, scalar_graph, tiny_policy


def boards_of(*graphs) -> Board:
    """Stacked boards."""
    return stack_boards([make_board(graph) for graph in graphs])


def test_every_game_is_an_order_and_costs_what_it_counts():
    """Graphs of different size and kind in one batch, greedy and sampled games together."""
    graphs = [program(0), array_graph(), fork_graph()]
    boards = boards_of(*graphs)
    moves = join_moves(play(tiny_policy(), boards, greedy=1, sampled=3, key=jax.random.key(0)))
    for g, graph in enumerate(graphs):
        for k in range(4):
            is_played = moves.is_played[:, g, k]
            order = moves.vertex[is_played, g, k].tolist()
            idle = [vertex for vertex in graph.eliminable if vertex not in order]
            counted = count_multiplications(graph, idle + order).all
            assert moves.cost[:, g, k].sum() == counted
            assert not moves.cost[~is_played, g, k].any()


@functools.cache
def games(seed: int):
    """Two greedy and four sampled games of a program, with what was seen, in one segment."""
    key = jax.random.key(seed)
    boards = boards_of(program(1))
    return play(tiny_policy(), boards, greedy=2, sampled=4, key=key, keep_observations=True)


def test_greedy_games_are_alike_and_sampled_games_are_not():
    """The key moves the sampled games only."""
    first, second = (join_moves(games(seed)) for seed in (0, 1))
    assert np.array_equal(first.vertex[:, 0, 0], first.vertex[:, 0, 1])
    assert np.array_equal(first.vertex[:, 0, :2], second.vertex[:, 0, :2])
    assert not np.array_equal(first.vertex[:, 0, 2:], second.vertex[:, 0, 2:])


def test_sampled_games_need_a_key():
    """The message says what to pass."""
    with pytest.raises(ValueError, match=r"2 sampled games .* without a key: pass key="):
        play(tiny_policy(), boards_of(program(1)), sampled=2)


def test_log_probabilities_are_those_of_the_policy():
    """Recomputed from what the policy saw."""
    (segment,) = games(0)
    logits = jax.jit(jax.vmap(jax.vmap(jax.vmap(tiny_policy()))))(*segment.observations)
    expected = jnp.take_along_axis(jax.nn.log_softmax(logits), segment.moves.node[..., None], -1)
    played = segment.moves.is_played
    np.testing.assert_allclose(
        segment.moves.log_probability[played], expected[..., 0][played], atol=1e-5
    )


@pytest.mark.slow
def test_plan_leaves_room_for_all_nodes_in_play():
    """The board shrinks with the moves; all nodes in play move on to the next one."""
    boards = boards_of(program(3, num_vertices=44), program(4, num_vertices=20))
    sizes = plan_segments(boards)
    assert list(sizes) == sorted(sizes, reverse=True)
    assert sizes[0] == boards.start.remaining.shape[1] > sizes[-1]
    segments = play(tiny_policy(), boards, greedy=1, keep_observations=True)
    left = boards.start.remaining.sum(axis=1)
    for segment, size in zip(segments, sizes, strict=True):
        assert segment.observations.remaining.shape[-1] == size
        assert np.array_equal(segment.observations.remaining[0, :, 0].sum(axis=1), left)
        left = left - segment.moves.is_played.sum(axis=(0, 2))
    assert not left.any()


def test_policy_sees_the_same_on_a_smaller_board():
    """After some eliminations the logits on the board moved together are those of before."""
    board = jax.tree.map(jnp.asarray, make_board(program(3, num_vertices=24)))
    policy = tiny_policy()

    @functools.partial(jax.jit, static_argnames="num_nodes")
    def logits(state: State, num_nodes: int) -> jax.Array:
        nodes, state = move_together(Position(board.nodes, state), num_nodes)
        scores = policy(*observe(board.rules, board.scale, nodes, state))
        return jnp.zeros(32).at[nodes.vertex].set(jnp.where(state.remaining, scores, 0.0))

    state = board.start
    for node in np.flatnonzero(state.remaining)[::2]:
        state, _ = jax.jit(eliminate)(board.rules, board.nodes, state, node, True)
    in_play = int(np.sum(state.remaining | board.nodes.is_input | board.nodes.is_output))
    assert in_play < len(state.remaining)
    np.testing.assert_allclose(
        logits(state, in_play), logits(state, len(state.remaining)), rtol=1e-4, atol=1e-5
    )


def test_moving_together_keeps_edges_and_order():
    """Nodes 1 and 3 are out of play; 0, 2 and 4 move up with the edge between 2 and 4."""
    is_input = jnp.asarray([True, False, False, False, False])
    nothing = jnp.zeros(5)
    edges = jnp.zeros((5, 5), jnp.int16).at[4, 2].set(3)
    position = Position(
        Nodes(jnp.arange(5), is_input, jnp.zeros(5, bool), nothing, nothing),
        State(edges, jnp.asarray([False, False, True, False, True])),
    )
    moved = move_together(position, num_nodes=3)
    assert moved.nodes.vertex.tolist() == [0, 2, 4]
    assert moved.state.remaining.tolist() == [False, True, True]
    assert np.argwhere(moved.state.edges).tolist() == [[2, 1]]


def test_graph_without_a_move():
    """A game in which nothing can be eliminated ends at once and costs nothing."""
    moves = join_moves(play(tiny_policy(), boards_of(scalar_graph(1, 1, [(0, 1)], (1,))), greedy=1))
    assert not moves.is_played.any()
    assert moves.cost.sum() == 0.0


def test_selecting_episodes():
    """The first games are left out everywhere."""
    segments = games(0)
    (selected,) = select_episodes(segments, 1)
    assert np.array_equal(selected.moves.vertex, segments[0].moves.vertex[:, :, 1:])
    assert select_episodes(segments, 0)[0] is segments[0]
