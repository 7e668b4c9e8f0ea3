"""Lessons: games played well, with the regret of every move at some of their positions.

The first lesson of a program is an annealed order. Later ones begin with moves of the policy
itself, so that it learns what to do in the positions that it reaches (DAgger; Ross, Gordon &
Bagnell, AISTATS 2011): its game is cut off somewhere and the rest is annealed.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.orders.annealing.anneal import anneal
from elimax.interpreter.orders.annealing.regrets import LabelledOrder, label_order
from elimax.interpreter.orders.portfolio import named_order
from elimax.models.game import Game, Played

STARTS = ("markowitz", "markowitz_high", "lmmd", "lowest_fill_in", "relative_markowitz", "reverse")
"""Orders of which annealing begins with the cheapest."""

CUT = 1000.0
"""Regrets are clipped to this, in units of the mean cost of a move."""

TEMPERATURE = 0.1
"""Regret that makes a move worse by a factor of e, in units of the mean cost of a move."""

_ALWAYS = 0.1
"""Weight of a position at which all moves are equally good; a single good move adds almost 1."""


class Lesson(NamedTuple):
    """A game with regrets; V moves, T positions.

    Attributes:
        nodes: int32[V], the vertex of every move, as a node of the board.
        cost: What the game costs.
        moves: int32[T], number of moves before each position, ascending.
        regrets: float16[T, V], the regret of eliminating `nodes[v]` at a position, in units of the
            mean cost of a move of the game, at most `CUT`; infinite for v below the number of moves
            before the position.
    """

    nodes: np.ndarray
    cost: int
    moves: np.ndarray
    regrets: np.ndarray


def annealed_lesson(game: Game, *, evaluations: int, positions: int, seed: int) -> Lesson:
    """Anneals an order of a graph and measures regrets along it.

    Args:
        game: The game.
        evaluations: Orders that annealing evaluates.
        positions: Number of positions, if the game has as many.
        seed: Seed of annealing and of the choice of positions.

    Returns:
        The lesson.

    Raises:
        StructureLimitError: If there are too many edge structures.
    """
    order = anneal_order(game.graph, game, (), evaluations=evaluations, seed=seed)
    labelled = label_order(game.graph, order, game.count, places=positions, seed=seed, cut=CUT)
    return _lesson(game, np.zeros(0, np.int32), 0, labelled)


def completed_lesson(
    game: Game, played: Played, cut_off: int, *, evaluations: int, positions: int, seed: int
) -> Lesson:
    """Cuts a game off, completes it and measures regrets along the completion.

    Args:
        game: The game.
        played: A game of the policy.
        cut_off: Number of its moves that are kept, fewer than all.
        evaluations: Orders that annealing evaluates.
        positions: Number of positions, if as many moves are left.
        seed: Seed of annealing and of the choice of positions.

    Returns:
        The lesson.

    Raises:
        StructureLimitError: If there are too many edge structures.
    """
    prefix, spent = played.nodes[:cut_off], played.unit * sum(played.costs[:cut_off].tolist())
    rest = left_over(game, prefix)
    # An eliminated output is a pure output of the rest, so it is no longer eliminable.
    left = set(rest.eliminable)
    vertices = tuple(v for v in game.order(played.nodes, "policy").vertices if v in left)
    own = EliminationOrder(vertices, rest.fingerprint, "policy")
    order = anneal_order(rest, game, (own,), evaluations=evaluations, seed=seed)
    labelled = label_order(rest, order, game.count, places=positions, seed=seed, cut=CUT)
    return _lesson(game, prefix, spent, labelled)


def draw_positions(lesson: Lesson, number: int, rng: np.random.Generator) -> np.ndarray:
    """Draws positions of a lesson to learn from, more often those where more is at stake.

    In programs of arrays most moves eliminate elementwise vertices and have no regret anywhere; the
    moves that matter are near the end.

    Args:
        lesson: The lesson.
        number: How many, with replacement.
        rng: Source of randomness.

    Returns:
        int[number] rows of its regrets, ascending.
    """
    regrets = lesson.regrets.astype(np.float32)
    number_of_moves = np.isfinite(regrets).sum(axis=1)
    good = np.exp(-regrets / TEMPERATURE).sum(axis=1) / np.maximum(number_of_moves, 1)
    weights = _ALWAYS + 1.0 - good
    return np.sort(rng.choice(len(regrets), size=number, p=weights / weights.sum()))


def left_over(game: Game, nodes: np.ndarray) -> ComputationalGraph:
    """The graph after some moves.

    Args:
        game: The game.
        nodes: int32[T], the vertices of the moves, as nodes of the board.

    Returns:
        The graph with the same nodes; eliminated ones have no edges, except that outputs keep their
        in-edges.
    """
    elimination = CountingElimination(game.graph)
    for vertex in game.order(nodes, "").vertices[-len(nodes) :] if len(nodes) else ():
        elimination.eliminate(vertex)
    edges = {
        (pred, succ): structure
        for succ, preds in enumerate(elimination.predecessors)
        for pred, structure in preds.items()
    }
    return dataclasses.replace(game.graph, edges=edges)


def anneal_order(
    graph: ComputationalGraph,
    game: Game,
    starts: Sequence[EliminationOrder],
    *,
    evaluations: int,
    seed: int,
) -> EliminationOrder:
    """Anneals from given orders and from quick rules.

    Args:
        graph: The graph, as it stands in some game.
        game: That game.
        starts: Orders to begin with, in addition to those of the rules.
        evaluations: Orders that annealing evaluates.
        seed: Seed of annealing.

    Returns:
        The cheapest order.
    """
    orders = [*starts, *(named_order(graph, name) for name in STARTS)]
    return anneal(graph, orders, game.count, evaluations=evaluations, seed=seed, chains=1).order


def _lesson(game: Game, prefix: np.ndarray, spent: int, labelled: LabelledOrder) -> Lesson:
    """Appends a labelled order of the rest to the moves before it."""
    played = set(prefix.tolist())
    rest = np.array(
        [node for node in game.moves(labelled.order.vertices).tolist() if node not in played],
        np.int32,
    )
    # Vertices without edges come first and have no places.
    ahead = len(labelled.order.vertices) - len(rest)
    num_moves, before = len(prefix) + len(rest), len(prefix)
    cost = spent + labelled.cost
    unit = max(cost, 1) / num_moves
    regrets = np.full((len(labelled.places), num_moves), np.inf, np.float16)
    moves = np.asarray(labelled.places - ahead + before, np.int32)
    for row, move, values in zip(regrets, moves, labelled.regrets, strict=True):
        row[move:] = np.minimum(values / unit, CUT)
    return Lesson(np.concatenate([prefix, rest]).astype(np.int32), cost, moves, regrets)
