"""What the policy sees, by hand and across graphs."""

import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.tracing.call import trace
from elimax.models.boards import make_board
from elimax.models.features import FEATURES, fill_in, node_features
from elimax.models.game import Board
from support.model_graphs import array_graph, program, scalar_graph


def features_of(board: Board) -> dict[str, np.ndarray]:
    """The features of a board's first position, by name."""
    values = node_features(board.rules, board.scale, board.nodes, board.start)
    return dict(zip(FEATURES, np.asarray(values).T, strict=True))


def diamond_board() -> Board:
    """Inputs 0 and 1; 0 -> 2, 1 -> 2, 2 -> 3, 2 -> 4, 0 -> 4, 3 -> 5, 4 -> 5; output 5."""
    edges = [(0, 2), (1, 2), (2, 3), (2, 4), (0, 4), (3, 5), (4, 5)]
    return make_board(scalar_graph(2, 4, edges, (5,)))


def test_features_by_hand():
    """Every feature of node 2, which has two predecessors and two successors."""
    features = {name: values[2] for name, values in features_of(diamond_board()).items()}
    cheapest = np.log1p(1.0)
    assert features == pytest.approx(
        {
            "log(1 + in-degree)": np.log1p(2),
            "log(1 + out-degree)": np.log1p(2),
            "log(1 + cost)": np.log1p(4),
            "log(1 + fill-in)": np.log1p(3),
            "log(1 + cost) minus its minimum over what remains": np.log1p(4) - cheapest,
            "remains to be eliminated": 1.0,
            "depth": 1 / 3,
            "height": 2 / 3,
            "is an input": 0.0,
            "is an output": 0.0,
            "share of the vertices that remains": 1.0,
        },
        abs=1e-6,
    )


def test_inputs_and_outputs_are_flagged():
    """Nodes 0 and 1 are inputs, node 5 the output, the rest is padding."""
    features = features_of(diamond_board())
    assert np.flatnonzero(features["is an input"]).tolist() == [0, 1]
    assert np.flatnonzero(features["is an output"]).tolist() == [5]
    assert np.flatnonzero(features["remains to be eliminated"]).tolist() == [2, 3, 4]


@pytest.mark.parametrize("seed", range(3))
def test_fill_in_counts_missing_edges(seed):
    """Compared with counting pairs of neighbours that are not joined."""
    adjacency = np.tril(np.random.default_rng(seed).random((12, 12)) < 0.3, -1)
    expected = [
        sum(
            not adjacency[s, p]
            for s in np.flatnonzero(adjacency[:, v])
            for p in np.flatnonzero(adjacency[v])
        )
        for v in range(12)
    ]
    assert fill_in(jnp.asarray(adjacency, jnp.float32)).tolist() == expected


def test_scalars_and_arrays_of_one_form_look_the_same():
    """A function mapped over 7 elements has 7 times the costs and the same features."""

    def function(x, y):
        product = jnp.sin(x) * y
        return jnp.exp(product) * product + x

    scalar = make_board(trace(function, jnp.ones(()), jnp.ones(()), argnums=(0, 1)))
    batched = make_board(trace(function, jnp.ones(7), jnp.ones(7), argnums=(0, 1)))
    assert batched.scale.classic == 7 * scalar.scale.classic
    for name, values in features_of(scalar).items():
        np.testing.assert_allclose(features_of(batched)[name], values, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("graph", [program(2), array_graph()])
def test_features_are_finite_and_moderate(graph):
    """Nothing that the policy reads is far from the unit scale."""
    board = make_board(graph)
    for state in (board.start, board.start._replace(remaining=np.zeros_like(board.nodes.is_input))):
        values = node_features(board.rules, board.scale, board.nodes, state)
        assert np.all(np.abs(values) < 20.0)
