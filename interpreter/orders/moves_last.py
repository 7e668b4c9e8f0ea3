"""Orders that leave slices, reshapes and concatenations until the end.

Eliminating a vertex that only moves entries is free, but its neighbours' edges then carry all the
entries that it moves: the edge of one number cut out of a vector of n becomes a row of n, and every
later product with it costs n times as much. The same goes for a number that is only stacked with
others. A function of one packed vector is the usual case. Eliminated last, such vertices only
determine where the entries of a finished Jacobian stand.
"""

import math
from collections.abc import Sequence
from typing import Literal

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.pair_structure import Structure
from elimax.interpreter.graph.structure import Kind
from elimax.interpreter.orders.fixed import forward_order, reverse_order
from elimax.interpreter.orders.greedy.variants import GREEDY, RULES
from elimax.interpreter.orders.single_use import single_use_order


def _rule_and_ties(name: str) -> tuple[int, bool]:
    variant = GREEDY[name]
    return RULES.index(variant.rule), variant.ties == "high"


FIXED = {"forward": forward_order, "reverse": reverse_order}
SINGLE_USE: dict[str, Literal["forward", "reverse"]] = {
    "single_use_forward": "forward",
    "single_use_reverse": "reverse",
}

NAMES = (*FIXED, *sorted(GREEDY, key=_rule_and_ties), *SINGLE_USE)
"""All orders of the portfolio. "auto" takes the first of equal ones, so their sequence must not
change: of every rule both counts with ties "low", then both with ties "high"."""


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


def moves_last_orders(
    graph: ComputationalGraph, names: Sequence[str] = NAMES
) -> list[EliminationOrder]:
    """Orders of the portfolio, with the vertices that only move entries at the end.

    Args:
        graph: The graph.
        names: Which ones; by default all.

    Returns:
        Orders named "NAME_moves_last"; empty if no vertex only moves entries.
    """
    late = movers(graph)
    return [_moves_last(graph, name, late) for name in names] if late else []


def _moves_last(graph: ComputationalGraph, name: str, late: frozenset[int]) -> EliminationOrder:
    if name in GREEDY:
        return GREEDY[name].order(graph, late=late)
    if name in SINGLE_USE:
        return single_use_order(graph, SINGLE_USE[name], late=late)
    order = FIXED[name](graph)
    vertices = sorted(order.vertices, key=lambda vertex: vertex in late)
    return EliminationOrder(tuple(vertices), order.fingerprint, f"{name}_moves_last")
