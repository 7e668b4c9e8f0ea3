"""The least that eliminating a vertex costs when only part of the past is known."""

import functools
from collections.abc import Iterable, Iterator

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.structure import Count, Kind
from elimax.interpreter.orders.exact.edge_state import EdgeState
from elimax.interpreter.orders.exact.reachable import ReachableStructures, is_scalar, paid_kind
from elimax.interpreter.orders.exact.separators import smallest_separator

KindState = EdgeState[Kind]
Weights = dict[int, int]


class Relaxation:
    """Bounds on the cost of one vertex that hold for every order with a given partial past.

    Let S be the set of vertices eliminated before v, of which only this is known: it contains A and
    nothing of B. When v is eliminated, the nodes with an edge to v separate v from all inputs and
    from B: on every path to v, the last node that is not in S has such an edge. If the last step of
    a path, in the graph after A is eliminated, is not free, then neither is that edge, since
    products take the greater kind and sums are general. So the nodes whose edges to v are not free
    weigh at least as much as a lightest separator of v from the inputs and B, not counting paths
    that enter v by a free edge. The same holds for successors and outputs. If a product of (v, s)
    with (p, v) costs at least alpha_p beta_s whatever was eliminated, then v costs at least the
    product of the two weights.

    Kinds, unlike labels, depend only on the set of eliminated vertices: an edge is the product
    along its path if there is only one, and a sum, hence general, if there are several.
    """

    def __init__(self, graph: ComputationalGraph, count: Count) -> None:
        """Prepares the weights.

        Args:
            graph: The graph.
            count: Which count is the cost.
        """
        self.graph = graph
        self.root = EdgeState.of(graph, {pair: edge.kind for pair, edge in graph.edges.items()})
        self._ends = frozenset(range(graph.num_inputs)), graph.output_nodes
        self._reach = (
            _reach(self.root.preds, range(graph.num_nodes)),
            _reach(self.root.succs, reversed(range(graph.num_nodes))),
        )
        self._known: dict[tuple[int, int, int, int, int], int] = {}
        self._paid = paid_kind(count)
        self._count: Count = count
        self._structures = None if is_scalar(graph) else ReachableStructures(graph)

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

    def least_cost(self, state: KindState, vertex: int, gone: int = 0, kept: int = 0) -> int:
        """The least that a vertex costs, in a state or in any later one that keeps some vertices.

        Args:
            state: The edges after the eliminations that are known to come before.
            vertex: Vertex number.
            gone: Nodes that are eliminated in this state, as bits; results are cached by them.
            kept: Nodes that are known to be eliminated after the vertex, as bits.

        Returns:
            Scalar multiplications.
        """
        v = self.graph.node(vertex)
        best = 0
        for option in range(len(self._weights(v))):
            least = self._side(state.preds, v, option, (gone, kept), 0)
            if least:
                least *= self._side(state.succs, v, option, (gone, kept), 1)
            best = max(best, least)
        return best

    def _side(
        self,
        edges: list[dict[int, Kind]],
        v: int,
        option: int,
        past: tuple[int, int],
        side: int,
    ) -> int:
        """Weight of a lightest separator before (side 0) or after v (side 1)."""
        # Nodes that cannot reach v, or be reached, do not matter: more states share a result.
        there = self._reach[side][v]
        gone, kept = past[0] & there, past[1] & there
        key = v, option, side, gone, kept
        if key not in self._known:
            first = [u for u, kind in edges[v].items() if kind >= self._paid]
            ends = self._ends[side].union(_members(kept))
            weights = self._weights(v)[option][side]
            weight = weights.__getitem__ if weights else _one
            self._known[key] = smallest_separator(edges, first, ends, weight)
        return self._known[key]

    @functools.cache  # noqa: B019 - lives as long as the search that uses it
    def _weights(self, v: int) -> list[tuple[Weights, Weights]]:
        """Pairs of weights of predecessors and successors with alpha_p beta_s at most the cost."""
        if self._structures is None:
            return [({}, {})]
        before, after = self._structures.before[v], self._structures.after[v]
        costs = {
            (x, y): self._structures.least_cost(y, x, self._count)
            for x in set(before.values())
            for y in set(after.values())
        }
        costs = {pair: cost for pair, cost in costs.items() if cost is not None}
        # Either factor may be maximised first, and neither choice is always better.
        alpha, beta = _factors(costs)
        other_beta, other_alpha = _factors({(y, x): cost for (x, y), cost in costs.items()})
        options = [(alpha, beta)]
        if any(other_alpha[x] * other_beta[y] > alpha[x] * beta[y] for x, y in costs):
            options.append((other_alpha, other_beta))
        return [
            (
                {p: a.get(x, 0) for p, x in before.items()},
                {s: b.get(y, 0) for s, y in after.items()},
            )
            for a, b in options
        ]


def _general(first: Kind, second: Kind) -> Kind:
    return Kind.GENERAL


def _one(node: int) -> int:
    return 1


def _members(bits: int) -> Iterator[int]:
    while bits:
        yield (bits & -bits).bit_length() - 1
        bits &= bits - 1


def _reach(near: list[dict[int, Kind]], nodes: Iterable[int]) -> list[int]:
    """For every node, as bits, the nodes that lie before it, or after it, as `near` has it."""
    reach = [0] * len(near)
    for v in nodes:
        for u in near[v]:
            reach[v] |= reach[u] | 1 << u
    return reach


def _factors(costs: dict[tuple[int, int], int]) -> tuple[dict[int, int], dict[int, int]]:
    """The greatest integer alpha, and then beta, with alpha[x] beta[y] <= costs[x, y]."""
    alpha: dict[int, int] = {}
    for (x, _), cost in costs.items():
        alpha[x] = min(cost, alpha.get(x, cost))
    beta: dict[int, int] = {}
    for (x, y), cost in costs.items():
        # Where alpha is 0 any beta will do.
        ratio = cost // alpha[x] if alpha[x] else 1
        beta[y] = min(ratio, beta.get(y, ratio))
    return alpha, beta
