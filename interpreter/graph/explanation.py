"""Where an elimination order spends its multiplications, and where other orders spend theirs."""

from collections.abc import Mapping
from typing import NamedTuple

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.elimination import FREE, CountingElimination, MultiplicationCount
from elimax.interpreter.graph.order import CarriesOrder, EliminationOrder, check_order
from elimax.interpreter.graph.pair_structure import Structure
from elimax.interpreter.graph.structure import Count, Shape

Edges = dict[tuple[int, int], Structure]


class EliminationStep(NamedTuple):
    """One elimination of an order.

    Attributes:
        vertex: The vertex that is eliminated.
        primitive: The primitive that computes it.
        shape: Its shape.
        predecessors: Number of nodes before it at the time.
        successors: Number of nodes after it at the time.
        cost: What its elimination costs.
        total: What the order has cost so far, this step included.
    """

    vertex: int
    primitive: str
    shape: Shape
    predecessors: int
    successors: int
    cost: MultiplicationCount
    total: MultiplicationCount


class Saving(NamedTuple):
    """What one vertex costs in two orders.

    Attributes:
        vertex: The vertex.
        cost: Multiplications of its elimination in the order that is explained.
        other: Multiplications of its elimination in the order that it is compared with.
    """

    vertex: int
    cost: int
    other: int

    @property
    def saved(self) -> int:
        """Multiplications saved; negative where the other order is cheaper."""
        return self.other - self.cost


def elimination_steps(
    graph: ComputationalGraph, order: EliminationOrder | CarriesOrder
) -> list[EliminationStep]:
    """Plays an order and notes what every elimination costs.

    Args:
        graph: The graph.
        order: An order of it, or a plan.

    Returns:
        One entry for each eliminated vertex, in the order of their elimination. The last total is
        what `count_multiplications` returns.

    Raises:
        InvalidOrderError: If the order does not fit the graph.
    """
    elimination = CountingElimination(graph)
    total, steps = FREE, []
    for vertex in check_order(graph, order):
        node = graph.node(vertex)
        counts = len(elimination.predecessors[node]), len(elimination.successors[node])
        cost, before = elimination.cost(vertex), elimination.additions
        elimination.eliminate(vertex)
        cost = cost._replace(additions=elimination.additions - before)
        total = total.plus(cost)
        name, shape = graph.primitive(vertex), graph.node_shapes[node]
        steps.append(EliminationStep(vertex, name, shape, *counts, cost, total))
    return steps


def savings(
    steps: list[EliminationStep], other: list[EliminationStep], count: Count = "all"
) -> list[Saving]:
    """Compares two orders of one graph vertex by vertex.

    Args:
        steps: The order that is explained.
        other: The order that it is compared with.
        count: Which multiplications are compared.

    Returns:
        One entry for each vertex that costs something in either order, largest saving first; what
        they save adds up to the difference of the two orders.
    """
    costs, others = costs_by_vertex(steps, count), costs_by_vertex(other, count)
    found = [Saving(vertex, cost, others[vertex]) for vertex, cost in costs.items()]
    paid = [saving for saving in found if saving.cost or saving.other]
    return sorted(paid, key=lambda saving: (-saving.saved, saving.vertex))


def costs_by_vertex(steps: list[EliminationStep], count: Count = "all") -> Mapping[int, int]:
    """What the elimination of every vertex costs.

    Args:
        steps: The steps of an order.
        count: Which multiplications.

    Returns:
        Multiplications by vertex.
    """
    return {step.vertex: getattr(step.cost, count) for step in steps}


def edges_after(
    graph: ComputationalGraph, order: EliminationOrder | CarriesOrder, steps: int
) -> Edges:
    """The edges that are there after the first eliminations of an order.

    Args:
        graph: The graph.
        order: An order of it, or a plan.
        steps: Number of eliminations; 0 gives the graph itself, all of them its Jacobian.

    Returns:
        Structures by (predecessor node, successor node).

    Raises:
        InvalidOrderError: If the order does not fit the graph.
        ValueError: If the order has fewer eliminations.
    """
    vertices = check_order(graph, order)
    if not 0 <= steps <= len(vertices):
        raise ValueError(
            f"the state after {steps} eliminations was asked for, but the order has "
            f"{len(vertices)}: give a number from 0 to {len(vertices)}"
        )
    elimination = CountingElimination(graph)
    for vertex in vertices[:steps]:
        elimination.eliminate(vertex)
    return {
        (pred, succ): edge
        for succ, before in enumerate(elimination.predecessors)
        for pred, edge in before.items()
    }
