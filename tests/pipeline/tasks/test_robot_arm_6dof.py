"""Robot arm: published graph, and values against a product of link transformations in numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.pipeline.tasks.robot_arm_6dof import TASK, robot_arm_6dof
from support.published import published_graph
from support.reference_graph import (
    equations,
    graph_digest,
    reference_graph,
    traced_graph,
)

DIGEST = "018413ca0e565c333754993cf13a2b2a7670dbcfcb1f49e5a1a96c9628ade3d1"


def test_graph_has_the_published_digest():
    """The trace is the published graph, known by its digest."""
    assert graph_digest(traced_graph(TASK)) == DIGEST


def test_graph_equals_the_reference_vertex_by_vertex():
    """Every vertex has the reference's primitive and arguments, every output its node."""
    traced, reference = traced_graph(TASK), reference_graph("RobotArm_6DOF")
    assert equations(traced) == equations(reference)
    assert traced == reference


def test_example_inputs_are_those_of_the_reference():
    """Example inputs are the reference's values as float32 scalars."""
    inputs = TASK.example_inputs()
    expected = [np.float32(x) for x in published_graph("RobotArm_6DOF")["example"]]
    assert [x.item() for x in inputs] == [x.item() for x in expected]


def test_task_describes_itself():
    """The record carries its module's name, and all inputs are differentiated scalars."""
    inputs = TASK.example_inputs()
    assert TASK.name == TASK.function.__name__ == "robot_arm_6dof"
    assert TASK.argnums == tuple(range(len(inputs)))
    assert all(x.shape == () and x.dtype == np.float32 for x in inputs)


def test_values_at_the_example_are_finite():
    """No root of a negative number and no division by zero at the example inputs, in float32."""
    outputs = TASK.function(*map(jnp.asarray, TASK.example_inputs()))
    assert all(y.dtype == np.float32 and np.isfinite(y) for y in outputs)


# Denavit-Hartenberg parameters of each joint: d and a in mm, alpha in radians.
LINKS = [
    (575, 175, np.pi / 2),
    (0, 890, 0),
    (0, 50, np.pi / 2),
    (1035, 0, -np.pi / 2),
    (0, 0, np.pi / 2),
    (185, 0, 0),
]

POSES = np.random.default_rng(0).uniform(-np.pi, np.pi, size=(5, 6))


def link(theta: float, d: float, a: float, alpha: float) -> np.ndarray:
    """Rz(theta) Tz(d) Tx(a) Rx(alpha) as a 4 x 4 matrix."""
    ct, st, ca, sa = np.cos(theta), np.sin(theta), np.cos(alpha), np.sin(alpha)
    return np.array(
        [
            [ct, -st * ca, st * sa, a * ct],
            [st, ct * ca, -ct * sa, a * st],
            [0, sa, ca, d],
            [0, 0, 0, 1],
        ]
    )


def flange(theta: np.ndarray) -> np.ndarray:
    """Pose of the flange as the product of all links."""
    return np.linalg.multi_dot([link(t, *dh) for t, dh in zip(theta, LINKS, strict=True)])


def rotation_zyz(first: float, second: float, third: float) -> np.ndarray:
    """Rz(first) Ry(second) Rz(third)."""
    rz = [link(angle, 0, 0, 0)[:3, :3] for angle in (first, third)]
    c, s = np.cos(second), np.sin(second)
    return rz[0] @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ rz[1]


def pose(theta: np.ndarray) -> np.ndarray:
    """The task's function in float64."""
    with jax.enable_x64(True):
        return np.array(robot_arm_6dof(*[jnp.asarray(t) for t in theta]))


@pytest.mark.parametrize("theta", POSES)
def test_angles_give_the_rotation_of_the_link_product(theta):
    """The three angles, put together again as z-y-z rotations, are the flange's rotation."""
    np.testing.assert_allclose(
        rotation_zyz(*pose(theta)[3:]), flange(theta)[:3, :3], rtol=0, atol=1e-7
    )


@pytest.mark.parametrize("theta", POSES)
def test_position_is_that_of_the_link_product_but_for_one_sign(theta):
    """Only y differs: it has the benchmark's flipped cos(theta1) sin(theta4) sin(theta5)."""
    flipped = 2 * 185 * np.cos(theta[0]) * np.sin(theta[3]) * np.sin(theta[4])
    expected = flange(theta)[:3, 3] + [0, flipped, 0]
    np.testing.assert_allclose(pose(theta)[:3], expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("theta", POSES)
def test_flange_is_at_a_fixed_distance_from_the_wrist_centre(theta):
    """Without forearm roll, where no sign is flipped, both bends of the wrist are 185 mm away."""
    theta = np.where(np.arange(6) == 3, 0.0, theta)
    wrist = flange(theta)[:3, 3] - 185 * flange(theta)[:3, 2]
    for bend in (theta[4], -theta[4]):
        bent = np.where(np.arange(6) == 4, bend, theta)
        assert np.linalg.norm(pose(bent)[:3] - wrist) == pytest.approx(185, abs=1e-9)
