"""What eliminating a vertex costs at least, when only part of the past is known."""

import functools
from collections.abc import Collection, Iterable

from interpreter.graph import ComputationalGraph
from interpreter.orders.edge_state import EdgeState
from interpreter.orders.reachable import (
    Count,
    Structures,
    is_scalar,
    least_cost,
    paid_kind,
    reachable_structures,
)
from interpreter.orders.separators import smallest_separator
from interpreter.structure import Kind

KindState = EdgeState[Kind]
Weights = dict[int, int]


class Relaxation:
    """Bounds on the cost of one vertex that hold for every order with a given partial past.

    Let A be eliminated and B not, and let S be any set of eliminated vertices that contains A and
    nothing of B. When v is eliminated at S, the nodes with an edge to v separate v from all inputs
    and from B: on every way to v the last node that is not in S has such an edge. If the last step
    of a way, in the graph without A, is not free, then neither is that edge, since products take
    the greater kind and sums are general. So those with edges that are not free have at least the
    weight of a lightest separator of v from the inputs and B, ways into v by free edges left out.
    The same holds for successors and outputs. If a product of (v, s) with (p, v) costs at least
    alpha_p beta_s whatever was eliminated, then v costs at least the product of the two weights.

    Kinds, unlike labels, depend only on the set of eliminated vertices: an edge is the product
    along its way if that is the only one, and a sum, hence general, if there are several.
    """

    def __init__(self, graph: ComputationalGraph, count: Count) -> None:
        """Prepares the weights.

        Args:
            graph: The graph.
            count: Which count is the cost.
        """
        self.graph = graph
        self.root = EdgeState.of(graph, {pair: edge.kind for pair, edge in graph.edges.items()})
        self._inputs = frozenset(range(graph.num_inputs))
        self._paid = paid_kind(count)
        self._count: Count = count
        self._structures = {} if is_scalar(graph) else reachable_structures(graph)

    def eliminate(self, state: KindState, vertex: int) -> KindState:
        """The edges after one more elimination.

        Args:
            state: The edges before.
            vertex: Vertex number.

        Returns:
            The edges after it.
        """
        node = self.graph.node(vertex)
        return state.without(node, node in self.graph.output_nodes, max, _general)

    def least_cost(self, state: KindState, vertex: int, kept: Iterable[int] = ()) -> int:
        """What a vertex costs at least, in a state or in any later one that keeps some vertices.

        Args:
            state: The edges after the eliminations that are known to come before.
            vertex: Vertex number.
            kept: Vertices that are known to come later.

        Returns:
            Scalar multiplications.
        """
        v = self.graph.node(vertex)
        ends = {self.graph.node(other) for other in kept}
        first = [p for p, kind in state.preds[v].items() if kind >= self._paid]
        last = [s for s, kind in state.succs[v].items() if kind >= self._paid]
        if not first or not last:
            return 0
        ends_before, ends_after = ends | self._inputs, ends | self.graph.output_nodes
        best = 0
        for alpha, beta in self._weights(v):
            least = self._separator(state.preds, first, ends_before, alpha)
            if least:
                least *= self._separator(state.succs, last, ends_after, beta)
            best = max(best, least)
        return best

    def _separator(
        self,
        edges: list[dict[int, Kind]],
        first: list[int],
        ends: Collection[int],
        weights: Weights,
    ) -> int:
        weight = weights.__getitem__ if self._structures else _one
        return smallest_separator(edges, first, ends, weight)

    @functools.cache  # noqa: B019 - lives as long as the search that uses it
    def _weights(self, v: int) -> list[tuple[Weights, Weights]]:
        """Pairs of weights of predecessors and successors: alpha_p beta_s is at most the cost."""
        if not self._structures:
            return [({}, {})]
        before = {p: x for (p, s), x in self._structures.items() if s == v}
        after = {s: x for (p, s), x in self._structures.items() if p == v}
        costs = {
            (x, y): least_cost(y, x, self._count)
            for x in set(before.values())
            for y in set(after.values())
        }
        swapped = {(y, x): cost for (x, y), cost in costs.items()}
        alpha, beta = _factors(costs)
        other_beta, other_alpha = _factors(swapped)
        return [
            ({p: a[x] for p, x in before.items()}, {s: b[y] for s, y in after.items()})
            for a, b in ((alpha, beta), (other_alpha, other_beta))
        ]


def _general(first: Kind, second: Kind) -> Kind:
    return Kind.GENERAL


def _one(node: int) -> int:
    return 1


def _factors(
    costs: dict[tuple[Structures | None, Structures | None], int | None],
) -> tuple[dict[Structures | None, int], dict[Structures | None, int]]:
    """The greatest alpha, and then beta, in whole numbers, with alpha[x] beta[y] <= costs[x, y]."""
    known = {pair: cost for pair, cost in costs.items() if cost is not None}
    alpha = {x: 0 for x, _ in costs}
    beta = {y: 0 for _, y in costs}
    for x in alpha:
        alpha[x] = min((cost for (a, _), cost in known.items() if a == x), default=0)
    for y in beta:
        ratios = (cost // alpha[x] for (x, b), cost in known.items() if b == y and alpha[x])
        beta[y] = min(ratios, default=0)
    return alpha, beta
