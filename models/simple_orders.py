"""What three simple orders cost, move by move, for the policy to compare its moves with.

The costs in one graph of arrays span many orders of magnitude, and whether a vertex should go
early, late or by its degree depends on what lies far away from it. Eliminating the graph forward,
in reverse and by lowest Markowitz degree takes little time and tells what every vertex costs when
all before it are gone, when all after it are gone, and when it is cheapest.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.numbered_elimination import NumberedElimination
from elimax.interpreter.graph.structure import Objective
from elimax.interpreter.orders.fixed import forward_order, reverse_order
from elimax.interpreter.orders.greedy.markowitz import markowitz_order


class SimpleOrders(NamedTuple):
    """The orders forward, reverse and Markowitz of one graph; N nodes.

    Attributes:
        costs: float64[N, 3], what eliminating a node costs in each order; 0 if it is never
            eliminated.
        places: float64[N], share of the moves of the Markowitz order that come before a node.
        totals: What the three orders cost.
    """

    costs: np.ndarray
    places: np.ndarray
    totals: tuple[int, int, int]

    @property
    def lowest(self) -> int:
        """What the cheapest of them costs."""
        return min(self.totals)


def simple_orders(
    graph: ComputationalGraph, count: Objective, nodes: Sequence[int] | np.ndarray
) -> SimpleOrders:
    """Eliminates a graph in three simple orders.

    Args:
        graph: The graph.
        count: Which multiplications cost, or the price.
        nodes: Numbers of the N nodes for which costs are wanted.

    Returns:
        The costs of the orders at these nodes.
    """
    markowitz = markowitz_order(graph, count=count)
    orders = (forward_order(graph), reverse_order(graph), markowitz)
    by_node = [_costs(graph, order.vertices, count) for order in orders]
    costs = [[float(of_order.get(int(node), 0)) for of_order in by_node] for node in nodes]
    last = max(1, len(markowitz.vertices) - 1)
    place = {graph.node(vertex): k / last for k, vertex in enumerate(markowitz.vertices)}
    forward, reverse, degree = (sum(of_order.values()) for of_order in by_node)
    return SimpleOrders(
        np.array(costs, float).reshape(-1, len(orders)),
        np.array([place.get(int(node), 0.0) for node in nodes], float),
        (forward, reverse, degree),
    )


def _costs(graph: ComputationalGraph, vertices: Sequence[int], count: Objective) -> dict[int, int]:
    """What every node costs in an order."""
    elimination, costs = NumberedElimination(graph), {}
    for vertex in vertices:
        costs[graph.node(vertex)] = elimination.cost(vertex, count)
        elimination.eliminate(vertex)
    return costs
