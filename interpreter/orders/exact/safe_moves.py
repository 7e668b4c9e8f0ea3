"""Eliminations that may come first without losing the cheapest order."""

from collections.abc import Iterable

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.orders.exact.edge_state import EdgeState
from elimax.interpreter.orders.exact.separators import smallest_separator


def find_safe_move(
    graph: ComputationalGraph, state: EdgeState[int], left: Iterable[int]
) -> int | None:
    """A vertex that some cheapest order eliminates next, where every product costs one.

    Let all predecessors P of v be inputs, let no smaller set than its successors separate v from
    the outputs, and let every successor that is left miss at most one of P among its own
    predecessors. Then v may come first. It has the predecessors P at any time and never fewer
    successors than now, so it costs no less later. Any other u that is eliminated before v in some
    order keeps its successors, as none of them is v. Where v is among its predecessors, the way
    from v to u leads through a successor w of v that is eliminated or u itself, and what w has of
    P, u has too: taking v away and joining P to u adds at most the one of P that is missing, in
    the place of v. After v nothing differs.

    The same holds with predecessors and successors exchanged, pure outputs for inputs.
    If v is an output itself it stays among the successors of others, so nothing may be missing.

    Args:
        graph: The graph.
        state: The edges that are left.
        left: Numbers of the vertices that are left.

    Returns:
        The first such vertex number, None if there is none.
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
