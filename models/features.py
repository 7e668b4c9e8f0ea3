"""What the policy sees of every vertex, recomputed at each step.

All features are logarithms, shares or flags, so that they mean the same on graphs of any size, of
scalars and of arrays: costs are measured in the graph's own unit.
"""

import jax
import jax.numpy as jnp

from elimax.models.game import (
    Nodes,
    Rules,
    Scale,
    State,
    elimination_costs,
)

FEATURES = (
    "log(1 + in-degree)",
    "log(1 + out-degree)",
    "log(1 + cost)",
    "log(1 + fill-in)",
    "log(1 + cost) minus its minimum over what remains",
    "remains to be eliminated",
    "depth",
    "height",
    "is an input",
    "is an output",
    "share of the vertices that remains",
)


def fill_in(adjacency: jax.Array) -> jax.Array:
    """How many edges eliminating each node would create.

    Node v creates the edges (p, s) that are missing: in-degree times out-degree, minus the pairs
    that are joined already, sum over s of A[s, v] (A A')[s, v].

    Args:
        adjacency: float32[N, N], 1 where the edge [successor, predecessor] exists.

    Returns:
        float32[N].
    """
    pairs = adjacency.sum(axis=1) * adjacency.sum(axis=0)
    shared_predecessors = adjacency @ adjacency.T
    return pairs - jnp.sum(adjacency * shared_predecessors, axis=0)


def node_features(rules: Rules, scale: Scale, nodes: Nodes, state: State) -> jax.Array:
    """Computes the features of all nodes of a position.

    Args:
        rules: The counting rule.
        scale: What makes costs comparable.
        nodes: The board's nodes.
        state: The position.

    Returns:
        float32[N, len(FEATURES)].
    """
    adjacency = (state.edges != 0).astype(jnp.float32)
    log_cost = jnp.log1p(elimination_costs(rules, state.edges) / scale.unit)
    cheapest = jnp.min(jnp.where(state.remaining, log_cost, jnp.inf))
    is_eliminable = state.remaining.astype(jnp.float32)
    share_left = is_eliminable.sum() / scale.moves
    columns = (
        jnp.log1p(adjacency.sum(axis=1)),
        jnp.log1p(adjacency.sum(axis=0)),
        log_cost * is_eliminable,
        jnp.log1p(fill_in(adjacency)) * is_eliminable,
        jnp.where(state.remaining, log_cost - cheapest, 0.0),
        is_eliminable,
        nodes.depth,
        nodes.height,
        nodes.is_input.astype(jnp.float32),
        nodes.is_output.astype(jnp.float32),
        jnp.broadcast_to(share_left, log_cost.shape),
    )
    return jnp.stack(columns, axis=1)
