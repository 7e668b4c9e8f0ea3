"""What pretraining and finetuning share: the state between two updates, and how it learns."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import optax

from elimax.models.errors import TrainingDivergedError
from elimax.models.lessons import Lesson
from elimax.models.optimisation import (
    Loss,
    average,
    descend,
    put_everywhere,
    share_out,
    start_optimiser,
)
from elimax.models.policy import Policy

Metrics = dict[str, float]

AVERAGING = 0.998
"""Share of the old mean in the running mean of the weights; lower during the first steps."""


@dataclasses.dataclass(frozen=True)
class TrainingState:
    """All that a training needs to continue as if it had never stopped.

    Attributes:
        seed: Seed of the training; random numbers of an update depend on it and on `update` only.
        update: Number of finished updates.
        step: Steps of the optimiser so far.
        eliminations: Vertices eliminated so far, in all games.
        evaluations: Orders that annealing has evaluated so far.
        policy: The policy after the last update.
        optimiser: State of the optimiser.
        average: Running mean of the policies so far.
        best_policy: The policy with the best value so far.
        best_value: That value; the lower the better, infinite at first.
        lessons: (number of the program, lesson) of all lessons so far; empty in finetuning.
        orders: Orders worth keeping, as vertex numbers, by name; empty in pretraining.
        curve: Metrics of every update.
    """

    seed: int
    update: int
    step: int
    eliminations: int
    evaluations: int
    policy: Policy
    optimiser: optax.OptState
    average: Policy
    best_policy: Policy
    best_value: float
    lessons: tuple[tuple[int, Lesson], ...]
    orders: Mapping[str, tuple[int, ...]]
    curve: tuple[Metrics, ...]


OnUpdate = Callable[[int, Metrics, TrainingState], None]


def start_training(policy: Policy, *, seed: int) -> TrainingState:
    """The state before the first update.

    Args:
        policy: The policy to train.
        seed: Seed of the training.

    Returns:
        The state.
    """
    return TrainingState(
        seed=seed,
        update=0,
        step=0,
        eliminations=0,
        evaluations=0,
        policy=policy,
        optimiser=start_optimiser(policy),
        average=policy,
        best_policy=policy,
        best_value=float("inf"),
        lessons=(),
        orders={},
        curve=(),
    )


def learn(
    state: TrainingState,
    batches: Iterable[Any],
    loss: Loss,
    settings: tuple[Any, ...],
    learning_rate: Callable[[int], float],
) -> tuple[TrainingState, Metrics]:
    """Takes one step of the optimiser for each batch.

    Args:
        state: Where the training stands.
        batches: The batches.
        loss: The loss.
        settings: Further arguments of the loss.
        learning_rate: Step size by the number of the batch.

    Returns:
        The state with a new policy, and the means of the metrics.

    Raises:
        TrainingDivergedError: If a loss is not a finite number.
    """
    policy, optimiser, mean = put_everywhere((state.policy, state.optimiser, state.average))
    step, rows = state.step, []
    for number, batch in enumerate(batches):
        rate = jnp.float32(learning_rate(number))
        policy, optimiser, metrics = descend(
            policy, optimiser, share_out(batch), rate, loss, settings
        )
        step += 1
        # A mean of few policies forgets faster, so that the first, untrained one loses its weight.
        mean = average(mean, policy, jnp.float32(min(AVERAGING, step / (step + 9))))
        rows.append(metrics)
    values = {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else ())}
    means = {name: math.fsum(column) / len(column) for name, column in values.items()}
    check_losses(state.update + 1, means)
    state = dataclasses.replace(state, policy=policy, optimiser=optimiser, average=mean, step=step)
    return state, means


def check_losses(update: int, metrics: Metrics) -> None:
    """Stops a training whose losses are not finite.

    Args:
        update: Number of the update, for the message.
        metrics: Its metrics.

    Raises:
        TrainingDivergedError: If a loss is NaN or infinite.
    """
    broken = [name for name, value in metrics.items() if not math.isfinite(value)]
    if broken:
        raise TrainingDivergedError(
            f"update {update} gave {', '.join(f'{n} = {metrics[n]}' for n in broken)}, but losses "
            "must be finite: lower the learning rate or try another seed; the checkpoint of an "
            "earlier update is still good"
        )


def cosine(first: float, last: float, progress: float) -> float:
    """A step size that falls along half a cosine.

    Args:
        first: Its value at progress 0.
        last: Its value at progress 1.
        progress: Share that is done, from 0 to 1.

    Returns:
        Its value.
    """
    return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
