"""Forward kinematics of an arm with twenty joints in a plane."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from elimax.pipeline.tasks.task import Task

_JOINTS = 20
_LINK = 0.1  # length of each link in m


def planar_arm_20(*angles: Array) -> tuple[Array, Array, Array]:
    """Computes where the hand is and where it points.

    phi_k = angle_1 + ... + angle_k, x = 0.1 sum cos(phi_k), y = 0.1 sum sin(phi_k).

    Args:
        *angles: Twenty scalars in rad, each joint's angle to the link before it.

    Returns:
        Scalars x and y in m, and the direction of the last link in rad.
    """
    direction = angles[0]
    x = _LINK * jnp.cos(direction)
    y = _LINK * jnp.sin(direction)
    for angle in angles[1:]:
        direction = direction + angle
        x = x + _LINK * jnp.cos(direction)
        y = y + _LINK * jnp.sin(direction)
    return x, y, direction


def example_inputs() -> tuple[np.ndarray, ...]:
    """Returns an arm that is bent like an S."""
    bends = 0.3 * np.cos(np.linspace(0.0, np.pi, _JOINTS))
    return tuple(np.array(bend, np.float32) for bend in bends)


TASK = Task(
    name="planar_arm_20",
    function=planar_arm_20,
    example_inputs=example_inputs,
    argnums=tuple(range(_JOINTS)),
    title="Hand of a planar arm with twenty joints with respect to its angles",
    source="J. J. Craig, Introduction to Robotics, 3rd ed., Pearson 2005, chapter 3",
    about=(
        "A long chain in which each joint moves all links behind it. Reverse mode accumulates the "
        "tail once and no cheaper order is known; forward mode costs seven times as much."
    ),
)
