"""Vertex elimination, written once for all that can be multiplied and added along edges."""

import math
from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.pair_structure import (
    Structure,
    parts_of,
    product_of,
    sum_of,
)
from elimax.interpreter.graph.structure import EdgeStructure
from elimax.interpreter.graph.wanted import Blocks, edge_filter

Edge = TypeVar("Edge")


class MultiplicationCount(NamedTuple):
    """What an elimination, or a whole order, costs.

    Attributes:
        all: Scalar multiplications, those by +1 and -1 included (the count of the paper).
        nontrivial: Scalar multiplications without those by +1 and -1 (what `jacve` executes).
        additions: Scalar additions onto edges that were there before.
    """

    all: int
    nontrivial: int
    additions: int

    def plus(self, other: "MultiplicationCount") -> "MultiplicationCount":
        """The sum of two counts, entry by entry."""
        return MultiplicationCount(*(x + y for x, y in zip(self, other, strict=True)))


FREE = MultiplicationCount(0, 0, 0)


class Elimination(Generic[Edge]):
    """The edges of a graph while its vertices are being eliminated.

    What an edge is, and how two are multiplied or added, is up to the caller: structures when
    something is counted, values when a Jacobian is computed.

    Attributes:
        predecessors: For every node its in-edges, {predecessor node: edge}.
        successors: For every node its out-edges, {successor node: edge}.
    """

    def __init__(
        self,
        graph: ComputationalGraph,
        edges: Mapping[tuple[int, int], Edge],
        product: Callable[[Edge, Edge], Edge],
        total: Callable[[Edge, Edge], Edge],
        wanted: Blocks | None = None,
    ) -> None:
        """Starts from the whole graph.

        Args:
            graph: The graph; it is not changed.
            edges: The edges, keyed by (predecessor node, successor node).
            product: Maps J[s, v] and J[v, p] to their product.
            total: Adds two edges between the same nodes; the first argument was there before.
            wanted: Blocks of the Jacobian that are wanted, None for all; edges that serve no
                wanted block are left out.
        """
        self.graph = graph
        self._is_needed = edge_filter(graph, wanted)
        self._product, self._total = product, total
        self.predecessors: list[dict[int, Edge]] = [{} for _ in graph.node_shapes]
        self.successors: list[dict[int, Edge]] = [{} for _ in graph.node_shapes]
        for (pred, succ), edge in edges.items():
            if self._is_needed(pred, succ):
                self.predecessors[succ][pred] = self.successors[pred][succ] = edge

    def eliminate(self, vertex: int) -> None:
        """Eliminates a vertex: J[s, p] += J[s, v] J[v, p] for all p and s, then drops v's edges.

        The in-edges of an output stay.

        Args:
            vertex: Vertex number.
        """
        node = self.graph.node(vertex)
        for succ, later in self.successors[node].items():
            del self.predecessors[succ][node]
            for pred, earlier in self.predecessors[node].items():
                if not self._is_needed(pred, succ):
                    continue
                edge = self._product(later, earlier)
                if pred in self.predecessors[succ]:
                    edge = self._total(self.predecessors[succ][pred], edge)
                self.predecessors[succ][pred] = self.successors[pred][succ] = edge
        self.successors[node] = {}
        # An output keeps its in-edges: they are rows of the Jacobian.
        if node not in self.graph.output_nodes:
            for pred in self.predecessors[node]:
                del self.successors[pred][node]
            self.predecessors[node] = {}


class CountingElimination(Elimination[Structure]):
    """Elimination of structures alone, which counts what every step costs.

    Attributes:
        additions: Scalar additions so far.
    """

    def __init__(self, graph: ComputationalGraph, wanted: Blocks | None = None) -> None:
        """Starts from the whole graph.

        Args:
            graph: The graph; it is not changed.
            wanted: Blocks of the Jacobian that are wanted; None for all.
        """
        super().__init__(graph, graph.edges, _product_structure, self._sum_structure, wanted)
        self.additions = 0

    def cost(self, vertex: int) -> MultiplicationCount:
        """The Markowitz degree: what eliminating a vertex costs now, additions left out.

        Args:
            vertex: Vertex number.

        Returns:
            Both counts.
        """
        node = self.graph.node(vertex)
        cost_all = cost_nontrivial = 0
        for succ, later in self.successors[node].items():
            for pred, earlier in self.predecessors[node].items():
                if self._is_needed(pred, succ):
                    product = product_of(later, earlier)
                    cost_all += product.all
                    cost_nontrivial += product.nontrivial
        return MultiplicationCount(cost_all, cost_nontrivial, 0)

    def _sum_structure(self, first: Structure, second: Structure) -> Structure:
        structure = sum_of(first, second)
        self.additions += _written_entries(structure)
        return structure


def _product_structure(later: Structure, earlier: Structure) -> Structure:
    return product_of(later, earlier).structure


def _written_entries(structure: Structure) -> int:
    written = (x for x in parts_of(structure) if isinstance(x, EdgeStructure))
    return sum(math.prod(x.carried_shape) for x in written)
