"""One step of the optimiser, for any loss, on all devices.

Positions of a batch are sharded over all devices of all processes; each device computes its share
of the loss and of the gradient, and XLA adds the shares up.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from elimax.models.policy import Policy

Batch = TypeVar("Batch")
Tree = TypeVar("Tree")
Loss = Callable[..., tuple[jax.Array, dict[str, jax.Array]]]

MAX_GRADIENT_NORM = 1.0

OPTIMISER = optax.chain(
    optax.clip_by_global_norm(MAX_GRADIENT_NORM), optax.scale_by_adam(b2=0.99, eps=1e-6)
)
"""Adam on clipped gradients, without a learning rate: `descend` multiplies by it."""


def start_optimiser(policy: Policy) -> optax.OptState:
    """The state of the optimiser before the first step.

    Args:
        policy: The policy.

    Returns:
        The state.
    """
    weights: Any = policy
    with jax.numpy_dtype_promotion("standard"):
        return OPTIMISER.init(weights)


def shareable(number: int) -> int:
    """Rounds a number of positions up so that all devices get equally many.

    Args:
        number: Number of positions.

    Returns:
        The next multiple of the number of devices.
    """
    return -(-number // jax.device_count()) * jax.device_count()


def share_out(batch: Batch) -> Batch:
    """Puts a batch on the devices: boards replicated, positions sharded along T.

    Args:
        batch: A batch with a field `boards`, whose T is a multiple of the number of devices. Each
            of several processes passes the whole batch.

    Returns:
        The same as JAX arrays.
    """
    parts: Any = batch
    along = PartitionSpec(None, "positions")
    shared = _put(parts._replace(boards=()), along)
    return shared._replace(boards=_put(parts.boards, PartitionSpec()))


def put_everywhere(tree: Tree) -> Tree:
    """Replicates arrays, such as the weights of a policy, on every device.

    Without it the arguments of the first step would be on no particular device, and that step would
    be compiled separately.

    Args:
        tree: Arrays, the same in every process.

    Returns:
        The same as JAX arrays.
    """
    return _put(tree, PartitionSpec())


def _put(tree: Tree, spec: PartitionSpec) -> Tree:
    """Puts arrays on the devices of all processes."""
    sharding = NamedSharding(Mesh(np.array(jax.devices()), ("positions",)), spec)

    def put(leaf: Any) -> jax.Array:
        array = np.asarray(leaf)
        return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    return jax.tree.map(put, tree)


@partial(jax.jit, static_argnames=("loss", "settings"))
def descend(
    policy: Policy,
    optimiser: optax.OptState,
    batch: Any,
    learning_rate: jax.Array,
    loss: Loss,
    settings: tuple[Any, ...] = (),
) -> tuple[Policy, optax.OptState, dict[str, jax.Array]]:
    """One step down the gradient of a loss.

    Args:
        policy: The policy.
        optimiser: State of the optimiser.
        batch: The positions.
        learning_rate: float32[], the step size.
        loss: Maps policy, batch and settings to a loss and metrics.
        settings: Further arguments of the loss.

    Returns:
        The policy, the state of the optimiser, and the metrics together with the loss and the norm
        of the gradient.
    """
    (value, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(policy, batch, *settings)
    # optax mixes integer counts with floats.
    with jax.numpy_dtype_promotion("standard"):
        change, optimiser = OPTIMISER.update(gradient, optimiser)
        norm = optax.tree.norm(gradient)
    policy = jax.tree.map(lambda old, new: old - learning_rate * new, policy, change)
    return policy, optimiser, {**metrics, "losses/total": value, "losses/gradient_norm": norm}


@jax.jit
def average(mean: Policy, policy: Policy, share: jax.Array) -> Policy:
    """The running mean of the weights after a step.

    Args:
        mean: The mean before.
        policy: The policy now.
        share: float32[], share of the old mean in the new one.

    Returns:
        The mean.
    """
    return jax.tree.map(lambda old, new: share * old + (1.0 - share) * new, mean, policy)
