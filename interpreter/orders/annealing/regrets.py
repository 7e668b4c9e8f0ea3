"""How much more each other next elimination would cost than the one that an order makes.

The *regret* of a vertex at place t of an order is how much more the order costs when that vertex is
moved forward to t and all others keep their sequence. The order's own choice has regret 0, as has
every other choice that is as good. A negative regret means that the move is an improvement; such
moves are made before regrets are reported.
"""

import math
from typing import NamedTuple

import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder, check_order
from elimax.interpreter.graph.price import order_cost, summable_objective
from elimax.interpreter.graph.structure import Objective, check_objective
from elimax.interpreter.orders.annealing.chain import Chain
from elimax.interpreter.orders.annealing.state import Weights


class LabelledOrder(NamedTuple):
    """An order with the regrets of moves along it; T places have regrets.

    Attributes:
        order: All eliminable vertices; those without edges come first.
        cost: What it costs, in multiplications.
        places: int64[T], indices into `order.vertices`, ascending.
        regrets: For each place t a float64 array: the regret in multiplications of each vertex of
            `order.vertices[t:]`, in that order. The first is 0, none is negative.
        cut: Largest regret reported, in multiplications; larger ones are clipped to it.
    """

    order: EliminationOrder
    cost: int
    places: np.ndarray
    regrets: tuple[np.ndarray, ...]
    cut: float


def label_order(
    graph: ComputationalGraph,
    order: EliminationOrder,
    count: Objective,
    *,
    places: int | None = None,
    seed: int = 0,
    cut: float = 3.0,
) -> LabelledOrder:
    """Improves an order by moving vertices forward, then measures what other moves would cost.

    Args:
        graph: The graph.
        order: An order of it.
        count: Which multiplications count, or the price.
        places: Number of places with regrets, drawn without replacement; None for all. Places of
            vertices without edges, which cost nothing anywhere, are never among them.
        seed: Seed of the draw.
        cut: Regrets above this are clipped to it, in units of the mean cost of a move.

    Returns:
        An order that moving one vertex forward cannot make cheaper, with its regrets. Counts that
        do not fit 64 bits are rounded before they are compared; a regret above the cost of the
        whole order is then only known to be above it.

    Raises:
        GraphTooLargeError: If the graph has too many nodes.
        InvalidOrderError: If the order does not fit the graph.
        StructureLimitError: If more edge structures are met than tables can hold.
        ValueError: If the count is unknown, or places or cut are not positive.
    """
    if places is not None and places < 1:
        raise ValueError(f"places={places} must be at least 1, or None for all places")
    if not cut > 0.0:
        raise ValueError(f"cut={cut} must be positive")
    chain = _chain(graph, order, count)
    chosen = np.arange(chain.size)
    if places is not None and places < chain.size:
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.choice(chain.size, places, replace=False))
    regrets = chain.descend(chosen.tolist())
    best = _named(graph, chain)
    cost = chain.progress.best if _is_scalar(graph) else order_cost(graph, best.vertices, count)
    highest = cut * max(cost, 1) / max(chain.size, 1)
    free = len(best.vertices) - chain.size
    rows = tuple(np.minimum(row, highest) for row in regrets)
    return LabelledOrder(best, cost, chosen + free, rows, highest)


def descend_order(
    graph: ComputationalGraph, order: EliminationOrder, count: Objective
) -> EliminationOrder:
    """Moves vertices of an order forward until no such move makes it cheaper.

    Args:
        graph: The graph.
        order: An order of it.
        count: Which multiplications count, or the price.

    Returns:
        The order; vertices without edges come first.

    Raises:
        GraphTooLargeError: If the graph has too many nodes.
        InvalidOrderError: If the order does not fit the graph.
        StructureLimitError: If more edge structures are met than tables can hold.
        ValueError: If the count is unknown.
    """
    chain = _chain(graph, order, count)
    chain.descend()
    return _named(graph, chain)


def _chain(graph: ComputationalGraph, order: EliminationOrder, count: Objective) -> Chain:
    check_objective(count)
    vertices = check_order(graph, order)
    cost = 0 if _is_scalar(graph) else order_cost(graph, vertices, count)
    weights = Weights(**{summable_objective(graph, count): 1})
    return Chain(graph, vertices, weights, seed=0, cost=cost)


def _is_scalar(graph: ComputationalGraph) -> bool:
    """Whether costs are sure to fit 64 bits; counting them would take longer than all the rest."""
    return all(math.prod(shape) == 1 for shape in graph.node_shapes)


def _named(graph: ComputationalGraph, chain: Chain) -> EliminationOrder:
    return EliminationOrder(chain.best, graph.fingerprint, "descent")
