"""Finetuning in miniature: it finds good orders of one graph and can be resumed."""

import jax
import numpy as np
import pytest

from elimax.interpreter.errors import StructureLimitError
from elimax.interpreter.graph.counting import count_multiplications
from elimax.models.finetuning import FinetuneConfig, finetune
from elimax.models.ppo import PPOConfig
from support.model_graphs import array_graph, optimum, program, scalar_graph, tiny_policy

CONFIG = FinetuneConfig(updates=3, episodes=8, ppo=PPOConfig(epochs=1, minibatches=2))
GRAPH = program(11, num_vertices=8)


@pytest.fixture(scope="module")
def run():
    """A whole finetuning and the states that it passed."""
    states = []
    result = finetune(
        tiny_policy(),
        GRAPH,
        CONFIG,
        seed=0,
        on_update=lambda number, metrics, state: states.append((number, metrics, state)),
    )
    return result, states


def test_best_order_is_the_cheapest_and_is_counted(run):
    """It is no worse than the greedy orders and no better than brute force over all orders."""
    result, _ = run
    counts = {
        order.name: count_multiplications(GRAPH, order).all
        for order in (result.best_order, result.greedy_order, result.pretrained_greedy_order)
    }
    assert result.best_cost == counts["finetuned"] == min(counts.values())
    assert counts["finetuned_greedy"] <= counts["pretrained_greedy"]
    assert result.best_cost >= optimum(GRAPH)


def test_updates_are_reported(run):
    """Best costs never rise, eliminations add up."""
    result, states = run
    assert [number for number, _, _ in states] == [1, 2, 3]
    assert result.curve == [metrics for _, metrics, _ in states]
    best = [metrics["costs/best"] for metrics in result.curve]
    assert best == sorted(best, reverse=True)
    games = (CONFIG.updates + 1) * (CONFIG.episodes + 1)
    assert result.eliminations == games * len(GRAPH.eliminable)
    assert result.curve[0]["charts/eliminations"] == result.eliminations / 4


def test_resuming_gives_the_same_result(run):
    """Going on from the state of an update ends where the whole training ended."""
    result, states = run
    resumed = finetune(tiny_policy(), GRAPH, CONFIG, seed=0, resume=states[0][2])
    pairs = zip(jax.tree.leaves(resumed.policy), jax.tree.leaves(result.policy), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)
    assert resumed[1:] == result[1:]


def test_array_graph_in_the_other_count():
    """Graphs with shapes and the count without trivial products can be finetuned as well."""
    graph = array_graph()
    config = FinetuneConfig(updates=1, episodes=8, count="nontrivial", ppo=CONFIG.ppo)
    result = finetune(tiny_policy(), graph, config, seed=0)
    assert result.best_cost == count_multiplications(graph, result.best_order).nontrivial


def test_graph_without_a_move():
    """There is one order, and it is found."""
    graph = scalar_graph(1, 2, [(0, 2)], (2,))
    result = finetune(tiny_policy(), graph, CONFIG, seed=0)
    assert result.best_order.vertices == (1,)
    assert result.best_cost == 0


def test_too_many_structures():
    """Said before any training."""
    config = FinetuneConfig(updates=1, max_structures=3)
    with pytest.raises(StructureLimitError, match="more than 3 edge structures"):
        finetune(tiny_policy(), array_graph(), config, seed=0)
