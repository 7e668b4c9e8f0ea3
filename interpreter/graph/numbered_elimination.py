"""Elimination of structures by their numbers in the table of the counting rule, for speed."""

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.elimination import Elimination
from elimax.interpreter.graph.rule_table import RULE
from elimax.interpreter.graph.structure import Objective


class NumberedElimination(Elimination[int]):
    """Elimination of numbers of structures: nothing is hashed but integers.

    Attributes:
        met: The numbers of all structures of edges, products and sums so far.
    """

    def __init__(self, graph: ComputationalGraph) -> None:
        """Starts from the whole graph.

        Args:
            graph: The graph; it is not changed.
        """
        edges = {pair: RULE.number(structure) for pair, structure in graph.edges.items()}
        super().__init__(graph, edges, self._multiplied, self._added)
        self.met = set(edges.values())

    def cost(self, vertex: int, count: Objective) -> int:
        """The Markowitz degree: what eliminating a vertex costs now.

        Args:
            vertex: Vertex number.
            count: Which multiplications cost, or the price.

        Returns:
            Scalar multiplications, or a price.
        """
        node, total = self.graph.node(vertex), 0
        earlier = self.predecessors[node].values()
        for later in self.successors[node].values():
            row = RULE.cost[count][later]
            total += sum([row[edge] for edge in earlier])
        return total

    def _multiplied(self, later: int, earlier: int) -> int:
        number = RULE.product[later][earlier]
        self.met.add(number)
        return number

    def _added(self, first: int, second: int) -> int:
        number = RULE.total[first][second]
        self.met.add(number)
        return number
