"""Greedy elimination by lowest Markowitz degree.

Source: Griewank & Walther, Evaluating Derivatives (2nd ed., 2008), section 9.2; the name is from
Markowitz's pivoting rule (1957). How ties are broken matters a great deal and is often not said.
"""

import heapq
from typing import Literal

from interpreter.elimination import CountingElimination
from interpreter.graph import ComputationalGraph
from interpreter.order import EliminationOrder

Ties = Literal["low", "high"]
Count = Literal["all", "nontrivial"]


def markowitz_order(
    graph: ComputationalGraph,
    ties: Ties = "low",
    count: Count = "all",
    *,
    late: frozenset[int] = frozenset(),
) -> EliminationOrder:
    """Eliminates a vertex that costs least at the time, again and again.

    Args:
        graph: The graph.
        ties: Among the cheapest take the "low"est or the "high"est vertex number.
        count: Which count is the cost, "all" or "nontrivial" multiplications.
        late: Vertices that wait until all others are eliminated.

    Returns:
        The order.

    Raises:
        ValueError: If `ties` or `count` is neither of its two values.
    """
    if ties not in ("low", "high") or count not in ("all", "nontrivial"):
        raise ValueError(
            f"ties={ties!r}, count={count!r}: ties is 'low' or 'high', "
            "count is 'all' or 'nontrivial'"
        )
    sign = 1 if ties == "low" else -1
    elimination = CountingElimination(graph)

    def cost(vertex: int) -> int:
        return getattr(elimination.cost(vertex), count)

    costs = {vertex: cost(vertex) for vertex in graph.eliminable}
    # Entries whose cost has changed since they were pushed are skipped when they surface.
    heap = [(vertex in late, degree, sign * vertex) for vertex, degree in costs.items()]
    heapq.heapify(heap)
    order = []
    while heap:
        _, degree, key = heapq.heappop(heap)
        vertex = sign * key
        if costs.get(vertex) != degree:
            continue
        del costs[vertex]
        order.append(vertex)
        node = graph.node(vertex)
        neighbours = {*elimination.predecessors[node], *elimination.successors[node]}
        elimination.eliminate(vertex)
        for neighbour in map(graph.vertex, neighbours):
            if neighbour in costs:
                costs[neighbour] = cost(neighbour)
                heapq.heappush(heap, (neighbour in late, costs[neighbour], sign * neighbour))
    return EliminationOrder(tuple(order), graph.fingerprint, _name(ties, count, late))


def _name(ties: Ties, count: Count, late: frozenset[int]) -> str:
    return (
        "markowitz"
        + ("_nontrivial" if count == "nontrivial" else "")
        + ("_high" if ties == "high" else "")
        + ("_moves_last" if late else "")
    )
