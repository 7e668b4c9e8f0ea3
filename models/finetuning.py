"""Finetuning: PPO on one graph. The policy learns the graph, and the cheapest order found is kept.

All games of an update are of this one graph, so the mean of the group is the baseline. Three things
keep a long training alive. The best order so far is imitated a little. If no better order is found
for a while, the policy starts over from its first weights, with flattened scores, so that it tries
moves that it would not have tried before. And if the games of an update are far costlier than those
of the best update so far, the policy has collapsed and is reset to the best one.
"""

import dataclasses
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import equinox as eqx
import numpy as np

from elimax.interpreter.errors import StructureLimitError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.price import order_cost
from elimax.interpreter.graph.structure import Objective
from elimax.models.game import Game, Played
from elimax.models.optimisation import start_optimiser
from elimax.models.policy import Policy
from elimax.models.ppo import PPOBatch, PPOConfig, ppo_loss
from elimax.models.ranges import Range
from elimax.models.rollouts import play_games, ppo_batches
from elimax.models.training import (
    Metrics,
    OnUpdate,
    TrainingState,
    learn,
    start_training,
)


@dataclasses.dataclass(frozen=True)
class FinetuneConfig:
    """How to finetune.

    Attributes:
        updates: Number of updates, the budget.
        episodes: K, games of an update.
        count: What costs: "all" or "nontrivial" multiplications, or the "price".
        patience: Updates without a better order after which the policy starts over.
        flattening: Factor by which scores are divided, once more at each restart.
        collapse: Factor by which the mean cost of an update may exceed the lowest mean so far;
            above it, the policy is reset to the best one so far.
        ppo: Settings of PPO.
    """

    updates: Annotated[int, Range(1, 1_000_000)] = 30
    episodes: Annotated[int, Range(2, 100_000)] = 48
    count: Objective = "all"
    patience: Annotated[int, Range(1, 1_000_000)] = 15
    flattening: Annotated[float, Range(1.0, 100.0)] = 1.5
    collapse: Annotated[float, Range(1.0, 1000.0)] = 2.0
    ppo: PPOConfig = dataclasses.field(default_factory=PPOConfig)


class FinetuneResult(NamedTuple):
    """What finetuning gives.

    Attributes:
        policy: The policy whose greedy game was the cheapest.
        best_order: The cheapest order of all games, named "finetuned".
        best_cost: What it costs by the count that was played.
        greedy_order: The greedy order of `policy`, named "finetuned_greedy".
        pretrained_greedy_order: The greedy order before the first update, "pretrained_greedy".
        curve: Metrics of every update.
        eliminations: Vertices eliminated in all games.
    """

    policy: Policy
    best_order: EliminationOrder
    best_cost: int
    greedy_order: EliminationOrder
    pretrained_greedy_order: EliminationOrder
    curve: list[Metrics]
    eliminations: int


def finetune(
    policy: Policy,
    graph: ComputationalGraph,
    config: FinetuneConfig,
    *,
    seed: int,
    on_update: OnUpdate | None = None,
    resume: TrainingState | None = None,
) -> FinetuneResult:
    """Trains a policy on one graph.

    Args:
        policy: The policy to begin with, pretrained or not.
        graph: The graph.
        config: Settings.
        seed: Seed of everything that is random.
        on_update: Called after every update with its number, its metrics and the state.
        resume: A state to continue from; the result is the same as without a stop.

    Returns:
        The best order and policy, and how they were reached.

    Raises:
        TrainingDivergedError: If a loss is not a finite number.
        StructureLimitError: If games meet too many edge structures.
        BrokenGameError: If the game's cost of an order is not that of the interpreter.
    """
    finetuning = _Finetuning(policy, Game(graph, config.count), config, seed)
    state = resume or start_training(policy, seed=seed)
    while state.update < config.updates:
        state = finetuning.update(state)
        if on_update is not None:
            on_update(state.update, state.curve[-1], state)
    played, state = finetuning.play(state)
    return finetuning.result(finetuning.keep_best(state, played))


class _Finetuning:
    """One training: its game, and what an update does."""

    def __init__(self, first: Policy, game: Game, config: FinetuneConfig, seed: int) -> None:
        self._first, self._game, self._config, self._seed = first, game, config, seed

    def play(self, state: TrainingState) -> tuple[list[Played], TrainingState]:
        """A greedy game and then the episodes of an update."""
        game = self._game
        (played,) = play_games(
            state.policy,
            [game],
            episodes=self._config.episodes,
            temperature=1.0,
            seed=(self._seed, state.update),
            greedy=True,
        )
        if played is None:
            raise StructureLimitError(
                "games of this graph meet too many edge structures: use an order of the portfolio, "
                "or lower finetune.flattening"
            )
        eliminations = state.eliminations + game.num_moves * len(played)
        return played, dataclasses.replace(state, eliminations=eliminations)

    def update(self, state: TrainingState) -> TrainingState:
        """Plays, keeps what is best, and learns."""
        config = self._config
        played, state = self.play(state)
        known = state.orders.get("best")
        state = self.keep_best(state, played)
        sampled = played[1:]
        costs = np.array([game.cost for game in sampled], float)
        metrics = {
            "charts/update": state.update + 1,
            "charts/eliminations": state.eliminations,
            "costs/best": self._cost(state.orders["best"]),
            "costs/greedy": played[0].cost,
            "costs/mean": float(costs.mean()),
            "charts/restarts": _last(state, "charts/restarts"),
            "charts/rollbacks": _last(state, "charts/rollbacks"),
        }
        is_new = state.orders["best"] != known
        metrics["charts/waited"] = 0 if is_new else _last(state, "charts/waited") + 1
        cheapest = min([row["costs/mean"] for row in state.curve], default=np.inf)
        if costs.mean() > config.collapse * cheapest:
            state = _with_policy(state, state.best_policy)
            metrics["charts/rollbacks"] += 1
        elif metrics["charts/waited"] >= config.patience:
            metrics["charts/restarts"] += 1
            metrics["charts/waited"] = 0
            flattening = config.flattening ** metrics["charts/restarts"]
            state = _with_policy(state, flattened(self._first, flattening))
        elif self._game.num_moves:
            state, losses = self._learn(state, sampled)
            metrics |= losses
        return dataclasses.replace(state, update=state.update + 1, curve=(*state.curve, metrics))

    def _learn(self, state: TrainingState, sampled: list[Played]) -> tuple[TrainingState, Metrics]:
        config = self._config.ppo
        # Distinct from the streams of the games, whose third number, the graph, is 0.
        rng = np.random.default_rng((self._seed, state.update, 1))
        best = self._game.moves(state.orders["best"])

        def batches() -> Iterator[PPOBatch]:
            for _ in range(config.epochs):
                yield from ppo_batches([self._game], [sampled], [best], config, rng)

        share = state.update / self._config.updates
        rate = config.learning_rate + share * (config.final_learning_rate - config.learning_rate)
        return learn(state, batches(), ppo_loss, (config,), lambda _: rate)

    def keep_best(self, state: TrainingState, played: list[Played]) -> TrainingState:
        """Keeps the best order, greedy order and policy; the first of the games is greedy."""
        orders = dict(state.orders)
        cheapest = min(played, key=lambda game: game.cost)
        if "best" not in orders or cheapest.cost < self._cost(orders["best"]):
            orders["best"] = self._checked(cheapest)
        greedy = self._checked(played[0])
        orders.setdefault("pretrained_greedy", greedy)
        best_policy, best_value = state.best_policy, state.best_value
        if played[0].cost < best_value:
            best_policy, best_value = state.policy, float(played[0].cost)
            orders["greedy"] = greedy
        return dataclasses.replace(
            state, orders=orders, best_policy=best_policy, best_value=best_value
        )

    def _checked(self, played: Played) -> tuple[int, ...]:
        order = self._game.order(played.nodes, "finetuned")
        self._game.checked_cost(played, order)
        return order.vertices

    def _cost(self, vertices: tuple[int, ...]) -> int:
        return order_cost(self._game.graph, vertices, self._config.count)

    def result(self, state: TrainingState) -> FinetuneResult:
        """What a finished training gives."""

        def named(key: str, name: str) -> EliminationOrder:
            return EliminationOrder(state.orders[key], self._game.graph.fingerprint, name)

        return FinetuneResult(
            policy=state.best_policy,
            best_order=named("best", "finetuned"),
            best_cost=self._cost(state.orders["best"]),
            greedy_order=named("greedy", "finetuned_greedy"),
            pretrained_greedy_order=named("pretrained_greedy", "pretrained_greedy"),
            curve=list(state.curve),
            eliminations=state.eliminations,
        )


def flattened(policy: Policy, factor: float) -> Policy:
    """A policy that prefers the same moves less strongly.

    Args:
        policy: The policy.
        factor: What its scores are divided by.

    Returns:
        The policy.
    """
    weight = policy.head.score.weight / factor
    return eqx.tree_at(lambda p: p.head.score.weight, policy, weight)


def _with_policy(state: TrainingState, policy: Policy) -> TrainingState:
    """The state with another policy and a fresh optimiser."""
    return dataclasses.replace(state, policy=policy, optimiser=start_optimiser(policy))


def _last(state: TrainingState, name: str) -> float:
    return state.curve[-1][name] if state.curve else 0.0
