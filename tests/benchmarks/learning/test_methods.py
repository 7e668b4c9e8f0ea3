"""The methods: what each of them finds, when, and what it asks the policy for."""

import dataclasses
import math
import types
from typing import Any

import pytest

from benchmarks.learning import methods
from benchmarks.learning.methods import FULL, METHODS, SHORT, Trial, cost_at, improvements
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.orders import best_classic, forward_order, reverse_order
from support.model_graphs import tiny_policy
from support.traced_tasks import task_graph

GRAPH = task_graph("kerr_metric")
FORWARD, REVERSE = (
    count_multiplications(GRAPH, order(GRAPH)).all for order in (forward_order, reverse_order)
)


def trial(**fields: Any) -> Trial:
    """A trial on kerr_metric, whose best rule is neither forward nor reverse."""
    return dataclasses.replace(Trial(GRAPH, "all", 0, 0.2, "policy"), **fields)


class FakeSearch(types.ModuleType):
    """Stands for the module that searches with a policy; remembers what it is asked for."""

    def __init__(self, **functions: Any) -> None:
        super().__init__("fake")
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        for name, result in functions.items():
            setattr(self, name, self._function(name, result))

    def _function(self, name: str, result: Any) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            self.asked.append((name, args, options))
            return result

        return call


def fake(monkeypatch: pytest.MonkeyPatch, **functions: Any) -> FakeSearch:
    """Puts a fake in place of the real module."""
    module = FakeSearch(**functions)
    monkeypatch.setattr(methods, "_policy_search", lambda: module)
    return module


def test_improvements_fall() -> None:
    """What is no better than before is left out."""
    assert improvements([(0.1, 9), (0.2, 9), (0.3, 7), (0.4, 8)]) == [(0.1, 9), (0.3, 7)]
    assert improvements([]) == []


def test_cost_at_a_time() -> None:
    """That of the last improvement by then, its own moment included; nothing before the first."""
    trajectory = [(0.1, 9), (0.3, 7)]
    assert [cost_at(trajectory, t) for t in (0.1, 0.2, 0.3, 60)] == [9, 9, 7, 7]
    assert math.isnan(cost_at(trajectory, 0.05))


def test_rules_reach_their_minimum() -> None:
    """The three that everybody knows, and the whole portfolio; times ascend."""
    three = METHODS["three_rules"].play(trial())
    markowitz = 212  # As the table of the results in README.md has it.
    assert three[-1][1] == min(FORWARD, REVERSE, markowitz)
    every = METHODS["all_rules"].play(trial())
    assert every[-1][1] == count_multiplications(GRAPH, best_classic(GRAPH)).all == 172
    assert every[0][1] == FORWARD
    assert [when for when, _ in every] == sorted(when for when, _ in every)


@pytest.mark.parametrize("count", ["all", "nontrivial"])
def test_rules_save_what_is_counted(count: Any) -> None:
    """The count of the trial."""
    found = METHODS["all_rules"].play(trial(count=count))
    best = count_multiplications(GRAPH, best_classic(GRAPH, count))
    assert found[-1][1] == getattr(best, count)


def test_annealing_begins_with_the_rules_and_keeps_to_the_checkpoints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their time is part of its own, so what is left for it is less than the checkpoint."""
    asked: list[tuple[float, int, list[str]]] = []

    def anneal(graph: Any, starts: Any, count: Any, *, seconds: float, seed: int) -> Any:
        asked.append((seconds, seed, [order.name for order in starts]))
        cost = 172 - (seconds > 0.05) * 5 - (seconds > 0.5) * 3 - (seconds > 5) * 2
        return types.SimpleNamespace(count=types.SimpleNamespace(all=cost))

    monkeypatch.setattr(methods, "anneal", anneal)
    # A clock that stands still but for the rules, which take 0.02 s.
    ticks = iter([0.0, 0.0, *[0.0] * 23, 0.01, 0.02])
    monkeypatch.setattr(methods.time, "perf_counter", lambda: next(ticks))
    found = METHODS["annealing"].play(trial(seconds=10.0, seed=5))
    assert [seconds for seconds, *_ in asked] == pytest.approx([0.0, 0.08, 0.98, 9.98])
    assert {seed for _, seed, _ in asked} == {5}
    assert {len(starts) for *_, starts in asked} == {2}
    assert found[-3:] == [(0.1, 167), (1.0, 164), (10.0, 162)]
    assert found[-4][1] == 172


def test_annealing_really_anneals() -> None:
    """It ends below the best rule, within its time; without any, it is the best rule."""
    METHODS["annealing"].play(trial(seconds=0.0))  # compiles
    assert METHODS["annealing"].play(trial(seconds=0.0))[-1][1] == 172
    found = METHODS["annealing"].play(trial(seconds=2.0))
    assert found[-1][1] < 172 and found[-1][0] <= 2.0


def test_long_annealing_by_the_size_of_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """More evaluations for large graphs, from the two best rules; its own clock counts."""
    asked: list[int] = []

    def anneal(graph: Any, starts: Any, count: Any, *, evaluations: int, seed: int) -> Any:
        asked.append(evaluations)
        return types.SimpleNamespace(seconds=1.5, count=types.SimpleNamespace(all=160))

    monkeypatch.setattr(methods, "anneal", anneal)
    long, longest = METHODS["annealing_long"].play, METHODS["annealing_longest"].play
    assert long(trial()) == longest(trial()) == [(1.5, 160)]
    monkeypatch.setattr(methods, "LARGE", GRAPH.num_vertices)
    long(trial())
    longest(trial())
    assert asked == [1_000_000, 3_000_000, 3_000_000, 10_000_000]


@pytest.mark.parametrize(
    ("method", "function", "options"),
    [
        ("policy_greedy", "greedy_order", {"count": "all"}),
        ("policy_best_of_32", "best_sampled_order", {"episodes": 32, "seed": 4, "count": "all"}),
    ],
)
def test_orders_of_the_policy_are_counted(
    method: str, function: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the interpreter; the policy gets the graph, the seed and the count of the trial."""
    module = fake(monkeypatch, **{function: reverse_order(GRAPH)})
    ((seconds, cost),) = METHODS[method].play(trial(seed=4))
    assert cost == REVERSE and seconds >= 0
    assert module.asked == [(function, ("policy", GRAPH), options)]


@pytest.mark.parametrize(("method", "kind"), [("policy", "policy"), ("beam", "beam")])
def test_searches_tell_what_they_reach(
    method: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Improvements as the search tells them."""
    costs = [(0.01, 999), (0.02, 999), (0.1, REVERSE)]
    result = types.SimpleNamespace(order=reverse_order(GRAPH), trajectory=costs)
    module = fake(monkeypatch, search_order=result)
    assert METHODS[method].play(trial(seed=7)) == [(0.01, 999), (0.1, REVERSE)]
    ((_, args, options),) = module.asked
    assert args == ("policy", GRAPH)
    assert options == {"seconds": 0.2, "seed": 7, "count": "all", "method": kind}


def test_a_search_may_end_a_little_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a tenth of its limit, which then counts; what comes later has its own time."""
    for late, told in ((0.219, 0.2), (0.221, 0.221)):
        costs = [(0.01, 999), (late, REVERSE)]
        fake(
            monkeypatch,
            search_order=types.SimpleNamespace(order=reverse_order(GRAPH), trajectory=costs),
        )
        assert METHODS["policy"].play(trial())[-1] == (told, REVERSE)


def test_policy_and_annealing_are_stopped_at_the_checkpoints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The annealing tells its last order only; a longer run does not count at earlier times."""
    costs = {FORWARD: forward_order(GRAPH), REVERSE: reverse_order(GRAPH), 172: best_classic(GRAPH)}
    reached = {0.1: [(0.02, 999), (0.105, REVERSE)], 1.0: [(0.05, REVERSE), (1.01, FORWARD)]}
    reached[10.0] = [(0.5, 172)]
    asked: list[dict[str, Any]] = []

    def search(policy: Any, graph: Any, **options: Any) -> Any:
        assert (policy, graph) == ("policy", GRAPH)
        asked.append(options)
        trajectory = reached[options["seconds"]]
        return types.SimpleNamespace(order=costs[trajectory[-1][1]], trajectory=trajectory)

    module = types.SimpleNamespace(search_order=search)
    monkeypatch.setattr(methods, "_policy_search", lambda: module)
    assert REVERSE > FORWARD > 172
    found = METHODS["policy_annealing"].play(trial(seconds=10.0, seed=3))
    assert [cost_at(found, t) for t in (0.05, 0.1, 0.9, 1.0, 1.01)] == [
        999, REVERSE, REVERSE, FORWARD, 172,
    ]  # fmt: skip
    assert [options["seconds"] for options in asked] == [0.1, 1.0, 10.0]
    assert {options["seed"] for options in asked} == {3}
    assert {options["method"] for options in asked} == {"both"}


@pytest.mark.parametrize("told", [[], [(0.1, REVERSE - 1)]])
def test_a_search_whose_cost_is_wrong(
    told: list[tuple[float, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No result is better than a wrong one."""
    result = types.SimpleNamespace(order=reverse_order(GRAPH), trajectory=told)
    fake(monkeypatch, search_order=result)
    with pytest.raises(AssertionError, match=f"the interpreter counts {REVERSE}: this is a bug"):
        METHODS["policy"].play(trial())


def test_who_needs_what() -> None:
    """Rules and annealing run without a policy; what draws numbers has seeds."""
    without = {name for name, method in METHODS.items() if not method.needs_policy}
    annealings = {"annealing", "annealing_long", "annealing_longest"}
    assert without == {"three_rules", "all_rules", *annealings}
    timed = {name for name, method in METHODS.items() if method.is_timed}
    assert timed == {"annealing", "policy", "policy_annealing", "beam"}
    seeded = {name for name, method in METHODS.items() if method.is_seeded}
    assert seeded == timed | {"policy_best_of_32"}


def test_modes() -> None:
    """One long annealing each; only the full one searches with the policy alone."""
    assert set(METHODS) - set(FULL) == {"annealing_long"}
    assert set(METHODS) - set(SHORT) == {"annealing_longest", "policy", "beam"}


@pytest.mark.parametrize(
    "method",
    ["policy_greedy", "policy_best_of_32", "policy", "policy_annealing", "beam"],
)
def test_a_real_policy_plays(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the real functions; their orders are counted again."""
    monkeypatch.setattr(methods, "EPISODES", 2)
    found = METHODS[method].play(trial(policy=tiny_policy(), seconds=0.05))
    assert found and all(cost > 100 for _, cost in found)
