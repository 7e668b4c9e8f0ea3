"""Symmetries and masks of the policy; its numbers are compared in test_game, test_played_policy."""

from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
import pytest

from elimax.models.batches import Boards, logits, stack_boards, stack_positions
from elimax.models.features import LOCAL
from elimax.models.game import Game
from elimax.models.policy import FORBIDDEN, Policy, PolicyConfig, make_policy
from elimax.models.positions import Positions
from support.model_graphs import TINY, program, shaken_policy, tiny_policy

SIZE = 32
SCORE = jax.jit(logits)


class Seen(NamedTuple):
    """One position of one game, padded to 32 nodes."""

    boards: Boards
    positions: Positions


def seen(seed: int = 0) -> Seen:
    """A position in the middle of a game of a random program."""
    game = Game(program(seed, 16))
    nodes = game.moves(game.graph.eliminable)
    return Seen(stack_boards([game.start]), stack_positions([(game, nodes, [2])], SIZE))


def score(policy: Policy, position: Seen) -> np.ndarray:
    """The logits, [M]."""
    return np.asarray(SCORE(policy, *position)[0, 0])


def test_default_size():
    """The default policy has between 100 000 and 200 000 weights."""
    policy = jax.eval_shape(lambda: make_policy(PolicyConfig(), seed=0))
    assert 100_000 < sum(weights.size for weights in jax.tree.leaves(policy)) < 200_000


def test_same_seed_gives_the_same_weights():
    """And another seed gives others."""
    first, second, other = (make_policy(TINY, seed=seed) for seed in (1, 1, 2))
    leaves = [jax.tree.leaves(policy) for policy in (first, second, other)]
    assert all(map(np.array_equal, leaves[0], leaves[1]))
    assert not all(map(np.array_equal, leaves[0], leaves[2]))


def test_layers_have_weights_of_their_own():
    """No two weights of one shape are equal: every layer has a key of its own."""
    weights = [
        array.tobytes()
        for array in map(np.asarray, jax.tree.leaves(make_policy(TINY, seed=1)))
        if array.ndim == 2
    ]
    assert len(set(weights)) == len(weights) > 10


def test_untrained_scores_are_almost_equal():
    """The first games explore: no vertex is ten times as probable as another."""
    for seed in range(3):
        position = seen(seed)
        scores = score(tiny_policy(seed), position)[position.positions.remains[0, 0]]
        assert 0.0 < np.ptp(scores) < np.log(10)


def test_only_remaining_vertices_may_be_chosen():
    """All other logits are forbidden: inputs, outputs, what is eliminated, padding."""
    position = seen()
    scores, remains = score(shaken_policy(), position), position.positions.remains[0, 0]
    assert 0 < remains.sum() < position.boards.present.sum()
    assert np.all(scores[~remains] == FORBIDDEN)
    assert np.all(scores[remains] > FORBIDDEN / 2)


@pytest.mark.parametrize("seed", range(3))
def test_padding_does_not_change_logits(seed):
    """The same position, padded to more nodes and to more structures, gets the same logits."""
    position = seen(seed)
    boards, positions = position

    def padded(array: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
        return np.pad(array, [(0, 16 * (axis in axes)) for axis in range(array.ndim)])

    larger = Seen(
        Boards(
            padded(boards.features, (1,)),
            padded(boards.structure, (1, 2)),
            padded(boards.table, (1,)),
            padded(boards.present, (1,)),
        ),
        Positions(
            padded(positions.local, (2,)),
            padded(positions.adjacency, (2, 3)),
            padded(positions.remains, (2,)),
            positions.position,
        ),
    )
    policy = shaken_policy(seed)
    found, expected = score(policy, larger), score(policy, position)
    np.testing.assert_allclose(found[:SIZE], expected, rtol=1e-4, atol=1e-5)
    assert np.all(found[SIZE:] == FORBIDDEN)


def test_what_is_written_into_padding_is_not_seen():
    """Features of nodes that are not there reach nobody."""
    position = seen()
    padding = ~position.boards.present[0]
    position.boards.features[0, padding] = 5.0
    position.positions.local[0, 0, padding] = 5.0
    np.testing.assert_allclose(
        score(shaken_policy(), position), score(shaken_policy(), seen()), rtol=1e-5
    )


def test_logits_move_with_the_nodes():
    """Numbering the nodes differently numbers the logits differently, and nothing else."""
    boards, positions = seen()
    shuffle = np.random.default_rng(0).permutation(SIZE)
    shuffled = Seen(
        Boards(
            boards.features[:, shuffle],
            boards.structure[:, shuffle][:, :, shuffle],
            boards.table,
            boards.present[:, shuffle],
        ),
        Positions(
            positions.local[:, :, shuffle],
            positions.adjacency[:, :, shuffle][:, :, :, shuffle],
            positions.remains[:, :, shuffle],
            positions.position,
        ),
    )
    policy = shaken_policy()
    expected = score(policy, Seen(boards, positions))[shuffle]
    np.testing.assert_allclose(score(policy, shuffled), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("part", ["edges", "structures", "position", "local", "adjacency"])
def test_everything_that_is_shown_matters(part):
    """A change of what the encoder or the head sees changes logits."""
    position = seen()
    boards, positions = position
    if part == "edges":
        boards.structure[:] = 0
    elif part == "structures":
        boards.table[:] = np.random.default_rng(0).normal(size=boards.table.shape)
        boards.structure[boards.structure > 0] = np.arange(1, 1 + np.sum(boards.structure > 0))
    elif part == "position":
        positions.position[:] += 1.0
    elif part == "local":
        positions.local[..., -len(LOCAL)] += 1.0
    else:
        positions.adjacency[:] = False
    changed, before = score(shaken_policy(), position), score(shaken_policy(), seen())
    assert not np.allclose(changed, before, atol=1e-3)


@pytest.mark.parametrize("part", ["structure", "adjacency"])
def test_direction_of_edges_matters(part):
    """Predecessors and successors have weights of their own, in the encoder and in the head."""
    position = seen()
    array = getattr(position.boards if part == "structure" else position.positions, part)
    array[:] = np.swapaxes(array.copy(), -1, -2)
    turned, before = score(shaken_policy(), position), score(shaken_policy(), seen())
    assert not np.allclose(turned, before, atol=1e-3)


def test_a_node_without_neighbours_hears_nothing_of_them():
    """Attention without keys gives zeros, not means of everything."""
    policy = shaken_policy()
    attention = policy.encoder.blocks[0].attention
    rng = np.random.default_rng(0)
    nodes = rng.normal(size=(3, TINY.width)).astype(np.float32)
    table = np.zeros((2, 8), np.float32)
    everywhere = np.ones(3, bool)
    without = np.zeros((3, 3), np.int32)
    # With zeros in place of what everybody tells everybody, only neighbours are left.
    alone = eqx.tree_at(
        lambda a: a.values.weight, attention, attention.values.weight.at[4:].set(0.0)
    )
    attend = jax.jit(lambda *args: alone(*args))
    assert not np.any(attend(nodes, without, table, everywhere))
    with_edge = without.copy()
    with_edge[1, 0] = 1
    heard = attend(nodes, with_edge, table, everywhere)
    assert np.flatnonzero(np.any(heard, axis=1)).tolist() == [0, 1]


def test_impossible_sizes():
    """The message has what was given and what is wanted."""
    with pytest.raises(ValueError, match=r"width=10.*multiple of 3 \* heads_per_view = 6"):
        PolicyConfig(width=10, heads_per_view=2)
