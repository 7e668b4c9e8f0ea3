"""Elimination that keeps the Markowitz degree of every vertex up to date.

The degree of u is the sum of cost(later, earlier) over its out-edges `later` and its in-edges
`earlier`. An out-edge of structure k therefore adds in_weights[u][k], the sum of cost(k, earlier)
over the in-edges, and an in-edge adds out_weights[u][k]. Eliminating v changes out-edges of its
predecessors and in-edges of its successors, so every new edge (p, s) changes two degrees, by one
weight each, and no degree is ever recomputed.
"""

from typing import NamedTuple

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.rule_table import RULE, NumberTable
from elimax.interpreter.graph.structure import Objective

Edges = dict[int, int]


class Change(NamedTuple):
    """What an elimination changed.

    Attributes:
        predecessors: Nodes whose out-edges changed.
        successors: Nodes whose in-edges changed.
        edges: Pairs of the two whose edge is new or has another structure.
    """

    predecessors: list[int]
    successors: list[int]
    edges: list[tuple[int, int]]


class DegreeElimination:
    """Structure numbers of the edges, and Markowitz degrees, while vertices are eliminated.

    Attributes:
        graph: The graph, which is not changed.
        costs: Cost of a product, [later][earlier].
        predecessors: For every node its in-edges, {predecessor node: structure number}.
        successors: For every node its out-edges, {successor node: structure number}.
        in_weights: For every node and structure, what an out-edge of it adds to the degree.
        out_weights: For every node and structure, what an in-edge of it adds to the degree.
        degrees: Markowitz degree of every node in scalar multiplications, 0 where it has no
            in-edges or no out-edges.
    """

    def __init__(self, graph: ComputationalGraph, count: Objective) -> None:
        """Starts from the whole graph.

        Args:
            graph: The graph.
            count: What the cost is: "all" or "nontrivial" multiplications, or the "price".
        """
        self.graph = graph
        self.costs = RULE.cost[count]
        self.predecessors: list[Edges] = [{} for _ in graph.node_shapes]
        self.successors: list[Edges] = [{} for _ in graph.node_shapes]
        for (pred, succ), structure in graph.edges.items():
            number = RULE.number(structure)
            self.predecessors[succ][pred] = self.successors[pred][succ] = number
        by_earlier = RULE.cost_by_earlier[count]
        self.in_weights = [_Weights(edges, self.costs) for edges in self.predecessors]
        self.out_weights = [_Weights(edges, by_earlier) for edges in self.successors]
        self.degrees = [
            sum(map(weights.__getitem__, edges.values()))
            for weights, edges in zip(self.in_weights, self.successors, strict=True)
        ]

    def eliminate(self, node: int) -> Change:
        """Eliminates a vertex; an output keeps its in-edges.

        Args:
            node: Its node.

        Returns:
            What the elimination changed.
        """
        preds, succs = self.predecessors[node], self.successors[node]
        change = Change(list(preds), list(succs), [])
        for succ, later in succs.items():
            del self.predecessors[succ][node]
            self.degrees[succ] -= self.out_weights[succ][later]
            self._join(preds, succ, later, change.edges)
            self.in_weights[succ].clear()
        succs.clear()
        for pred in preds:
            self.out_weights[pred].clear()
        # An output keeps its in-edges: they are rows of the Jacobian.
        if node not in self.graph.output_nodes:
            for pred, earlier in preds.items():
                del self.successors[pred][node]
                self.degrees[pred] -= self.in_weights[pred][earlier]
            preds.clear()
        self.in_weights[node].clear()
        self.out_weights[node].clear()
        self.degrees[node] = 0
        return change

    def _join(self, preds: Edges, succ: int, later: int, changed: list[tuple[int, int]]) -> None:
        """Adds the products of one out-edge with all in-edges, and updates the degrees."""
        products, into = RULE.product[later], self.predecessors[succ]
        weights, degrees, in_weights = self.out_weights[succ], self.degrees, self.in_weights
        gain = 0
        for pred, earlier in preds.items():
            edge, before = products[earlier], into.get(pred)
            if before is not None:
                edge = RULE.total[before][edge]
                if edge == before:
                    continue
                gain -= weights[before]
                degrees[pred] -= in_weights[pred][before]
            gain += weights[edge]
            degrees[pred] += in_weights[pred][edge]
            into[pred] = self.successors[pred][succ] = edge
            changed.append((pred, succ))
        degrees[succ] += gain

    def damage(self, node: int) -> int:
        """By how much eliminating a vertex would raise the degrees of all others.

        Args:
            node: Its node.

        Returns:
            The sum of their degrees afterwards minus the sum of their present degrees.
        """
        # Like `eliminate`, without changing anything.
        preds, in_weights = self.predecessors[node], self.in_weights
        raised = 0
        for succ, later in self.successors[node].items():
            products, into = RULE.product[later], self.predecessors[succ]
            weights = self.out_weights[succ]
            raised -= weights[later]
            for pred, earlier in preds.items():
                edge, before = products[earlier], into.get(pred)
                if before is not None:
                    edge = RULE.total[before][edge]
                    if edge == before:
                        continue
                    raised -= weights[before] + in_weights[pred][before]
                raised += weights[edge] + in_weights[pred][edge]
        if node not in self.graph.output_nodes:
            raised -= sum(in_weights[pred][earlier] for pred, earlier in preds.items())
        return raised


class _Weights(dict[int, int]):
    """Sums of costs over the edges on the other side of a node, by structure number.

    They are computed when asked for and must be cleared when those edges change.
    """

    __slots__ = ("_costs", "_edges")

    def __init__(self, edges: Edges, costs: NumberTable) -> None:
        super().__init__()
        self._edges, self._costs = edges, costs

    def __missing__(self, number: int) -> int:
        costs = self._costs[number]
        weight = self[number] = sum(map(costs.__getitem__, self._edges.values()))
        return weight
