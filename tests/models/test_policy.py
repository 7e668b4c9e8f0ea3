"""Symmetries and masks of the policy."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.models.boards import bucket_size, make_board, pad_board
from elimax.models.policy import (
    FORBIDDEN,
    Policy,
    PolicyConfig,
    make_policy,
)
from elimax.models.rollout import Observation, observe
from support.model_graphs import TINY, program, tiny_policy


@jax.jit
def score(policy: Policy, seen: Observation) -> jax.Array:
    """The logits of one position."""
    return policy(*seen)


@partial(jax.jit, static_argnames=("num_nodes", "seed"))
def observed(num_nodes: int, seed: int = 0) -> Observation:
    """The first position of a random program on a board of a given size."""
    board = jax.tree.map(jnp.asarray, pad_board(make_board(program(seed)), num_nodes, 4))
    return observe(board.rules, board.scale, board.nodes, board.start)


def test_default_size():
    """The default policy has between 30 000 and 60 000 weights."""
    policy = make_policy(PolicyConfig(), seed=0)
    weights = jax.tree.leaves(eqx.filter(policy, eqx.is_array))
    assert 30_000 < sum(array.size for array in weights) < 60_000


def test_same_seed_gives_the_same_weights():
    """And another seed gives others."""
    first, second, other = (make_policy(TINY, seed=seed) for seed in (1, 1, 2))
    leaves = [jax.tree.leaves(policy) for policy in (first, second, other)]
    assert all(map(np.array_equal, leaves[0], leaves[1]))
    assert not all(map(np.array_equal, leaves[0], leaves[2]))


def test_only_remaining_vertices_may_be_chosen():
    """All other logits are forbidden."""
    seen = observed(32)
    logits = score(tiny_policy(), seen)
    assert np.all(logits[~seen.remaining] == FORBIDDEN)
    assert np.all(logits[seen.remaining] > FORBIDDEN / 2)


@pytest.mark.parametrize("seed", range(3))
def test_padding_does_not_change_logits(seed):
    """The same position on a larger board gets the same logits."""
    small, large = observed(32, seed), observed(bucket_size(100), seed)
    policy = make_policy(PolicyConfig(), seed=seed)
    np.testing.assert_allclose(
        score(policy, small), score(policy, large)[:32], rtol=1e-4, atol=1e-5
    )


def test_logits_move_with_the_nodes():
    """Numbering the nodes differently numbers the logits differently, and nothing else."""
    seen = observed(32)
    shuffle = np.random.default_rng(0).permutation(32)
    shuffled = Observation(
        seen.features[shuffle],
        seen.adjacency[shuffle][:, shuffle],
        seen.in_play[shuffle],
        seen.remaining[shuffle],
    )
    policy = tiny_policy()
    np.testing.assert_allclose(
        score(policy, shuffled), score(policy, seen)[shuffle], rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("field", ["features", "adjacency"])
def test_neighbours_matter_and_nodes_out_of_play_do_not(field):
    """A change at one end of an edge reaches the other end; a change out of play reaches nobody."""
    seen = observed(48)
    policy = tiny_policy()
    logits = score(policy, seen)
    outside = np.flatnonzero(~seen.in_play)[-1]
    succ, pred = np.argwhere(seen.adjacency)[0]
    if field == "features":
        unseen = seen._replace(features=seen.features.at[outside].set(9.0))
        noticed = seen._replace(features=seen.features.at[pred].set(9.0))
    else:
        unseen = seen._replace(adjacency=seen.adjacency.at[outside, pred].set(False))
        noticed = seen._replace(adjacency=seen.adjacency.at[succ, pred].set(False))
    assert np.array_equal(score(policy, unseen), logits)
    assert not np.array_equal(score(policy, noticed), logits)


def test_direction_of_edges_matters():
    """Heads for predecessors and heads for successors have weights of their own."""
    seen = observed(32)
    turned = seen._replace(adjacency=seen.adjacency.T)
    assert not np.allclose(score(tiny_policy(), turned), score(tiny_policy(), seen), atol=1e-6)


def test_impossible_sizes():
    """The message has what was given and what is wanted."""
    with pytest.raises(ValueError, match=r"width=10.*multiple of 3 \* heads_per_view = 6"):
        PolicyConfig(width=10, heads_per_view=2)
    with pytest.raises(ValueError, match=r"blocks=0.*at least 1"):
        PolicyConfig(blocks=0)
