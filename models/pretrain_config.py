"""Settings of pretraining, phase by phase."""

import dataclasses
from typing import Annotated, Literal

from elimax.interpreter.graph.structure import Objective
from elimax.models.policy import PolicyConfig
from elimax.models.ppo import PPOConfig
from elimax.models.programs.draw import ProgramMix
from elimax.models.ranges import Range

Phase = Literal["label", "imitate", "play", "reinforce"]

_MIX = ProgramMix(scalar=0.5, arrays=0.3, packages=0.2)
_PPO = PPOConfig(
    epochs=1, entropy=0.002, imitation=0.0, learning_rate=0.0001, final_learning_rate=0.00002
)


@dataclasses.dataclass(frozen=True)
class ProgramsConfig:
    """The programs to learn from.

    Attributes:
        number: Number of programs.
        per_update: Programs that one update of phase "label" draws.
        min_vertices: Vertices of the smallest program.
        max_vertices: Vertices of the largest program.
        other_count: Share of the programs that are played by another count than `count`.
        mix: Shares of the kinds of programs.
    """

    number: Annotated[int, Range(1, 10_000_000)] = 2400
    per_update: Annotated[int, Range(1, 100_000)] = 100
    min_vertices: Annotated[int, Range(4, 10_000)] = 20
    max_vertices: Annotated[int, Range(4, 10_000)] = 300
    other_count: Annotated[float, Range(0.0, 1.0)] = 0.25
    mix: ProgramMix = _MIX

    def __post_init__(self) -> None:
        if self.min_vertices > self.max_vertices:
            raise ValueError(
                f"min_vertices is {self.min_vertices} but must be at most max_vertices, which is "
                f"{self.max_vertices}"
            )


@dataclasses.dataclass(frozen=True)
class LabelsConfig:
    """How regrets are measured.

    Attributes:
        annealing: Orders that are evaluated for each vertex of a program.
        completion: Orders that are evaluated for each move left when a game is completed.
        positions: Positions of a game that are labelled.
    """

    annealing: Annotated[int, Range(1, 1_000_000)] = 1000
    completion: Annotated[int, Range(1, 1_000_000)] = 400
    positions: Annotated[int, Range(1, 10_000)] = 32


@dataclasses.dataclass(frozen=True)
class ImitationConfig:
    """How the policy learns from regrets, at first and in the rounds.

    Attributes:
        updates: Updates before the first round.
        steps: Steps of the optimiser in an update.
        batch_nodes: Nodes of all programs in a batch, about: sets how many programs share a step.
        batch_positions: Positions of each program in a batch.
        learning_rate: Step size at the start.
        final_learning_rate: Step size at the end.
    """

    updates: Annotated[int, Range(1, 1_000_000)] = 60
    steps: Annotated[int, Range(1, 10_000)] = 50
    batch_nodes: Annotated[int, Range(1, 1_000_000)] = 1024
    batch_positions: Annotated[int, Range(1, 10_000)] = 16
    learning_rate: Annotated[float, Range(0.0, 1.0)] = 0.002
    final_learning_rate: Annotated[float, Range(0.0, 1.0)] = 0.00006


@dataclasses.dataclass(frozen=True)
class RoundsConfig:
    """The rounds of DAgger.

    Attributes:
        number: Number of rounds.
        games: Games that the policy plays in a round; each is cut off somewhere and completed.
        updates: Updates of imitation in a round.
        temperature: Temperature of half of the games; the others are greedy.
        learning_rate: Step size at the start of the rounds.
        final_learning_rate: Step size at their end.
    """

    number: Annotated[int, Range(0, 100_000)] = 16
    games: Annotated[int, Range(1, 100_000)] = 300
    updates: Annotated[int, Range(1, 100_000)] = 5
    temperature: Annotated[float, Range(0.0, 10.0)] = 0.5
    learning_rate: Annotated[float, Range(0.0, 1.0)] = 0.0007
    final_learning_rate: Annotated[float, Range(0.0, 1.0)] = 0.00005


@dataclasses.dataclass(frozen=True)
class ReinforcementConfig:
    """PPO over many programs.

    Attributes:
        updates: Number of updates.
        programs: Programs of an update.
        episodes: Games of each program.
        ppo: Settings of PPO.
    """

    updates: Annotated[int, Range(0, 1_000_000)] = 20
    programs: Annotated[int, Range(1, 10_000)] = 8
    episodes: Annotated[int, Range(2, 10_000)] = 16
    ppo: PPOConfig = _PPO


@dataclasses.dataclass(frozen=True)
class ValidationConfig:
    """How the policy to keep is chosen.

    Attributes:
        programs: Number of programs that are held out from learning.
        annealing: Orders that are evaluated for each vertex of one of them.
        every: Updates from one validation to the next.
        last: Number of updates at the end whose best policy is kept; by then steps are small, and
            differences are more than luck.
    """

    programs: Annotated[int, Range(1, 10_000)] = 32
    annealing: Annotated[int, Range(1, 1_000_000)] = 2000
    every: Annotated[int, Range(1, 1_000_000)] = 5
    last: Annotated[int, Range(1, 1_000_000)] = 25


@dataclasses.dataclass(frozen=True)
class PretrainConfig:
    """How to pretrain.

    Attributes:
        count: What costs in most programs: "all" or "nontrivial" multiplications, or the "price".
        programs: The programs to learn from.
        labels: How regrets are measured.
        imitation: How the policy learns from them.
        rounds: The rounds of DAgger.
        reinforcement: PPO at the end.
        validation: How the policy to keep is chosen.
        policy: Size of the policy.
    """

    count: Objective = "all"
    programs: ProgramsConfig = dataclasses.field(default_factory=ProgramsConfig)
    labels: LabelsConfig = dataclasses.field(default_factory=LabelsConfig)
    imitation: ImitationConfig = dataclasses.field(default_factory=ImitationConfig)
    rounds: RoundsConfig = dataclasses.field(default_factory=RoundsConfig)
    reinforcement: ReinforcementConfig = dataclasses.field(default_factory=ReinforcementConfig)
    validation: ValidationConfig = dataclasses.field(default_factory=ValidationConfig)
    policy: PolicyConfig = dataclasses.field(default_factory=PolicyConfig)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phase of every update, in order."""
        labels = -(-self.programs.number // self.programs.per_update)
        rounds = (*_times(1, "play"), *_times(self.rounds.updates, "imitate"))
        return (
            *_times(labels, "label"),
            *_times(self.imitation.updates, "imitate"),
            *rounds * self.rounds.number,
            *_times(self.reinforcement.updates, "reinforce"),
        )


def _times(number: int, phase: Phase) -> tuple[Phase, ...]:
    return (phase,) * number
