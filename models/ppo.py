"""Proximal policy optimisation for undiscounted games of known length.

Source: Schulman et al., arXiv 1707.06347, with metric names after CleanRL. There is no value
network: all episodes of a graph make the same number of moves, so the baseline of a time step is
the mean cost-to-go of the parallel episodes at that step.
"""

import dataclasses
import math
from collections.abc import Sequence
from functools import partial
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import optax

from elimax.models.errors import TrainingDivergedError
from elimax.models.policy import Policy
from elimax.models.ranges import Range
from elimax.models.rollout import (
    SEGMENT,
    Observation,
    Segment,
    join_moves,
)

# States per gradient; their intermediate results should fit into a CPU's cache.
_CHUNK = 16


@dataclasses.dataclass(frozen=True)
class PPOConfig:
    """How to learn from a batch of games.

    Attributes:
        epochs: Passes over the batch.
        minibatches: Steps of the optimiser per pass.
        clip: Largest change of a move's probability ratio that is rewarded.
        entropy: Weight of the entropy bonus.
        learning_rate: Step size of Adam at the start.
        final_learning_rate: Step size of Adam after the last update; it falls linearly.
        max_gradient_norm: Gradients are clipped to this norm, before Adam.
    """

    epochs: Annotated[int, Range(1, 1000)] = 2
    minibatches: Annotated[int, Range(1, 10_000)] = 4
    clip: Annotated[float, Range(0.0, 1.0)] = 0.2
    entropy: Annotated[float, Range(0.0, 1.0)] = 0.002
    learning_rate: Annotated[float, Range(0.0, 1.0)] = 1e-3
    final_learning_rate: Annotated[float, Range(0.0, 1.0)] = 5e-5
    max_gradient_norm: Annotated[float, Range(1e-6, 1e6)] = 0.5


class LossSums(NamedTuple):
    """Sums over states; divided by their number they are the reported losses."""

    policy: jax.Array
    entropy: jax.Array
    approx_kl: jax.Array
    clipped: jax.Array
    states: jax.Array


def make_optimiser(config: PPOConfig, updates: int) -> optax.GradientTransformation:
    """Adam with clipped gradients and a step size that falls over the whole training.

    Args:
        config: Settings.
        updates: Number of batches that will be learnt from.

    Returns:
        The optimiser; run it under `jax.numpy_dtype_promotion("standard")`.
    """
    schedule = optax.linear_schedule(
        config.learning_rate,
        config.final_learning_rate,
        max(1, updates * config.epochs * config.minibatches),
    )
    return optax.chain(
        optax.clip_by_global_norm(config.max_gradient_norm), optax.adam(schedule, eps=1e-5)
    )


@jax.jit
def advantages(cost: jax.Array, is_played: jax.Array) -> jax.Array:
    """How much cheaper each game went on than the mean of the parallel games.

    Args:
        cost: float32[T, G, K], cost of every move.
        is_played: bool[T, G, K], equal along K.

    Returns:
        float32[T, G, K], baseline minus cost-to-go, divided by its root mean square over the played
        moves of a graph; 0 where nothing was played or nothing differs.
    """
    cost_to_go = jnp.cumsum(cost[::-1], axis=0)[::-1]
    raw = jnp.where(is_played, cost_to_go.mean(axis=2, keepdims=True) - cost_to_go, 0.0)
    played = jnp.maximum(is_played.astype(raw.dtype).sum(axis=(0, 2), keepdims=True), 1.0)
    spread = jnp.sqrt(jnp.sum(raw**2, axis=(0, 2), keepdims=True) / played)
    return raw / jnp.maximum(spread, 1e-6)


class Examples(NamedTuple):
    """The states of one segment, flattened: every array has the leading axis M = T * G * K.

    Attributes:
        observation: What the policy saw.
        node: int32[M], what it chose.
        log_probability: float32[M], how probable that was then.
        advantage: float32[M].
        is_played: bool[M], whether the state counts.
    """

    observation: Observation
    node: jax.Array
    log_probability: jax.Array
    advantage: jax.Array
    is_played: jax.Array


def learn(
    policy: Policy,
    optimiser_state: optax.OptState,
    optimiser: optax.GradientTransformation,
    segments: Sequence[Segment],
    config: PPOConfig,
    *,
    key: jax.Array,
) -> tuple[Policy, optax.OptState, dict[str, float]]:
    """Improves a policy with the games that it has just played.

    Args:
        policy: The policy that played.
        optimiser_state: State of the optimiser.
        optimiser: From `make_optimiser`.
        segments: The games, observations kept.
        config: Settings.
        key: Source of the minibatches.

    Returns:
        The policy, the state of the optimiser, and the mean losses.
    """
    examples = _examples(segments)
    totals = []
    for epoch in range(config.epochs):
        batches = _draw_minibatches(
            examples, config.minibatches, key=jax.random.fold_in(key, epoch)
        )
        for indices in batches:
            sums, gradient = _add_up(
                [
                    _gradient(policy, part, rows, config.clip, config.entropy)
                    for part, rows in zip(examples, indices, strict=True)
                ]
            )
            policy, optimiser_state = _descend(
                policy, optimiser_state, gradient, sums.states, optimiser
            )
            totals.append(sums)
    return policy, optimiser_state, _means(totals)


def check_losses(update: int, metrics: dict[str, float]) -> None:
    """Stops a training whose losses are no longer numbers.

    Args:
        update: Number of the update, for the message.
        metrics: Its metrics.

    Raises:
        TrainingDivergedError: If a loss is NaN or infinite.
    """
    broken = [name for name, value in metrics.items() if not math.isfinite(value)]
    if broken:
        raise TrainingDivergedError(
            f"update {update} gave {', '.join(f'{n} = {metrics[n]}' for n in broken)}, finite "
            "numbers are wanted: lower learning_rate or max_gradient_norm, or try another seed; "
            "the checkpoint of an earlier update is still good"
        )


def _examples(segments: Sequence[Segment]) -> list[Examples]:
    moves = join_moves(segments)
    advantage = advantages(moves.cost, moves.is_played)
    examples = []
    for index, segment in enumerate(segments):
        if segment.observations is None:
            raise ValueError("there is nothing to learn from: play with keep_observations=True")
        steps = slice(index * SEGMENT, (index + 1) * SEGMENT)
        part = Examples(
            segment.observations,
            segment.moves.node,
            segment.moves.log_probability,
            advantage[steps],
            segment.moves.is_played,
        )
        examples.append(_flatten(part))
    return examples


@jax.jit
def _flatten(examples: Examples) -> Examples:
    """Merges the axes [T, G, K]."""
    return jax.tree.map(lambda array: array.reshape(-1, *array.shape[3:]), examples)


def _draw_minibatches(
    examples: Sequence[Examples], minibatches: int, *, key: jax.Array
) -> list[list[jax.Array]]:
    """Splits every segment at random, so that each minibatch has states of all stages.

    Returns:
        For each minibatch and segment the rows, int32[chunks, _CHUNK], -1 where there is none.
    """
    drawn = []
    for index, part in enumerate(examples):
        states = len(part.node)
        chunks = -(-states // (minibatches * _CHUNK))
        rows = jax.random.permutation(jax.random.fold_in(key, index), states)
        padding = minibatches * chunks * _CHUNK - states
        rows = jnp.pad(rows, (0, padding), constant_values=-1)
        drawn.append(rows.reshape(_CHUNK, chunks, minibatches).transpose(2, 1, 0))
    return [list(rows) for rows in zip(*drawn, strict=True)]


def _loss(
    policy: Policy, examples: Examples, clip: jax.Array, entropy_weight: jax.Array
) -> tuple[jax.Array, LossSums]:
    """The clipped objective, summed over the examples that count."""
    logits = jax.vmap(policy)(*examples.observation)
    log_probabilities = jax.nn.log_softmax(logits)
    chosen = jnp.take_along_axis(log_probabilities, examples.node[:, None], axis=1)[:, 0]
    log_ratio = chosen - examples.log_probability
    ratio = jnp.exp(log_ratio)
    clipped = jnp.clip(ratio, 1.0 - clip, 1.0 + clip)
    gain = jnp.minimum(ratio * examples.advantage, clipped * examples.advantage)
    entropy = -jnp.sum(jnp.exp(log_probabilities) * log_probabilities, axis=1)
    is_outside = jnp.abs(ratio - 1.0) > clip

    def total(values: jax.Array) -> jax.Array:
        return jnp.sum(jnp.where(examples.is_played, values, 0.0))

    sums = LossSums(
        policy=total(-gain),
        entropy=total(entropy),
        approx_kl=total(ratio - 1.0 - log_ratio),
        clipped=total(is_outside.astype(jnp.float32)),
        states=total(jnp.ones_like(ratio)),
    )
    return sums.policy - entropy_weight * sums.entropy, sums


@jax.jit
def _gradient(
    policy: Policy, examples: Examples, rows: jax.Array, clip: float, entropy_weight: float
) -> tuple[LossSums, Policy]:
    """Sums of the losses of some rows, and their gradient, chunk by chunk."""

    def add_chunk(
        total: tuple[LossSums, Policy], chunk: jax.Array
    ) -> tuple[tuple[LossSums, Policy], None]:
        picked = jax.tree.map(lambda array: array[chunk], examples)
        picked = picked._replace(is_played=picked.is_played & (chunk >= 0))
        gradient, sums = jax.grad(_loss, has_aux=True)(policy, picked, clip, entropy_weight)
        return jax.tree.map(jnp.add, total, (sums, gradient)), None

    nothing = LossSums(*[jnp.zeros(())] * len(LossSums._fields))
    total, _ = jax.lax.scan(add_chunk, (nothing, jax.tree.map(jnp.zeros_like, policy)), rows)
    return total


@jax.jit
def _add_up(parts: list[tuple[LossSums, Policy]]) -> tuple[LossSums, Policy]:
    return jax.tree.map(lambda *arrays: sum(arrays[1:], arrays[0]), *parts)


@partial(jax.jit, static_argnames="optimiser")
def _descend(
    policy: Policy,
    optimiser_state: optax.OptState,
    gradient: Policy,
    states: jax.Array,
    optimiser: optax.GradientTransformation,
) -> tuple[Policy, optax.OptState]:
    """One step of the optimiser along the mean gradient."""
    mean = jax.tree.map(lambda array: array / jnp.maximum(states, 1.0), gradient)
    # optax mixes integer counts with floats.
    with jax.numpy_dtype_promotion("standard"):
        change, optimiser_state = optimiser.update(mean, optimiser_state)
    return jax.tree.map(jnp.add, policy, change), optimiser_state


def _means(totals: Sequence[LossSums]) -> dict[str, float]:
    sums = jax.tree.map(lambda *values: float(sum(values)), *totals)
    states = max(sums.states, 1.0)
    return {
        "losses/policy": sums.policy / states,
        "losses/entropy": sums.entropy / states,
        "losses/approx_kl": sums.approx_kl / states,
        "losses/clipfrac": sums.clipped / states,
    }
