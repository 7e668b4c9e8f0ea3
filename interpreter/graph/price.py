"""What an order is expected to take in time: its price, in units of a scalar multiplication.

The order with the fewest multiplications need not be the fastest. Where arrays are multiplied,
their entries, those that are only moved included, are written and read again, and every product is
a kernel of its own; rounds of loops weigh what `pair_structure` says. Products of single numbers
become one kernel, and moving them is left to the compiler, so there the price is the number of
nontrivial multiplications.

The weights were set by hand, from the run times on a CPU of the portfolio's orders for functions of
public packages (a step of a fluid, the mass matrix of a robot, a potential of many particles, two
graph networks): about 0.1 ns for a multiplication, 0.5 ns for an entry, 0.2 us for a product. The
weight of a product is lower here, since functions are run in batches, where it matters less.
`make bench-order-times` measures how well the price predicts which of two orders is faster; with
other weights it is hardly better (docs/time.md).
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.elimination import Elimination
from elimax.interpreter.graph.order import CarriesOrder, EliminationOrder, check_order
from elimax.interpreter.graph.pair_structure import (
    Part,
    Structure,
    array_structure,
    parts_of,
    product_of,
    sum_of,
)
from elimax.interpreter.graph.structure import EdgeStructure, Kind, Objective
from elimax.interpreter.graph.wanted import Blocks

ENTRY = 5
"""Weight of each entry of an array that a product computes or moves."""

KERNEL = 500
"""Weight of a product whose result is an array."""


class Work(NamedTuple):
    """The work of multiplying two edges, which makes up the price.

    Attributes:
        arithmetic: Nontrivial multiplications, and rounds of loops in units of them.
        entries: Entries of arrays that are computed or moved.
        products: Products whose result is an array.
    """

    arithmetic: int
    entries: int
    products: int


class OrderPrice(NamedTuple):
    """What an order costs; of two, the cheaper one is the smaller tuple.

    Attributes:
        price: What it weighs.
        nontrivial: Scalar multiplications without those by +1 and -1.
        all: Scalar multiplications.
    """

    price: int
    nontrivial: int
    all: int


@functools.cache
def product_price(later: Structure, earlier: Structure) -> int:
    """The price of J[s, v] J[v, p].

    Args:
        later: Structure of J[s, v].
        earlier: Structure of J[v, p].

    Returns:
        What its work weighs.
    """
    work = product_work(later, earlier)
    return work.arithmetic + ENTRY * work.entries + KERNEL * work.products


def product_work(later: Structure, earlier: Structure) -> Work:
    """The work of J[s, v] J[v, p].

    Args:
        later: Structure of J[s, v].
        earlier: Structure of J[v, p].

    Returns:
        The work. Products that are known while tracing are free.
    """
    product = product_of(later, earlier)
    sizes = [_size(part) for part in parts_of(product.structure) if _is_computed(part)]
    if isinstance(later, EdgeStructure) and isinstance(earlier, EdgeStructure):
        # What is only moved keeps its entries, and zeros around them are known and not written.
        computed = [_size(factor) for factor in (later, earlier) if _is_computed(factor)]
        if len(computed) == 1:
            sizes = [min(computed[0], size) for size in sizes]
    arrays = [size for size in sizes if size > 1]
    return Work(product.price, sum(arrays), len(arrays))


def _is_computed(part: Part) -> bool:
    """Whether a written edge has entries that are not known while tracing."""
    return isinstance(part, EdgeStructure) and part.kind == Kind.GENERAL


def _size(part: Part) -> int:
    return math.prod(array_structure(part).carried_shape)


def computes_numbers(graph: ComputationalGraph) -> bool:
    """Whether a graph computes with single numbers, though they may be cut out of arrays.

    Args:
        graph: The graph.

    Returns:
        Whether all its edges whose entries are not known are written and have one entry.
    """
    parts = [part for edge in graph.edges.values() for part in parts_of(edge)]
    return all(
        isinstance(part, EdgeStructure) and (part.kind != Kind.GENERAL or _size(part) == 1)
        for part in parts
    )


def order_price(
    graph: ComputationalGraph,
    order: EliminationOrder | CarriesOrder | Sequence[int],
    wanted: Blocks | None = None,
) -> OrderPrice:
    """The price of a whole elimination.

    Args:
        graph: The graph.
        order: An order of all its eliminable vertices, or a plan.
        wanted: Blocks of the Jacobian that are wanted, as (input node, output node); None for all.

    Returns:
        The price, and what decides between orders of the same price.

    Raises:
        InvalidOrderError: If the order does not fit the graph.
    """
    total = OrderPrice(0, 0, 0)
    are_numbers = computes_numbers(graph)

    def multiplied(later: Structure, earlier: Structure) -> Structure:
        nonlocal total
        product = product_of(later, earlier)
        price = product.nontrivial if are_numbers else product_price(later, earlier)
        total = OrderPrice(
            total.price + price,
            total.nontrivial + product.nontrivial,
            total.all + product.all,
        )
        return product.structure

    elimination = Elimination(graph, graph.edges, multiplied, sum_of, wanted)
    for vertex in check_order(graph, order):
        elimination.eliminate(vertex)
    return total


def order_cost(
    graph: ComputationalGraph,
    order: EliminationOrder | CarriesOrder | Sequence[int],
    objective: Objective,
) -> int:
    """What a whole elimination costs by an objective.

    Args:
        graph: The graph.
        order: An order of all its eliminable vertices, or a plan.
        objective: "all" or "nontrivial" multiplications, or the "price".

    Returns:
        Scalar multiplications, or the price.

    Raises:
        InvalidOrderError: If the order does not fit the graph.
    """
    if objective == "price":
        return order_price(graph, order).price
    return getattr(count_multiplications(graph, order), objective)


def summable_objective(graph: ComputationalGraph, objective: Objective) -> Objective:
    """The objective whose entries in the table of the counting rule add up to what an order costs.

    Args:
        graph: The graph.
        objective: What an order is to have little of.

    Returns:
        The same, but "nontrivial" instead of the price for a graph of single numbers: there they
        are equal.
    """
    return "nontrivial" if objective == "price" and computes_numbers(graph) else objective
