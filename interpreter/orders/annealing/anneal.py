"""Simulated annealing over elimination orders.

A move puts one vertex elsewhere in the order. A move that makes the order costlier by d is taken
with probability exp(-d / temperature). Every round cools down from the same share of the best cost
so far, and later rounds are longer, so that the search can be stopped at any time.

Sources: Kirkpatrick, Gelatt & Vecchi, Optimization by simulated annealing (Science 220, 1983); for
elimination orders Naumann & Gottschling, Simulated annealing for optimal pivot selection in
Jacobian accumulation (SAGA 2003).
"""

import concurrent.futures
import dataclasses
import itertools
import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.elimination import MultiplicationCount
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.price import OrderPrice, order_price, summable_objective
from elimax.interpreter.graph.structure import Objective, check_objective
from elimax.interpreter.graph.wanted import Blocks
from elimax.interpreter.orders.annealing.state import Schedule, Weights

if TYPE_CHECKING:
    from elimax.interpreter.orders.annealing.chain import Chain

HOT, COLD = 0.01, 0.0005
"""First and last temperature of a round, as shares of the best cost so far."""

FIRST_ROUND = 200
"""Moves per vertex in the first two rounds; the number doubles after every two rounds."""

GLANCE_SECONDS = 0.01
"""Approximate time between two looks at the clock."""


@dataclasses.dataclass(frozen=True)
class AnnealingResult:
    """What annealing has found.

    Attributes:
        order: The cheapest order.
        count: What it costs.
        evaluations: Number of orders that were evaluated.
        seconds: Time that the chains took, without compilation.
    """

    order: EliminationOrder
    count: MultiplicationCount
    evaluations: int
    seconds: float


def anneal(
    graph: ComputationalGraph,
    starts: Sequence[EliminationOrder],
    objective: Objective = "all",
    *,
    seconds: float | None = None,
    evaluations: int | None = None,
    seed: int = 0,
    chains: int = 2,
    wanted: Blocks | None = None,
) -> AnnealingResult:
    """Searches for an order with few multiplications.

    Args:
        graph: The graph.
        starts: Orders to begin with, at least one; the cheapest are used.
        objective: What to minimise: a count, whose ties the other count breaks, or the price.
        seconds: Time limit, which does not include compiling and setting up.
        evaluations: Number of orders to evaluate, over all chains. Without `seconds`, the same
            arguments give the same result.
        seed: Seed of the random numbers.
        chains: Number of parallel searches, each in a thread of its own.
        wanted: Blocks of the Jacobian that are wanted, as (input node, output node); None for all.

    Returns:
        The cheapest order, never costlier than the starts.

    Raises:
        GraphTooLargeError: If the graph has too many nodes.
        InvalidOrderError: If a start does not fit the graph.
        StructureLimitError: If more edge structures are met than tables can hold.
        ValueError: If there is no start, no chain or no limit, or the objective is unknown.
    """
    _check(starts, objective, seconds, evaluations, chains)
    ranked = _ranked(graph, starts, objective, wanted)
    objective = summable_objective(graph, objective)
    weights = _weights(objective, [price for price, _ in ranked])
    best = ranked[0][1]
    from elimax.interpreter.orders.annealing.chain import Chain

    searches = []
    for k in range(chains):
        price, start = ranked[k % len(ranked)]
        cost = (
            weights.all * price.all
            + weights.nontrivial * price.nontrivial
            + weights.price * price.price
        )
        searches.append(Chain(graph, start.vertices, weights, _chain_seed(seed, k), wanted, cost))
    if searches[0].size < 2:
        return AnnealingResult(best, count_multiplications(graph, best, wanted), 0, 0.0)
    searches[0].walk(0, _schedule(searches[0], 1))  # compiles
    began = time.perf_counter()
    shares = [_share(evaluations, chains, k) for k in range(chains)]
    deadline = None if seconds is None else began + seconds
    with concurrent.futures.ThreadPoolExecutor(chains) as pool:
        tried = list(pool.map(lambda x, n: _search(x, deadline, n), searches, shares))
    elapsed = time.perf_counter() - began
    found = [EliminationOrder(chain.best, graph.fingerprint, "annealing") for chain in searches]
    best = _ranked(graph, [best, *found], objective, wanted)[0][1]
    counts = count_multiplications(graph, best, wanted)
    return AnnealingResult(best, counts, sum(tried), elapsed)


def _check(
    starts: Sequence[EliminationOrder],
    objective: Objective,
    seconds: float | None,
    evaluations: int | None,
    chains: int,
) -> None:
    if not starts:
        raise ValueError("starts is empty: pass at least one order to begin with")
    check_objective(objective)
    if chains < 1:
        raise ValueError(f"chains={chains} must be at least 1")
    if seconds is None and evaluations is None:
        raise ValueError("annealing never ends without a limit: pass seconds or evaluations")
    if seconds is not None and not 0 <= seconds < math.inf:
        raise ValueError(f"seconds={seconds} must be a non-negative number of seconds")


def _ranked(
    graph: ComputationalGraph,
    orders: Sequence[EliminationOrder],
    objective: Objective,
    wanted: Blocks | None,
) -> list[tuple[OrderPrice, EliminationOrder]]:
    """Orders with what they cost, cheapest first; equals keep their sequence."""
    second = "nontrivial" if objective == "all" else "all"
    priced = [(order_price(graph, order, wanted), order) for order in orders]
    return sorted(priced, key=lambda pair: (getattr(pair[0], objective), getattr(pair[0], second)))


def _weights(objective: Objective, prices: Sequence[OrderPrice]) -> Weights:
    """Weights that compare orders by the objective first and by the other count second."""
    # No order that is worth keeping has more than twice the multiplications of the worst start.
    unit = 2 * max(price.all for price in prices) + 1
    if unit > 1 << 30:
        # Weighted costs would come too close to 64 bits, so ties stay unbroken.
        return Weights(**{objective: 1})
    second = "nontrivial" if objective == "all" else "all"
    return Weights(**{objective: unit, second: 1})


def _chain_seed(seed: int, chain: int) -> int:
    return (seed * 0x9E3779B1 + chain * 0x85EBCA6B) % (1 << 62)


def _share(evaluations: int | None, chains: int, chain: int) -> int | None:
    if evaluations is None:
        return None
    return evaluations // chains + (chain < evaluations % chains)


def _schedule(chain: "Chain", moves: int) -> Schedule:
    best = max(chain.progress.best, 1)
    return Schedule(HOT * best, COLD * best, moves)


def _search(chain: "Chain", deadline: float | None, evaluations: int | None) -> int:
    """Runs rounds until a limit is reached; returns how many moves were tried."""
    tried, chunk, now = 0, 64, time.perf_counter()
    for number in itertools.count():
        moves = FIRST_ROUND * chain.size * 2 ** (number // 2)
        schedule = _schedule(chain, moves)
        chain.begin_round()
        while chain.progress.tried < moves:
            left = chunk if evaluations is None else min(chunk, evaluations - tried)
            if left <= 0 or (deadline is not None and now >= deadline):
                return tried
            before, began = chain.progress.tried, now
            chain.walk(min(before + left, moves), schedule)
            tried += chain.progress.tried - before
            now = time.perf_counter()
            chunk = chunk * 2 if now - began < GLANCE_SECONDS else max(chunk // 2, 64)
    raise AssertionError("rounds never end by themselves")
