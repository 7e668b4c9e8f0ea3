"""Perceptron with layer normalisation."""

import numpy as np

from elimax.pipeline.tasks.mlp import TASK
from support.published import published_graph
from support.task_probe import cast, differing_vertices, evaluate, jacobian, list_task


def _loss(inputs: tuple[np.ndarray, ...]) -> float:
    """Computes the loss in plain numpy, the softmax by its logarithm."""
    features, labels, w1, b1, w2, b2, scale, shift = inputs
    hidden = np.tanh(w1 @ features[0] + b1)
    normalised = scale * (hidden - hidden.mean()) / np.sqrt(hidden.var() + 1e-6) + shift
    logits = np.tanh(w2 @ normalised + b2)
    return float(labels[0] @ (np.log(np.exp(logits).sum()) - logits))


def test_loss_agrees_with_numpy() -> None:
    """The loss equals an independent formula in double precision, also off the defaults."""
    inputs = cast(TASK.example_inputs())
    loss = evaluate(TASK)
    assert loss.shape == (1,)
    np.testing.assert_allclose(loss[0], _loss(inputs), rtol=1e-12)
    scaled = (*inputs[:6], np.array(1.7), np.array(-0.4))
    np.testing.assert_allclose(evaluate(TASK, scaled)[0], _loss(scaled), rtol=1e-12)


def test_derivative_by_output_bias_is_softmax_less_labels() -> None:
    """Through tanh, the derivative by b2 is (p - y)(1 - tanh^2)."""
    features, labels, w1, b1, w2, b2, scale, shift = cast(TASK.example_inputs())
    hidden = np.tanh(w1 @ features[0] + b1)
    normalised = scale * (hidden - hidden.mean()) / np.sqrt(hidden.var() + 1e-6) + shift
    logits = np.tanh(w2 @ normalised + b2)
    probabilities = np.exp(logits) / np.exp(logits).sum()
    expected = (probabilities - labels[0]) * (1.0 - logits**2)
    np.testing.assert_allclose(jacobian(TASK)[5][0], expected, rtol=1e-10)


def test_graph_is_the_published_one_but_for_two_copies() -> None:
    """All 39 vertices agree but scale and shift, copied here and converted there."""
    ours, published = list_task(TASK), published_graph("Perceptron")
    assert ours["inputs"] == published["inputs"]
    assert ours["outputs"] == published["outputs"]
    different = differing_vertices(ours, published)
    assert sorted(different) == [19, 21]
    for mine, theirs in different.values():
        assert mine == {**theirs, "op": "copy"}
        assert theirs["op"] == "convert_element_type"


def test_graph_size() -> None:
    """The graph has 39 vertices."""
    assert len(list_task(TASK)["vertices"]) == 39
