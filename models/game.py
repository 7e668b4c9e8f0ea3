"""Vertex elimination as a one-player game, driven by tables so that it runs under jit, vmap, scan.

The rule is not written here. A step looks products, sums and costs of edge structures up in the
tables that `interpreter.structure_tables` derives from the counting rule, so scalars and arrays are
played alike. Sizes, fixed here for the whole folder:

    N  nodes on the board, padded       S  edge structures, 0 (no edge) included, padded
    G  graphs played at once            K  episodes of every graph

Boards are made in `boards.py`. This module is what runs at every move.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

Count = Literal["all", "nontrivial"]

DEFAULT_MAX_STRUCTURES = 2048

# Up to this table size a chain of selects, which vectorises, beats a gather on a CPU.
_SMALL_TABLE = 4


class Rules(NamedTuple):
    """The counting rule for one graph.

    Attributes:
        product: int16[S, S], structure of the product of [later, earlier].
        sum: int16[S, S], structure of the sum.
        cost: float32[S, S], scalar multiplications of the product in the played count.
    """

    product: jax.Array
    sum: jax.Array
    cost: jax.Array


class Nodes(NamedTuple):
    """What an elimination does not change about the nodes.

    Attributes:
        vertex: int32[N], vertex number; 0 for inputs and padding.
        is_input: bool[N].
        is_output: bool[N].
        depth: float32[N], longest path from an input, as a share of the longest path of all.
        height: float32[N], longest path to an output, as a share of the longest path of all.
    """

    vertex: jax.Array
    is_input: jax.Array
    is_output: jax.Array
    depth: jax.Array
    height: jax.Array


class State(NamedTuple):
    """A position of the game.

    Attributes:
        edges: int16[N, N], structure of the edge [successor, predecessor]; 0 if there is none.
        remaining: bool[N], vertices that are still to be eliminated.
    """

    edges: jax.Array
    remaining: jax.Array


class Scale(NamedTuple):
    """What makes costs of different graphs comparable.

    Attributes:
        moves: float32[], number of vertices to eliminate.
        unit: float32[], a typical cost of one edge product; 1 for scalars in the count "all".
        classic: float32[], cost of the best order of `CLASSIC`, see `boards.normalising_cost`.
    """

    moves: jax.Array
    unit: jax.Array
    classic: jax.Array


class Board(NamedTuple):
    """A graph ready to be played, padded; several of one size stack along a leading axis.

    Attributes:
        start: The first position.
        nodes: What stays.
        rules: The counting rule.
        scale: What makes costs comparable.
    """

    start: State
    nodes: Nodes
    rules: Rules
    scale: Scale


def lookup(table: jax.Array, first: jax.Array, second: jax.Array) -> jax.Array:
    """Reads `table[first, second]` at every entry of two arrays that broadcast.

    Args:
        table: [S, S].
        first: Integer array.
        second: Integer array.

    Returns:
        Array of the table's dtype in the broadcast shape.
    """
    size = len(table)
    if size > _SMALL_TABLE:
        return table[first, second]
    shape = jnp.broadcast_shapes(first.shape, second.shape)
    result = jnp.zeros(shape, table.dtype)
    for i in range(size):
        for j in range(size):
            result = jnp.where((first == i) & (second == j), table[i, j], result)
    return result


def eliminate(
    rules: Rules, nodes: Nodes, state: State, node: jax.Array, is_played: jax.Array
) -> tuple[State, jax.Array]:
    """Eliminates one vertex: J[s, p] += J[s, v] J[v, p] for all p and s, then drops v's edges.

    The in-edges of an output stay.

    Args:
        rules: The counting rule.
        nodes: The board's nodes.
        state: A position.
        node: int32[], board position of the vertex v.
        is_played: bool[], False leaves everything as it is (the episode has ended).

    Returns:
        The next position and the cost, float32[].
    """
    into_successors = jnp.where(is_played, state.edges[:, node], 0)[:, None]
    from_predecessors = state.edges[node][None, :]
    cost = lookup(rules.cost, into_successors, from_predecessors).sum()
    product = lookup(rules.product, into_successors, from_predecessors)
    edges = lookup(rules.sum, state.edges, product)
    is_node = (jnp.arange(len(state.remaining)) == node) & is_played
    dropped = is_node[None, :] | (is_node & ~nodes.is_output)[:, None]
    return State(jnp.where(dropped, 0, edges), state.remaining & ~is_node), cost


def elimination_costs(rules: Rules, edges: jax.Array) -> jax.Array:
    """The Markowitz degree of every node: what eliminating it would cost now.

    With the number of a node's in-edges and out-edges of each structure, h_in and h_out, it is
    h_out' C h_in, where C is the cost table.

    Args:
        rules: The counting rule.
        edges: int16[N, N].

    Returns:
        float32[N]; of no meaning for inputs.
    """
    size = len(rules.cost)
    count_out = _histogram(edges.T, size)
    count_in = _histogram(edges, size)
    return jnp.sum((count_out @ rules.cost) * count_in, axis=1)


def _histogram(rows: jax.Array, size: int) -> jax.Array:
    """How often each number below `size` occurs in every row, float32[N, size]."""
    if size <= _SMALL_TABLE:
        return jnp.stack([jnp.sum(rows == i, axis=1, dtype=jnp.float32) for i in range(size)], 1)
    first = jnp.arange(len(rows))[:, None]
    return jnp.zeros((len(rows), size), jnp.float32).at[first, rows].add(1.0)
