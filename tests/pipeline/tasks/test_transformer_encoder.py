"""Encoder with two attention blocks."""

import numpy as np

from elimax.pipeline.tasks.transformer_encoder import TASK
from support.published import published_graph
from support.task_probe import cast, differing_vertices, evaluate, list_task


def _softmax(operand: np.ndarray) -> np.ndarray:
    return np.exp(operand) / np.exp(operand).sum(axis=1, keepdims=True)


def _block(
    operand: np.ndarray,
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
) -> np.ndarray:
    """Attention with its residual, then the normalisation."""
    scores = np.einsum("di,dj->ij", query @ operand, key @ operand)
    summed = operand + _softmax(scores) @ (value @ operand)
    mean = summed.mean(axis=1)
    # As published: row statistics, the deviation around them laid along the columns.
    deviation = np.sqrt(((summed - mean) ** 2).mean(axis=1) + 1e-6)
    return scale * (summed - mean) / deviation + shift


def _losses(inputs: tuple[np.ndarray, ...]) -> np.ndarray:
    """Computes the losses in plain numpy."""
    x, labels, q1, q2, k1, k2, v1, v2, w1, w2, b1, b2, scale1, shift1, scale2, shift2 = inputs
    hidden = w1 @ _block(x, q1, k1, v1, scale1, shift1) + b1
    hidden = hidden / (1.0 + np.exp(-hidden))
    output = w2 @ _block(hidden, q2, k2, v2, scale2, shift2) + b2
    output = output / (1.0 + np.exp(-output))
    return -(labels * np.log(_softmax(output))).sum(axis=1)


def test_losses_agree_with_numpy() -> None:
    """The losses equal an independent formula in double precision, also off the defaults."""
    inputs = cast(TASK.example_inputs())
    losses = evaluate(TASK)
    assert losses.shape == (2,)
    np.testing.assert_allclose(losses, _losses(inputs), rtol=1e-12)
    scaled = (*inputs[:12], *(np.array(value) for value in (1.5, 0.3, 0.7, -0.2)))
    np.testing.assert_allclose(evaluate(TASK, scaled), _losses(scaled), rtol=1e-12)


def test_labels_are_distributions() -> None:
    """Each row of the labels of the example names one column."""
    np.testing.assert_array_equal(TASK.example_inputs()[1].sum(axis=1), [1.0, 1.0])


def test_graph_is_the_published_one_but_for_four_copies() -> None:
    """All 91 vertices agree but scales and shifts, copied here and converted there."""
    ours, published = list_task(TASK), published_graph("Encoder")
    assert ours["inputs"] == published["inputs"]
    assert ours["outputs"] == published["outputs"]
    different = differing_vertices(ours, published)
    assert sorted(different) == [29, 31, 69, 71]
    for mine, theirs in different.values():
        assert mine == {**theirs, "op": "copy"}
        assert theirs["op"] == "convert_element_type"


def test_graph_size() -> None:
    """The graph has 91 vertices."""
    assert len(list_task(TASK)["vertices"]) == 91
