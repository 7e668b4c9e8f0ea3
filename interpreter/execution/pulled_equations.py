"""Which opaque equations an elimination pulls cotangents through.

Linearising a loop keeps what every round needs for the pullback, and runs a second loop for the
tangents. Where an order only pushes, tangents are carried along with the values instead: nothing is
kept. As there are no values yet, the elimination is followed on structures to find this out.
"""

import itertools
from collections.abc import Sequence

from elimax.interpreter.graph.elimination import Elimination
from elimax.interpreter.graph.pair_structure import (
    Direction,
    Member,
    OpaqueStructure,
    Part,
    Way,
    parts_of,
    product_of_parts,
    sum_members,
)
from elimax.interpreter.graph.wanted import Blocks
from elimax.interpreter.tracing.active_graph import ActiveGraph

_Equations = frozenset[int]
# What stands between a pair of nodes, and which opaque equations each of its parts is made of.
_Edge = Sequence[Member[_Equations]]
_NONE: _Equations = frozenset()


def pulled_equations(
    active: ActiveGraph, order: Sequence[int], wanted: Blocks | None = None
) -> frozenset[int]:
    """Finds the opaque equations whose pullback an elimination needs.

    Args:
        active: A program with its graph.
        order: Vertex numbers, checked already.
        wanted: Blocks of the Jacobian that are wanted; None for all.

    Returns:
        Their indices in the program.
    """
    pulled = {k for k, x in active.opaque.items() if x.written == Direction.REVERSE}
    edges: dict[tuple[int, int], _Edge] = {}
    for edge in active.edges:
        origin = frozenset({edge.equation}) if edge.equation in active.opaque else _NONE
        members = [(part, origin) for part in parts_of(edge.structure)]
        key = (edge.pred, edge.succ)
        edges[key] = sum_members(edges[key], members, _union) if key in edges else members
    graph = active.graph

    def product(later: _Edge, earlier: _Edge) -> _Edge:
        total: list[Member[_Equations]] = []
        for first, second in itertools.product(later, earlier):
            total = sum_members(total, [_product(first, second, pulled)], _union)
        return total

    elimination = Elimination(graph, edges, product, lambda x, y: sum_members(x, y, _union), wanted)
    for vertex in order:
        elimination.eliminate(vertex)
    for succ in graph.output_nodes:
        for pred, edge in elimination.predecessors[succ].items():
            if wanted is None or (pred, succ) in wanted:
                for part in edge:
                    _write(part, pulled)
    return frozenset(pulled)


def _product(
    later: Member[_Equations], earlier: Member[_Equations], pulled: set[int]
) -> Member[_Equations]:
    """The product of two parts; notes what is pulled through on the way."""
    product = product_of_parts(later[0], earlier[0])
    structure, way = product.structure, product.way
    if way == Way.WRITE_LATER:
        return _product(_write(later, pulled), earlier, pulled)
    if way == Way.WRITE_EARLIER:
        return _product(later, _write(earlier, pulled), pulled)
    if way == Way.COMPOSE:
        return structure, later[1] | earlier[1]
    if way == Way.APPLY_EARLIER:
        pulled |= earlier[1]
    return structure, _NONE


def _write(member: Member[_Equations], pulled: set[int]) -> Member[_Equations]:
    part, origin = member
    if not isinstance(part, OpaqueStructure):
        return member
    if not part.is_written_forward:
        pulled |= origin
    return part.as_array, _NONE


def _union(part: Part, first: Member[_Equations], second: Member[_Equations]) -> _Equations:
    return first[1] | second[1] if isinstance(part, OpaqueStructure) else _NONE
