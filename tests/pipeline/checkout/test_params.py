"""Reading, overriding and checking params.yaml."""

import dataclasses
from pathlib import Path
from typing import Literal

import pytest

from elimax.pipeline.checkout.configs import build
from elimax.pipeline.checkout.params import load_params, section, task_list
from elimax.pipeline.errors import ParamsError

TEXT = """
tasks: [a, b]
finetune: {updates: 40, rate: 0.001, name: x, on: true, sizes: [1, 2], free: null}
task:
  a: {finetune: {updates: 60}}
  b: {}
"""


@dataclasses.dataclass(frozen=True)
class Inner:
    """A nested section."""

    clip: float = 0.2
    epochs: int = 2


@dataclasses.dataclass(frozen=True)
class Settings:
    """A section of every type."""

    updates: int
    rate: float = 0.1
    name: str = ""
    on: bool = False
    sizes: tuple[int, ...] = ()
    kind: Literal["x", "y"] = "x"
    free: int | None = None
    inner: Inner = Inner(epochs=5)

    def __post_init__(self) -> None:
        """Refuses no updates."""
        if self.updates < 1:
            raise ValueError("updates must be at least 1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A params.yaml."""
    file = tmp_path / "params.yaml"
    file.write_text(TEXT, encoding="utf-8")
    return file


def test_values_of_a_task_replace_those_of_the_section(path: Path) -> None:
    """Only the named key changes, and only for that task."""
    params = load_params(path)
    assert section(params, "finetune")["updates"] == 40
    assert section(params, "finetune", "a") == {**params["finetune"], "updates": 60}
    assert section(params, "finetune", "b")["updates"] == 40
    assert section(params, "finetune", "module:function")["updates"] == 40


def test_overrides_replace_values_in_their_order(path: Path) -> None:
    """The last override of a key wins; lists and whole numbers for floats are fine."""
    params = load_params(
        path, ["finetune.updates=3", "finetune.updates=4", "finetune.rate=1", "tasks=[c]"]
    )
    assert section(params, "finetune")["updates"] == 4
    assert section(params, "finetune")["rate"] == 1
    assert task_list(params) == ("c",)


def test_override_of_one_task(path: Path) -> None:
    """A value of a task that is not in the file yet has the type of the section's."""
    params = load_params(path, ["task.b.finetune.updates=7", "task.new.finetune.on=false"])
    assert section(params, "finetune", "b")["updates"] == 7
    assert section(params, "finetune", "new")["on"] is False
    with pytest.raises(ParamsError, match=r"-S task\.b\.finetune\.rate is 'fast', expected a num"):
        load_params(path, ["task.b.finetune.rate=fast"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("finetune.update=3", "in finetune there is no key 'update'; did you mean 'updates'?"),
        ("fintune.updates=3", "in params.yaml there is no key 'fintune'; did you mean 'finetune'?"),
        ("finetune.updates=many", "-S finetune.updates is 'many', expected a whole number"),
        ("finetune.updates=2.5", "-S finetune.updates is 2.5, expected a whole number"),
        ("finetune.on=1", "-S finetune.on is 1, expected true or false"),
        ("finetune.updates", "'finetune.updates' is no override; write it as key.key=value"),
        ("finetune=3", "-S finetune is 3, expected a mapping"),
        ("finetune.updates.x=3", "there is no key 'x' in finetune.updates"),
        ("tasks=[a", "the value of -S tasks cannot be read"),
    ],
)
def test_wrong_overrides_are_refused(path: Path, override: str, message: str) -> None:
    """Every wrong override gives one line that says what is wrong."""
    with pytest.raises(ParamsError) as caught:
        load_params(path, [override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "params.yaml cannot be read"),
        ("- 1", "params.yaml holds a list, expected a mapping of sections"),
        ("a: 1\na: 2", "params.yaml cannot be read"),
    ],
)
def test_broken_files_are_refused(path: Path, text: str, message: str) -> None:
    """Torn YAML, another shape and repeated keys are errors of one line."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_says_where_to_run(tmp_path: Path) -> None:
    """The message names the folder that was looked in."""
    with pytest.raises(ParamsError, match=r"no params\.yaml in .*run this command in a checkout"):
        load_params(tmp_path / "params.yaml")


def test_unknown_sections_and_keys_of_tasks(path: Path) -> None:
    """A section that is missing, and a key of a task that its section lacks, name near ones."""
    params = load_params(path)
    with pytest.raises(ParamsError, match="has no section 'finetun'; did you mean 'finetune'"):
        section(params, "finetun")
    params["task"]["a"]["finetune"] = {"update": 1}
    with pytest.raises(ParamsError, match=r"task\.a\.finetune has the unknown key 'update'; did"):
        section(params, "finetune", "a")
    params["tasks"] = "a"
    with pytest.raises(ParamsError, match="tasks is 'a', expected a list of names"):
        task_list(params)


def test_exponents_are_numbers(path: Path) -> None:
    """YAML 1.2 reads 1e-3 as a number, which YAML 1.1 reads as a text."""
    path.write_text("a: {rate: 1e-3}", encoding="utf-8")
    assert load_params(path)["a"]["rate"] == 0.001


def test_build_makes_a_config() -> None:
    """Lists become tuples, whole numbers floats, mappings change the nested default."""
    values = {"updates": 3, "rate": 1, "sizes": [1, 2], "free": None, "inner": {"clip": 1}}
    settings = build(Settings, values, "finetune")
    assert settings == Settings(updates=3, rate=1.0, sizes=(1, 2), inner=Inner(1.0, 5))
    assert isinstance(settings.rate, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"updates": "many"}, "finetune.updates is 'many', expected a whole number"),
        ({"updates": True}, "finetune.updates is True, expected a whole number"),
        ({"updates": 1, "sizes": 3}, "finetune.sizes is 3, expected a list"),
        ({"updates": 1, "sizes": ["x"]}, "finetune.sizes is 'x', expected a whole number"),
        ({"updates": 1, "kind": "z"}, "finetune.kind is 'z', expected one of 'x', 'y'"),
        ({"updates": 1, "free": "z"}, "finetune.free is 'z', expected a whole number"),
        ({"updates": 1, "rat": 1.0}, "finetune has the unknown key 'rat'; did you mean 'rate'?"),
        ({"updates": 1, "inner": {"klip": 1}}, "finetune.inner has the unknown key 'klip'"),
        ({"rate": 1.0}, "finetune lacks the key 'updates'; add it"),
        ({"updates": 0}, "finetune: updates must be at least 1"),
    ],
)
def test_build_refuses_wrong_values(values: dict[str, object], message: str) -> None:
    """Names, types and values are checked, each with one line."""
    with pytest.raises(ParamsError) as caught:
        build(Settings, values, "finetune")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
