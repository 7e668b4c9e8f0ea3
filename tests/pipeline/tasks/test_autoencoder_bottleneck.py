"""Autoencoder with a waist."""

import numpy as np

from elimax.pipeline.tasks.autoencoder_bottleneck import TASK
from support.task_probe import cast, count_vertices, evaluate, jacobian


def test_reconstruction_agrees_with_numpy() -> None:
    """The output equals the chain of matrices and tanh, the last layer linear."""
    image, layers = cast(TASK.example_inputs())
    expected = image
    for index, (weight, bias) in enumerate(layers):
        expected = weight.dot(expected) + bias
        if index < 3:
            expected = np.tanh(expected)
    output = evaluate(TASK)
    assert output.shape == (784,)
    np.testing.assert_allclose(output, expected, rtol=1e-10, atol=1e-12)


def test_jacobian_has_the_rank_of_the_waist() -> None:
    """784 rows and columns, but only eight directions."""
    (block,) = jacobian(TASK)
    assert block.shape == (784, 784)
    values = np.linalg.svd(block, compute_uv=False)
    assert values[7] > 1e-3 * values[0]
    assert values[8] < 1e-12 * values[0]


def test_layers_have_the_widths_of_the_name() -> None:
    """Weights are arguments without derivative, of widths 784-256-8-256-784."""
    assert TASK.argnums == (0,)
    _, layers = TASK.example_inputs()
    shapes = [(256, 784), (8, 256), (256, 8), (784, 256)]
    assert [weight.shape for weight, _ in layers] == shapes


def test_graph_size() -> None:
    """Product, bias and tanh of four layers, but no last tanh: 11 vertices."""
    assert count_vertices(TASK) == 11
