"""Configs built from sections: names, types and ranges."""

import dataclasses
from typing import Annotated, Literal

import pytest

from elimax.models.finetuning import FinetuneConfig
from elimax.models.policy import PolicyConfig
from elimax.models.ppo import PPOConfig
from elimax.models.pretrain_config import (
    ImitationConfig,
    LabelsConfig,
    ProgramsConfig,
    ReinforcementConfig,
    RoundsConfig,
    ValidationConfig,
)
from elimax.models.programs.draw import ProgramMix
from elimax.models.ranges import Range
from elimax.pipeline.checkout.configs import build
from elimax.pipeline.errors import ParamsError
from elimax.pipeline.stages.evaluate_timings import EvaluateConfig
from elimax.pipeline.stages.search import SearchConfig


@dataclasses.dataclass(frozen=True)
class Inner:
    """A nested section."""

    clip: Annotated[float, Range(0.0, 1.0)] = 0.2
    epochs: int = 2


@dataclasses.dataclass(frozen=True)
class Settings:
    """A section of every type."""

    updates: Annotated[int, Range(1, 1000)]
    rate: Annotated[float, Range(0.0, 1.0)] = 0.1
    name: str = ""
    on: bool = False
    sizes: tuple[Annotated[int, Range(1)], ...] = ()
    kind: Literal["x", "y"] = "x"
    free: Annotated[int, Range(1)] | None = None
    inner: Inner = Inner(epochs=5)

    def __post_init__(self) -> None:
        """Refuses a combination that no range can express."""
        if self.inner.epochs == 7:
            raise ValueError("epochs must not be 7")


def test_build_makes_a_config() -> None:
    """Lists become tuples, integers floats, mappings change the nested default."""
    values = {"updates": 3, "rate": 1, "sizes": [1, 2], "free": None, "inner": {"clip": 1}}
    settings = build(Settings, values, "finetune")
    assert settings == Settings(updates=3, rate=1.0, sizes=(1, 2), inner=Inner(1.0, 5))
    assert isinstance(settings.rate, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"updates": "many"}, "finetune.updates is 'many' but must be an integer"),
        ({"updates": True}, "finetune.updates is True but must be an integer"),
        ({"updates": 1, "sizes": 3}, "finetune.sizes is 3 but must be a list"),
        ({"updates": 1, "sizes": ["x"]}, "finetune.sizes is 'x' but must be an integer"),
        ({"updates": 1, "kind": "z"}, "finetune.kind is 'z' but must be 'x' or 'y'"),
        ({"updates": 1, "free": "z"}, "finetune.free is 'z' but must be an integer"),
        ({"updates": 1, "rat": 1.0}, "finetune has the unknown key 'rat'; did you mean 'rate'?"),
        ({"updates": 1, "inner": {"klip": 1}}, "finetune.inner has the unknown key 'klip'"),
        ({"rate": 1.0}, "finetune lacks the key 'updates'; add it"),
        ({"updates": 1, "inner": {"epochs": 7}}, "finetune: epochs must not be 7"),
        ({"updates": 0}, "finetune.updates is 0 but must be an integer from 1 to 1,000"),
        ({"updates": -3}, "finetune.updates is -3 but must be an integer from 1 to 1,000"),
        ({"updates": 1, "rate": float("nan")}, "finetune.rate is nan but must be a number from 0"),
        ({"updates": 1, "sizes": [1, 0]}, "finetune.sizes is 0 but must be a positive integer"),
        ({"updates": 1, "free": 0}, "finetune.free is 0 but must be a positive integer"),
        ({"updates": 1, "inner": {"clip": 2}}, "finetune.inner.clip is 2.0 but must be a number"),
    ],
)
def test_build_refuses_wrong_values(values: dict[str, object], message: str) -> None:
    """Names, types and values are checked, each with one line."""
    with pytest.raises(ParamsError) as caught:
        build(Settings, values, "finetune")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "config",
    [
        EvaluateConfig,
        FinetuneConfig,
        ImitationConfig,
        LabelsConfig,
        PPOConfig,
        PolicyConfig,
        ProgramMix,
        ProgramsConfig,
        ReinforcementConfig,
        RoundsConfig,
        SearchConfig,
        ValidationConfig,
    ],
)
def test_every_number_has_a_range(config: type) -> None:
    """No number of a config is taken as it comes: -1 is refused everywhere."""
    kinds = {"int", "float", "tuple[int, ...]"}
    fields = {field.name: field for field in dataclasses.fields(config)}
    numbers = [name for name, field in fields.items() if type(field.default) in (int, float)]
    numbers += ["batch_sizes"] if config is EvaluateConfig else []
    assert numbers and not [name for name in fields if str(fields[name].type) in kinds]
    for name in numbers:
        value = [-1] if name == "batch_sizes" else -1
        with pytest.raises(ParamsError, match=rf"x\.{name} is -1(\.0)? but must be .* from .* to "):
            build(config, {name: value}, "x")


def test_smallest_program_is_not_larger_than_the_largest() -> None:
    """Each is in its range, but no program has such a size."""
    message = "x: min_vertices is 9 but must be at most max_vertices, which is 8"
    with pytest.raises(ParamsError, match=message):
        build(ProgramsConfig, {"min_vertices": 9, "max_vertices": 8}, "x")
