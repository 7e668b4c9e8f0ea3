"""Proximal policy optimisation for undiscounted games of known length.

Source: Schulman et al., arXiv 1707.06347, with metric names after CleanRL. There is no value
network: all games of a graph have the same number of moves, so the baseline of a move is the mean
cost-to-go of the parallel games there. The advantages of the best game are weighted up, because
what counts in the end is the best order and not the mean; and the best order so far is imitated a
little (Oh et al., Self-imitation learning, ICML 2018).
"""

import dataclasses
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from elimax.models.batches import Boards, logits
from elimax.models.policy import Policy
from elimax.models.positions import Positions
from elimax.models.ranges import Range


@dataclasses.dataclass(frozen=True)
class PPOConfig:
    """How to learn from a batch of games.

    Attributes:
        epochs: Passes over the positions.
        minibatches: Steps of the optimiser per pass.
        positions: Positions to learn from per epoch, drawn from all games of a batch.
        clip: Largest change of a move's probability, as a ratio, that is rewarded.
        entropy: Weight of the entropy bonus.
        imitation: Weight of imitating the best order so far.
        best_weight: Factor of the advantages of the best game of a group.
        learning_rate: Step size of Adam at the start.
        final_learning_rate: Step size of Adam after the last update; it falls linearly.
    """

    epochs: Annotated[int, Range(1, 1000)] = 2
    minibatches: Annotated[int, Range(1, 10_000)] = 4
    positions: Annotated[int, Range(1, 10_000_000)] = 1024
    clip: Annotated[float, Range(0.0, 1.0)] = 0.2
    entropy: Annotated[float, Range(0.0, 1.0)] = 0.02
    imitation: Annotated[float, Range(0.0, 10.0)] = 0.1
    best_weight: Annotated[float, Range(1.0, 100.0)] = 2.0
    learning_rate: Annotated[float, Range(0.0, 1.0)] = 0.002
    final_learning_rate: Annotated[float, Range(0.0, 1.0)] = 5e-5


class PPOBatch(NamedTuple):
    """Positions with what was done there.

    Attributes:
        boards: G first positions.
        positions: Arrays with leading axes [G, T].
        nodes: int32[G, T], the vertices that were eliminated.
        log_probabilities: float32[G, T], of these moves when they were made.
        advantages: float32[G, T], ignored where moves are imitated.
        imitated: float32[G, T], 1 where the move is to be imitated, else 0.
        weights: float32[G, T], weights of the positions in the mean.
    """

    boards: Boards
    positions: Positions
    nodes: Any
    log_probabilities: Any
    advantages: Any
    imitated: Any
    weights: Any


def advantages(costs: np.ndarray, best_weight: float = 1.0) -> np.ndarray:
    """How much cheaper each game was from each move on than the mean of the parallel games.

    Args:
        costs: float64[K, V], cost of every move of K games.
        best_weight: Factor for the cheapest game.

    Returns:
        float32[K, V], baseline minus cost-to-go, divided by its root mean square; 0 if all games
        cost the same.
    """
    costs_to_go = np.cumsum(costs[:, ::-1], axis=1)[:, ::-1]
    raw = costs_to_go.mean(axis=0) - costs_to_go
    spread = np.sqrt(np.mean(raw**2))
    scaled = raw / spread if spread > 0 else np.zeros_like(raw)
    scaled[np.argmin(costs.sum(axis=1))] *= best_weight
    return scaled.astype(np.float32)


def ppo_loss(
    policy: Policy, batch: PPOBatch, config: PPOConfig
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Mean loss of a batch.

    Args:
        policy: The policy.
        batch: The positions.
        config: Settings.

    Returns:
        The loss, float32[], and its parts as metrics.
    """
    log_probabilities = jax.nn.log_softmax(logits(policy, batch.boards, batch.positions))
    chosen = jnp.take_along_axis(log_probabilities, batch.nodes[..., None], axis=-1)[..., 0]
    log_ratio = jnp.where(batch.imitated > 0, 0.0, chosen - batch.log_probabilities)
    ratio = jnp.exp(log_ratio)
    clipped = jnp.clip(ratio, 1.0 - config.clip, 1.0 + config.clip)
    gain = jnp.minimum(ratio * batch.advantages, clipped * batch.advantages)
    entropy = -jnp.sum(jnp.exp(log_probabilities) * log_probabilities, axis=-1)
    imitated = batch.weights * batch.imitated
    played = batch.weights * (1.0 - batch.imitated)

    def mean(values: jax.Array, weights: jax.Array) -> jax.Array:
        return jnp.sum(weights * values) / jnp.maximum(weights.sum(), 1e-6)

    metrics = {
        "losses/policy": mean(-gain, played),
        "losses/entropy": mean(entropy, played),
        "losses/approx_kl": mean(ratio - 1.0 - log_ratio, played),
        "losses/clipfrac": mean((jnp.abs(ratio - 1.0) > config.clip).astype(ratio.dtype), played),
        "losses/imitation": mean(-chosen, imitated),
    }
    loss = metrics["losses/policy"] - config.entropy * metrics["losses/entropy"]
    return loss + config.imitation * metrics["losses/imitation"], metrics
