"""Settings of pretraining: their phases, and which values they may have."""

import dataclasses
from typing import Any, get_type_hints

import pytest

from elimax.models.policy import PolicyConfig
from elimax.models.ppo import PPOConfig
from elimax.models.pretrain_config import (
    ImitationConfig,
    LabelsConfig,
    PretrainConfig,
    ProgramsConfig,
    ReinforcementConfig,
    RoundsConfig,
    ValidationConfig,
)
from elimax.models.ranges import Range
from support.training import PRETRAIN

SECTIONS = (
    ProgramsConfig,
    LabelsConfig,
    ImitationConfig,
    RoundsConfig,
    ReinforcementConfig,
    ValidationConfig,
    PolicyConfig,
    PPOConfig,
)


def test_phases_in_order():
    """Labels, imitation, rounds of a play and of imitation, and PPO."""
    assert PRETRAIN.phases == (
        *("label", "label"),
        *("imitate", "imitate"),
        *("play", "imitate"),
        *("reinforce", "reinforce"),
    )


@pytest.mark.parametrize(("number", "labels"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_programs_that_do_not_divide_evenly(number, labels):
    """The last update of phase "label" has what is left."""
    programs = dataclasses.replace(PRETRAIN.programs, number=number)
    config = dataclasses.replace(PRETRAIN, programs=programs)
    assert config.phases.count("label") == labels
    assert config.phases[labels:] == PRETRAIN.phases[2:]


def test_rounds_and_reinforcement_may_be_left_out():
    """With none of them, all that is left is imitation."""
    config = dataclasses.replace(
        PRETRAIN,
        rounds=dataclasses.replace(PRETRAIN.rounds, number=0),
        reinforcement=dataclasses.replace(PRETRAIN.reinforcement, updates=0),
    )
    assert config.phases == ("label", "label", "imitate", "imitate")


def test_several_rounds():
    """Each is one play and so many updates."""
    rounds = dataclasses.replace(PRETRAIN.rounds, number=3, updates=2)
    phases = dataclasses.replace(PRETRAIN, rounds=rounds).phases
    assert phases[4:13] == ("play", "imitate", "imitate") * 3


def test_default_phases():
    """The training whose policy comes with elimax."""
    phases = PretrainConfig().phases
    assert len(phases) == 24 + 60 + 16 * 6 + 20
    assert phases.count("play") == 16


def test_the_smallest_program_is_not_larger_than_the_largest():
    """The message has both numbers."""
    expected = "min_vertices is 9 but must be at most max_vertices, which is 8"
    with pytest.raises(ValueError, match=expected):
        ProgramsConfig(min_vertices=9, max_vertices=8)
    assert ProgramsConfig(min_vertices=8, max_vertices=8).max_vertices == 8


def ranges(section: type) -> dict[str, tuple[type, Range]]:
    """Type and range of every number in a section."""
    hints = get_type_hints(section, include_extras=True)
    return {
        name: (hint.__args__[0], metadata[0])
        for name, hint in hints.items()
        if (metadata := getattr(hint, "__metadata__", ()))
    }


@pytest.mark.parametrize("section", SECTIONS)
def test_every_number_has_a_range_that_holds_its_default(section: Any):
    """A number without one could be anything that is written in params.yaml."""
    config, allowed = section(), ranges(section)
    for field in dataclasses.fields(section):
        value = getattr(config, field.name)
        if isinstance(value, int | float):
            kind, numbers = allowed[field.name]
            assert type(value) is kind, field.name
            assert numbers.holds(value) and not numbers.holds(numbers.least - 1), field.name


@pytest.mark.parametrize(
    ("section", "name", "words"),
    [
        (ProgramsConfig, "min_vertices", "an integer from 4 to 10,000"),
        (ProgramsConfig, "other_count", "a number from 0.0 to 1.0"),
        (RoundsConfig, "number", "an integer from 0 to 100,000"),
        (ReinforcementConfig, "episodes", "an integer from 2 to 10,000"),
        (ImitationConfig, "steps", "an integer from 1 to 10,000"),
    ],
)
def test_ranges_in_words(section, name, words):
    """What an error about such a setting says that it must be."""
    kind, numbers = ranges(section)[name]
    assert numbers.describe(kind) == words
