"""Elimination orders from a policy, each checked without the game.

The game and the counting of the interpreter are two programs. Whatever the game returns is counted
again by the interpreter, and a difference is an error, not a result.
"""

import math
from collections.abc import Sequence

import jax
import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.structure import Count
from elimax.models.boards import make_board, stack_boards
from elimax.models.errors import BrokenGameError
from elimax.models.game import DEFAULT_MAX_STRUCTURES
from elimax.models.policy import Policy
from elimax.models.rollout import Moves, join_moves, play


def greedy_order(
    policy: Policy,
    graph: ComputationalGraph,
    count: Count = "all",
    max_structures: int = DEFAULT_MAX_STRUCTURES,
) -> EliminationOrder:
    """The order in which every move is the policy's most probable one.

    Args:
        policy: The policy.
        graph: The graph.
        count: Which multiplications cost, "all" or "nontrivial".
        max_structures: The most edge structures that may be reachable.

    Returns:
        The order, named "policy".

    Raises:
        StructureLimitError: If more structures are reachable.
        BrokenGameError: If the game's cost is not that of the interpreter.
    """
    boards = stack_boards([make_board(graph, count, max_structures)])
    moves = join_moves(play(policy, boards, greedy=1))
    return checked_order(graph, *played_order(moves, 0), count, "policy")


def best_sampled_order(
    policy: Policy,
    graph: ComputationalGraph,
    *,
    episodes: int,
    seed: int,
    count: Count = "all",
    max_structures: int = DEFAULT_MAX_STRUCTURES,
) -> EliminationOrder:
    """The cheapest of several games drawn from the policy.

    Args:
        policy: The policy.
        graph: The graph.
        episodes: Number of games, at least 1.
        seed: Seed of the draws.
        count: Which multiplications cost, "all" or "nontrivial".
        max_structures: The most edge structures that may be reachable.

    Returns:
        The order, named "policy_sampled".

    Raises:
        StructureLimitError: If more structures are reachable.
        BrokenGameError: If the game's cost is not that of the interpreter.
    """
    boards = stack_boards([make_board(graph, count, max_structures)])
    moves = join_moves(play(policy, boards, sampled=episodes, key=jax.random.key(seed)))
    best = int(np.argmin(moves.cost.sum(axis=0)[0]))
    return checked_order(graph, *played_order(moves, best), count, "policy_sampled")


def played_order(moves: Moves, episode: int) -> tuple[tuple[int, ...], float]:
    """Reads one game of the first board.

    Args:
        moves: Complete games.
        episode: Which one.

    Returns:
        Vertex numbers in the order of their elimination, and the cost by the game.
    """
    is_played = moves.is_played[:, 0, episode]
    vertices = tuple(moves.vertex[:, 0, episode][is_played].tolist())
    return vertices, float(moves.cost[:, 0, episode].sum(dtype=np.float64))


def checked_order(
    graph: ComputationalGraph, played: Sequence[int], cost: float, count: Count, name: str
) -> EliminationOrder:
    """Turns a game into an order of the whole graph and counts it again.

    Vertices without edges are not played; they come first.

    Args:
        graph: The graph.
        played: Vertex numbers in the order in which they were played.
        cost: Scalar multiplications by the game.
        count: Which count that is.
        name: Name of the order.

    Returns:
        The order.

    Raises:
        InvalidOrderError: If it is not a permutation of the eliminable vertices.
        BrokenGameError: If the interpreter counts something else.
    """
    is_played = set(played)
    idle = tuple(vertex for vertex in graph.eliminable if vertex not in is_played)
    order = EliminationOrder((*idle, *played), graph.fingerprint, name)
    counted = getattr(count_multiplications(graph, order), count)
    # The game adds in float32, which is exact up to 2**24.
    if not math.isclose(counted, cost, rel_tol=1e-5):
        raise BrokenGameError(
            f"the game says that its order costs {cost:.0f} multiplications (count {count!r}), "
            f"the interpreter says {counted}: this is a mistake in elimax, please report it with "
            f"the graph {graph.fingerprint}"
        )
    return order
