"""Complete games of a policy, many at once.

Every move takes one vertex off the board, so a board is played in segments of `SEGMENT` moves, and
before each segment the nodes that are still in play move together onto a smaller board. The policy
sees the same position either way, at less than half of the work. A segment is one `lax.scan`; it
compiles once per number of nodes and is shared by boards of all sizes.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from elimax.models.boards import bucket_size
from elimax.models.features import node_features
from elimax.models.game import (
    Board,
    Nodes,
    Rules,
    Scale,
    State,
    eliminate,
)
from elimax.models.policy import Policy

SEGMENT = 32


class Position(NamedTuple):
    """Where the episodes stand; every array has leading axes [G, K].

    Attributes:
        nodes: The nodes on the board.
        state: Their edges, and which of them are left.
    """

    nodes: Nodes
    state: State


class Observation(NamedTuple):
    """What the policy is shown; see `Policy.__call__`."""

    features: jax.Array
    adjacency: jax.Array
    in_play: jax.Array
    remaining: jax.Array


class Moves(NamedTuple):
    """What happened at each step; arrays have leading axes [T, G, K] for T steps.

    Attributes:
        node: int32, board position of the vertex that was eliminated.
        vertex: int32, its vertex number.
        log_probability: float32, of that choice.
        cost: float32, scalar multiplications.
        is_played: bool, False once an episode has ended.
    """

    node: jax.Array
    vertex: jax.Array
    log_probability: jax.Array
    cost: jax.Array
    is_played: jax.Array


class Segment(NamedTuple):
    """A part of the games: what was seen (None if not kept) and what was done."""

    observations: Observation | None
    moves: Moves


def plan_segments(boards: Board) -> tuple[int, ...]:
    """How many nodes the board of each segment needs.

    Args:
        boards: G stacked boards.

    Returns:
        The padded number of nodes, segment by segment; at least one segment.
    """
    start, nodes = boards.start, boards.nodes
    moves = np.asarray(start.remaining).sum(axis=1)
    # Outputs stay on the board when they are eliminated.
    leaving = np.asarray(start.remaining & ~nodes.is_output).sum(axis=1)
    in_play = np.asarray(start.remaining | nodes.is_input | nodes.is_output).sum(axis=1)
    staying = moves - leaving
    sizes = []
    for played in range(0, max(1, int(moves.max())), SEGMENT):
        left = in_play - np.maximum(np.minimum(played, moves) - staying, 0)
        sizes.append(min(bucket_size(int(left.max())), start.remaining.shape[1]))
    return tuple(sizes)


def play(
    policy: Policy,
    boards: Board,
    *,
    greedy: int = 0,
    sampled: int = 0,
    key: jax.Array | None = None,
    keep_observations: bool = False,
) -> list[Segment]:
    """Plays complete games.

    Args:
        policy: The player.
        boards: G stacked boards.
        greedy: Games of every board in which the most probable move is played.
        sampled: Games of every board in which moves are drawn from the policy's distribution.
        key: Source of the draws; may be left out if no game is sampled.
        keep_observations: Whether to return what the policy saw, for training.

    Returns:
        The segments of the games, in order; along the axis K the greedy games come first.
    """
    if key is None:
        if sampled:
            raise ValueError(f"{sampled} sampled games were asked for without a key: pass key=...")
        key = jax.random.key(0)
    noise = jnp.where(jnp.arange(greedy + sampled) < greedy, 0.0, 1.0)
    position = _start(boards, greedy + sampled)
    segments = []
    for index, num_nodes in enumerate(plan_segments(boards)):
        position, segment = _play_segment(
            policy,
            boards.rules,
            boards.scale,
            position,
            noise,
            jax.random.fold_in(key, index),
            num_nodes=num_nodes,
            keep_observations=keep_observations,
        )
        segments.append(segment)
    return segments


def select_episodes(segments: Sequence[Segment], first: int) -> list[Segment]:
    """Leaves out the first games of every board.

    Args:
        segments: What `play` returned.
        first: Number of games to leave out.

    Returns:
        The segments of the other games.
    """
    return list(segments) if first == 0 else _select(list(segments), first)


@partial(jax.jit, static_argnames="first")
def _select(segments: list[Segment], first: int) -> list[Segment]:
    return jax.tree.map(lambda array: array[:, :, first:], segments)


def join_moves(segments: Sequence[Segment]) -> Moves:
    """Joins the segments of complete games.

    Args:
        segments: What `play` returned.

    Returns:
        Moves with leading axes [T, G, K], as numpy arrays.
    """
    parts = [segment.moves for segment in segments]
    return jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)


@partial(jax.jit, static_argnames="episodes")
def _start(boards: Board, episodes: int) -> Position:
    def repeat(array: jax.Array) -> jax.Array:
        array = jnp.asarray(array)
        return jnp.broadcast_to(array[:, None], (len(array), episodes, *array.shape[1:]))

    return jax.tree.map(repeat, Position(boards.nodes, boards.start))


@partial(jax.jit, static_argnames=("num_nodes", "keep_observations"))
def _play_segment(
    policy: Policy,
    rules: Rules,
    scale: Scale,
    position: Position,
    noise: jax.Array,
    key: jax.Array,
    *,
    num_nodes: int,
    keep_observations: bool,
) -> tuple[Position, Segment]:
    position = _over_episodes(partial(move_together, num_nodes=num_nodes))(position)
    observe_all = jax.vmap(jax.vmap(observe, (None, None, 0, 0)))
    choose_all = _over_episodes(policy)
    eliminate_all = jax.vmap(jax.vmap(eliminate, (None, 0, 0, 0, 0)))

    def step(state: State, step_key: jax.Array) -> tuple[State, Segment]:
        seen = observe_all(rules, scale, position.nodes, state)
        logits = choose_all(*seen)
        # The largest score plus Gumbel noise is a draw from the distribution.
        draw = noise[:, None] * jax.random.gumbel(step_key, logits.shape)
        node = jnp.argmax(logits + draw, axis=-1)
        is_played = seen.remaining.any(axis=-1)
        state, cost = eliminate_all(rules, position.nodes, state, node, is_played)
        pick = partial(jnp.take_along_axis, indices=node[..., None], axis=-1)
        moves = Moves(
            node.astype(jnp.int32),
            jnp.where(is_played, pick(position.nodes.vertex)[..., 0], 0),
            pick(jax.nn.log_softmax(logits))[..., 0],
            jnp.where(is_played, cost, 0.0),
            is_played,
        )
        return state, Segment(seen if keep_observations else None, moves)

    state, segment = jax.lax.scan(step, position.state, jax.random.split(key, SEGMENT))
    return Position(position.nodes, state), segment


def _over_episodes(function):
    """Maps a function over graphs and episodes."""
    return jax.vmap(jax.vmap(function))


def observe(rules: Rules, scale: Scale, nodes: Nodes, state: State) -> Observation:
    """What the policy is shown of one position.

    Args:
        rules: The counting rule.
        scale: What makes costs comparable.
        nodes: The board's nodes.
        state: The position.

    Returns:
        The arguments of `Policy.__call__`.
    """
    return Observation(
        node_features(rules, scale, nodes, state),
        state.edges != 0,
        _in_play(nodes, state),
        state.remaining,
    )


def _in_play(nodes: Nodes, state: State) -> jax.Array:
    return state.remaining | nodes.is_input | nodes.is_output


def move_together(position: Position, num_nodes: int) -> Position:
    """Moves the nodes of one board that are in play to its front and cuts off the rest.

    Args:
        position: One position; at most `num_nodes` of its nodes are in play.
        num_nodes: N of the result, at most that of `position`.

    Returns:
        The same position on a smaller board; nodes keep their order.
    """
    nodes, state = position
    # Nodes out of play all go behind, so a board that is cut early loses none in play.
    order = jnp.argsort(~_in_play(nodes, state), stable=True)[:num_nodes]
    is_kept = _in_play(nodes, state)[order]
    kept_nodes = Nodes(*(array[order] for array in nodes))
    edges = jnp.where(is_kept[:, None] & is_kept[None, :], state.edges[order][:, order], 0)
    return Position(kept_nodes, State(edges, state.remaining[order]))
