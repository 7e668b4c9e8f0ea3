"""The published orders, which lie beside the repository in some checkouts and not in others."""

import json
from pathlib import Path

import pytest

PUBLISHED = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "published.json"
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


def published_order(task: str) -> list[int]:
    """The published order of a task, or skips the test where the figures are not at hand."""
    if not PUBLISHED.is_file():
        pytest.skip(f"needs {PUBLISHED.name}, which is not part of the repository")
    content = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return content["tasks"][PUBLISHED_NAMES[task]]["published_order"]
