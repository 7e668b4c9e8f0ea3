"""What a search must know about edges: kinds where they suffice, structures elsewhere."""

from collections.abc import Hashable, Iterable, Mapping

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.rule_table import RULE
from elimax.interpreter.graph.structure import Count, Kind
from elimax.interpreter.orders.exact.edge_state import EdgeState
from elimax.interpreter.orders.exact.reachable import is_scalar, paid_kind


class KindAlgebra:
    """Edges between single numbers: a product costs 1, or nothing, by the kinds of its factors.

    The kind of an edge depends only on the set of eliminated vertices (see `Relaxation`), so states
    with the same set are equal.

    Attributes:
        edges: Kind of every edge of the graph, by (predecessor node, successor node).
        is_set_enough: Whether states with the same set of eliminated vertices are equal: yes.
        all_cost_one: Whether every product costs 1, so that a vertex costs predecessors times
            successors.
    """

    def __init__(self, graph: ComputationalGraph, count: Count) -> None:
        """Reads the edges.

        Args:
            graph: A graph whose nodes all hold one number.
            count: Which count is the cost.
        """
        self.edges: Mapping[tuple[int, int], int] = {
            pair: int(edge.kind) for pair, edge in graph.edges.items()
        }
        self._paid = int(paid_kind(count))
        self.is_set_enough = True
        self.all_cost_one = all(kind >= self._paid for kind in self.edges.values())

    def product(self, later: int, earlier: int) -> int:
        """Kind of a product."""
        return max(later, earlier)

    def total(self, first: int, second: int) -> int:
        """Kind of a sum."""
        return int(Kind.GENERAL)

    def cost(self, state: EdgeState[int], node: int) -> int:
        """Scalar multiplications for eliminating a node now."""
        before = sum(kind >= self._paid for kind in state.preds[node].values())
        return before and before * sum(kind >= self._paid for kind in state.succs[node].values())

    def key(self, state: EdgeState[int], mask: int, left: Iterable[int]) -> Hashable:
        """A key that is equal for equal states; `mask` is the set of eliminated vertices."""
        return mask


class StructureAlgebra:
    """Edges between arrays: structures, by their numbers in `graph.rule_table`.

    The structure of an edge may depend on the order of eliminations, so the remaining edges are
    part of the state.

    Attributes:
        edges: Number of every edge's structure, by (predecessor node, successor node).
        is_set_enough: Whether states with the same set of eliminated vertices are equal: no.
        all_cost_one: Whether every product is known to cost 1: no.
    """

    def __init__(self, graph: ComputationalGraph, count: Count) -> None:
        """Reads the edges.

        Args:
            graph: Any graph.
            count: Which count is the cost.
        """
        self.is_set_enough = self.all_cost_one = False
        self._costs = RULE.cost[count]
        self.edges: Mapping[tuple[int, int], int] = {
            pair: RULE.number(edge) for pair, edge in graph.edges.items()
        }

    def product(self, later: int, earlier: int) -> int:
        """Number of a product's structure."""
        return RULE.product[later][earlier]

    def total(self, first: int, second: int) -> int:
        """Number of a sum's structure."""
        return RULE.total[first][second]

    def cost(self, state: EdgeState[int], node: int) -> int:
        """Scalar multiplications for eliminating a node now."""
        return sum(
            self._costs[later][earlier]
            for later in state.succs[node].values()
            for earlier in state.preds[node].values()
        )

    def key(self, state: EdgeState[int], mask: int, left: Iterable[int]) -> Hashable:
        """A key that is equal for equal states; `mask` is the set of eliminated vertices."""
        edges = ((tuple(state.preds[v].items()), tuple(state.succs[v].items())) for v in left)
        return mask, tuple((tuple(sorted(x)), tuple(sorted(y))) for x, y in edges)


def edge_algebra(graph: ComputationalGraph, count: Count) -> KindAlgebra | StructureAlgebra:
    """The cheaper of the two algebras that suffices for a graph.

    Args:
        graph: The graph.
        count: Which count is the cost.

    Returns:
        Kinds if all nodes hold one number, else structures.
    """
    return (KindAlgebra if is_scalar(graph) else StructureAlgebra)(graph, count)
