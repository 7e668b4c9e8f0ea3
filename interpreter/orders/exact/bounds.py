"""A number of multiplications below which no elimination order of a graph can be."""

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.structure import Count
from elimax.interpreter.orders.exact.clusters import make_clusters
from elimax.interpreter.orders.exact.relaxation import Relaxation

EFFORT = 40_000


def lower_bound(graph: ComputationalGraph, count: Count = "all") -> int:
    """What every elimination order of a graph costs at least.

    Whenever a vertex is eliminated, its predecessors separate it from the inputs and its
    successors from the outputs; `Relaxation` bounds it by the smallest such separators, and
    `cluster_bound` looks at small groups of vertices in every order of theirs. Bounds of disjoint
    groups add up.

    Args:
        graph: The graph.
        count: Which count is the cost, "all" or "nontrivial" multiplications.

    Returns:
        Scalar multiplications. On scalar graphs often close to the cheapest order, on arrays less
        so, since it takes the least labels that each edge can ever carry.

    Raises:
        ValueError: If `count` is neither of its two values.
    """
    clusters = make_clusters(graph, Relaxation(graph, count), effort=EFFORT)
    return sum(cluster.least[0] for cluster in clusters)
