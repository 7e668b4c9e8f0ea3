"""Planar arm."""

import numpy as np

from elimax.pipeline.tasks.planar_arm_20 import TASK
from support.task_probe import cast, count_vertices, evaluate, jacobian


def _links() -> np.ndarray:
    """Returns the links as complex numbers."""
    return 0.1 * np.exp(1j * np.cumsum(cast(TASK.example_inputs())))


def test_hand_is_the_sum_of_complex_links() -> None:
    """Position and direction equal a sum of complex exponentials."""
    hand = _links().sum()
    direction = np.sum(cast(TASK.example_inputs()))
    np.testing.assert_allclose(evaluate(TASK), [hand.real, hand.imag, direction], atol=1e-14)


def test_jacobian_is_that_of_rotations_about_the_joints() -> None:
    """Each joint turns the links behind it: the derivative is i times their sum."""
    tails = 1j * np.cumsum(_links()[::-1])[::-1]
    blocks = np.array(jacobian(TASK))
    assert blocks.shape == (3, 20)
    np.testing.assert_allclose(blocks[0], tails.real, atol=1e-14)
    np.testing.assert_allclose(blocks[1], tails.imag, atol=1e-14)
    np.testing.assert_array_equal(blocks[2], np.ones(20))


def test_graph_size() -> None:
    """Four vertices at the first joint and seven at each of the other 19."""
    assert count_vertices(TASK) == 4 + 7 * 19
