"""The counting rule as closed arrays, for players that cannot run Python at every step.

Structures are closed under products and sums by their numbers in `rule_table`; the arrays number
them anew, in an order that depends on the structures alone.
"""

import collections
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from elimax.interpreter.errors import GraphTooLargeError, StructureLimitError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.pair_structure import Structure, parts_of, sort_key
from elimax.interpreter.graph.reachable_structures import Reachable, reachable_structures
from elimax.interpreter.graph.rule_table import RULE
from elimax.interpreter.graph.structure import EdgeStructure, Shape

NO_EDGE = 0

MAX_COST = (1 << 63) - 1
"""The most multiplications that an entry of a table holds."""


class StructureTables(NamedTuple):
    """Products, sums and costs of S structures, numbered from 1; 0 means "no edge".

    Attributes:
        structures: The structure of every number from 1, S of them.
        product: int32[S+1, S+1], number of the product of [later, earlier]; 0 if either is 0 or
            no order of the graphs multiplies the two.
        sum: int32[S+1, S+1], number of the sum; the other summand if one is 0; 0 if no order adds
            the two.
        cost_all: int64[S+1, S+1], scalar multiplications of the product, by +1 and -1 included.
        cost_nontrivial: int64[S+1, S+1], the same without products by +1 and -1.
    """

    structures: tuple[Structure, ...]
    product: np.ndarray
    sum: np.ndarray
    cost_all: np.ndarray
    cost_nontrivial: np.ndarray


def tabulate_structures(graphs: Iterable[ComputationalGraph], limit: int = 2048) -> StructureTables:
    """Closes the structures of some graphs under products and sums.

    Args:
        graphs: The graphs; what any order of any of them can reach is in the tables.
        limit: The most structures that the closure may have.

    Returns:
        The tables; the same graphs give the same tables.

    Raises:
        GraphTooLargeError: If a product costs more than 64 bits hold.
        StructureLimitError: If the closure has more than `limit` structures.
    """
    reached = _reachable(list(graphs), limit)
    numbers = sorted(reached.structures, key=_sort_key)
    row = {number: index for index, number in enumerate(numbers, start=1)}
    size = len(numbers) + 1
    product = np.zeros((size, size), np.int32)
    cost_all = np.zeros((size, size), np.int64)
    cost_nontrivial = np.zeros((size, size), np.int64)
    total = np.zeros((size, size), np.int32)
    total[0, :] = total[:, 0] = np.arange(size)
    for later, earlier in reached.products:
        at, cost = (row[later], row[earlier]), RULE.cost["all"][later][earlier]
        if cost > MAX_COST:
            raise GraphTooLargeError(
                f"a product of edges of this graph takes {cost} multiplications, which "
                "tables of 64-bit integers cannot hold: use an order of the portfolio, or annealing"
            )
        product[at], cost_all[at] = row[RULE.product[later][earlier]], cost
        cost_nontrivial[at] = RULE.cost["nontrivial"][later][earlier]
    for first, second in reached.sums:
        total[row[first], row[second]] = row[RULE.total[first][second]]
    structures = tuple(map(RULE.structure, numbers))
    return StructureTables(structures, product, total, cost_all, cost_nontrivial)


def edge_numbers(graph: ComputationalGraph, tables: StructureTables) -> np.ndarray:
    """The edges of a graph as numbers of a table's structures.

    Args:
        graph: One of the graphs that the tables were made for.
        tables: The tables.

    Returns:
        int32[N, N], entry [successor node, predecessor node], 0 where there is no edge.
    """
    number = {structure: index for index, structure in enumerate(tables.structures, start=1)}
    numbers = np.zeros((graph.num_nodes, graph.num_nodes), np.int32)
    for (pred, succ), structure in graph.edges.items():
        numbers[succ, pred] = number[structure]
    return numbers


def _reachable(graphs: list[ComputationalGraph], limit: int) -> Reachable:
    """What the graphs can reach: those of written edges all together, the others one by one."""
    written = [graph for graph in graphs if _is_written(graph)]
    edges = {RULE.number(edge) for graph in written for edge in graph.edges.values()}
    closed = _close(edges, limit)
    reached = Reachable(closed, *_pairs_by_shape(closed))
    for graph in graphs:
        if not _is_written(graph):
            reached = reached.plus(reachable_structures(graph, limit))
    if len(reached.structures) > limit:
        raise _too_many(limit)
    return reached


def _is_written(graph: ComputationalGraph) -> bool:
    return all(isinstance(structure, EdgeStructure) for structure in graph.edges.values())


def _too_many(limit: int) -> StructureLimitError:
    return StructureLimitError(
        f"more than {limit} edge structures are reachable: raise the limit, or search "
        "orders of this graph without structure tables"
    )


def _pairs_by_shape(
    numbers: Iterable[int],
) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """All pairs that fit as factors, and all that fit as summands."""
    by_out, by_shapes = collections.defaultdict(list), collections.defaultdict(list)
    shapes = {number: _shapes(number) for number in numbers}
    for number, (out_shape, in_shape) in shapes.items():
        by_out[out_shape].append(number)
        by_shapes[out_shape, in_shape].append(number)
    products = {(later, x) for later, (_, shape) in shapes.items() for x in by_out[shape]}
    sums = {(first, x) for first, pair in shapes.items() for x in by_shapes[pair]}
    return products, sums


def _close(initial: set[int], limit: int) -> set[int]:
    """All structures that products and sums of the initial ones can reach."""
    by_out, by_in = collections.defaultdict(list), collections.defaultdict(list)
    by_shapes = collections.defaultdict(list)
    found: set[int] = set()
    waiting = list(initial)
    while waiting:
        number = waiting.pop()
        if number in found:
            continue
        found.add(number)
        if len(found) > limit:
            raise _too_many(limit)
        out_shape, in_shape = _shapes(number)
        by_out[out_shape].append(number)
        by_in[in_shape].append(number)
        by_shapes[out_shape, in_shape].append(number)
        waiting += [RULE.product[number][other] for other in by_out[in_shape]]
        waiting += [RULE.product[other][number] for other in by_in[out_shape]]
        # Which parts of two sums become one depends on which is there first.
        for other in by_shapes[out_shape, in_shape]:
            waiting += [RULE.total[number][other], RULE.total[other][number]]
    return found


def _shapes(number: int) -> tuple[Shape, Shape]:
    structure = RULE.structure(number)
    return structure.out_shape, structure.in_shape


def _sort_key(number: int) -> tuple[object, ...]:
    structure = RULE.structure(number)
    is_pair = not isinstance(structure, EdgeStructure)
    parts = tuple(map(sort_key, parts_of(structure)))
    return (structure.out_shape, structure.in_shape, is_pair, parts)
