"""A second counter of multiplications, slow and obvious, that shares no rule with the first.

The counting rule is stated a second time, on purpose: `structure` and `pair_structure` decide what
an order costs, and what is written to disk is compared with what this module says. It uses neither
their products nor their sums, nor `elimination`, only the edges of a graph as data and the limits
that `pair_structure` names (`ROUND`, `MAX_PARTS` and the like).
`independent_labels` has the rule for written edges, `independent_parts` that for opaque ones.

Source: elimination after Griewank & Walther, Evaluating Derivatives (2nd ed., 2008), chapter 9.
"""

import itertools
from collections.abc import Sequence

from elimax.interpreter.errors import CountMismatchError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.elimination import MultiplicationCount
from elimax.interpreter.graph.independent_labels import FREE, IndependentCount, Names
from elimax.interpreter.graph.independent_parts import parts_of, product_of_lists, sum_of_lists
from elimax.interpreter.graph.order import EliminationOrder, check_order


def count_independently(
    graph: ComputationalGraph, order: EliminationOrder | Sequence[int]
) -> IndependentCount:
    """Counts the scalar multiplications of a whole elimination in a second way.

    Args:
        graph: The graph.
        order: An order of all its eliminable vertices.

    Returns:
        Both counts of multiplications.

    Raises:
        InvalidOrderError: If the order does not fit the graph.
    """
    names = Names()
    jacobians = {pair: parts_of(edge, names) for pair, edge in graph.edges.items()}
    paid = FREE
    for vertex in check_order(graph, order):
        v = graph.node(vertex)
        incoming = {p: jacobian for (p, s), jacobian in jacobians.items() if s == v}
        outgoing = {s: jacobian for (p, s), jacobian in jacobians.items() if p == v}
        for (p, earlier), (s, later) in itertools.product(incoming.items(), outgoing.items()):
            product, cost = product_of_lists(later, earlier, names)
            paid = paid.plus(cost)
            if (p, s) in jacobians:
                product = sum_of_lists(jacobians[p, s], product, names)
            jacobians[p, s] = product
        for s in outgoing:
            del jacobians[v, s]
        if v not in graph.outputs:
            for p in incoming:
                del jacobians[p, v]
    return paid


def verified_count(
    graph: ComputationalGraph, order: EliminationOrder | Sequence[int]
) -> MultiplicationCount:
    """Counts an order with both counters, which must agree.

    Args:
        graph: The graph.
        order: An order of all its eliminable vertices.

    Returns:
        What `count_multiplications` says.

    Raises:
        InvalidOrderError: If the order does not fit the graph.
        CountMismatchError: If the two counters disagree.
    """
    count = count_multiplications(graph, order)
    second = count_independently(graph, order)
    if (count.all, count.nontrivial) != second:
        raise CountMismatchError(
            f"an order of graph {graph.fingerprint} costs {count.all} multiplications, "
            f"{count.nontrivial} of them nontrivial, but the independent counter says {second.all} "
            f"and {second.nontrivial}: both must agree before an order is kept. The counting rule "
            "is wrong in structure.py, pair_structure.py, independent_labels.py or "
            "independent_parts.py of interpreter/graph; report the function that was traced"
        )
    return count
