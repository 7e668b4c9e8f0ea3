"""Eliminations that may come next without losing all cheapest orders."""

from collections.abc import Iterable

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.orders.exact.edge_state import EdgeState
from elimax.interpreter.orders.exact.separators import smallest_separator


def find_safe_move(
    graph: ComputationalGraph, state: EdgeState[int], left: Iterable[int]
) -> int | None:
    """A vertex that some cheapest order eliminates next, where every product costs one.

    Let all predecessors P of v be inputs, let no set smaller than its successors separate v from
    the outputs, and let every remaining successor of v lack at most one of P among its own
    predecessors. Then v may come first. Its predecessors are P at any time, and it never has fewer
    successors than now, so it costs no less later. Take any u that some order eliminates before v,
    and eliminate v first instead. The successors of u are the same, as v is none of them. If v was
    a predecessor of u, then the path from v to u leads through a successor w of v, which is u
    itself or was eliminated, and u has all of P that w had. So u loses v as a predecessor and gains
    at most one, the one of P that is missing. After v nothing differs.

    The same holds with predecessors and successors exchanged and pure outputs for inputs. If v is
    an output itself, it stays a successor of other vertices, so none may be missing.

    Args:
        graph: The graph.
        state: The remaining edges.
        left: Numbers of the remaining vertices.

    Returns:
        The first such vertex number; None if there is none.
    """
    nodes = [graph.node(v) for v in left]
    waiting = frozenset(nodes)
    inputs = frozenset(range(graph.num_inputs))
    for v in nodes:
        before, after = state.preds[v].keys(), state.succs[v].keys()
        if (
            before <= inputs
            and all(len(before - state.preds[u].keys()) <= 1 for u in after & waiting)
            and smallest_separator(state.succs, after, graph.output_nodes, _one) == len(after)
        ):
            return graph.vertex(v)
        missing = 0 if v in graph.output_nodes else 1
        if (
            not after & waiting
            and all(len(after - state.succs[u].keys()) <= missing for u in before & waiting)
            and smallest_separator(state.preds, before, inputs, _one) == len(before)
        ):
            return graph.vertex(v)
    return None


def _one(node: int) -> int:
    return 1
