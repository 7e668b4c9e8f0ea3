"""Forward kinematics of an industrial arm with six joints and a spherical wrist.

The task is the benchmark RobotArm_6DOF of Lohoff & Neftci (NeurIPS 2024, arXiv 2406.05027). Method:
S. Dikmenli, "Forward & inverse kinematics solution of 6-DOF robots those have offset & spherical
wrists", Eurasian J. Sci. Eng. Tech. 3(1) (2022) 14-28. The dimensions are those of a KUKA KR 50
R2100.

Denavit-Hartenberg parameters (joint: d, a, alpha): 1: 575, 175, 90 deg; 2: 0, 890, 0; 3: 0, 50,
90 deg; 4: 1035, 0, -90 deg; 5: 0, 0, 90 deg; 6: 185, 0, 0. Lengths are in mm.
"""

from typing import NamedTuple

import numpy as np
from jax import Array, lax

from elimax.pipeline.tasks.task import Task

Scalar = Array

# Lengths in mm.
BASE_HEIGHT = 575.0
BASE_OFFSET = 175.0
UPPER_ARM = 890.0
ELBOW_OFFSET = 50.0
FOREARM = 1035.0
FLANGE = 185.0


class JointTerms(NamedTuple):
    """Cosines `c` and sines `s` of joint angles; `c23` and `s23` belong to theta2 + theta3."""

    c1: Scalar
    c2: Scalar
    c4: Scalar
    c5: Scalar
    c6: Scalar
    c23: Scalar
    s1: Scalar
    s2: Scalar
    s4: Scalar
    s5: Scalar
    s6: Scalar
    s23: Scalar


def cos_of_sum(a: Scalar, b: Scalar) -> Scalar:
    """Addition theorem for cos(a + b)."""
    return lax.cos(a) * lax.cos(b) - lax.sin(a) * lax.sin(b)


def sin_of_sum(a: Scalar, b: Scalar) -> Scalar:
    """Addition theorem for sin(a + b)."""
    return lax.cos(a) * lax.sin(b) + lax.sin(a) * lax.cos(b)


def joint_terms(
    theta1: Scalar, theta2: Scalar, theta3: Scalar, theta4: Scalar, theta5: Scalar, theta6: Scalar
) -> JointTerms:
    """Cosines and sines of six joint angles in radians, all cosines first."""
    return JointTerms(
        c1=lax.cos(theta1),
        c2=lax.cos(theta2),
        c4=lax.cos(theta4),
        c5=lax.cos(theta5),
        c6=lax.cos(theta6),
        c23=cos_of_sum(theta2, theta3),
        s1=lax.sin(theta1),
        s2=lax.sin(theta2),
        s4=lax.sin(theta4),
        s5=lax.sin(theta5),
        s6=lax.sin(theta6),
        s23=sin_of_sum(theta2, theta3),
    )


def approach_x(q: JointTerms) -> Scalar:
    """First component of the flange's z axis, R[0, 2]."""
    return q.s5 * (q.c1 * q.c23 * q.c4 + q.s1 * q.s4) + q.c1 * q.s23 * q.c5


def approach_y(q: JointTerms) -> Scalar:
    """Second component of the flange's z axis, R[1, 2]."""
    return q.s5 * (q.s1 * q.c23 * q.c4 - q.c1 * q.s4) + q.s1 * q.s23 * q.c5


def flipped_approach_y(q: JointTerms) -> Scalar:
    """`approach_y` with the sign of cos(theta1) sin(theta4) flipped, as in the benchmark."""
    return q.s5 * (q.s1 * q.c23 * q.c4 + q.c1 * q.s4) + q.s1 * q.s23 * q.c5


def approach_z(q: JointTerms) -> Scalar:
    """Third component of the flange's z axis, R[2, 2]."""
    return q.s23 * q.c4 * q.s5 - q.c23 * q.c5


def normal_z(q: JointTerms) -> Scalar:
    """Third component of the flange's x axis, R[2, 0]."""
    return q.c6 * (q.c23 * q.s5 + q.s23 * q.c4 * q.c5) - q.s23 * q.s4 * q.s6


def slide_z(q: JointTerms) -> Scalar:
    """Third component of the flange's y axis, R[2, 1]."""
    return -q.s6 * (q.c23 * q.s5 + q.s23 * q.c4 * q.c5) - q.s23 * q.s4 * q.c6


def orientation(q: JointTerms) -> tuple[Scalar, Scalar, Scalar]:
    """Angles of the flange such that R = Rz(first) Ry(second) Rz(third), in radians."""
    a_x = approach_x(q)
    a_y = approach_y(q)
    a_z = approach_z(q)
    n_z = normal_z(q)
    o_z = slide_z(q)
    first = lax.atan2(a_y, a_x)
    second = lax.atan2(lax.sqrt(1.0 - lax.integer_pow(a_z, 2)), a_z)
    third = lax.atan2(o_z, -n_z)
    return first, second, third


def wrist_radius(q: JointTerms) -> Scalar:
    """Horizontal distance of the wrist centre from the base axis, in mm."""
    return BASE_OFFSET + UPPER_ARM * q.c2 + ELBOW_OFFSET * q.c23 + FOREARM * q.s23


def position(q: JointTerms) -> tuple[Scalar, Scalar, Scalar]:
    """Position of the flange in mm: wrist centre plus `FLANGE` along the approach axis."""
    x = FLANGE * approach_x(q) + q.c1 * wrist_radius(q)
    y = FLANGE * flipped_approach_y(q) + q.s1 * wrist_radius(q)
    wrist_height = UPPER_ARM * q.s2 + BASE_HEIGHT + ELBOW_OFFSET * q.s23 - FOREARM * q.c23
    z = wrist_height + FLANGE * approach_z(q)
    return x, y, z


def robot_arm_6dof(
    theta1: Scalar, theta2: Scalar, theta3: Scalar, theta4: Scalar, theta5: Scalar, theta6: Scalar
) -> tuple[Scalar, Scalar, Scalar, Scalar, Scalar, Scalar]:
    """Pose of the flange from the joint angles.

    Args:
        theta1: Rotation of the base, in radians, as all angles.
        theta2: Shoulder; 0 is the upper arm level.
        theta3: Elbow; 0 is the forearm at a right angle to the upper arm.
        theta4: Roll of the forearm.
        theta5: Bend of the wrist.
        theta6: Roll of the flange.

    Returns:
        Position x, y, z in mm, then three angles in radians, see `orientation`.
    """
    # The order of statements fixes the vertex numbers that published orders refer to. For the same
    # reason the position computes the approach axis again.
    q = joint_terms(theta1, theta2, theta3, theta4, theta5, theta6)
    angles = orientation(q)
    return *position(q), *angles


def example_inputs() -> tuple[np.ndarray, ...]:
    """Six equal small joint angles.

    Returns:
        Six float32 scalars, in radians.
    """
    return tuple(np.array(0.02, dtype=np.float32) for _ in range(6))


TASK = Task(
    name="robot_arm_6dof",
    function=robot_arm_6dof,
    example_inputs=example_inputs,
    argnums=(0, 1, 2, 3, 4, 5),
    title="Forward kinematics of a six-joint arm: 6 angles in, position and 3 angles out",
    source=(
        "S. Dikmenli, Eurasian J. Sci. Eng. Tech. 3(1) (2022) 14-28; benchmark RobotArm_6DOF of "
        "Lohoff & Neftci 2024, arXiv 2406.05027"
    ),
    about=(
        "Exactly the published graph, 114 vertices, the same numbers. It differs from the geometry "
        "in one place: y has +cos(theta1) sin(theta4) in the flange term where the approach axis "
        "has a minus. The angles are Euler angles z-y-z, not Tait-Bryan angles."
    ),
)
