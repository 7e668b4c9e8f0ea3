"""A policy in numpy, ready to play: nothing is compiled for each size of graph.

What `policy.Encoder` computes for padded batches is computed here for one graph of any size:
attention along edges uses lists of edges, attention to all nodes works in slices, so memory grows
with the numbers of edges and nodes. The head is passed to compiled code as plain arrays.
"""

from typing import Any, NamedTuple

import numpy as np

from elimax.models.features import LOCAL, POSITION
from elimax.models.game_state import Head
from elimax.models.policy import NUM_VIEWS, Attention, Policy
from elimax.models.positions import Start

_SLICE = 1 << 22
"""Most entries of an attention matrix that are computed at once."""


class PlayedPolicy(NamedTuple):
    """A policy that has read one graph.

    Attributes:
        weights: Weights of the head by their names in `game_state.Head`.
        base: float32[N, H], the part of the head that depends only on the encoding.
    """

    weights: dict[str, np.ndarray]
    base: np.ndarray

    def head(self) -> Head:
        """The head for one game, with space of its own.

        Returns:
            The head, which has computed nothing about any vertex yet.
        """
        num, width = self.base.shape
        sent, hidden, ready = np.zeros((3, num, width), np.float32)
        return Head(
            **self.weights,
            base=self.base,
            sent=sent,
            hidden=hidden,
            ready=ready,
            stale=np.zeros(num, np.int32),
            is_stale=np.zeros(num, np.bool_),
            logits=np.zeros(num, np.float32),
            mean=np.zeros(width, np.float32),
            pool=np.zeros(2 * width + len(POSITION), np.float32),
        )


def read_graph(policy: Policy, start: Start) -> PlayedPolicy:
    """Lets a policy read the first position of a game.

    Args:
        policy: The policy.
        start: The first position.

    Returns:
        The policy, ready to play this game.
    """
    encoding = encode(policy, start)
    head = policy.head
    # Weights of `eqx.nn.Linear` are [out, in]; the inner loops of compiled code run over outputs.
    weights = {
        name: np.ascontiguousarray(_weight(getattr(head, name)).T)
        for name in ("local", "preds", "succs", "last", "last_local", "pooled")
    }
    weights["bias"] = np.asarray(head.last.bias, np.float32)
    weights["score"] = _weight(head.score)[0]
    assert weights["local"].shape[0] == len(LOCAL)
    return PlayedPolicy(weights, _linear(head.base, encoding))


def encode(policy: Policy, start: Start) -> np.ndarray:
    """Encodes all nodes of a graph, as `policy.Encoder` does.

    Args:
        policy: The policy.
        start: The first position.

    Returns:
        float32[N, W].
    """
    encoder = policy.encoder
    nodes = _linear(encoder.embed, start.nodes)
    for block in encoder.blocks:
        normed = _norm(block.attention_norm, nodes)
        nodes = nodes + _attend(block.attention, normed, start)
        hidden = np.maximum(_linear(block.widen, _norm(block.mlp_norm, nodes)), 0.0)
        nodes = nodes + _linear(block.narrow, hidden)
    return _norm(encoder.norm, nodes)


def _attend(attention: Attention, nodes: np.ndarray, start: Start) -> np.ndarray:
    size, width = nodes.shape
    heads = attention.heads_per_view
    shape = (size, NUM_VIEWS, heads, width // (NUM_VIEWS * heads))
    queries, keys, values = (
        _linear(layer, nodes).reshape(shape)
        for layer in (attention.queries, attention.keys, attention.values)
    )
    queries = queries / np.sqrt(np.float32(queries.shape[-1]))
    bias = _linear(attention.edges, start.structures)[start.edges[:, 2]]
    pred, succ = start.edges[:, 0], start.edges[:, 1]
    seen = np.zeros_like(values)
    for view, (ours, theirs) in enumerate(((succ, pred), (pred, succ))):
        added = bias[:, view * heads : (view + 1) * heads]
        parts = queries[:, view], keys[:, view], values[:, view]
        seen[:, view] = _along_edges(*parts, added, ours, theirs)
    seen[:, 2] = _everywhere(queries[:, 2], keys[:, 2], values[:, 2])
    return _linear(attention.output, seen.reshape(size, width))


def _along_edges(
    queries: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    bias: np.ndarray,
    ours: np.ndarray,
    theirs: np.ndarray,
) -> np.ndarray:
    """Attention of `ours` to `theirs`, edge by edge; a node without edges sees nothing."""
    result = np.zeros_like(values)
    if not len(ours):
        return result
    # A softmax over the edges of each node: sorted, these are segments for `reduceat`.
    by_node = np.argsort(ours, kind="stable")
    ours, theirs, bias = ours[by_node], theirs[by_node], bias[by_node]
    scores = np.einsum("ehd,ehd->eh", queries[ours], keys[theirs]) + bias
    first = np.flatnonzero(np.diff(ours, prepend=-1))
    segment = np.cumsum(np.diff(ours, prepend=ours[0]) != 0)
    weights = np.exp(scores - np.maximum.reduceat(scores, first)[segment])
    weights /= np.add.reduceat(weights, first)[segment]
    result[ours[first]] = np.add.reduceat(weights[:, :, None] * values[theirs], first)
    return result


def _everywhere(queries: np.ndarray, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Attention to all nodes, a slice of rows at a time."""
    size, heads, _ = values.shape
    result = np.empty_like(values)
    step = max(1, _SLICE // max(1, size))
    for head in range(heads):
        for begin in range(0, size, step):
            rows = slice(begin, begin + step)
            scores = queries[rows, head] @ keys[:, head].T
            scores -= scores.max(axis=1, keepdims=True)
            np.exp(scores, out=scores)
            result[rows, head] = scores @ values[:, head] / scores.sum(axis=1, keepdims=True)
    return result


def _weight(layer: Any) -> np.ndarray:
    return np.asarray(layer.weight, np.float32)


def _linear(layer: Any, values: np.ndarray) -> np.ndarray:
    result = values @ _weight(layer).T
    return result if layer.bias is None else result + np.asarray(layer.bias, np.float32)


def _norm(layer: Any, values: np.ndarray) -> np.ndarray:
    """Root-mean-square normalisation, like `eqx.nn.RMSNorm`."""
    scale = 1.0 / np.sqrt(np.mean(values**2, axis=-1, keepdims=True) + layer.eps)
    result = values * scale * np.asarray(layer.weight, np.float32)
    return result if layer.bias is None else result + np.asarray(layer.bias, np.float32)
