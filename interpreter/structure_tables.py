"""The counting rule as tables, for players that cannot run Python at every step."""

import collections
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from interpreter.errors import StructureLimitError
from interpreter.graph import ComputationalGraph
from interpreter.structure import EdgeStructure, Shape, add, multiply

NO_EDGE = 0


class StructureTables(NamedTuple):
    """Products, sums and costs of S structures, numbered from 1; 0 means "no edge".

    Attributes:
        structures: The structure of every number from 1, S of them.
        product: int32[S+1, S+1], number of the product of [later, earlier]; 0 if either is 0 or
            their shapes do not match.
        sum: int32[S+1, S+1], number of the sum; the other summand if one is 0.
        cost_all: int64[S+1, S+1], scalar multiplications of the product, by +1 and -1 included.
        cost_nontrivial: int64[S+1, S+1], the same without products by +1 and -1.
    """

    structures: tuple[EdgeStructure, ...]
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
        StructureLimitError: If the closure has more than `limit` structures.
    """
    structures = _close({s for graph in graphs for s in graph.edges.values()}, limit)
    number = {structure: index for index, structure in enumerate(structures, start=1)}
    size = len(structures) + 1
    product = np.zeros((size, size), np.int32)
    cost_all = np.zeros((size, size), np.int64)
    cost_nontrivial = np.zeros((size, size), np.int64)
    total = np.zeros((size, size), np.int32)
    total[0, :] = total[:, 0] = np.arange(size)
    by_out, by_shapes = _index(structures)
    for later, i in number.items():
        for earlier in by_out[later.in_shape]:
            j = number[earlier]
            result = multiply(later, earlier)
            product[i, j] = number[result.structure]
            cost_all[i, j], cost_nontrivial[i, j] = result.all, result.nontrivial
        for other in by_shapes[later.out_shape, later.in_shape]:
            total[i, number[other]] = number[add(later, other)]
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


def _index(
    structures: Iterable[EdgeStructure],
) -> tuple[
    dict[Shape, list[EdgeStructure]],
    dict[tuple[Shape, Shape], list[EdgeStructure]],
]:
    by_out, by_shapes = collections.defaultdict(list), collections.defaultdict(list)
    for structure in structures:
        by_out[structure.out_shape].append(structure)
        by_shapes[structure.out_shape, structure.in_shape].append(structure)
    return by_out, by_shapes


def _close(initial: set[EdgeStructure], limit: int) -> tuple[EdgeStructure, ...]:
    """All structures that products and sums of the initial ones can reach, sorted."""
    by_out, by_in = collections.defaultdict(list), collections.defaultdict(list)
    by_shapes = collections.defaultdict(list)
    found: set[EdgeStructure] = set()
    waiting = sorted(initial, key=_sort_key)
    while waiting:
        structure = waiting.pop()
        if structure in found:
            continue
        found.add(structure)
        if len(found) > limit:
            raise StructureLimitError(
                f"more than {limit} edge structures are reachable: raise the limit, or search "
                "orders of this graph without structure tables"
            )
        by_out[structure.out_shape].append(structure)
        by_in[structure.in_shape].append(structure)
        by_shapes[structure.out_shape, structure.in_shape].append(structure)
        waiting += [multiply(structure, other).structure for other in by_out[structure.in_shape]]
        waiting += [multiply(other, structure).structure for other in by_in[structure.out_shape]]
        waiting += [
            add(structure, other) for other in by_shapes[structure.out_shape, structure.in_shape]
        ]
    return tuple(sorted(found, key=_sort_key))


def _sort_key(structure: EdgeStructure) -> tuple[Shape, Shape, tuple[int, ...], Shape, int]:
    return (
        structure.out_shape,
        structure.in_shape,
        structure.ties,
        structure.carried,
        int(structure.kind),
    )
