"""Finetuning: a policy learns one graph, and the cheapest order that it meets is kept."""

import dataclasses
from typing import Annotated, NamedTuple

import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.structure import Count
from elimax.models.boards import make_board, stack_boards
from elimax.models.game import DEFAULT_MAX_STRUCTURES
from elimax.models.policy import Policy
from elimax.models.policy_search import checked_order, played_order
from elimax.models.ppo import PPOConfig, make_optimiser
from elimax.models.ranges import Range
from elimax.models.rollout import Moves, join_moves, play
from elimax.models.training import (
    Metrics,
    OnUpdate,
    TrainingState,
    play_and_learn,
    start_training,
    update_key,
)

# Position of the greedy game among the games of an update.
_GREEDY = 0


@dataclasses.dataclass(frozen=True)
class FinetuneConfig:
    """How to finetune.

    Attributes:
        updates: Number of updates, the budget.
        episodes: K, games of an update.
        count: Which multiplications cost, "all" or "nontrivial".
        max_structures: The most edge structures that the graph may reach.
        ppo: Settings of the learning.
    """

    updates: Annotated[int, Range(1, 1_000_000)] = 20
    episodes: Annotated[int, Range(1, 100_000)] = 32
    count: Count = "all"
    max_structures: Annotated[int, Range(1, 1_000_000)] = DEFAULT_MAX_STRUCTURES
    ppo: PPOConfig = dataclasses.field(default_factory=PPOConfig)


class FinetuneResult(NamedTuple):
    """What finetuning gives.

    Attributes:
        policy: The policy whose greedy game was the cheapest.
        best_order: The cheapest order of all games, named "finetuned".
        best_cost: Its scalar multiplications in the count that was played.
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
        resume: A state to go on from; the result is the same as without a stop.

    Returns:
        The best order and policy, and how they were reached.

    Raises:
        TrainingDivergedError: If a loss is not a finite number.
        StructureLimitError: If the graph reaches more than `config.max_structures` structures.
        BrokenGameError: If the game's cost of an order is not that of the interpreter.
    """
    boards = stack_boards([make_board(graph, config.count, config.max_structures)])
    optimiser = make_optimiser(config.ppo, config.updates)
    state = resume or start_training(policy, config.ppo, config.updates, seed=seed)
    while state.update < config.updates:
        played = play_and_learn(state, optimiser, boards, config.episodes, config.ppo, greedy=1)
        state = _keep_best(state, played.moves, graph, config.count)
        metrics = played.metrics | {
            "costs/best": _cost(graph, state.orders["best"], config.count),
            "costs/greedy": played_order(played.moves, _GREEDY)[1],
        }
        state = dataclasses.replace(
            state,
            update=state.update + 1,
            policy=played.policy,
            optimiser=played.optimiser,
            curve=(*state.curve, metrics),
        )
        if on_update is not None:
            on_update(state.update, metrics, state)
    # As many games as before, so that nothing new is compiled for the last policy.
    key = update_key(state.seed, state.update)
    last = play(
        state.policy, boards, greedy=1, sampled=config.episodes, key=key, keep_observations=True
    )
    state = _keep_best(state, join_moves(last), graph, config.count)
    return _result(state, graph, config.count)


def _keep_best(
    state: TrainingState, moves: Moves, graph: ComputationalGraph, count: Count
) -> TrainingState:
    """Notes the games of the state's policy."""
    orders = dict(state.orders)
    best_policy, best_value = state.best_policy, state.best_value
    cheapest = checked_order(
        graph, *played_order(moves, int(np.argmin(moves.cost.sum(axis=0)[0]))), count, "finetuned"
    ).vertices
    if "best" not in orders or _cost(graph, cheapest, count) < _cost(graph, orders["best"], count):
        orders["best"] = cheapest
    greedy = checked_order(graph, *played_order(moves, _GREEDY), count, "greedy").vertices
    orders.setdefault("pretrained_greedy", greedy)
    greedy_cost = _cost(graph, greedy, count)
    if greedy_cost < best_value:
        orders["greedy"], best_policy, best_value = greedy, state.policy, float(greedy_cost)
    return dataclasses.replace(
        state,
        eliminations=state.eliminations + int(moves.is_played.sum()),
        best_policy=best_policy,
        best_value=best_value,
        orders=orders,
    )


def _cost(graph: ComputationalGraph, vertices: tuple[int, ...], count: Count) -> int:
    return getattr(count_multiplications(graph, vertices), count)


def _result(state: TrainingState, graph: ComputationalGraph, count: Count) -> FinetuneResult:
    def named(key: str, name: str) -> EliminationOrder:
        return EliminationOrder(state.orders[key], graph.fingerprint, name)

    return FinetuneResult(
        policy=state.best_policy,
        best_order=named("best", "finetuned"),
        best_cost=_cost(graph, state.orders["best"], count),
        greedy_order=named("greedy", "finetuned_greedy"),
        pretrained_greedy_order=named("pretrained_greedy", "pretrained_greedy"),
        curve=list(state.curve),
        eliminations=state.eliminations,
    )
