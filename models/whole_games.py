"""Whole games of given or of random orders, as many as there are, on all devices.

Nothing is observed between the moves, so a position is stored as suits the machine: graphs with few
structures, scalar ones above all, in bits (`bit_planes`), others in rows of tables (`row_play`).
Costs are those of `game.eliminate`: both forms derive from a board's tables. Sizes as in `game.py`,
with T moves of the longest game.
"""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from interpreter.errors import InvalidOrderError
from models.bit_planes import Planes, eliminate_in_planes, pack_planes
from models.game import Board, Rules
from models.row_play import play_rows
from models.structure_classes import ClassRule, merge_boards

EPISODES_AT_ONCE = 64
"""Episodes of a device that are in memory together; their positions should fit into its cache."""

NO_MOVE = -1
_AXIS = "episodes"


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("planes", "remaining", "is_output"),
    meta_fields=("rule", "moves"),
)
@dataclasses.dataclass(frozen=True)
class BitGames:
    """Boards whose positions are bits.

    Attributes:
        planes: uint32[G, W, N] for each class of structures.
        remaining: bool[G, N], vertices to eliminate.
        is_output: bool[G, N].
        rule: The counting rule of the classes, for all graphs.
        moves: T, the most vertices that a graph has to eliminate.
    """

    planes: Planes
    remaining: jax.Array
    is_output: jax.Array
    rule: ClassRule
    moves: int


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("edges", "rules", "remaining", "is_output"),
    meta_fields=("moves",),
)
@dataclasses.dataclass(frozen=True)
class TableGames:
    """Boards whose positions are numbers of structures.

    Attributes:
        edges: int16[G, N, N], structures.
        rules: The counting rules, tables [G, S, S].
        remaining: bool[G, N], vertices to eliminate.
        is_output: bool[G, N].
        moves: T, the most vertices that a graph has to eliminate.
    """

    edges: jax.Array
    rules: Rules
    remaining: jax.Array
    is_output: jax.Array
    moves: int


Games = BitGames | TableGames


class Played(NamedTuple):
    """What whole games cost; arrays have the axes [G, K, T].

    Attributes:
        node: int32, board position of the vertex, or `NO_MOVE`.
        cost: float32, scalar multiplications of the move.
        is_played: bool, False for moves that are not legal: those change nothing and cost nothing.
    """

    node: jax.Array
    cost: jax.Array
    is_played: jax.Array


def prepare_games(boards: Board, *, bits: bool = True) -> Games:
    """Chooses how boards are stored, and stores them.

    Args:
        boards: G stacked boards, numpy arrays.
        bits: Whether bits may be used where they can.

    Returns:
        The boards, for `play_orders` and `play_random`.
    """
    edges = np.asarray(boards.start.edges)
    remaining, is_output = map(jnp.asarray, (boards.start.remaining, boards.nodes.is_output))
    moves = int(np.asarray(boards.start.remaining).sum(axis=1).max())
    merged = merge_boards(boards) if bits else None
    if merged is None:
        rules = jax.tree.map(jnp.asarray, boards.rules)
        return TableGames(jnp.asarray(edges), rules, remaining, is_output, moves)
    classes, rule = merged
    numbers = classes[np.arange(len(classes))[:, None, None], edges]
    planes = tuple(map(jnp.asarray, pack_planes(numbers, len(rule.cost) - 1)))
    return BitGames(planes, remaining, is_output, rule, moves)


def order_positions(boards: Board, orders: Sequence[Sequence[Sequence[int]]]) -> np.ndarray:
    """Translates elimination orders into moves.

    Args:
        boards: G stacked boards.
        orders: K orders of vertex numbers for each graph. Vertices that are not on the board are
            left out: they cost nothing.

    Returns:
        int32[G, K, T], board positions, `NO_MOVE` after the last.

    Raises:
        InvalidOrderError: If an order does not have every vertex of its board once.
    """
    vertices, remaining = np.asarray(boards.nodes.vertex), np.asarray(boards.start.remaining)
    if len(orders) != len(vertices) or len({len(group) for group in orders}) != 1:
        raise InvalidOrderError(
            f"got orders for {len(orders)} graphs, {[len(group) for group in orders]} each, "
            f"expected equally many for each of the {len(vertices)} boards: pass one list a board"
        )
    longest = int(remaining.sum(axis=1).max())
    positions = np.full((len(orders), len(orders[0]), longest), NO_MOVE, np.int32)
    for graph, group in enumerate(orders):
        place = {int(vertices[graph, node]): node for node in np.flatnonzero(remaining[graph])}
        for episode, order in enumerate(group):
            moves = [place[vertex] for vertex in order if vertex in place]
            if len(moves) != len(place) or len(set(moves)) != len(place):
                missing = sorted(set(place) - set(order))
                repeated = sorted({vertex for vertex in order if list(order).count(vertex) > 1})
                raise InvalidOrderError(
                    f"order {episode} of graph {graph} lacks the vertices {missing} and repeats "
                    f"{repeated}, expected each of the {len(place)} vertices of the board once"
                )
            positions[graph, episode, : len(moves)] = moves
    return positions


def play_orders(games: Games, orders: Any, *, devices: Sequence[Any] | None = None) -> Played:
    """Plays given orders.

    Args:
        games: From `prepare_games`.
        orders: int32[G, K, T], board positions, `NO_MOVE` where an order is shorter. A move is
            legal if its vertex is still to be eliminated.
        devices: Devices that share the episodes; None plays on the default one, also inside `jit`.

    Returns:
        The games; T is that of the orders.
    """
    # T is that of the orders, so that graphs of one size are compiled once.
    games = dataclasses.replace(games, moves=0)
    return _given(games, jnp.asarray(orders, jnp.int32), mesh=_mesh(devices))


def play_random(
    games: Games, episodes: int, *, key: jax.Array, devices: Sequence[Any] | None = None
) -> Played:
    """Plays with every move drawn uniformly from the legal ones.

    The orders of such games are uniform permutations, so that each is drawn at once.

    Args:
        games: From `prepare_games`.
        episodes: K, games of every graph.
        key: Source of the draws; the same games on any number of devices.
        devices: Devices that share the episodes; None plays on the default one, also inside `jit`.

    Returns:
        The games.
    """
    return _drawn(games, key, episodes=episodes, mesh=_mesh(devices))


def _mesh(devices: Sequence[Any] | None) -> Mesh | None:
    return None if devices is None else Mesh(np.asarray(devices), (_AXIS,))


@partial(jax.jit, static_argnames="mesh")
def _given(games: Games, orders: jax.Array, *, mesh: Mesh | None) -> Played:
    graphs, episodes, moves = orders.shape
    graph = jnp.repeat(jnp.arange(graphs, dtype=jnp.int32), episodes)
    played = _share(_play_given, games, (graph, orders.reshape(len(graph), moves)), mesh)
    return jax.tree.map(lambda array: array.reshape(orders.shape), played)


@partial(jax.jit, static_argnames=("episodes", "mesh"))
def _drawn(games: Games, key: jax.Array, *, episodes: int, mesh: Mesh | None) -> Played:
    graphs = len(games.remaining)
    graph = jnp.repeat(jnp.arange(graphs, dtype=jnp.int32), episodes)
    keys = jax.random.split(key, graphs * episodes)
    played = _share(_play_drawn, games, (graph, keys), mesh)
    return jax.tree.map(lambda array: array.reshape(graphs, episodes, games.moves), played)


def _share(
    function: Callable[..., Played],
    games: Games,
    episodes: tuple[jax.Array, jax.Array],
    mesh: Mesh | None,
) -> Played:
    """Calls a function of games and episodes, the episodes split over the devices of a mesh."""
    if mesh is None:
        return function(games, *episodes)
    count = len(episodes[0])
    # The first episodes are played again to fill up the last device.
    index = jnp.arange(-(-count // mesh.size) * mesh.size) % count
    split = PartitionSpec(_AXIS)
    shared = jax.shard_map(
        function,
        mesh=mesh,
        in_specs=(PartitionSpec(), split, split),
        out_specs=split,
        # Loops start from constants, which the check takes for equal on all devices.
        check_vma=False,
    )
    played = shared(games, *jax.tree.map(lambda array: array[index], episodes))
    return jax.tree.map(lambda array: array[:count], played)


def _play_drawn(games: Games, graph: jax.Array, keys: jax.Array) -> Played:
    """Plays one random order for every key."""
    nodes = games.remaining.shape[1]
    remaining = games.remaining[graph]
    draws = jax.vmap(lambda key: jax.random.uniform(key, (nodes,)))(keys)
    orders = jnp.argsort(jnp.where(remaining, draws, 2.0), axis=1)[:, : games.moves]
    is_move = jnp.arange(games.moves) < remaining.sum(axis=1, keepdims=True)
    return _play_given(games, graph, jnp.where(is_move, orders, NO_MOVE).astype(jnp.int32))


def _play_given(games: Games, graph: jax.Array, orders: jax.Array) -> Played:
    """Plays orders [B, T] of given graphs [B], some episodes at a time."""
    count, moves = orders.shape
    at_once = max(1, min(count, EPISODES_AT_ONCE))
    is_played = _legal_moves(games.remaining[graph], orders)
    batches, missing = -(-count // at_once), -count % at_once

    def batched(array: jax.Array) -> jax.Array:
        padding = [(0, missing)] + [(0, 0)] * (array.ndim - 1)
        return jnp.pad(array, padding).reshape(batches, at_once, *array.shape[1:])

    inputs = (batched(graph), batched(jnp.maximum(orders, 0)), batched(is_played))
    cost = jax.lax.map(lambda batch: _play_batch(games, *batch), inputs)
    return Played(orders, cost.reshape(count + missing, moves)[:count], is_played)


def _legal_moves(remaining: jax.Array, orders: jax.Array) -> jax.Array:
    """Which moves [B, T] take a vertex that is still there: their first mention of it."""
    moves, nodes = orders.shape[1], remaining.shape[1]
    episode, move = jnp.arange(len(orders))[:, None], jnp.arange(moves, dtype=jnp.int32)
    is_node = (orders >= 0) & (orders < nodes)
    # Positions outside of the board are dropped.
    place = jnp.where(is_node, orders, nodes)
    first = jnp.full((len(orders), nodes), moves, jnp.int32)
    first = first.at[episode, place].min(move, mode="drop")
    place = jnp.where(is_node, orders, 0)
    return is_node & (first[episode, place] == move) & remaining[episode, place]


def _play_batch(
    games: Games, graph: jax.Array, orders: jax.Array, is_played: jax.Array
) -> jax.Array:
    """Costs [B, T] of orders that are legal where they are played."""
    if isinstance(games, TableGames):
        edges, rules = games.edges[graph], games.rules
        return play_rows(rules, games.is_output, graph, edges, orders, is_played)[1]
    is_output = games.is_output[graph]
    eliminate_all = jax.vmap(partial(eliminate_in_planes, games.rule))

    def step(planes: Planes, move: tuple[jax.Array, jax.Array]) -> tuple[Planes, jax.Array]:
        return eliminate_all(planes, *move, is_output)

    start = tuple(plane[graph] for plane in games.planes)
    _, cost = jax.lax.scan(step, start, (orders.T, is_played.T))
    return cost.T
