"""What both trainings share: steps down a loss, the running mean, losses that are no numbers."""

import dataclasses
import math

import jax
import numpy as np
import pytest

from elimax.interpreter.errors import ElimaxError
from elimax.models.errors import TrainingDivergedError
from elimax.models.imitation import imitation_loss
from elimax.models.optimisation import start_optimiser
from elimax.models.training import AVERAGING, check_losses, cosine, learn, start_training
from support.training import drawn_lessons, same_arrays, small_policy


def start():
    """A training that has not begun."""
    return start_training(small_policy(), seed=3)


def imitate(state, *seeds: int, rate=lambda number: 0.01):
    """Steps of imitation, one for each batch."""
    return learn(state, map(drawn_lessons, seeds), imitation_loss, (), rate)


def test_before_the_first_update():
    """Nothing is done, and all policies are the one that was given."""
    state = start()
    assert (state.seed, state.update, state.step) == (3, 0, 0)
    assert (state.eliminations, state.evaluations) == (0, 0)
    assert state.best_value == math.inf
    assert (state.lessons, state.orders, state.curve) == ((), {}, ())
    for policy in (state.policy, state.average, state.best_policy):
        assert same_arrays(policy, small_policy())
    assert same_arrays(state.optimiser, start_optimiser(small_policy()))


def test_metrics_are_means_over_the_batches():
    """Batch by batch, each with the policy that the ones before have made."""
    state, means = imitate(start(), 0, 1, 2)
    assert set(means) == {"losses/total", "losses/gradient_norm", "losses/regret"}
    one, rows = start(), []
    for seed in range(3):
        one, row = imitate(one, seed)
        rows.append(row)
    for name, value in means.items():
        assert value == pytest.approx(np.mean([row[name] for row in rows]), rel=1e-6), name
    assert same_arrays((state.policy, state.optimiser), (one.policy, one.optimiser))
    assert same_arrays(state.average, one.average)
    assert state.step == one.step == 3


def test_other_parts_of_the_state_stay():
    """An update is counted by the training that knows when it is over."""
    state, _ = imitate(start(), 0)
    assert (state.update, state.curve, state.best_value) == (0, (), math.inf)
    assert same_arrays(state.best_policy, small_policy())
    assert not same_arrays(state.policy, small_policy())


def test_the_mean_follows_the_policies():
    """At first mostly the newest policy; its share falls to what is left of `AVERAGING`."""
    state = start()
    for step in (1, 2, 3):
        before = state.average
        state, _ = imitate(state, step)
        share = min(AVERAGING, step / (step + 9))
        leaves = map(jax.tree.leaves, (before, state.policy, state.average))
        for old, new, mean in zip(*leaves, strict=True):
            np.testing.assert_allclose(mean, share * old + (1 - share) * new, atol=1e-6)


def test_the_share_of_the_old_mean_is_bounded(monkeypatch):
    """After thousands of steps it is `AVERAGING`, not almost 1."""
    shares = []
    monkeypatch.setattr(
        "elimax.models.training.average",
        lambda mean, policy, share: shares.append(float(share)) or mean,
    )
    imitate(dataclasses.replace(start(), step=1_000_000), 0)
    imitate(dataclasses.replace(start(), step=90), 0)
    assert shares == pytest.approx([AVERAGING, 91 / 100])


def test_step_sizes_go_by_the_number_of_the_batch():
    """With step size 0 nothing moves; the first step of Adam moves by about the step size."""
    still, _ = imitate(start(), 0, 1, rate=lambda number: 0.0)
    assert same_arrays(still.policy, small_policy())
    asked = []
    state, _ = imitate(start(), 0, 1, rate=lambda number: asked.append(number) or 0.02 * number)
    assert asked == [0, 1]
    pairs = zip(jax.tree.leaves(state.policy), jax.tree.leaves(small_policy()), strict=True)
    assert 0.001 < max(np.abs(a - b).max() for a, b in pairs) < 0.05


def test_no_batches():
    """Nothing is learnt, and there is nothing to tell."""
    state, metrics = learn(start(), [], imitation_loss, (), lambda number: 0.1)
    assert metrics == {} and state.step == 0
    assert same_arrays(state.policy, small_policy())


def test_a_loss_that_is_not_a_number():
    """The batch is to blame or the step size: the training stops before the state is touched."""
    lessons = drawn_lessons(0)
    broken = lessons._replace(weights=np.full_like(lessons.weights, np.nan))
    with pytest.raises(TrainingDivergedError, match=r"update 1 gave .*losses/total = nan"):
        learn(start(), [lessons, broken], imitation_loss, (), lambda number: 0.1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_losses_that_are_no_numbers(value):
    """The message has the update, the loss and what to do; good losses are not named."""
    check_losses(3, {"losses/policy": 0.5})
    check_losses(3, {})
    with pytest.raises(TrainingDivergedError) as caught:
        check_losses(3, {"losses/entropy": 0.5, "losses/policy": value, "losses/total": value})
    assert str(caught.value) == (
        f"update 3 gave losses/policy = {value}, losses/total = {value}, but losses must be "
        "finite: lower the learning rate or try another seed; the checkpoint of an earlier "
        "update is still good"
    )
    assert issubclass(TrainingDivergedError, ElimaxError)


def test_cosine():
    """From the first value to the last one, slowly at both ends, and then it stays."""
    values = [cosine(1.0, 0.2, progress) for progress in (0.0, 0.25, 0.5, 0.75, 1.0, 7.0)]
    expected = [0.2 + 0.4 * (1 + math.cos(math.pi * x)) for x in (0, 0.25, 0.5, 0.75, 1, 1)]
    assert values == pytest.approx(expected)
    assert values[0] == 1.0 and values[-1] == pytest.approx(0.2)
