"""The loss of imitation: against its formula, and where moves are forbidden."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.models import imitation
from elimax.models.batches import logits
from elimax.models.imitation import DEARNESS_WEIGHT, ImitationBatch, imitation_loss
from elimax.models.lessons import TEMPERATURE
from elimax.models.policy import FORBIDDEN
from elimax.models.training import learn, start_training
from support.training import drawn_lessons, small_policy


def dearness(regrets: np.ndarray) -> np.ndarray:
    """log(1 + regret / temperature), and 0 for what may not be chosen."""
    return np.where(np.isinf(regrets), 0.0, np.log(1.0 + regrets / TEMPERATURE))


def expected_loss(scores: np.ndarray, regrets: np.ndarray, weights: np.ndarray) -> float:
    """Weighted mean over positions of how unlikely good moves are and how dear the others."""
    probabilities = np.exp(scores - scores.max(axis=-1, keepdims=True))
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    losses = -np.log((probabilities * np.exp(-regrets / TEMPERATURE)).sum(axis=-1))
    losses += DEARNESS_WEIGHT * (probabilities * dearness(regrets)).sum(axis=-1)
    return float((weights * losses).sum() / weights.sum())


@pytest.fixture
def scored(monkeypatch) -> tuple[jax.Array, ImitationBatch]:
    """Scores that stand for a policy, and a batch with a position of one move."""
    monkeypatch.setattr(imitation, "logits", lambda scores, boards, positions: scores)
    batch = drawn_lessons(0)
    remains = np.array(batch.positions.remains)
    remains[0, 0, 1:] = False
    regrets = np.where(remains, batch.regrets, np.inf).astype(np.float32)
    regrets[0, 0, 0] = 0.0
    scores = np.random.default_rng(1).normal(size=remains.shape)
    scores = np.where(remains, scores, FORBIDDEN).astype(np.float32)
    return jnp.asarray(scores), batch._replace(regrets=regrets)


def test_formula(scored):
    """The loss and the metric, by numpy in double precision."""
    scores, batch = scored
    loss, metrics = imitation_loss(scores, batch)
    expected = expected_loss(np.asarray(scores, float), batch.regrets, batch.weights)
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    best = np.asarray(scores).argmax(axis=-1)
    regret = np.take_along_axis(batch.regrets, best[..., None], axis=-1)[..., 0]
    mean = (batch.weights * regret).sum() / batch.weights.sum()
    assert float(metrics["losses/regret"]) == pytest.approx(mean, rel=1e-5)


def test_gradient_by_hand(scored):
    """It is p(v) less the share of v among good moves, and exactly 0 for forbidden nodes.

    For the other summand it is p(v) times how much dearer v is than moves are on average.
    """
    scores, batch = scored
    gradient = np.asarray(jax.grad(imitation_loss, has_aux=True)(scores, batch)[0])
    p = np.asarray(jax.nn.softmax(scores), float)
    good = p * np.exp(-batch.regrets / TEMPERATURE)
    weights = (batch.weights / batch.weights.sum())[..., None]
    dear = dearness(batch.regrets)
    excess = dear - (p * dear).sum(axis=-1, keepdims=True)
    expected = p - good / good.sum(axis=-1, keepdims=True) + DEARNESS_WEIGHT * p * excess
    expected *= weights
    np.testing.assert_allclose(gradient, expected, atol=1e-6)
    assert np.all(gradient[np.isinf(batch.regrets)] == 0.0)
    assert np.abs(gradient).max() > 0.01


def test_a_position_of_one_move_teaches_nothing(scored):
    """Its loss is 0, and so is its gradient."""
    scores, batch = scored
    only_it = batch._replace(weights=np.array([[1, 0, 0, 0]], np.float32))
    value, gradient = jax.value_and_grad(imitation_loss, has_aux=True)(scores, only_it)
    assert abs(float(value[0])) < 1e-6 and not np.any(gradient[0])


@pytest.mark.slow
def test_a_policy_has_a_finite_gradient():
    """Infinite regrets and padding make no NaN in any weight, and the formula holds."""
    policy, batch = small_policy(), drawn_lessons(0)
    state = start_training(policy, seed=0)
    state, metrics = learn(state, [batch], imitation_loss, (), lambda number: 0.01)
    scores = np.asarray(jax.jit(logits)(policy, batch.boards, batch.positions), float)
    assert np.isinf(batch.regrets).any() and (scores == FORBIDDEN).any()
    expected = expected_loss(scores, batch.regrets, batch.weights)
    assert metrics["losses/total"] == pytest.approx(expected, rel=1e-4)
    # The norm is over all weights.
    assert 0.0 < metrics["losses/gradient_norm"] < np.inf
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.policy))


def test_descent_lowers_the_regret():
    """After some steps on one batch its most probable moves are good ones."""
    batch = drawn_lessons(3)
    state = start_training(small_policy(), seed=0)
    state, first = learn(state, [batch], imitation_loss, (), lambda _: 0.02)
    state, _ = learn(state, [batch] * 60, imitation_loss, (), lambda _: 0.02)
    state, last = learn(state, [batch], imitation_loss, (), lambda _: 0.02)
    assert last["losses/total"] < 0.5 * first["losses/total"]
    assert last["losses/regret"] < 0.5 * first["losses/regret"]
