"""The provably cheapest order of a graph, or a bound on how much cheaper an order could be."""

from collections.abc import Sequence
from typing import NamedTuple

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import EliminationOrder, check_order
from elimax.interpreter.graph.price import summable_objective
from elimax.interpreter.graph.structure import Count, Objective, check_count
from elimax.interpreter.orders.exact.bounds import lower_bound
from elimax.interpreter.orders.exact.clusters import make_clusters
from elimax.interpreter.orders.exact.relaxation import Relaxation
from elimax.interpreter.orders.exact.state_search import SearchResult, search_states
from elimax.interpreter.orders.portfolio import best_classic

CLUSTER_EFFORT = 300_000
DEFAULT_LIMIT = 20_000
CERTIFY_LIMIT = 2_000


class ExactResult(NamedTuple):
    """What a search for the cheapest order found.

    Attributes:
        order: The cheapest order known.
        cost: What it costs, in scalar multiplications of the count asked for.
        optimal: Whether it is proven that no order is cheaper.
        bound: No order costs less than this; equal to the cost if the order is optimal.
        states: Number of states that were expanded.
    """

    order: EliminationOrder
    cost: int
    optimal: bool
    bound: int
    states: int


class Certificate(NamedTuple):
    """What is known about a cost.

    Attributes:
        bound: No order costs less than the smaller of this and the cost asked about, in scalar
            multiplications.
        optimal: Whether it is proven that no order is cheaper than that cost.
    """

    bound: int
    optimal: bool


def optimal_order(
    graph: ComputationalGraph,
    count: Count = "all",
    *,
    upper: EliminationOrder | Sequence[int] | None = None,
    limit: int = DEFAULT_LIMIT,
) -> ExactResult:
    """Searches for the cheapest of all elimination orders.

    Args:
        graph: The graph.
        count: Which count is the cost, "all" or "nontrivial" multiplications.
        upper: A known order, which the result is never worse than; None for the best classical
            one. The cheaper it is, the less there is to search.
        limit: Largest number of states to expand; the result does not depend on the machine.

    Returns:
        The order, and whether it is proven to be the cheapest.

    Raises:
        InvalidOrderError: If `upper` does not fit the graph.
        ValueError: If `count` is neither of its two values.
    """
    check_count(count)
    vertices = check_order(graph, best_classic(graph, count) if upper is None else upper)
    cost = getattr(count_multiplications(graph, vertices), count)
    result = _search(graph, count, cost, limit)
    if result.vertices is not None:
        vertices, cost = result.vertices, result.bound
    order = EliminationOrder(vertices, graph.fingerprint, "exact")
    return ExactResult(order, cost, result.bound >= cost, result.bound, result.states)


def certify(
    graph: ComputationalGraph, count: Objective, cost: int, *, limit: int = CERTIFY_LIMIT
) -> Certificate:
    """Bounds how far a cost can be from that of the cheapest order.

    Args:
        graph: The graph.
        count: What the cost is: "all" or "nontrivial" multiplications, or the "price".
        cost: What the best known order costs.
        limit: Largest number of states to expand.

    Returns:
        A bound, and whether the cost is proven to be the least.

    Raises:
        ValueError: If `count` is none of its values.
    """
    counted = summable_objective(graph, count)
    if counted == "price":
        bound = lower_bound(graph, counted)
        return Certificate(bound, bound >= cost)
    result = _search(graph, counted, cost, limit)
    return Certificate(result.bound, result.bound >= cost)


def _search(graph: ComputationalGraph, count: Count, below: int, limit: int) -> SearchResult:
    """Searches for an order that costs less than `below`."""
    relaxation = Relaxation(graph, count)
    clusters = make_clusters(graph, relaxation, effort=CLUSTER_EFFORT, enough=below)
    return search_states(graph, count, clusters, below=below, limit=limit)
