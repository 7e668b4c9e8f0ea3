"""Orders that a policy finds, alone and together with annealing.

Every order is counted again by the interpreter, which does not know the game; if the two disagree,
that is an error and not a result.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeAlias

import numpy as np

from elimax.interpreter.errors import GraphTooLargeError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.price import order_cost
from elimax.interpreter.graph.structure import Objective
from elimax.interpreter.orders import PORTFOLIO, named_order
from elimax.interpreter.orders.annealing.anneal import anneal
from elimax.models.game import Game, Played
from elimax.models.played_policy import PlayedPolicy, read_graph
from elimax.models.policy import Policy
from elimax.models.processes import in_threads

TEMPERATURES = (0.5, 1.0, 1.4)
"""Temperatures at which games are drawn in turn: no single one suits every graph."""

BRANCHES = 3
"""Moves that a beam search tries at every position."""

GAMES_SHARE = 0.15
"""Share of the remaining time in which the policy draws games, before annealing."""

CHAINS = 2
"""Number of annealing chains, each of which starts from another order."""

_GAMES_AT_ONCE = 8

Method: TypeAlias = Literal["policy", "both", "beam"]
"""Draw games; draw some, then anneal from the best of them and of the portfolio; beam search."""


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """What a search has found.

    Attributes:
        order: The cheapest order.
        cost: What it costs.
        trajectory: (seconds since the search began, cost of the best order) each time that cost
            fell.
        games: Games that the policy has played.
        evaluations: Orders that annealing has evaluated.
    """

    order: EliminationOrder
    cost: int
    trajectory: tuple[tuple[float, int], ...]
    games: int
    evaluations: int


def greedy_order(
    policy: Policy, graph: ComputationalGraph, count: Objective = "all"
) -> EliminationOrder:
    """The order in which every move is the policy's most probable one.

    Args:
        policy: The policy.
        graph: The graph.
        count: What costs: "all" or "nontrivial" multiplications, or the "price".

    Returns:
        The order, named "policy".

    Raises:
        StructureLimitError: If too many edge structures are met.
        BrokenGameError: If the game's cost is not that of the interpreter.
    """
    game = Game(graph, count)
    return _checked(game, game.play(read_graph(policy, game.start)), "policy")


def best_sampled_order(
    policy: Policy,
    graph: ComputationalGraph,
    *,
    episodes: int,
    seed: int,
    count: Objective = "all",
    temperatures: Sequence[float] = TEMPERATURES,
) -> EliminationOrder:
    """The cheapest of several games: the greedy one, and others drawn from the policy.

    Args:
        policy: The policy.
        graph: The graph.
        episodes: Number of games, at least 1, the greedy one included.
        seed: Seed of the draws.
        count: What costs: "all" or "nontrivial" multiplications, or the "price".
        temperatures: One of them divides the scores before a move is drawn; they take turns.

    Returns:
        The order, named "policy_sampled".

    Raises:
        StructureLimitError: If too many edge structures are met.
        BrokenGameError: If the game's cost is not that of the interpreter.
    """
    game = Game(graph, count)
    ready = read_graph(policy, game.start)
    played = in_threads(lambda k: _game(game, ready, seed, k, temperatures), range(episodes))
    best = min(played, key=lambda one: one.cost)
    return _checked(game, best, "policy_sampled")


def beam_order(
    policy: Policy,
    graph: ComputationalGraph,
    *,
    width: int,
    count: Objective = "all",
    seconds: float = math.inf,
) -> EliminationOrder:
    """The cheapest order that a beam search meets.

    Args:
        policy: The policy.
        graph: The graph.
        width: Number of positions that are kept after every move.
        count: What costs: "all" or "nontrivial" multiplications, or the "price".
        seconds: Time limit.

    Returns:
        The order, named "policy_beam".

    Raises:
        StructureLimitError: If too many edge structures are met.
        BrokenGameError: If the game's cost is not that of the interpreter.
    """
    game = Game(graph, count)
    deadline = time.perf_counter() + seconds
    best: Played | None = None
    for played in beam_games(game, read_graph(policy, game.start), width):
        if best is None or played.cost < best.cost:
            best = played
        if time.perf_counter() > deadline:
            break
    assert best is not None
    return _checked(game, best, "policy_beam")


def beam_games(game: Game, policy: PlayedPolicy, width: int) -> Iterator[Played]:
    """Plays the games of a beam search.

    At each position that is kept, the `BRANCHES` most probable next moves are tried, and each is
    completed greedily, which tells what it is worth (the rollout algorithm; Bertsekas, Tsitsiklis &
    Wu, Journal of Heuristics 3, 1997). Then the best positions are kept; of positions with the same
    vertices eliminated, only the cheapest.

    Args:
        game: The game.
        policy: The policy, ready to play it.
        width: Number of positions that are kept.

    Yields:
        Complete games, the greedy one first.
    """
    first = game.play(policy)
    yield first
    beam = [(first, first.nodes[:0])]
    for move in range(game.num_moves - 1):
        tried: dict[frozenset[int], tuple[Played, np.ndarray]] = {}
        prefixes = []
        for played, prefix in beam:
            # The policy's own next move leads to a completion that is already known.
            own = played.nodes[: move + 1]
            tried.setdefault(frozenset(own.tolist()), (played, own))
            for node in game.best_moves(policy, prefix, BRANCHES):
                if node != own[-1]:
                    prefixes.append(np.append(prefix, np.int32(node)))
        for prefix, played in zip(
            prefixes, in_threads(lambda p: game.play(policy, given=p), prefixes), strict=True
        ):
            yield played
            key = frozenset(prefix.tolist())
            if key not in tried or played.cost < tried[key][0].cost:
                tried[key] = (played, prefix)
        ranked = sorted(tried.values(), key=lambda pair: pair[0].cost)
        beam = ranked[:width]


def search_order(
    policy: Policy,
    graph: ComputationalGraph,
    *,
    seconds: float,
    seed: int,
    count: Objective = "all",
    method: Method = "both",
) -> SearchResult:
    """Searches for an order for a given time.

    Args:
        policy: The policy.
        graph: The graph.
        seconds: Time limit; a greedy game is played in any case.
        seed: Seed of everything that is random.
        count: What costs: "all" or "nontrivial" multiplications, or the "price".
        method: "policy" draws games; "both" does so for a while, then anneals from the best orders
            of the games and the portfolio; "beam" is a beam search that gets wider.

    Returns:
        What was found.

    Raises:
        StructureLimitError: If too many edge structures are met.
        BrokenGameError: If the game's cost is not that of the interpreter.
        ValueError: If `seconds` is not a positive finite number.
    """
    if not 0.0 < seconds < math.inf:
        raise ValueError(f"seconds={seconds!r} must be a positive number of seconds")
    return _Search(policy, graph, count, seconds, seed).run(method)


class _Search:
    """One search: its clock, its best order, and what it has done."""

    def __init__(
        self, policy: Policy, graph: ComputationalGraph, count: Objective, seconds: float, seed: int
    ) -> None:
        self._began = time.perf_counter()
        self._seconds, self._seed = seconds, seed
        self._count: Objective = count
        self._game = Game(graph, count)
        self._policy = read_graph(policy, self._game.start)
        self._trajectory: list[tuple[float, int]] = []
        self._games, self._evaluations = 0, 0
        self._orders: list[tuple[int, EliminationOrder]] = []

    def run(self, method: Method) -> SearchResult:
        steps: dict[str, Callable[[], None]] = {
            "policy": lambda: self._draw_games(self._seconds),
            "both": self._both,
            "beam": self._beam,
        }
        steps[method]()
        cost, order = min(self._orders, key=lambda pair: pair[0])
        return SearchResult(order, cost, tuple(self._trajectory), self._games, self._evaluations)

    def _elapsed(self) -> float:
        return time.perf_counter() - self._began

    def _note(self, cost: int, order: EliminationOrder) -> None:
        self._orders.append((cost, order))
        if not self._trajectory or cost < self._trajectory[-1][1]:
            self._trajectory.append((self._elapsed(), cost))

    def _note_game(self, played: Played) -> None:
        self._games += 1
        if not self._orders or played.cost < min(cost for cost, _ in self._orders):
            order = self._game.order(played.nodes, "policy")
            self._note(self._game.checked_cost(played, order), order)

    def _draw_games(self, until: float) -> None:
        number = 0
        while number == 0 or self._elapsed() < until:
            batch = range(number, number + (_GAMES_AT_ONCE if number else 1))
            for played in in_threads(self._draw, batch):
                self._note_game(played)
            number = batch.stop

    def _draw(self, number: int) -> Played:
        return _game(self._game, self._policy, self._seed, number, TEMPERATURES)

    def _both(self) -> None:
        graph, count = self._game.graph, self._count
        self._note_game(self._draw(0))
        for name in PORTFOLIO:
            if self._elapsed() > self._seconds / 2:
                break
            order = named_order(graph, name)
            self._note(order_cost(graph, order, count), order)
        self._draw_games(self._elapsed() + GAMES_SHARE * (self._seconds - self._elapsed()))
        ranked = sorted(self._orders, key=lambda pair: pair[0])
        starts = [order for _, order in ranked[:CHAINS]]
        left = max(0.0, self._seconds - self._elapsed())
        try:
            found = anneal(graph, starts, count, seconds=left, seed=self._seed, chains=CHAINS)
        except GraphTooLargeError:
            return  # The orders found so far stand.
        self._evaluations = found.evaluations
        self._note(order_cost(graph, found.order, count), found.order)

    def _beam(self) -> None:
        width, before = 1, -1
        while True:
            first = self._games
            for played in beam_games(self._game, self._policy, width):
                self._note_game(played)
                if self._elapsed() > self._seconds:
                    return
            if self._games - first == before:
                return  # Nothing was left out: a wider beam would play the same games.
            width, before = 2 * width, self._games - first


def _game(
    game: Game, policy: PlayedPolicy, seed: int, number: int, temperatures: Sequence[float]
) -> Played:
    """One of many games, each with random numbers of its own; number 0 is greedy."""
    if number == 0:
        return game.play(policy)
    rng = np.random.default_rng((seed, number))
    temperature = temperatures[(number - 1) % len(temperatures)]
    return game.play(policy, temperature=temperature, rng=rng)


def _checked(game: Game, played: Played, name: str) -> EliminationOrder:
    order = game.order(played.nodes, name)
    game.checked_cost(played, order)
    return order
