"""Edges of a graph after some eliminations, as immutable values that a search can branch from."""

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from elimax.interpreter.graph.computational_graph import ComputationalGraph

Edge = TypeVar("Edge")


class EdgeState(Generic[Edge]):
    """Edges after some eliminations. Never changed: later states share what stays the same.

    Attributes:
        preds: For every node its in-edges, {predecessor node: edge}.
        succs: For every node its out-edges, {successor node: edge}.
    """

    def __init__(self, preds: list[dict[int, Edge]], succs: list[dict[int, Edge]]) -> None:
        """Takes over both lists, one entry per node."""
        self.preds, self.succs = preds, succs

    @classmethod
    def of(
        cls, graph: ComputationalGraph, edges: Mapping[tuple[int, int], Edge]
    ) -> "EdgeState[Edge]":
        """The whole graph.

        Args:
            graph: The graph.
            edges: Its edges, keyed by (predecessor node, successor node).

        Returns:
            The state before any elimination.
        """
        preds: list[dict[int, Edge]] = [{} for _ in range(graph.num_nodes)]
        succs: list[dict[int, Edge]] = [{} for _ in range(graph.num_nodes)]
        for (p, s), edge in edges.items():
            preds[s][p] = succs[p][s] = edge
        return cls(preds, succs)

    def without(
        self,
        v: int,
        is_output: bool,
        product: Callable[[Edge, Edge], Edge],
        total: Callable[[Edge, Edge], Edge],
    ) -> "EdgeState[Edge]":
        """The edges after one more elimination.

        Args:
            v: The node to eliminate.
            is_output: Whether it is an output, whose in-edges stay.
            product: Maps J[s, v] and J[v, p] to their product.
            total: Adds two edges between the same nodes; its first argument was there before.

        Returns:
            The new state.
        """
        preds, succs = list(self.preds), list(self.succs)
        for s in {*succs[v], v}:
            preds[s] = dict(preds[s])
        for p in {*preds[v], v}:
            succs[p] = dict(succs[p])
        for s, later in succs[v].items():
            del preds[s][v]
            for p, earlier in preds[v].items():
                edge = product(later, earlier)
                if p in preds[s]:
                    edge = total(preds[s][p], edge)
                preds[s][p] = succs[p][s] = edge
        succs[v] = {}
        if not is_output:
            for p in preds[v]:
                del succs[p][v]
            preds[v] = {}
        return EdgeState(preds, succs)
