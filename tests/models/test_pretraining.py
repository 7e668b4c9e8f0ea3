"""Pretraining in miniature: reproducible, resumable, and it keeps the best."""

import dataclasses
import itertools

import jax
import numpy as np
import pytest

from elimax.models.boards import make_board
from elimax.models.policy import make_policy
from elimax.models.ppo import PPOConfig
from elimax.models.pretraining import (
    Curriculum,
    PretrainConfig,
    greedy_ratio,
    pretrain,
    validation_boards,
)
from support.model_graphs import TINY, array_graph, program

CONFIG = PretrainConfig(
    updates=4,
    programs_per_update=2,
    episodes=4,
    min_vertices=5,
    max_vertices=6,
    validation_programs=2,
    validation_every=2,
    policy=TINY,
    ppo=PPOConfig(epochs=1, minibatches=2),
)


@pytest.fixture(scope="module")
def run():
    """A whole pretraining and the states that it passed."""
    states = []
    result = pretrain(CONFIG, {}, seed=0, on_update=lambda n, metrics, state: states.append(state))
    return result, states


def test_every_update_is_reported(run):
    """The curve has one entry an update; validation takes place when it is due."""
    result, states = run
    assert [state.update for state in states] == [1, 2, 3, 4]
    assert list(states[-1].curve) == result.curve
    assert ["validation/ratio" in metrics for metrics in result.curve] == [False, True, False, True]
    assert result.metrics["eliminations"] == states[-1].eliminations
    assert result.curve[-1]["charts/eliminations"] == states[-1].eliminations
    assert {
        "losses/policy",
        "losses/entropy",
        "losses/approx_kl",
        "losses/clipfrac",
        "returns/mean",
        "returns/best",
    } <= result.curve[0].keys()


def test_best_policy_by_validation_is_kept(run):
    """What is returned has the lowest ratio of all validations."""
    result, states = run
    ratios = [metrics["validation/ratio"] for metrics in result.curve[1::2]]
    assert result.metrics["validation/best_ratio"] == min(ratios)
    assert greedy_ratio(result.policy, validation_boards(CONFIG, (), seed=0)) == min(ratios)
    best = states[1] if ratios[0] <= ratios[1] else states[3]
    assert same_arrays(result.policy, best.average)


def test_average_follows_the_policies(run):
    """Its first value is mostly the first policy; later it moves by a small share."""
    _, states = run
    for update, (before, after) in enumerate(itertools.pairwise(states), start=2):
        share = update / (update + 9)
        expected = jax.tree.map(
            lambda old, new, share=share: share * old + (1 - share) * new,
            before.average,
            after.policy,
        )
        pairs = zip(jax.tree.leaves(after.average), jax.tree.leaves(expected), strict=True)
        assert all(np.allclose(a, b, atol=1e-6) for a, b in pairs)


@pytest.mark.parametrize("stop", [1, 2])
def test_resuming_gives_the_same_bytes(run, stop):
    """Going on from the state of an update ends where the whole training ended."""
    result, states = run
    resumed = pretrain(CONFIG, {}, seed=0, resume=states[stop - 1])
    assert same_arrays(resumed.policy, result.policy)
    assert (resumed.curve, resumed.metrics) == (result.curve, result.metrics)


def test_training_programs_are_new_and_never_validate():
    """Every update has other boards, the same ones when asked again."""
    config = CONFIG
    boards = [Curriculum(config, {}, seed=0).boards(update) for update in (0, 0, 1)]
    edges = [np.asarray(b.start.edges).tobytes() for b in boards]
    assert edges[0] == edges[1] != edges[2]
    (validation,) = validation_boards(config, (), seed=0)
    assert np.asarray(validation.start.edges).tobytes() not in edges


@pytest.mark.slow
def test_given_graphs_weigh_as_much_as_random_programs():
    """The ratio is the mean of two group means, however many boards are in a group."""
    task, policy = make_board(array_graph()), make_policy(TINY, seed=0)
    programs, tasks = validation_boards(CONFIG, [task, task, task], seed=0)
    assert len(tasks.scale.classic) == 3
    groups = [greedy_ratio(policy, [programs]), greedy_ratio(policy, [tasks])]
    assert groups[0] != groups[1]
    assert greedy_ratio(policy, [programs, tasks]) == pytest.approx(sum(groups) / 2)


def test_given_graphs_are_played_in_their_share():
    """With a share of one all boards are given graphs; large ones are left out."""
    graphs = {"array": array_graph(), "large": program(0, num_vertices=40)}
    config = dataclasses.replace(CONFIG, task_share=1.0, max_task_vertices=20)
    curriculum = Curriculum(config, graphs, seed=0)
    classics = {float(c) for update in range(4) for c in curriculum.boards(update).scale.classic}
    assert classics == {float(make_board(array_graph()).scale.classic)}


def test_validation_ratio_is_relative_to_the_best_classic_order():
    """An untrained policy is about as good as the classic orders, not far off."""
    ratio = greedy_ratio(make_policy(TINY, seed=0), validation_boards(CONFIG, (), seed=0))
    assert 0.5 < ratio < 3.0


def same_arrays(first, second) -> bool:
    """Whether two trees hold the same numbers."""
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)
