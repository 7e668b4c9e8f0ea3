"""Advantages by hand, gradients in pieces, and a policy that learns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.errors import ElimaxError
from elimax.models import ppo
from elimax.models.boards import make_board, stack_boards
from elimax.models.errors import TrainingDivergedError
from elimax.models.ppo import (
    PPOConfig,
    advantages,
    check_losses,
    learn,
    make_optimiser,
)
from elimax.models.rollout import join_moves, play
from support.model_graphs import program, tiny_policy


def games(policy, *, seed: int = 0):
    """Sampled games of two programs, with observations."""
    boards = stack_boards([make_board(program(0)), make_board(program(1))])
    key = jax.random.key(seed)
    return play(policy, boards, sampled=8, key=key, keep_observations=True)


def test_advantages_by_hand():
    """Two games of one graph: costs 1, 3 and 5, 1; costs-to-go 4, 3 and 6, 1."""
    cost = jnp.asarray([[[1.0, 5.0]], [[3.0, 1.0]], [[0.0, 0.0]]])
    is_played = jnp.asarray([[[True, True]], [[True, True]], [[False, False]]])
    raw = np.asarray([[[1.0, -1.0]], [[-1.0, 1.0]], [[0.0, 0.0]]])
    np.testing.assert_allclose(advantages(cost, is_played), raw, atol=1e-6)
    np.testing.assert_allclose(advantages(100 * cost, is_played), raw, atol=1e-6)


def test_advantages_of_equal_games_are_zero():
    """No difference, nothing to learn, and no division by zero."""
    cost, is_played = jnp.ones((4, 2, 3)), jnp.ones((4, 2, 3), bool)
    assert np.array_equal(advantages(cost, is_played), np.zeros((4, 2, 3)))


def test_graphs_do_not_share_a_baseline():
    """An expensive graph does not make the games of a cheap one look good."""
    cost = jnp.asarray([[[1.0, 3.0], [1000.0, 1000.0]]])
    values = advantages(cost, jnp.ones((1, 2, 2), bool))
    np.testing.assert_allclose(values, [[[1.0, -1.0], [0.0, 0.0]]], atol=1e-6)


def test_minibatches_cover_every_state_once():
    """Also where the states do not divide evenly."""
    examples = ppo._examples(games(tiny_policy()))
    batches = ppo._draw_minibatches(examples, 5, key=jax.random.key(0))
    rows = np.concatenate([np.ravel(part) for (part,) in batches])
    states = len(examples[0].node)
    assert sorted(rows[rows >= 0].tolist()) == list(range(states))
    assert len({part.shape for (part,) in batches}) == 1


def test_gradient_in_chunks_is_the_gradient_of_the_sum():
    """Chunk by chunk it is the same as over all states at once."""
    policy = tiny_policy()
    (examples,) = ppo._examples(games(policy))
    ((rows,),) = ppo._draw_minibatches([examples], 1, key=jax.random.key(0))
    sums, gradient = ppo._gradient(policy, examples, rows, 0.2, 0.01)
    whole, whole_sums = jax.jit(jax.grad(ppo._loss, has_aux=True))(policy, examples, 0.2, 0.01)
    np.testing.assert_allclose(sums, whole_sums, rtol=1e-4, atol=1e-3)
    for part, expected in zip(jax.tree.leaves(gradient), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-3, atol=1e-3)


def test_first_step_has_ratio_one():
    """The policy that learns is the one that played: nothing is clipped, no divergence yet."""
    policy = tiny_policy()
    (examples,) = ppo._examples(games(policy))
    _, sums = jax.jit(ppo._loss)(policy, examples, 0.2, 0.0)
    assert sums.clipped == 0
    assert int(sums.states) == int(np.sum(examples.is_played))
    assert abs(sums.approx_kl / sums.states) < 1e-5


def test_learning_makes_games_cheaper():
    """After some updates on two programs the mean cost falls."""
    config = PPOConfig(epochs=2, minibatches=2, learning_rate=0.01, final_learning_rate=0.01)
    policy, optimiser = tiny_policy(), make_optimiser(config, 12)
    with jax.numpy_dtype_promotion("standard"):
        state = optimiser.init(policy)
    costs = []
    for update in range(12):
        segments = games(policy, seed=update)
        costs.append(float(join_moves(segments).cost.sum(0).mean()))
        policy, state, losses = learn(
            policy, state, optimiser, segments, config, key=jax.random.key(update)
        )
    assert set(losses) == {
        "losses/policy",
        "losses/entropy",
        "losses/approx_kl",
        "losses/clipfrac",
    }
    assert np.mean(costs[-3:]) < 0.9 * np.mean(costs[:3])


def test_learning_rate_falls_over_the_whole_training():
    """The last step is taken with the final learning rate."""
    config = PPOConfig(epochs=1, minibatches=2, learning_rate=0.1, final_learning_rate=0.0)
    optimiser = make_optimiser(config, 1)
    weight, gradient = jnp.zeros(1), jnp.ones(1)
    steps = []
    with jax.numpy_dtype_promotion("standard"):
        state = optimiser.init(weight)
        for _ in range(3):
            change, state = optimiser.update(gradient, state, weight)
            steps.append(float(change[0]))
    assert steps == pytest.approx([-0.1, -0.05, 0.0], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_losses_that_are_no_numbers(value):
    """The message has the update, the loss and what to do."""
    check_losses(3, {"losses/policy": 0.5})
    with pytest.raises(
        TrainingDivergedError, match=rf"update 3 gave losses/policy = {value}.*lower learning_rate"
    ):
        check_losses(3, {"losses/policy": value})
    assert issubclass(TrainingDivergedError, ElimaxError)
