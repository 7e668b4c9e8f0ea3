"""Reads the published graphs, orders and counts in tests/reference/."""

import json
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).parents[1] / "reference"
PUBLISHED_NAMES = {
    "roe_flux_1d": "RoeFlux_1d",
    "robot_arm_6dof": "RobotArm_6DOF",
    "human_heart_dipole": "HumanHeartDipole",
    "propane_combustion": "PropaneCombustion",
    "black_scholes_hessian": "BlackScholes_Jacobian",
    "roe_flux_3d": "RoeFlux_3d",
    "mlp": "Perceptron",
    "transformer_encoder": "Encoder",
}
"""Names in the paper's repository of the tasks that are also ours."""


def published_results(task: str) -> dict[str, Any]:
    """The paper's counts and order of a task of ours."""
    content = json.loads((REFERENCE / "published.json").read_text(encoding="utf-8"))
    return content["tasks"][PUBLISHED_NAMES[task]]


def published_order(task: str) -> list[int]:
    """The best order that the paper's program found for a task of ours, in our vertex numbers.

    The paper numbers all equations, we number only those that depend on an input.
    """
    graph, order = (
        published_graph(PUBLISHED_NAMES[task]),
        published_results(task)["published_order"],
    )
    moving = set(range(len(graph["inputs"])))
    numbers: dict[int, int] = {}
    for vertex, equation in enumerate(graph["vertices"], start=1):
        if any(isinstance(arg, int) and arg in moving for arg in equation["args"]):
            moving.add(len(graph["inputs"]) + vertex - 1)
            numbers[vertex] = len(numbers) + 1
    return [numbers[vertex] for vertex in order if vertex in numbers]


def published_graph(name: str) -> dict[str, Any]:
    """A graph by its name in the paper's repository: inputs, example, outputs and vertices."""
    return json.loads((REFERENCE / "graphs" / f"{name}.json").read_text(encoding="utf-8"))
