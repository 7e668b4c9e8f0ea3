"""What the orders of the paper cost, for comparison with ours.

Source: Lohoff & Neftci, "Optimizing Automatic Differentiation with Deep Reinforcement Learning"
(NeurIPS 2024, arXiv 2406.05027), and the orders in its public repository.
"""

from typing import NamedTuple

SOURCE = "Lohoff & Neftci, NeurIPS 2024"


class PublishedCount(NamedTuple):
    """What the best published order of a task costs.

    Attributes:
        all: All multiplications.
        nontrivial: Those by anything other than 1 and -1.
    """

    all: int
    nontrivial: int


PUBLISHED = {
    "roe_flux_1d": PublishedCount(320, 217),
    "robot_arm_6dof": PublishedCount(231, 165),
    "human_heart_dipole": PublishedCount(148, 48),
    "propane_combustion": PublishedCount(88, 24),
    "black_scholes_hessian": PublishedCount(307, 248),
    "roe_flux_3d": PublishedCount(802, 522),
    "mlp": PublishedCount(292, 199),
    "transformer_encoder": PublishedCount(4534, 3982),
}
"""The best order that the paper's program found for each task, counted by this project's rule.

For scalars the paper reports the same counts; for arrays its own rule gives other numbers."""
