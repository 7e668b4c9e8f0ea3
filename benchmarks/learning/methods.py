"""What is compared: rules, annealing and searches with the policy, as one table of callables.

Every method returns the costs that it reaches, with the times at which it reaches them. Times are
what a user would wait: annealing from the best rules begins with finding these.
"""

import dataclasses
import importlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.structure import Count
from elimax.interpreter.orders import PORTFOLIO, named_order
from elimax.interpreter.orders.annealing.anneal import anneal

Trajectory: TypeAlias = list[tuple[float, int]]
"""Improvements: seconds since the method began, and the cost of the best order by then."""

CHECKPOINTS = (0.1, 1.0, 10.0, 60.0)
"""Seconds after which methods are compared."""

GRACE = 1.1
"""A search counts as on time if it ends within this factor of its time limit."""

THREE_RULES = ("forward", "reverse", "markowitz")
EPISODES = 32

LONG, LONGEST = (1_000_000, 3_000_000), (3_000_000, 10_000_000)
LARGE = 200
"""The annealings behind the best known cost take the second number of evaluations for graphs with
at least this many vertices."""


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a method is given.

    Attributes:
        graph: The graph.
        count: Which multiplications to save.
        seed: Seed of everything that is random.
        seconds: How long a timed method may go on.
        policy: The policy; None if the method needs none.
    """

    graph: ComputationalGraph
    count: Count
    seed: int
    seconds: float
    policy: Any


class Method(NamedTuple):
    """One contender.

    Attributes:
        play: Searches the graph of a trial.
        is_timed: Whether it runs until its time is over; others end by themselves.
        is_seeded: Whether it draws random numbers; others run once.
        needs_policy: Whether it plays the learned policy.
        is_warmed_up: Whether it is called once before it is timed, which compiles what it needs.
        warm_up: What is called then, if it can be shorter than the method itself.
        usual_seconds: About how long a run that ends by itself takes, until one is measured.
    """

    play: Callable[[Trial], Trajectory]
    is_timed: bool = False
    is_seeded: bool = False
    needs_policy: bool = False
    is_warmed_up: bool = True
    warm_up: Callable[[Trial], Trajectory] | None = None
    usual_seconds: float = 0.2


def improvements(costs: Iterable[tuple[float, int]]) -> Trajectory:
    """Keeps what is lower than everything before.

    Args:
        costs: Seconds and costs, by ascending seconds.

    Returns:
        Strictly falling costs.
    """
    kept: Trajectory = []
    for seconds, cost in costs:
        if not kept or cost < kept[-1][1]:
            kept.append((float(seconds), int(cost)))
    return kept


def cost_at(trajectory: Sequence[Sequence[float]], seconds: float) -> float:
    """The cost of the best order at a time.

    Args:
        trajectory: Improvements, by ascending seconds.
        seconds: The time.

    Returns:
        The cost; nan while there is no order.
    """
    reached = [cost for when, cost in trajectory if when <= seconds]
    return reached[-1] if reached else math.nan


def _cost(graph: ComputationalGraph, order: EliminationOrder, count: Count) -> int:
    return getattr(count_multiplications(graph, order), count)


def _tried_rules(
    trial: Trial, names: Iterable[str]
) -> Iterator[tuple[float, int, EliminationOrder]]:
    """Yields seconds so far, cost and order of one rule after the other."""
    began = time.perf_counter()
    for name in names:
        order = named_order(trial.graph, name)
        cost = _cost(trial.graph, order, trial.count)
        yield time.perf_counter() - began, cost, order


def _rules(names: Iterable[str]) -> Callable[[Trial], Trajectory]:
    """The method that takes the best of some rules."""
    return lambda trial: improvements(tried[:2] for tried in _tried_rules(trial, names))


def _best_rules(trial: Trial) -> tuple[Trajectory, list[EliminationOrder]]:
    """What all rules reach, and the orders of the best two."""
    tried = list(_tried_rules(trial, PORTFOLIO))
    ranked = sorted(tried, key=lambda rule: rule[1])
    return improvements(rule[:2] for rule in tried), [rule[2] for rule in ranked[:2]]


def _annealing(trial: Trial) -> Trajectory:
    """Annealing from the two best rules, stopped at each checkpoint.

    The annealer reports only its last order. It is therefore run once for each checkpoint, with the
    same seed: the shorter runs are beginnings of the longest.
    """
    began = time.perf_counter()
    trajectory, starts = _best_rules(trial)
    # The annealer's own time limit does not include its preparations.
    anneal(trial.graph, starts, trial.count, seconds=0.0, seed=trial.seed)
    ready = time.perf_counter() - began
    earlier = [seconds for seconds in CHECKPOINTS if ready < seconds < trial.seconds]
    for seconds in (*earlier, trial.seconds):
        left = max(seconds - ready, 0.0)
        found = anneal(trial.graph, starts, trial.count, seconds=left, seed=trial.seed)
        trajectory.append((max(seconds, ready), getattr(found.count, trial.count)))
    return improvements(trajectory)


def _long_annealing(evaluations: tuple[int, int]) -> Callable[[Trial], Trajectory]:
    """Annealing from the two best rules with a fixed number of evaluations, by size."""

    def play(trial: Trial) -> Trajectory:
        number = evaluations[trial.graph.num_vertices >= LARGE]
        _, starts = _best_rules(trial)
        found = anneal(trial.graph, starts, trial.count, evaluations=number, seed=trial.seed)
        return [(found.seconds, getattr(found.count, trial.count))]

    return play


def _policy_search() -> Any:
    """The module that searches with a policy; it loads what rules and annealing do not need."""
    return importlib.import_module("elimax.models.policy_search")


def _one_order(
    trial: Trial, find: Callable[[Any, Any, ComputationalGraph], EliminationOrder]
) -> Trajectory:
    """The trajectory of a method that ends with its first order."""
    module = _policy_search()
    began = time.perf_counter()
    order = find(module, trial.policy, trial.graph)
    return [(time.perf_counter() - began, _cost(trial.graph, order, trial.count))]


def _greedy(trial: Trial) -> Trajectory:
    return _one_order(
        trial, lambda module, policy, graph: module.greedy_order(policy, graph, count=trial.count)
    )


def _best_sampled(trial: Trial) -> Trajectory:
    return _one_order(
        trial,
        lambda module, policy, graph: module.best_sampled_order(
            policy, graph, episodes=EPISODES, seed=trial.seed, count=trial.count
        ),
    )


def _searched(trial: Trial, kind: str) -> Trajectory:
    """What a method of `search_order` reaches; its result is counted again."""
    found = _policy_search().search_order(
        trial.policy,
        trial.graph,
        seconds=trial.seconds,
        seed=trial.seed,
        count=trial.count,
        method=kind,
    )
    trajectory = improvements(found.trajectory)
    counted = _cost(trial.graph, found.order, trial.count)
    if not trajectory or trajectory[-1][1] != counted:
        told = trajectory[-1][1] if trajectory else "nothing"
        raise AssertionError(
            f"search_order says that its best order costs {told}, but the interpreter counts "
            f"{counted}: this is a bug in elimax, please report it"
        )
    limit = trial.seconds
    return [(limit if limit < x <= GRACE * limit else x, cost) for x, cost in trajectory]


def _search(kind: str) -> Callable[[Trial], Trajectory]:
    """A method of `search_order` that reports every improvement."""
    return lambda trial: _searched(trial, kind)


def _policy_annealing(trial: Trial) -> Trajectory:
    """The policy's games, then annealing, stopped at each checkpoint as in `_annealing`.

    What a run with a later limit finds before an earlier checkpoint does not count there: a user
    with that much time would have chosen that limit.
    """
    trajectory: Trajectory = []
    before = 0.0
    for limit in (*(x for x in CHECKPOINTS if x < trial.seconds), trial.seconds):
        found = _searched(dataclasses.replace(trial, seconds=limit), "both")
        after = math.nextafter(before, math.inf)
        trajectory += [(max(seconds, after), cost) for seconds, cost in found]
        before = limit
    return improvements(sorted(trajectory))


METHODS: dict[str, Method] = {
    "three_rules": Method(_rules(THREE_RULES)),
    "all_rules": Method(_rules(tuple(PORTFOLIO))),
    "annealing_long": Method(_long_annealing(LONG), is_warmed_up=False, usual_seconds=4.5),
    "annealing_longest": Method(_long_annealing(LONGEST), is_warmed_up=False, usual_seconds=15.0),
    "annealing": Method(_annealing, is_timed=True, is_seeded=True),
    "policy_greedy": Method(_greedy, needs_policy=True),
    "policy_best_of_32": Method(
        _best_sampled, is_seeded=True, needs_policy=True, warm_up=_greedy, usual_seconds=1.0
    ),
    "policy": Method(_search("policy"), is_timed=True, is_seeded=True, needs_policy=True),
    "policy_annealing": Method(_policy_annealing, is_timed=True, is_seeded=True, needs_policy=True),
    "beam": Method(_search("beam"), is_timed=True, is_seeded=True, needs_policy=True),
}
"""All methods by name: the best of forward, reverse and Markowitz, and of the whole portfolio;
annealing for the best known cost, and against time; the policy's own orders; search with it."""

FULL = tuple(name for name in METHODS if name != "annealing_long")
SHORT = tuple(name for name in METHODS if name not in ("annealing_longest", "policy", "beam"))
"""The methods of the two modes of the command."""
