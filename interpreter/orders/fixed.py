"""Forward and reverse elimination: the orders of `jax.jacfwd` and `jax.jacrev`."""

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder


def forward_order(graph: ComputationalGraph) -> EliminationOrder:
    """Eliminates from the inputs to the outputs (ascending vertex numbers).

    Args:
        graph: The graph.

    Returns:
        The order.
    """
    return EliminationOrder(graph.eliminable, graph.fingerprint, "forward")


def reverse_order(graph: ComputationalGraph) -> EliminationOrder:
    """Eliminates from the outputs to the inputs (descending vertex numbers).

    Args:
        graph: The graph.

    Returns:
        The order.
    """
    return EliminationOrder(graph.eliminable[::-1], graph.fingerprint, "reverse")
