"""The policy: a transformer that reads a graph once, and a small head that plays from its encoding.

The *encoder* sees the first position. Every block has attention heads of three views: heads that
see a node's predecessors, heads that see its successors, and heads that see all nodes, so messages
travel both ways along the edges. Along edges, a linear function of the features of the edge
Jacobian's structure is added to the score.

The *head* scores the remaining vertices at every move, from the encoding and from the present local
features. A vertex hears the mean of its predecessors and the mean of its successors, once. What is
known about the position as a whole enters only in the last layer: a move changes it for every
vertex, but then all that must be recomputed for every vertex is one addition and one product per
unit. `compiled_game` computes the same incrementally, from what a move has changed.

No weight depends on the number of nodes. Letters: N nodes, W width of the encoder, H of the head.
"""

import dataclasses
from functools import partial
from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp

from elimax.models.features import LOCAL, POSITION, START, STRUCTURE
from elimax.models.ranges import Range

NUM_VIEWS = 3

FORBIDDEN = -1e9
"""Logit of a node that must not be chosen; finite, so that its gradient is zero and not NaN."""


@dataclasses.dataclass(frozen=True)
class PolicyConfig:
    """Size of a policy.

    Attributes:
        width: W, length of a node's encoding; a multiple of `3 * heads_per_view`.
        heads_per_view: Attention heads for each of the three views.
        blocks: Number of transformer blocks, which is how many edges far a node sees.
        expansion: Hidden width of a block's MLP, as a multiple of `width`.
        head_width: H, width of the head.
    """

    width: Annotated[int, Range(1, 8192)] = 72
    heads_per_view: Annotated[int, Range(1, 256)] = 2
    blocks: Annotated[int, Range(0, 256)] = 3
    expansion: Annotated[int, Range(1, 64)] = 2
    head_width: Annotated[int, Range(1, 8192)] = 64

    def __post_init__(self) -> None:
        heads = NUM_VIEWS * self.heads_per_view
        if self.width % heads:
            raise ValueError(
                f"cannot build a policy of {self}: width must be a multiple of {NUM_VIEWS} * "
                f"heads_per_view = {heads}"
            )


class Attention(eqx.Module):
    """Attention of all nodes, with heads for predecessors, for successors and for everything."""

    queries: eqx.nn.Linear
    keys: eqx.nn.Linear
    values: eqx.nn.Linear
    edges: eqx.nn.Linear
    output: eqx.nn.Linear
    heads_per_view: int = eqx.field(static=True)

    def __init__(self, config: PolicyConfig, *, key: jax.Array) -> None:
        query_key, key_key, value_key, edge_key, output_key = jax.random.split(key, 5)
        width = config.width
        self.queries = eqx.nn.Linear(width, width, use_bias=False, key=query_key)
        self.keys = eqx.nn.Linear(width, width, use_bias=False, key=key_key)
        self.values = eqx.nn.Linear(width, width, use_bias=False, key=value_key)
        self.edges = eqx.nn.Linear(
            len(STRUCTURE), (NUM_VIEWS - 1) * config.heads_per_view, use_bias=False, key=edge_key
        )
        self.output = eqx.nn.Linear(width, width, use_bias=False, key=output_key)
        self.heads_per_view = config.heads_per_view

    def __call__(
        self, nodes: jax.Array, structure: jax.Array, table: jax.Array, present: jax.Array
    ) -> jax.Array:
        """Computes what every node gathers from the nodes that it sees.

        Args:
            nodes: float32[N, W].
            structure: int32[N, N], row of `table` of the edge [successor, predecessor], 0 if none.
            table: float32[S + 1, number of `STRUCTURE`].
            present: bool[N], which nodes are there.

        Returns:
            float32[N, W].
        """
        size, width = nodes.shape
        per_head = (size, NUM_VIEWS * self.heads_per_view, -1)
        queries, keys, values = (
            jax.vmap(layer)(nodes).reshape(per_head)
            for layer in (self.queries, self.keys, self.values)
        )
        scores = jnp.einsum("nhd,mhd->hnm", queries, keys) / jnp.sqrt(queries.shape[-1])
        is_edge = structure > 0
        everywhere = jnp.broadcast_to(present, is_edge.shape)
        bias = jax.vmap(self.edges)(table)[structure]
        before, after = jnp.split(jnp.moveaxis(bias, -1, 0), NUM_VIEWS - 1)
        bias = [before, after.transpose(0, 2, 1), jnp.zeros_like(before)]
        seen = jnp.stack([is_edge, is_edge.T, everywhere])
        seen = jnp.repeat(seen, self.heads_per_view, axis=0)
        scores = jnp.where(seen, scores + jnp.concatenate(bias), FORBIDDEN)
        # A node without predecessors, or without successors, sees nothing there.
        weights = jnp.where(seen, jax.nn.softmax(scores, axis=-1), 0.0)
        gathered = jnp.einsum("hnm,mhd->nhd", weights, values)
        return jax.vmap(self.output)(gathered.reshape(size, width))


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

    def __call__(
        self, nodes: jax.Array, structure: jax.Array, table: jax.Array, present: jax.Array
    ) -> jax.Array:
        """Updates all nodes, float32[N, W]; arguments as for `Attention`."""
        normed = jax.vmap(self.attention_norm)(nodes)
        nodes = nodes + self.attention(normed, structure, table, present)
        hidden = jax.nn.relu(jax.vmap(self.widen)(jax.vmap(self.mlp_norm)(nodes)))
        return nodes + jax.vmap(self.narrow)(hidden)


class Encoder(eqx.Module):
    """Reads the first position of a game."""

    embed: eqx.nn.Linear
    blocks: tuple[Block, ...]
    norm: eqx.nn.RMSNorm

    def __init__(self, config: PolicyConfig, *, key: jax.Array) -> None:
        embed_key, blocks_key = jax.random.split(key)
        self.embed = eqx.nn.Linear(len(START) + len(LOCAL), config.width, key=embed_key)
        keys = jax.random.split(blocks_key, config.blocks)
        self.blocks = tuple(Block(config, key=block_key) for block_key in keys)
        self.norm = eqx.nn.RMSNorm(config.width)

    def __call__(
        self, features: jax.Array, structure: jax.Array, table: jax.Array, present: jax.Array
    ) -> jax.Array:
        """Encodes all nodes.

        Args:
            features: float32[N, F], start features and local features.
            structure: int32[N, N], row of `table` of the edge [successor, predecessor], 0 if none.
            table: float32[S + 1, number of `STRUCTURE`].
            present: bool[N], which nodes are there; the others are padding.

        Returns:
            float32[N, W].
        """
        nodes = jax.vmap(self.embed)(features)
        for block in self.blocks:
            nodes = block(nodes, structure, table, present)
        return jax.vmap(self.norm)(nodes)


class Head(eqx.Module):
    """Scores the vertices that remain."""

    base: eqx.nn.Linear
    local: eqx.nn.Linear
    preds: eqx.nn.Linear
    succs: eqx.nn.Linear
    last: eqx.nn.Linear
    last_local: eqx.nn.Linear
    pooled: eqx.nn.Linear
    score: eqx.nn.Linear

    def __init__(self, config: PolicyConfig, *, key: jax.Array) -> None:
        keys = iter(jax.random.split(key, 8))
        width = config.head_width

        def linear(size: int, use_bias: bool = False) -> eqx.nn.Linear:
            return eqx.nn.Linear(size, width, use_bias=use_bias, key=next(keys))

        self.base = linear(config.width, use_bias=True)
        self.local = linear(len(LOCAL))
        self.preds, self.succs = linear(width), linear(width)
        self.last = linear(width, use_bias=True)
        self.last_local = linear(len(LOCAL))
        self.pooled = linear(2 * width + len(POSITION))
        score = eqx.nn.Linear(width, 1, use_bias=False, key=next(keys))
        # Scores start almost equal, so that the untrained policy explores.
        self.score = eqx.tree_at(lambda layer: layer.weight, score, 0.1 * score.weight)

    def __call__(
        self,
        encoding: jax.Array,
        local: jax.Array,
        adjacency: jax.Array,
        remains: jax.Array,
        position: jax.Array,
    ) -> jax.Array:
        """Scores the vertices of one position.

        Args:
            encoding: float32[N, W].
            local: float32[N, F].
            adjacency: bool[N, N], edges [successor, predecessor] between vertices that remain.
            remains: bool[N].
            position: float32[number of `POSITION`].

        Returns:
            float32[N] logits; `FORBIDDEN` for nodes that may not be chosen.
        """
        edges = adjacency.astype(local.dtype)
        sent = jax.vmap(self.base)(encoding) + jax.vmap(self.local)(local)
        told = jnp.where(remains[:, None], jax.nn.relu(sent), 0.0)
        before = edges @ told / jnp.maximum(edges.sum(axis=1, keepdims=True), 1.0)
        after = edges.T @ told / jnp.maximum(edges.T.sum(axis=1, keepdims=True), 1.0)
        hidden = jax.nn.relu(sent + jax.vmap(self.preds)(before) + jax.vmap(self.succs)(after))
        hidden = jnp.where(remains[:, None], hidden, 0.0)
        number = jnp.maximum(remains.sum(), 1).astype(hidden.dtype)
        pooled = jnp.concatenate([hidden.max(axis=0), hidden.sum(axis=0) / number, position])
        ready = jax.vmap(self.last)(hidden) + jax.vmap(self.last_local)(local)
        scores = jax.vmap(self.score)(jax.nn.relu(ready + self.pooled(pooled)))[:, 0]
        return jnp.where(remains, scores, FORBIDDEN)


class Policy(eqx.Module):
    """An encoder and a head."""

    encoder: Encoder
    head: Head
    config: PolicyConfig = eqx.field(static=True)

    def __init__(self, config: PolicyConfig, *, key: jax.Array) -> None:
        encoder_key, head_key = jax.random.split(key)
        self.encoder = Encoder(config, key=encoder_key)
        self.head = Head(config, key=head_key)
        self.config = config


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
    """Draws all weights in one compiled function, faster than one by one; always float32."""
    policy = Policy(config, key=key)
    return jax.tree.map(lambda weights: weights.astype(jnp.float32), policy)
