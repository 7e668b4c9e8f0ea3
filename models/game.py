"""Vertex elimination as a one-player game, driven by tables so that it runs under jit, vmap, scan.

The rule is not written here. A step looks products, sums and costs of edge structures up in the
tables that `structure_tables` derives from the counting rule, so scalars and arrays are played
alike. Sizes, fixed here for the whole folder:

    N  nodes on the board, padded       S  edge structures, 0 (no edge) included, padded
    G  graphs played at once            K  episodes of every graph
    A  classes of later factors         B  classes of earlier factors, see `CostClasses`

Boards are made in `boards.py`. This module is what runs at every move.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

DEFAULT_MAX_STRUCTURES = 2048

# Up to this table size selects and comparisons, which vectorise, beat gathers and scatters.
_SMALL_TABLE = 4

_BOUNDS = "promise_in_bounds"


class CostClasses(NamedTuple):
    """Structures that cost alike, merged: equal rows of the cost table, and equal columns.

    In class 0 are "no edge" and whatever else is free in every product.

    Attributes:
        later: int16[S], class of a structure as the later factor of a product.
        earlier: int16[S], class of a structure as the earlier factor.
        cost: float32[A, B], scalar multiplications of the product of [later, earlier] classes.
    """

    later: jax.Array
    earlier: jax.Array
    cost: jax.Array


class Rules(NamedTuple):
    """The counting rule for one graph.

    Attributes:
        product: int16[S, S], structure of the product of [later, earlier].
        sum: int16[S, S], structure of the sum.
        cost: float32[S, S], scalar multiplications of the product in the played count.
        classes: The same costs for classes of structures, which are far fewer.
    """

    product: jax.Array
    sum: jax.Array
    cost: jax.Array
    classes: CostClasses


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

    With the number of a node's in-edges and out-edges of each class, h_in and h_out, it is
    h_out' C h_in, where C is the cost table of the classes. The sums are exact, in whichever way
    they are taken, while no degree exceeds 2^24.

    Args:
        rules: The counting rule.
        edges: int16[N, N].

    Returns:
        float32[N]; of no meaning for inputs.
    """
    classes = rules.classes
    later, earlier = classes.later[edges], classes.earlier[edges]
    # Entry [v, a] is what one out-edge of class a costs with all in-edges of v.
    of_one = _histogram(earlier, classes.cost.shape[1]) @ classes.cost[1:, 1:].T
    if len(classes.cost) <= _SMALL_TABLE:
        return jnp.sum(_histogram(later.T, len(classes.cost)) * of_one, axis=1)
    # Reading one entry for each successor takes less time than a second histogram.
    of_one = jnp.pad(of_one, ((0, 0), (1, 0)))
    return of_one.at[jnp.arange(len(edges)), later].get(mode=_BOUNDS).sum(axis=0)


def _histogram(rows: jax.Array, size: int) -> jax.Array:
    """How often each number from 1 to `size` - 1 occurs in every row, float32[N, size - 1]."""
    if size <= _SMALL_TABLE:
        counts = [jnp.sum(rows == i, axis=1, dtype=jnp.float32) for i in range(1, size)]
        return jnp.stack(counts, axis=1)
    first = jnp.arange(len(rows))[:, None]
    counts = jnp.zeros((len(rows), size), jnp.float32)
    return counts.at[first, rows].add(1.0, mode=_BOUNDS)[:, 1:]
