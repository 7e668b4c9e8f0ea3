"""What the policy sees of a position, written down plainly: vertices are eliminated in copies."""

import math

import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.graph.pair_structure import product_of
from elimax.interpreter.graph.structure import Count
from support.plain_greedy import damage, degree


def board_nodes(graph: ComputationalGraph) -> list[int]:
    """Nodes of a graph in the order in which they are nodes of the board."""
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


def plain_local(elimination: CountingElimination, vertex: int, count: Count) -> list[float]:
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
    return [
        math.log(1 + len(preds)),
        math.log(1 + len(succs)),
        math.log(1 + cost / unit),
        math.log(1 + fill_in),
        *(math.copysign(math.log(1 + abs(x) / unit), x) for x in (harm, harm + cost, harm - cost)),
        sum(pred < graph.num_inputs for pred in preds) / max(1, len(preds)),
        sum(succ in graph.output_nodes for succ in succs) / max(1, len(succs)),
        fill_in == 0,
        len(preds) == 1,
        len(succs) == 1,
        math.log(1 + cost / unit / pairs),
        products.count(0) / pairs,
    ]


def plain_position(local: np.ndarray, num_moves: int) -> list[float]:
    """The features of a position from the local ones, [vertices that remain, F]."""
    least = local.min(axis=0)
    return [least[2], least[5], least[6], math.log(len(local)), len(local) / num_moves]
