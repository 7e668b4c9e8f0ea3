"""The policy: a small transformer over the nodes of the graph, of any size.

Every block has heads of three views: heads that see a node's predecessors, heads that see its
successors, and heads that see all nodes in play. Messages so travel both ways along the edges of
the *current* graph, and no weight depends on the number of nodes.

An attention weight depends on the node that is looked at and not on the one that looks, as in the
Attention Free Transformer (Zhai et al., arXiv 2105.14103); the one that looks gates what it gets.
The masked softmax is then two products with the adjacency matrix instead of N x N exponentials,
which makes an update 2 to 3 times as fast on a CPU, and a node's degree already reaches the policy
as a feature.
"""

import dataclasses
from functools import partial
from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp

from elimax.models.features import FEATURES
from elimax.models.ranges import Range

NUM_VIEWS = 3

# Logit of a node that must not be chosen; finite, so that its gradient is zero and not NaN.
FORBIDDEN = -1e9


@dataclasses.dataclass(frozen=True)
class PolicyConfig:
    """Size of a policy.

    Attributes:
        width: Length of a node's embedding; a multiple of `3 * heads_per_view`.
        heads_per_view: Attention heads for each of the three views.
        blocks: Transformer blocks, that is, how many edges far a node sees.
        expansion: Hidden width of a block's MLP, as a multiple of `width`.
    """

    width: Annotated[int, Range(1, 8192)] = 48
    heads_per_view: Annotated[int, Range(1, 256)] = 2
    blocks: Annotated[int, Range(1, 256)] = 3
    expansion: Annotated[int, Range(1, 64)] = 2

    def __post_init__(self) -> None:
        heads = NUM_VIEWS * self.heads_per_view
        if min(dataclasses.astuple(self)) < 1 or self.width % heads:
            raise ValueError(
                f"cannot build a policy of {self}: all sizes must be at least 1, and width a "
                f"multiple of {NUM_VIEWS} * heads_per_view = {heads}"
            )


class Attention(eqx.Module):
    """Attention of all nodes, with heads for predecessors, for successors and for everything."""

    values: eqx.nn.Linear
    scores: eqx.nn.Linear
    gates: eqx.nn.Linear
    output: eqx.nn.Linear
    heads_per_view: int = eqx.field(static=True)

    def __init__(self, config: PolicyConfig, *, key: jax.Array) -> None:
        value_key, score_key, gate_key, output_key = jax.random.split(key, 4)
        width, heads = config.width, NUM_VIEWS * config.heads_per_view
        self.values = eqx.nn.Linear(width, width, use_bias=False, key=value_key)
        self.scores = eqx.nn.Linear(width, heads, use_bias=False, key=score_key)
        self.gates = eqx.nn.Linear(width, width, key=gate_key)
        self.output = eqx.nn.Linear(width, width, use_bias=False, key=output_key)
        self.heads_per_view = config.heads_per_view

    def __call__(self, nodes: jax.Array, adjacency: jax.Array, in_play: jax.Array) -> jax.Array:
        """Gathers what every node sees.

        Args:
            nodes: float32[N, width].
            adjacency: float32[N, N], 1 where the edge [successor, predecessor] exists.
            in_play: float32[N], 1 for nodes that the heads for everything see.

        Returns:
            float32[N, width].
        """
        size, width = nodes.shape
        # Scores are bounded, so their exponentials need no maximum subtracted.
        weights = jnp.exp(4.0 * jnp.tanh(jax.vmap(self.scores)(nodes)))[:, :, None]
        values = jax.vmap(self.values)(nodes).reshape(size, weights.shape[1], -1)
        # The last entry of a head sums its weights.
        weighted = jnp.concatenate([weights * values, weights], axis=2)
        before, after, everywhere = jnp.split(weighted, NUM_VIEWS, axis=1)
        flat = (size, -1)
        seen = [
            (adjacency @ before.reshape(flat)).reshape(before.shape),
            (adjacency.T @ after.reshape(flat)).reshape(after.shape),
            jnp.broadcast_to(jnp.einsum("n,nhd->hd", in_play, everywhere), everywhere.shape),
        ]
        gathered = jnp.concatenate(seen, axis=1)
        means = gathered[:, :, :-1] / (gathered[:, :, -1:] + 1e-6)
        gates = jax.nn.sigmoid(jax.vmap(self.gates)(nodes))
        return jax.vmap(self.output)(gates * means.reshape(size, width))


class Block(eqx.Module):
    """Attention and an MLP, each normalised before and added to its input."""

    attention_norm: eqx.nn.RMSNorm
    attention: Attention
    mlp_norm: eqx.nn.RMSNorm
    widen: eqx.nn.Linear
    narrow: eqx.nn.Linear

    def __init__(self, config: PolicyConfig, *, key: jax.Array) -> None:
        attention_key, widen_key, narrow_key = jax.random.split(key, 3)
        width, hidden = config.width, config.expansion * config.width
        self.attention_norm = eqx.nn.RMSNorm(width)
        self.attention = Attention(config, key=attention_key)
        self.mlp_norm = eqx.nn.RMSNorm(width)
        self.widen = eqx.nn.Linear(width, hidden, key=widen_key)
        self.narrow = eqx.nn.Linear(hidden, width, key=narrow_key)

    def __call__(self, nodes: jax.Array, adjacency: jax.Array, in_play: jax.Array) -> jax.Array:
        """Updates all nodes, float32[N, width]; arguments as for `Attention`."""
        normed = jax.vmap(self.attention_norm)(nodes)
        nodes = nodes + self.attention(normed, adjacency, in_play)
        hidden = jax.nn.relu(jax.vmap(self.widen)(jax.vmap(self.mlp_norm)(nodes)))
        return nodes + jax.vmap(self.narrow)(hidden)


class Policy(eqx.Module):
    """Scores every vertex: the higher, the sooner it should be eliminated."""

    embed: eqx.nn.Linear
    blocks: tuple[Block, ...]
    norm: eqx.nn.RMSNorm
    head: eqx.nn.Linear
    config: PolicyConfig = eqx.field(static=True)

    def __init__(self, config: PolicyConfig, *, key: jax.Array) -> None:
        embed_key, blocks_key, head_key = jax.random.split(key, 3)
        self.embed = eqx.nn.Linear(len(FEATURES), config.width, key=embed_key)
        self.blocks = tuple(
            Block(config, key=block_key)
            for block_key in jax.random.split(blocks_key, config.blocks)
        )
        self.norm = eqx.nn.RMSNorm(config.width)
        head = eqx.nn.Linear(config.width, 1, use_bias=False, key=head_key)
        # Almost equal scores at first: the untrained policy explores.
        self.head = eqx.tree_at(lambda h: h.weight, head, 0.01 * head.weight)
        self.config = config

    def __call__(
        self, features: jax.Array, adjacency: jax.Array, in_play: jax.Array, remaining: jax.Array
    ) -> jax.Array:
        """Scores the nodes of one position.

        Args:
            features: float32[N, F] of `features.node_features`.
            adjacency: bool[N, N], where the edge [successor, predecessor] exists.
            in_play: bool[N], inputs, outputs and remaining vertices.
            remaining: bool[N], vertices that may be chosen.

        Returns:
            float32[N] logits; `FORBIDDEN` for nodes that may not be chosen.
        """
        nodes = jax.vmap(self.embed)(features)
        edges, seen = adjacency.astype(nodes.dtype), in_play.astype(nodes.dtype)
        for block in self.blocks:
            nodes = block(nodes, edges, seen)
        scores = jax.vmap(self.head)(jax.vmap(self.norm)(nodes))[:, 0]
        return jnp.where(remaining, scores, FORBIDDEN)


def make_policy(config: PolicyConfig, *, seed: int) -> Policy:
    """Draws an untrained policy.

    Args:
        config: Its size.
        seed: Seed of the weights.

    Returns:
        The policy.
    """
    return _draw(config, jax.random.key(seed))


@partial(jax.jit, static_argnames="config")
def _draw(config: PolicyConfig, key: jax.Array) -> Policy:
    """Compiled whole, which is faster than weight by weight."""
    return Policy(config, key=key)
