"""The game row by row: orders of graphs with many structures, played without N x N work.

A step of `game.eliminate` looks up N x N entries, nearly all of which are "no edge". Here a step
updates one successor of the vertex that is being eliminated, and a vertex whose successors are done
makes room for the next one of the order. Episodes do so at their own pace: none waits while another
eliminates a vertex of many successors. Sizes as in `game.py`, with B episodes of T moves.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from models.game import Rules

_BOUNDS = "promise_in_bounds"


class Progress(NamedTuple):
    """Where the episodes stand.

    Attributes:
        edges: int16[B, N, N].
        move: int32[B], number of the move that is under way.
        cost: float32[B, T + 1], of every move so far; the last entry stays 0.
    """

    edges: jax.Array
    move: jax.Array
    cost: jax.Array


def play_rows(
    rules: Rules,
    is_output: jax.Array,
    graph: jax.Array,
    edges: jax.Array,
    orders: jax.Array,
    is_played: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Plays orders to their ends.

    Args:
        rules: The counting rules of G graphs, tables [G, S, S].
        is_output: bool[G, N], nodes whose in-edges stay.
        graph: int32[B], the graph of every episode.
        edges: int16[B, N, N], the first positions.
        orders: int32[B, T], board positions in the order of their elimination.
        is_played: bool[B, T], False leaves a move out.

    Returns:
        The last edges, int16[B, N, N], and the cost of every move, float32[B, T].
    """
    moves = orders.shape[1]
    # One more move, which is none, for episodes that have ended.
    orders = jnp.pad(orders, ((0, 0), (0, 1)))
    is_played = jnp.pad(is_played, ((0, 0), (0, 1)))
    episode = jnp.arange(len(orders))
    stays = is_output[graph[:, None], orders]

    def one_row(progress: Progress) -> Progress:
        edges, move, cost = progress
        node, play = orders[episode, move], is_played[episode, move]
        from_predecessors = edges.at[episode, node].get(mode=_BOUNDS)
        into_successors = edges.at[episode, :, node].get(mode=_BOUNDS)
        is_successor = (into_successors > 0) & play[:, None]
        left = is_successor.sum(axis=1)
        successor = jnp.argmax(is_successor, axis=1)
        # Without a successor, row 0 is written as it was: adding "no edge" changes nothing.
        later = jnp.where(left > 0, into_successors[episode, successor], 0)
        earlier = from_predecessors.astype(jnp.int32)
        pair = (graph[:, None], later[:, None].astype(jnp.int32), earlier)
        cost = cost.at[episode, move].add(rules.cost.at[pair].get(mode=_BOUNDS).sum(axis=1))
        row = _add_product(rules, graph, edges.at[episode, successor].get(mode=_BOUNDS), pair)
        is_node = jnp.arange(edges.shape[1]) == node[:, None]
        row = jnp.where(is_node & play[:, None], 0, row)
        edges = edges.at[episode, successor].set(row, mode=_BOUNDS)
        is_done = left <= 1
        drops = is_done & play & ~stays[episode, move]
        own = jnp.where(drops[:, None], 0, from_predecessors)
        edges = edges.at[episode, node].set(own, mode=_BOUNDS)
        return Progress(edges, jnp.minimum(move + is_done.astype(jnp.int32), moves), cost)

    start = Progress(
        edges,
        jnp.zeros(len(orders), jnp.int32),
        jnp.zeros((len(orders), moves + 1), jnp.float32),
    )
    end = jax.lax.while_loop(lambda progress: (progress.move < moves).any(), one_row, start)
    return end.edges, end.cost[:, :moves]


def _add_product(
    rules: Rules,
    graph: jax.Array,
    row: jax.Array,
    pair: tuple[jax.Array, jax.Array, jax.Array],
) -> jax.Array:
    """The structures of one row of every episode after the products of a pair have been added."""
    product = rules.product.at[pair].get(mode=_BOUNDS).astype(jnp.int32)
    summands = (graph[:, None], row.astype(jnp.int32), product)
    return rules.sum.at[summands].get(mode=_BOUNDS).astype(row.dtype)
