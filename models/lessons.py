"""Lessons: games played well, with the regret of every move at some of their positions.

A first lesson is an annealed order. Later ones begin with moves of the policy itself, so that it
learns what to do where it gets to (DAgger; Ross, Gordon & Bagnell, AISTATS 2011): its game is cut
off somewhere and the rest is annealed.
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
"""Orders that annealing begins with, the cheapest of them."""

CUT = 1000.0
"""Regrets above this are all the same, in units of what a move costs on average."""

TEMPERATURE = 0.1
"""Regret, in units of what a move costs on average, that makes a move e times less good."""

_ALWAYS = 0.1
"""Weight of a position at which any move will do, beside one at which a single move will."""


class Lesson(NamedTuple):
    """A game with regrets; V moves, T positions.

    Attributes:
        nodes: int32[V], the vertex of every move, as a node of the board.
        cost: What the game costs.
        moves: int32[T], moves before which the positions are, ascending.
        regrets: float16[T, V], the regret of eliminating `nodes[v]` at a position, in units of what
            a move of the game costs on average, at most `CUT`; infinite for v below the position's
            move.
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
    """Completes a game that was cut off, and measures regrets along the completion.

    Args:
        game: The game.
        played: A game of the policy.
        cut_off: Number of its moves that are kept, at least one move less than all.
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
    # An eliminated output is a pure output of what is left.
    left = set(rest.eliminable)
    vertices = tuple(v for v in game.order(played.nodes, "policy").vertices if v in left)
    own = EliminationOrder(vertices, rest.fingerprint, "policy")
    order = anneal_order(rest, game, (own,), evaluations=evaluations, seed=seed)
    labelled = label_order(rest, order, game.count, places=positions, seed=seed, cut=CUT)
    return _lesson(game, prefix, spent, labelled)


def draw_positions(lesson: Lesson, number: int, rng: np.random.Generator) -> np.ndarray:
    """Draws positions of a lesson to learn from, those more often where there is more at stake.

    In programs of arrays most moves are elementwise and have no regret wherever they stand; what
    decides is near the end.

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
        The graph with the same nodes; those that are eliminated have no edges, but outputs keep
        those into them.
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
        starts: Orders to begin with, in addition to the rules'.
        evaluations: Orders that are evaluated.
        seed: Seed of annealing.

    Returns:
        The cheapest order.
    """
    orders = [*starts, *(named_order(graph, name) for name in STARTS)]
    return anneal(graph, orders, game.count, evaluations=evaluations, seed=seed, chains=1).order


def _lesson(game: Game, prefix: np.ndarray, spent: int, labelled: LabelledOrder) -> Lesson:
    """Puts a labelled order of what was left behind the moves before it."""
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
