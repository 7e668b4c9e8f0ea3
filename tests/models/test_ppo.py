"""Advantages and the loss of PPO by hand, and a policy that finds the best order with it."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.models import ppo
from elimax.models.game import Game
from elimax.models.played_policy import read_graph
from elimax.models.ppo import PPOBatch, PPOConfig, advantages, ppo_loss
from elimax.models.rollouts import ppo_batches
from elimax.models.training import learn, start_training
from support.model_graphs import optimum
from support.training import FAST, all_played, drawn_positions, small_policy, small_program

CONFIG = PPOConfig(clip=0.2, entropy=0.01, imitation=0.5)


def test_advantages_by_hand():
    """Two games: costs 1, 3 and 5, 1, so costs-to-go 4, 3 and 6, 1; the mean is 5, 2."""
    costs = np.array([[1.0, 3.0], [5.0, 1.0]])
    expected = np.array([[1.0, -1.0], [-1.0, 1.0]], np.float32)
    assert advantages(costs).dtype == np.float32
    np.testing.assert_allclose(advantages(costs), expected, atol=1e-6)
    np.testing.assert_allclose(advantages(100 * costs), expected, atol=1e-6)


def test_the_best_game_weighs_more():
    """Its row alone is multiplied, after the division by the spread."""
    costs = np.array([[1.0, 3.0], [5.0, 1.0], [2.0, 1.0]])
    expected = advantages(costs) * np.array([[1.0], [1.0], [3.0]], np.float32)
    np.testing.assert_allclose(advantages(costs, 3.0), expected, rtol=1e-6)


def test_advantages_of_three_games():
    """Against a loop over moves."""
    costs = np.random.default_rng(0).integers(0, 9, (3, 5)).astype(float)
    to_go = np.array([[row[t:].sum() for t in range(5)] for row in costs])
    raw = to_go.mean(axis=0) - to_go
    np.testing.assert_allclose(advantages(costs), raw / np.sqrt((raw**2).mean()), rtol=1e-5)


def test_advantages_of_equal_games_are_zero():
    """No difference, nothing to learn, and no division by zero."""
    assert not advantages(np.ones((4, 3)), 2.0).any()
    assert not advantages(np.zeros((2, 3))).any()


@pytest.fixture
def scored(monkeypatch) -> tuple[jax.Array, PPOBatch]:
    """Scores that stand for a policy, and a batch: ratios on both sides, two moves imitated."""
    monkeypatch.setattr(ppo, "logits", lambda scores, boards, positions: scores)
    rng = np.random.default_rng(0)
    boards, positions = drawn_positions(0, games=2, positions=5)
    scores = rng.normal(size=(2, 5, 7)).astype(np.float32)
    nodes = rng.integers(7, size=(2, 5)).astype(np.int32)
    chosen = np.take_along_axis(np.asarray(log_softmax(scores)), nodes[..., None], axis=-1)[..., 0]
    # Of these ratios all but the second and fourth are clipped.
    ratios = np.array([[0.5, 0.9, 1.5, 1.1, 0.5], [1.5, 0.7, 2.0, 1.0, 1.0]])
    gains = np.array([[1.0, 2.0, 1.0, -1.0, -2.0], [-1.5, -1.0, 1.0, 5.0, 7.0]], np.float32)
    imitated = np.zeros((2, 5), np.float32)
    imitated[1, 3:] = 1.0
    weights = rng.uniform(0.5, 2.0, (2, 5)).astype(np.float32)
    before = (chosen - np.log(ratios)).astype(np.float32)
    batch = PPOBatch(boards, positions, nodes, before, gains, imitated, weights)
    return jnp.asarray(scores), batch


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """In double precision."""
    scores = scores.astype(float)
    return scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))


def test_loss_by_hand(scored):
    """Clipped gains, entropy, imitation, and the metrics, each a weighted mean."""
    scores, batch = scored
    loss, metrics = ppo_loss(scores, batch, CONFIG)  # pyright: ignore[reportArgumentType]
    logs = log_softmax(np.asarray(scores))
    played = batch.imitated == 0
    sums = {"gain": 0.0, "entropy": 0.0, "kl": 0.0, "clipped": 0.0, "imitation": 0.0}
    for g, t in np.ndindex(played.shape):
        weight, log = batch.weights[g, t], logs[g, t]
        if not played[g, t]:
            sums["imitation"] -= weight * log[batch.nodes[g, t]]
            continue
        ratio = np.exp(log[batch.nodes[g, t]] - batch.log_probabilities[g, t])
        gain = batch.advantages[g, t]
        bound = min(ratio, 1.2) if gain > 0 else max(ratio, 0.8)
        sums["gain"] += weight * bound * gain
        sums["entropy"] -= weight * (np.exp(log) * log).sum()
        sums["kl"] += weight * (ratio - 1.0 - np.log(ratio))
        sums["clipped"] += weight * (abs(ratio - 1.0) > 0.2)
    total, imitated = batch.weights[played].sum(), batch.weights[~played].sum()
    expected = {
        "losses/policy": -sums["gain"] / total,
        "losses/entropy": sums["entropy"] / total,
        "losses/approx_kl": sums["kl"] / total,
        "losses/clipfrac": sums["clipped"] / total,
        "losses/imitation": sums["imitation"] / imitated,
    }
    assert {name: float(x) for name, x in metrics.items()} == pytest.approx(expected, rel=1e-5)
    whole = expected["losses/policy"] - 0.01 * expected["losses/entropy"]
    assert float(loss) == pytest.approx(whole + 0.5 * expected["losses/imitation"], rel=1e-5)


def test_gradient_where_it_is_clipped(scored):
    """None where the ratio has gone far enough; elsewhere that of the ratio. Imitation always."""
    scores, batch = scored
    config = dataclasses.replace(CONFIG, entropy=0.0)
    gradient = np.asarray(jax.grad(ppo_loss, has_aux=True)(scores, batch, config)[0])
    is_moved = np.abs(gradient).max(axis=-1) > 1e-6
    # Ratio 1.5 with an advantage above 0 and 0.5 or 0.7 with one below: far enough.
    assert is_moved.tolist() == [
        [True, True, False, True, False],
        [True, False, False, True, True],
    ]
    signs = np.sign(np.take_along_axis(gradient, batch.nodes[..., None], axis=-1)[..., 0])
    # Down the gradient, a good move and an imitated one become more probable.
    assert signs[is_moved].tolist() == [-1, -1, 1, 1, -1, -1]


def test_nothing_imitated(scored):
    """Its mean over no position is 0, not NaN, and so with nothing but imitation."""
    scores, batch = scored
    for share in (0.0, 1.0):
        whole = batch._replace(imitated=np.full_like(batch.imitated, share))
        loss, metrics = ppo_loss(scores, whole, CONFIG)  # pyright: ignore[reportArgumentType]
        assert np.isfinite(float(loss))
        name = "losses/policy" if share else "losses/imitation"
        assert metrics[name] == 0.0


def test_first_step_has_ratio_one():
    """The policy that learns is the one that played: nothing is clipped, no divergence yet."""
    policy, game = small_policy(), Game(small_program(3, 16))
    played = all_played(policy, [game], episodes=6, temperature=1.0, seed=(0,))
    batches = ppo_batches([game], played, [None], FAST, np.random.default_rng(0))
    _, metrics = learn(
        start_training(policy, seed=0), batches, ppo_loss, (FAST,), lambda number: 0.0
    )
    assert metrics["losses/clipfrac"] == 0
    assert abs(metrics["losses/approx_kl"]) < 1e-6
    mean = np.mean([batch.advantages.mean() for batch in batches])
    assert metrics["losses/policy"] == pytest.approx(-mean, abs=1e-4)


@pytest.mark.parametrize("seed", [7, 12, 29])
def test_the_best_order_of_a_tiny_graph_is_learnt(seed):
    """The greedy game of a policy that knew nothing becomes the best of all orders.

    At most one order in eight is as good, and the mean game ends near it.
    """
    game, policy = Game(small_program(seed, 10)), small_policy()
    best = optimum(game.graph)
    assert game.play(read_graph(policy, game.start)).costs.sum() > best
    state = start_training(policy, seed=0)
    for update in range(12):
        played = all_played(state.policy, [game], episodes=12, temperature=1.0, seed=(update,))
        batches = ppo_batches([game], played, [None], FAST, np.random.default_rng(update))
        state, _ = learn(state, batches, ppo_loss, (FAST,), lambda _: 0.02)
    assert game.play(read_graph(state.policy, game.start)).costs.sum() == best
    (played,) = all_played(state.policy, [game], episodes=12, temperature=1.0, seed=(99,))
    assert np.mean([one.costs.sum() for one in played]) < 1.1 * best
