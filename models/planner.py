"""The policy that comes with elimax as the planner of `jacve(f, order="policy")`."""

import collections
import functools
import threading

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.orders.fixed import forward_order, reverse_order
from elimax.models.checkpoint import pretrained_policy
from elimax.models.policy_search import greedy_order

MAX_KEPT = 512
"""Most orders that are cached, so that tracing a function again takes no second search."""

_kept: collections.OrderedDict[str, EliminationOrder] = collections.OrderedDict()
_lock = threading.Lock()
_policy = functools.cache(pretrained_policy)


def policy_order(graph: ComputationalGraph) -> EliminationOrder:
    """The greedy order of the policy, by nontrivial multiplications: those that `jacve` executes.

    A policy may be far off on a graph unlike those it has learnt from, so forward and reverse are
    counted as well.

    Args:
        graph: The graph.

    Returns:
        The order, named "policy"; "forward" or "reverse" where that is cheaper.

    Raises:
        PolicyFormatError: If the policy's file is missing or damaged.
        StructureLimitError: If too many edge structures are met.
    """
    with _lock:
        known = _kept.get(graph.fingerprint)
    if known is not None:
        return known
    orders = [greedy_order(_policy(), graph, "nontrivial"), forward_order(graph)]
    orders.append(reverse_order(graph))
    order = min(orders, key=lambda order: count_multiplications(graph, order).nontrivial)
    with _lock:
        _kept[graph.fingerprint] = order
        while len(_kept) > MAX_KEPT:
            _kept.popitem(last=False)
    return order
