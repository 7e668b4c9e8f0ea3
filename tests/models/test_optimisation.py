"""Steps of the optimiser: against optax by hand, on one device, on two, and in two processes."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.models.optimisation import (
    MAX_GRADIENT_NORM,
    average,
    descend,
    put_everywhere,
    share_out,
    start_optimiser,
)
from support.descent import descended, free_address, read_weights, start_descent, write_weights
from support.training import drawn_lessons, same_arrays, small_policy, times_compiled


def steep_loss(weights: jax.Array, batch, factor: float) -> tuple[jax.Array, dict]:
    """A loss whose gradient is `factor` times the batch, and a metric."""
    return factor * jnp.sum(weights * batch), {"losses/sum": jnp.sum(weights)}


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_a_step_is_adam_on_clipped_gradients(factor):
    """Two steps by the formulas of Adam; a long gradient is made shorter first."""
    weights, batch = np.array([0.5, -1.0], np.float32), np.array([3.0, -4.0], np.float32)
    state = start_optimiser(jnp.asarray(weights))  # pyright: ignore[reportArgumentType]
    found, expected = jnp.asarray(weights), weights.astype(float)
    first, second = np.zeros(2), np.zeros(2)
    for step in (1, 2):
        found, state, metrics = descend(
            found,  # pyright: ignore[reportArgumentType]
            state,
            batch,
            jnp.float32(0.1),
            steep_loss,
            (factor,),
        )
        norm = 5.0 * factor
        assert metrics["losses/gradient_norm"] == pytest.approx(norm, rel=1e-5)
        assert metrics["losses/total"] == pytest.approx(factor * expected @ batch, rel=1e-4)
        assert metrics["losses/sum"] == pytest.approx(expected.sum(), rel=1e-5, abs=1e-6)
        gradient = factor * batch / max(1.0, norm / MAX_GRADIENT_NORM)
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        root = np.sqrt(second / (1 - 0.99**step))
        expected = expected - 0.1 * first / (1 - 0.9**step) / (root + 1e-6)
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-4)


def test_the_optimiser_starts_with_zeros():
    """Nothing is known of any gradient yet, and no step has been taken."""
    state = start_optimiser(small_policy())
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(state))
    assert len(jax.tree.leaves(state)) == 2 * len(jax.tree.leaves(small_policy())) + 1


def test_average_is_between_the_two():
    """So much of the old mean, and the rest of the new policy."""
    old, new = small_policy(0), small_policy(1)
    mean = average(old, new, jnp.float32(0.75))
    for a, b, c in zip(*map(jax.tree.leaves, (old, new, mean)), strict=True):
        np.testing.assert_allclose(c, 0.75 * a + 0.25 * b, atol=1e-6)


def test_sharing_out_changes_no_number():
    """What is on the devices is what was handed over."""
    batch = drawn_lessons(0)
    assert same_arrays(share_out(batch), batch)
    assert jax.tree.structure(share_out(batch)) == jax.tree.structure(batch)
    assert same_arrays(put_everywhere(small_policy()), small_policy())


def test_the_step_is_compiled_once():
    """Also the first one, before which nothing was on a mesh of devices, and after a restart."""
    descended(small_policy())
    before = times_compiled(descend)
    descended(descended(small_policy()).policy)
    assert times_compiled(descend) == before


@pytest.fixture(scope="module")
def one_device() -> list[np.ndarray]:
    """Weights and their mean after some steps in this process."""
    assert jax.device_count() == 1
    state = descended(small_policy())
    return [np.asarray(leaf) for leaf in jax.tree.leaves((state.policy, state.average))]


@pytest.fixture(scope="module")
def two_devices(tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    """The same with two devices in one process."""
    folder = tmp_path_factory.mktemp("devices")
    write_weights(folder / "weights.npz", small_policy())
    process = start_descent(folder, 0, devices=2)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return read_weights(folder / "0.npz")


def assert_close(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    """Up to the sequence in which numbers are added."""
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


def test_two_devices_learn_what_one_does(one_device, two_devices):
    """Positions are shared out, and the shares of the gradient are added up."""
    start = jax.tree.leaves(small_policy())
    moved = zip(one_device, start, strict=False)
    assert max(np.abs(a - np.asarray(b)).max() for a, b in moved) > 1e-3
    assert_close(two_devices, one_device)


@pytest.mark.slow
def test_two_processes_learn_what_two_devices_do(tmp_path: Path, two_devices):
    """Each process passes the whole batch, and computes its part of it."""
    write_weights(tmp_path / "weights.npz", small_policy())
    address = free_address()
    both = [start_descent(tmp_path, number, 1, address) for number in range(2)]
    for process in both:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
    for number in range(2):
        assert_close(read_weights(tmp_path / f"{number}.npz"), two_devices)
