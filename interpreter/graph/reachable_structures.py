"""Which structures an elimination of a graph can reach, whatever the order.

Written edges are closed under products and sums: there are few. Opaque edges are not, as a function
that is composed with itself again and again costs more and more. Here a structure is followed from
pair to pair of nodes instead: between p and s stands their edge, plus at most one product through
each vertex in between, added in any order.
"""

from typing import NamedTuple

from elimax.interpreter.errors import StructureLimitError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.rule_table import RULE
from elimax.interpreter.graph.structure import EdgeStructure

MOST_SUMS = 1 << 15
"""Sums that are looked at before the search is given up."""


class Reachable(NamedTuple):
    """What an elimination can meet, by numbers of `rule_table`.

    Attributes:
        structures: Structures of edges.
        products: Pairs (later, earlier) that are multiplied.
        sums: Pairs (there before, added) that are added.
    """

    structures: set[int]
    products: set[tuple[int, int]]
    sums: set[tuple[int, int]]

    def plus(self, other: "Reachable") -> "Reachable":
        """What either of two graphs can meet."""
        return Reachable(
            self.structures | other.structures,
            self.products | other.products,
            self.sums | other.sums,
        )


def reachable_structures(graph: ComputationalGraph, limit: int) -> Reachable:
    """Finds them all.

    Args:
        graph: The graph.
        limit: The most structures that there may be.

    Returns:
        What any order of the graph meets, and some that none does.

    Raises:
        StructureLimitError: If there are more, or finding them takes too much work.
    """
    reached = Reachable(set(), set(), set())
    between: dict[tuple[int, int], set[int]] = {}
    edges = {pair: RULE.number(edge) for pair, edge in graph.edges.items()}
    middle = {graph.node(vertex) for vertex in graph.eliminable}
    work = MOST_SUMS
    for span in range(1, graph.num_nodes):
        for pred in range(graph.num_nodes - span):
            succ = pred + span
            terms = [
                _products(between[v, succ], between[pred, v], reached)
                for v in range(pred + 1, succ)
                if v in middle and (pred, v) in between and (v, succ) in between
            ]
            found, states = _sums(edges.get((pred, succ)), terms, reached, work)
            work -= states
            if found:
                between[pred, succ] = found
                reached.structures.update(found)
            if work <= 0 or len(reached.structures) > limit:
                raise StructureLimitError(
                    f"more than {limit} edge structures are reachable, or they are too many sums "
                    "to look at: raise the limit, or search orders of this graph without "
                    "structure tables"
                )
    return reached


def _products(later: set[int], earlier: set[int], reached: Reachable) -> set[int]:
    """All products of what may stand on both sides of a vertex."""
    pairs = {(x, y) for x in later for y in earlier}
    products = {RULE.product[x][y] for x, y in pairs}
    reached.products.update(pairs)
    reached.structures.update(products)
    return products


def _sums(
    edge: int | None, terms: list[set[int]], reached: Reachable, work: int
) -> tuple[set[int], int]:
    """All sums of an edge and one term each of any of the lists; and how many were looked at."""
    # Sums of written edges come to an end by themselves.
    once = {
        k
        for k, term in enumerate(terms)
        if not all(isinstance(RULE.structure(number), EdgeStructure) for number in term)
    }
    waiting: list[tuple[frozenset[int], int | None]] = [(frozenset(), edge)]
    seen = set(waiting)
    while waiting and len(seen) <= work:
        added, total = waiting.pop()
        for k, term in enumerate(terms):
            for number in term if k not in added else ():
                if total is not None:
                    reached.sums.add((total, number))
                state = (
                    added | ({k} & once),
                    number if total is None else RULE.total[total][number],
                )
                if state not in seen:
                    seen.add(state)
                    waiting.append(state)
    return {total for _, total in seen if total is not None}, len(seen)
