"""Learning from the regrets of moves, which tell how much more each move costs than the best known.

At many positions a third of the moves have no regret, so the loss of a position does not single out
one right move: it is -log sum_v p(v) exp(-regret(v) / temperature), minus the log-probability of a
good move. That is blind to how bad the other moves are, and on graphs of arrays one move can cost
more than all others together, so the expected log(1 + regret / temperature) is added.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from elimax.models.batches import Boards, logits
from elimax.models.lessons import TEMPERATURE
from elimax.models.policy import Policy
from elimax.models.positions import Positions

DEARNESS_WEIGHT = 0.5
"""Weight of the expected log(1 + regret / temperature)."""


class ImitationBatch(NamedTuple):
    """Positions with the regrets of all moves.

    Attributes:
        boards: G first positions.
        positions: Arrays with leading axes [G, T].
        regrets: float32[G, T, M], in units of the mean cost of a move; infinite for nodes that may
            not be chosen.
        weights: float32[G, T], weights of the positions in the mean.
    """

    boards: Boards
    positions: Positions
    regrets: Any
    weights: Any


def imitation_loss(policy: Policy, batch: ImitationBatch) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Mean loss of a batch.

    Args:
        policy: The policy.
        batch: The positions.

    Returns:
        The loss, float32[], and as a metric the mean regret of the most probable moves.
    """
    scores = logits(policy, batch.boards, batch.positions)
    log_probabilities = jax.nn.log_softmax(scores)
    losses = -jax.nn.logsumexp(log_probabilities - batch.regrets / TEMPERATURE, axis=-1)
    may_be_chosen = jnp.isfinite(batch.regrets)
    dearness = jnp.log1p(jnp.where(may_be_chosen, batch.regrets, 0.0) / TEMPERATURE)
    probabilities = jnp.where(may_be_chosen, jnp.exp(log_probabilities), 0.0)
    losses += DEARNESS_WEIGHT * jnp.sum(probabilities * dearness, axis=-1)
    best = jnp.argmax(scores, axis=-1)
    regret = jnp.take_along_axis(batch.regrets, best[..., None], axis=-1)[..., 0]
    total = jnp.maximum(batch.weights.sum(), 1e-6)
    regret = jnp.where(batch.weights > 0, regret, 0.0)
    metrics = {"losses/regret": jnp.sum(batch.weights * regret) / total}
    return jnp.sum(batch.weights * losses) / total, metrics
