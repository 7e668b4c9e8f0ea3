"""A number of multiplications that no elimination order of a graph gets below."""

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.structure import Objective
from elimax.interpreter.orders.exact.clusters import make_clusters
from elimax.interpreter.orders.exact.relaxation import Relaxation

EFFORT = 40_000


def lower_bound(graph: ComputationalGraph, count: Objective = "all") -> int:
    """What every elimination order of a graph costs at least.

    Whenever a vertex is eliminated, its predecessors separate it from the inputs and its
    successors from the outputs; `Relaxation` bounds it by the smallest such separators, and
    `cluster_bound` looks at small groups of vertices in every order of the group. Bounds of
    disjoint groups add up.

    Args:
        graph: The graph.
        count: What is bounded: "all" or "nontrivial" multiplications, or the "price", which is
            never below the number of nontrivial multiplications.

    Returns:
        Scalar multiplications, or a price. On scalar graphs the bound is often close to the
        cheapest order; on arrays less so, because it takes the cheapest structures that each edge
        can ever have.

    Raises:
        ValueError: If `count` is none of its values.
    """
    counted = "nontrivial" if count == "price" else count
    clusters = make_clusters(graph, Relaxation(graph, counted), effort=EFFORT)
    return sum(cluster.least[0] for cluster in clusters)
