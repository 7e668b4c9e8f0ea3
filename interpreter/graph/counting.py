"""What an elimination order costs."""

from collections.abc import Sequence

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.elimination import FREE, CountingElimination, MultiplicationCount
from elimax.interpreter.graph.order import CarriesOrder, EliminationOrder, check_order
from elimax.interpreter.graph.wanted import Blocks


def count_multiplications(
    graph: ComputationalGraph,
    order: EliminationOrder | CarriesOrder | Sequence[int],
    wanted: Blocks | None = None,
) -> MultiplicationCount:
    """Counts the scalar multiplications of a whole elimination.

    Args:
        graph: The graph.
        order: An order of all its eliminable vertices, or a plan.
        wanted: Blocks of the Jacobian that are wanted, as (input node, output node); None for all.

    Returns:
        Both counts of multiplications, and the additions.

    Raises:
        InvalidOrderError: If the order does not fit the graph.
    """
    elimination = CountingElimination(graph, wanted)
    count = FREE
    for vertex in check_order(graph, order):
        count = count.plus(elimination.cost(vertex))
        elimination.eliminate(vertex)
    return count._replace(additions=elimination.additions)
