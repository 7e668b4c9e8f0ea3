"""The policy in numpy against the policy in JAX."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.models import played_policy
from elimax.models.batches import stack_boards
from elimax.models.game import Game
from elimax.models.played_policy import encode, read_graph
from elimax.models.policy import PolicyConfig
from support.model_graphs import (
    array_graph,
    fork_graph,
    program,
    scalar_graph,
    shaken_policy,
)

SMALL = PolicyConfig(width=12, heads_per_view=2, blocks=2, expansion=2, head_width=5)
GRAPHS = {
    "scalars": program(3, 20),
    "arrays": array_graph(),
    "fork": fork_graph(),
    "one edge": scalar_graph(1, 1, [(0, 1)], (1,)),
}


@jax.jit
def padded_encoding(policy, boards) -> jax.Array:
    """The encoding of the first of some boards, [M, W]."""
    return jax.vmap(policy.encoder)(*boards)[0]


@pytest.mark.parametrize("name", GRAPHS)
def test_encodings_agree(name):
    """Edge by edge and without padding, against all pairs on a padded board."""
    start = Game(GRAPHS[name]).start
    policy = shaken_policy(1, SMALL)
    expected = padded_encoding(policy, stack_boards([start]))[: len(start.nodes)]
    found = encode(policy, start)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_slices_are_put_together(monkeypatch):
    """Attention computed a row, or five rows, at a time is that of all rows at once."""
    start = Game(GRAPHS["scalars"]).start
    policy = shaken_policy(1, SMALL)
    expected = encode(policy, start)
    for entries in (1, 5 * len(start.nodes)):
        monkeypatch.setattr(played_policy, "_SLICE", entries)
        np.testing.assert_allclose(encode(policy, start), expected, rtol=1e-5, atol=1e-6)


def test_small_values_are_normalised_alike():
    """Where the mean square is below what is added to it, lest there be a division by zero."""
    start = Game(GRAPHS["scalars"]).start
    policy = shaken_policy(1, SMALL)
    policy = eqx.tree_at(lambda p: p.encoder.embed, policy, replace_fn=scaled_by(1e-4))
    policy = eqx.tree_at(lambda p: p.encoder.blocks, policy, replace_fn=scaled_by(1e-2))
    expected = padded_encoding(policy, stack_boards([start]))[: len(start.nodes)]
    np.testing.assert_allclose(encode(policy, start), expected, rtol=1e-4, atol=1e-5)


def scaled_by(factor: float) -> Callable[[Any], Any]:
    """Multiplies all weights."""
    return lambda part: jax.tree.map(lambda weight: np.float32(factor) * weight, part)


def test_edges_may_come_in_any_order():
    """Their sums are the same, whatever the order in which they are listed."""
    start = Game(GRAPHS["arrays"]).start
    policy = shaken_policy(1, SMALL)
    shuffled = start._replace(edges=np.random.default_rng(0).permutation(start.edges))
    np.testing.assert_allclose(
        encode(policy, shuffled), encode(policy, start), rtol=1e-4, atol=1e-5
    )


def test_large_scores_do_not_overflow():
    """With queries and keys a hundred times as large, no exponential of a score fits float32."""
    start = Game(GRAPHS["scalars"]).start
    policy = shaken_policy(1, SMALL)
    for layer in ("queries", "keys"):
        policy = eqx.tree_at(
            lambda p, layer=layer: [getattr(b.attention, layer) for b in p.encoder.blocks],
            policy,
            replace_fn=scaled_by(100.0),
        )
    expected = padded_encoding(policy, stack_boards([start]))[: len(start.nodes)]
    np.testing.assert_allclose(encode(policy, start), expected, rtol=1e-3, atol=1e-2)


def test_a_graph_without_nodes():
    """There is nothing to read, and nothing that fails."""
    game = Game(ComputationalGraph(1, ((),), (), (0,), {}))
    policy = shaken_policy(1, SMALL)
    assert encode(policy, game.start).shape == (0, SMALL.width)
    assert read_graph(policy, game.start).base.shape == (0, SMALL.head_width)


def test_weights_are_read_once():
    """Heads of two games share what is known of the graph, and no space to work in."""
    ready = read_graph(shaken_policy(), Game(GRAPHS["scalars"]).start)
    first, second = ready.head(), ready.head()
    shared = {
        name
        for name in first._fields
        if np.shares_memory(getattr(first, name), getattr(second, name))
    }
    assert shared == {"base", *ready.weights}
    for name in set(first._fields) - shared:
        assert not getattr(first, name).any()


def test_weights_are_laid_out_for_compiled_code():
    """[in, out], float32 and in one piece: numba compiles for one layout only."""
    policy = shaken_policy()
    ready = read_graph(policy, Game(GRAPHS["scalars"]).start)
    for name, array in ready.weights.items():
        assert array.dtype == np.float32 and array.flags.c_contiguous, name
    assert np.array_equal(ready.weights["pooled"].T, policy.head.pooled.weight)
    assert np.array_equal(ready.weights["bias"], np.asarray(policy.head.last.bias))
    assert ready.base.flags.c_contiguous and ready.base.dtype == np.float32
