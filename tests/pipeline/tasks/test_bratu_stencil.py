"""Bratu problem."""

import numpy as np

from elimax.pipeline.tasks.bratu_stencil import TASK
from support.task_probe import cast, count_vertices, evaluate, jacobian


def test_residual_agrees_with_loops() -> None:
    """The residual equals the stencil written point by point."""
    temperature, heating = cast(TASK.example_inputs())
    count = 12
    spacing = 1.0 / (count + 1)
    expected = np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            total = 4.0 * temperature[i, j]
            for k, m in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                if 0 <= k < count and 0 <= m < count:
                    total -= temperature[k, m]
            expected[i, j] = total - spacing**2 * heating * np.exp(temperature[i, j])
    np.testing.assert_allclose(evaluate(TASK), expected, rtol=1e-12, atol=1e-14)


def test_jacobian_is_the_five_point_matrix() -> None:
    """Neighbours have -1, the diagonal 4 - h^2 lambda exp(u), everything else is zero."""
    temperature, heating = cast(TASK.example_inputs())
    (block,) = jacobian(TASK)
    matrix = block.reshape(144, 144)
    assert np.count_nonzero(matrix) == 144 + 4 * 12 * 11
    diagonal = 4.0 - heating * np.exp(temperature.ravel()) / 13**2
    np.testing.assert_allclose(np.diag(matrix), diagonal, rtol=1e-12)
    off_diagonal = matrix - np.diag(np.diag(matrix))
    assert set(np.unique(off_diagonal)) == {-1.0, 0.0}
    np.testing.assert_array_equal(matrix, matrix.T)


def test_graph_size_and_arguments() -> None:
    """Lambda is an argument without derivative; the graph has 14 vertices."""
    assert TASK.argnums == (0,)
    assert count_vertices(TASK) == 14
