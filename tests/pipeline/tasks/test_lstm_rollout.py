"""Long short-term memory."""

import numpy as np

from elimax.pipeline.tasks.lstm_rollout import TASK
from support.task_probe import cast, count_vertices, evaluate, jacobian


def _logistic(operand: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(operand / 2.0))


def test_readouts_agree_with_numpy() -> None:
    """The readouts equal a loop in numpy over stacked gates."""
    hidden, cell, inputs, weights = cast(TASK.example_inputs())
    gates = weights[:4]
    by_input = np.concatenate([gate.input for gate in gates])
    by_hidden = np.concatenate([gate.hidden for gate in gates])
    bias = np.concatenate([gate.bias for gate in gates])
    expected = []
    for signal in inputs:
        entering, keeping, showing, candidate = np.split(
            by_input @ signal + by_hidden @ hidden + bias, 4
        )
        cell = _logistic(keeping) * cell + _logistic(entering) * np.tanh(candidate)
        hidden = _logistic(showing) * np.tanh(cell)
        expected.append(weights.readout @ hidden)
    readouts = evaluate(TASK)
    assert len(readouts) == 8
    np.testing.assert_allclose(np.array(readouts), np.array(expected), rtol=1e-12)


def test_readouts_depend_on_the_past_only() -> None:
    """The Jacobian by later inputs is zero, by earlier ones and by the state it is not."""
    for step, (by_hidden, by_cell, by_inputs) in enumerate(jacobian(TASK)):
        assert by_hidden.shape == by_cell.shape == (2, 8)
        assert np.any(by_hidden)
        assert np.any(by_cell)
        for other, block in enumerate(by_inputs):
            assert block.shape == (2, 4)
            assert bool(np.any(block)) == (other <= step)


def test_graph_size_and_arguments() -> None:
    """Weights are an argument without derivative; 26 vertices at each of eight steps."""
    assert TASK.argnums == (0, 1, 2)
    assert count_vertices(TASK) == 8 * 26
