"""Orders that leave slices, reshapes and concatenations until the end.

Eliminating a vertex that only moves entries is free, but its neighbours' edges then carry all the
entries that it moves: the edge of one number cut out of a vector of n becomes a row of n, and every
later product with it costs n times as much. The same goes for a number that is only stacked with
others. A function of one packed vector is the usual case. Eliminated last, such vertices only
determine where the entries of a finished Jacobian stand.
"""

import itertools
import math

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.pair_structure import Structure
from elimax.interpreter.graph.structure import Kind
from elimax.interpreter.orders.fixed import forward_order, reverse_order
from elimax.interpreter.orders.greedy.variants import GREEDY
from elimax.interpreter.orders.single_use import single_use_order


def movers(graph: ComputationalGraph) -> frozenset[int]:
    """Vertices that only move entries, or whose entries are only moved.

    Args:
        graph: The graph.

    Returns:
        Numbers of the eliminable vertices whose in-edges are all structural, or whose out-edges are
        all structural and lead to results that are not smaller. Empty if no structural edge carries
        a label, because moving entries then makes no edge larger.
    """
    if not any(x.carried for x in graph.edges.values() if x.kind == Kind.STRUCTURAL):
        return frozenset()
    computed = {succ for (_, succ), x in graph.edges.items() if x.kind != Kind.STRUCTURAL}
    used = {pred for (pred, _), x in graph.edges.items() if not _is_placed(x)}
    return frozenset(v for v in graph.eliminable if graph.node(v) not in computed & used)


def _is_placed(edge: Structure) -> bool:
    """Whether the edge moves every entry into a result that is not smaller."""
    sizes = math.prod(edge.out_shape), math.prod(edge.in_shape)
    return edge.kind == Kind.STRUCTURAL and sizes[0] >= sizes[1]


def moves_last_orders(graph: ComputationalGraph) -> list[EliminationOrder]:
    """The portfolio again, with the vertices that only move entries at the end.

    Args:
        graph: The graph.

    Returns:
        Orders named "NAME_moves_last"; empty if no vertex only moves entries.
    """
    late = movers(graph)
    if not late:
        return []
    found = [
        EliminationOrder(
            tuple(sorted(order.vertices, key=lambda vertex: vertex in late)),
            order.fingerprint,
            f"{order.name}_moves_last",
        )
        for order in (forward_order(graph), reverse_order(graph))
    ]
    for _, variants in itertools.groupby(GREEDY.values(), key=lambda variant: variant.rule):
        # "auto" takes the first of equal orders, so this sequence must not change: both counts
        # with ties "low", then both with ties "high".
        for variant in sorted(variants, key=lambda variant: variant.ties == "high"):
            found.append(variant.order(graph, late=late))
    for then in ("forward", "reverse"):
        found.append(single_use_order(graph, then, late=late))
    return found
