"""What the policy sees of a position, written down plainly: vertices are eliminated in copies."""

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.graph.pair_structure import product_of, stored_values, sum_of
from elimax.interpreter.graph.structure import Count
from elimax.interpreter.orders.greedy.markowitz import markowitz_order
from support.plain_greedy import damage, degree


def board_nodes(graph: ComputationalGraph) -> list[int]:
    """The nodes of a graph that are on the board, in the order of the board."""
    return [node for node in range(graph.num_nodes) if any(node in pair for pair in graph.edges)]


def typical_cost(graph: ComputationalGraph, count: Count) -> float:
    """The geometric mean of the products of edges that are not free."""
    costs = [
        getattr(product_of(later, earlier), count)
        for (_, middle), earlier in graph.edges.items()
        for (same, _), later in graph.edges.items()
        if middle == same
    ]
    logs = [math.log(cost) for cost in costs if cost]
    return math.exp(sum(logs) / len(logs)) if logs else 1.0


class PlainOutlook(NamedTuple):
    """What the orders forward, reverse and Markowitz cost from a position on."""

    costs: list[dict[int, int]]
    totals: list[int]
    moves: int


def plain_outlook(elimination: CountingElimination, left: Sequence[int], count: Count):
    """Looks ahead from a position with these vertices left, by eliminating copies of the graph."""
    edges = {
        (pred, succ): structure
        for succ, preds in enumerate(elimination.predecessors)
        for pred, structure in preds.items()
    }
    rest = dataclasses.replace(elimination.graph, edges=edges)
    markowitz = [v for v in markowitz_order(rest, count=count).vertices if v in set(left)]
    forward = [v for v in rest.eliminable if v in set(left)]
    costs = []
    for vertices in (forward, forward[::-1], markowitz):
        copy, of_order = CountingElimination(rest), {}
        for vertex in vertices:
            of_order[vertex] = getattr(copy.cost(vertex), count)
            copy.eliminate(vertex)
        costs.append(of_order)
    return PlainOutlook(costs, [sum(of_order.values()) for of_order in costs], len(left))


def is_looked_ahead(moves: int, last: int) -> bool:
    """Whether the policy looks ahead with `moves` moves left, if it last did with `last` left."""
    return moves < last and (moves <= 16 or moves <= 0.75 * last)


def plain_local(
    elimination: CountingElimination, vertex: int, count: Count, outlook: PlainOutlook
) -> list[float]:
    """The local features of a vertex, by `features.LOCAL`."""
    graph = elimination.graph
    node = graph.node(vertex)
    preds, succs = elimination.predecessors[node], elimination.successors[node]
    products = [
        getattr(product_of(later, earlier), count)
        for later in succs.values()
        for earlier in preds.values()
    ]
    pairs, unit = max(1, len(products)), typical_cost(graph, count)
    fill_in = sum(pred not in elimination.predecessors[succ] for pred in preds for succ in succs)
    cost = degree(elimination, vertex, count)
    harm = damage(elimination, vertex, count)
    move = max(1, min(outlook.totals)) / outlook.moves
    added = 0
    for succ, later in succs.items():
        for pred, earlier in preds.items():
            old = elimination.predecessors[succ].get(pred)
            new = product_of(later, earlier).structure
            added += stored_values(sum_of(old, new) if old else new)
            added -= stored_values(old) if old else 0
    numbers_in, numbers_out = (sum(map(stored_values, x.values())) for x in (preds, succs))
    return [
        math.log(1 + len(preds)),
        math.log(1 + len(succs)),
        math.log(1 + cost / unit),
        math.log(1 + fill_in),
        *(signed_log(x / unit) for x in (harm, harm + cost, harm - cost)),
        sum(pred < graph.num_inputs for pred in preds) / max(1, len(preds)),
        sum(succ in graph.output_nodes for succ in succs) / max(1, len(succs)),
        fill_in == 0,
        len(preds) == 1,
        len(succs) == 1,
        math.log(1 + cost / unit / pairs),
        products.count(0) / pairs,
        *(math.log((1 + cost / unit) / (1 + x[vertex] / unit)) for x in outlook.costs),
        math.log(1 + cost / move),
        signed_log((harm + cost) / move),
        signed_log((harm - cost) / move),
        math.log(1 + numbers_in) / 4,
        math.log(1 + numbers_out) / 4,
        signed_log(added - numbers_in - numbers_out) / 4,
    ]


def signed_log(x: float) -> float:
    """log(1 + |x|) with the sign of x."""
    return math.copysign(math.log(1 + abs(x)), x)


def plain_position(
    local: np.ndarray, num_moves: int, outlook: PlainOutlook, unit: float
) -> list[float]:
    """The features of a position from the local ones, [vertices that remain, F]."""
    least, cheapest = local.min(axis=0), min(outlook.totals)
    return [
        least[2],
        least[5],
        least[6],
        math.log(len(local)),
        len(local) / num_moves,
        math.log(max(1, cheapest) / outlook.moves / unit),
        *(math.log((1 + total / unit) / (1 + cheapest / unit)) for total in outlook.totals),
    ]
