"""Boards: graphs made ready for the game, padded so that few sizes are ever compiled.

Only nodes with edges are on a board. Vertices without any cost nothing and are in nobody's way;
`policy_search.checked_order` puts them first. N, S and G are as in `game.py`.
"""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.structure import Count
from elimax.interpreter.graph.structure_tables import edge_numbers, tabulate_structures
from elimax.interpreter.orders import CLASSIC, best_classic
from elimax.models.game import (
    DEFAULT_MAX_STRUCTURES,
    Board,
    CostClasses,
    Nodes,
    Rules,
    Scale,
    State,
)


def bucket_size(size: int) -> int:
    """Rounds a number of nodes up, so that few sizes are ever compiled.

    Args:
        size: Number of nodes.

    Returns:
        The next multiple of 16, or of 32 above 128.
    """
    step = 16 if size <= 128 else 32
    return max(step, -(-size // step) * step)


def make_board(
    graph: ComputationalGraph, count: Count = "all", max_structures: int = DEFAULT_MAX_STRUCTURES
) -> Board:
    """Sets up the game of a graph.

    Args:
        graph: The graph.
        count: Which multiplications cost, "all" or "nontrivial".
        max_structures: The most edge structures that may be reachable.

    Returns:
        The board, with numpy arrays, padded to the graph's bucket.

    Raises:
        StructureLimitError: If more structures are reachable.
    """
    tables = tabulate_structures([graph], max_structures)
    numbers = edge_numbers(graph, tables)
    on_board = np.flatnonzero(numbers.any(axis=0) | numbers.any(axis=1))
    edges = numbers[np.ix_(on_board, on_board)]
    cost = tables.cost_all if count == "all" else tables.cost_nontrivial
    is_output = np.isin(on_board, sorted(graph.output_nodes))
    vertex = np.array([max(graph.vertex(int(node)), 0) for node in on_board], np.int32)
    remaining = (vertex > 0) & (~is_output | edges.any(axis=0))
    depth, height = _levels(edges)
    board = Board(
        State(_array(edges, np.int16), _array(remaining, np.bool_)),
        Nodes(
            vertex=_array(vertex, np.int32),
            is_input=_array(vertex == 0, np.bool_),
            is_output=_array(is_output, np.bool_),
            depth=_array(depth, np.float32),
            height=_array(height, np.float32),
        ),
        Rules(
            product=_array(tables.product, np.int16),
            sum=_array(tables.sum, np.int16),
            cost=_array(cost, np.float32),
            classes=merge_costs(cost),
        ),
        Scale(
            moves=_array(remaining.sum(), np.float32),
            unit=_array(_typical_cost(edges, remaining, cost), np.float32),
            classic=_array(normalising_cost(graph, count), np.float32),
        ),
    )
    return pad_board(board, bucket_size(len(on_board)), _structure_bucket(len(cost)))


def normalising_cost(graph: ComputationalGraph, count: Count) -> int:
    """The cost that returns are divided by.

    It is that of the best order of `CLASSIC` and not of the whole portfolio: a policy would learn
    something else, and old curves would mean something else, with every rule that is added there.

    Args:
        graph: The graph.
        count: Which multiplications cost, "all" or "nontrivial".

    Returns:
        Scalar multiplications, at least 1.
    """
    order = best_classic(graph, count, names=CLASSIC)
    return max(1, getattr(count_multiplications(graph, order), count))


def merge_costs(cost: np.ndarray) -> CostClasses:
    """Merges equal rows and equal columns of a cost table.

    Structures of one class may well have different products; only what they cost is the same.

    Args:
        cost: int64[S, S], scalar multiplications of the product of [later, earlier], not negative
            and 0 in row 0 and in column 0.

    Returns:
        The classes, with numpy arrays, the table padded so that few sizes are ever compiled.
    """
    # Rows and columns come out in ascending order, so those that are all 0 are class 0.
    rows, later = np.unique(cost, axis=0, return_inverse=True)
    table, earlier = np.unique(rows, axis=1, return_inverse=True)
    padding = [(0, _class_bucket(size) - size) for size in table.shape]
    return CostClasses(
        later=_array(later.ravel(), np.int16),
        earlier=_array(earlier.ravel(), np.int16),
        cost=_array(np.pad(table, padding), np.float32),
    )


def _array(values: Any, dtype: type) -> Any:
    """A numpy array where JAX arrays are declared: boards are made on the host."""
    return np.asarray(values, dtype)


def _levels(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longest path from an input and to an output, as shares of the longest path of all."""
    size = len(edges)
    depth, height = np.zeros(size), np.zeros(size)
    for node in range(size):
        depth[node] = max((depth[p] + 1 for p in np.flatnonzero(edges[node])), default=0)
    for node in reversed(range(size)):
        height[node] = max((height[s] + 1 for s in np.flatnonzero(edges[:, node])), default=0)
    longest = max(depth.max(initial=0.0), 1.0)
    return depth / longest, height / longest


def _typical_cost(edges: np.ndarray, remaining: np.ndarray, cost: np.ndarray) -> float:
    """Geometric mean over the first position's edge products that are not free."""
    products = [cost[np.ix_(edges[:, v], edges[v])].ravel() for v in np.flatnonzero(remaining)]
    costs = np.concatenate([*products, np.zeros(0, cost.dtype)])
    paid = costs[costs > 0]
    return float(np.exp(np.mean(np.log(paid)))) if len(paid) else 1.0


def _structure_bucket(size: int) -> int:
    """The next power of two from 4."""
    return max(4, 1 << (size - 1).bit_length())


def _class_bucket(size: int) -> int:
    """The next of 2, 4, 8 and the multiples of 8."""
    return max(2, 1 << (size - 1).bit_length()) if size <= 8 else -(-size // 8) * 8


def pad_board(board: Board, num_nodes: int, num_structures: int) -> Board:
    """Enlarges a board with nodes that have no edges and structures that do not occur.

    Args:
        board: A single board.
        num_nodes: N of the result, at least the board's.
        num_structures: S of the result, at least the board's.

    Returns:
        The board, with numpy arrays.
    """

    def pad(array: Any, size: int) -> Any:
        return _pad(array, (size,) * np.ndim(array))

    rules = board.rules
    return Board(
        State(*(pad(array, num_nodes) for array in board.start)),
        Nodes(*(pad(array, num_nodes) for array in board.nodes)),
        Rules(
            product=pad(rules.product, num_structures),
            sum=pad(rules.sum, num_structures),
            cost=pad(rules.cost, num_structures),
            classes=CostClasses(
                later=pad(rules.classes.later, num_structures),
                earlier=pad(rules.classes.earlier, num_structures),
                cost=rules.classes.cost,
            ),
        ),
        board.scale,
    )


def stack_boards(boards: Sequence[Board]) -> Board:
    """Pads boards to the largest of them and stacks them along a leading axis G.

    Args:
        boards: Single boards, at least one.

    Returns:
        The boards as one, with numpy arrays.
    """

    def stack(*arrays: Any) -> Any:
        shape = tuple(map(max, zip(*map(np.shape, arrays), strict=True)))
        return np.stack([_pad(array, shape) for array in arrays])

    return jax.tree.map(stack, *boards)


def _pad(array: Any, shape: tuple[int, ...]) -> Any:
    """Enlarges an array with zeros behind its entries."""
    padded = np.zeros(shape, np.asarray(array).dtype)
    padded[tuple(map(slice, np.shape(array)))] = array
    return padded
