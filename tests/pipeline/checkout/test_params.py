"""Reading and checking params.yaml."""

from pathlib import Path

import pytest

from elimax.pipeline.checkout.params import (
    load_params,
    section,
    seed_list,
    task_list,
    write_seeds,
)
from elimax.pipeline.errors import ParamsError

TEXT = """
tasks: [a, b]
seeds: [0, 2]
finetune: {updates: auto, rate: 0.001, free: null, inner: {clip: auto, epochs: 3}}
task:
  default: {finetune: {updates: 40, inner: {clip: 0.2}}}
  a: {finetune: {updates: 60, rate: 0.5}}
  b: {}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A params.yaml."""
    file = tmp_path / "params.yaml"
    file.write_text(TEXT, encoding="utf-8")
    return file


def test_auto_is_the_value_of_the_task(path: Path) -> None:
    """Each task has its own, those without one the default; what is not auto holds for all."""
    params = load_params(path)
    default = {"updates": 40, "rate": 0.001, "free": None, "inner": {"clip": 0.2, "epochs": 3}}
    assert section(params, "finetune") == default
    assert section(params, "finetune", "a") == {**default, "updates": 60}
    assert section(params, "finetune", "b") == default
    assert section(params, "finetune", "module:function") == default
    assert params["finetune"]["updates"] == "auto"


def test_number_in_the_section_holds_for_all_tasks(path: Path) -> None:
    """What `-S` writes into a section wins over the values of tasks."""
    params = load_params(path, ["finetune.updates=3"])
    for task in (None, "a", "b", "module:function"):
        assert section(params, "finetune", task)["updates"] == 3


def test_auto_without_a_value_is_an_error(path: Path) -> None:
    """The message names the key and where a value belongs."""
    params = load_params(path)
    del params["task"]["default"]
    assert section(load_params(path), "finetune", "a")["updates"] == 60
    with pytest.raises(ParamsError) as caught:
        section(params, "finetune", "b")
    assert str(caught.value) == (
        "params.yaml: finetune.updates is auto, but neither task.b nor task.default has a value "
        "for it: add task.default.finetune.updates"
    )
    with pytest.raises(ParamsError, match=r"is auto, but task\.default has no value for it: add"):
        section(params, "finetune")


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
    for own, message in (
        ({"finetune": {"update": 1}}, r"task\.a\.finetune has the unknown key 'update'; did you"),
        (
            {"finetune": {"inner": {"klip": 1}}},
            r"task\.a\.finetune\.inner has the unknown key 'klip'",
        ),
        ({"finetun": {}}, r"task\.a has the unknown section 'finetun'; did you mean 'finetune'"),
        ({"finetune": 3}, r"task\.a\.finetune is 3 but must be a mapping"),
    ):
        params["task"]["a"] = own
        with pytest.raises(ParamsError, match=message):
            section(params, "finetune", "a")
    params["tasks"] = "a"
    with pytest.raises(ParamsError, match="tasks is 'a' but must be a list of names"):
        task_list(params)


def test_seeds_are_a_list(path: Path) -> None:
    """The seeds of the file in their order."""
    assert seed_list(load_params(path)) == (0, 2)


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        (5, "seeds is 5 but must be a list of seeds, such as [0, 1, 2]"),
        (None, "seeds is empty but must be a list of seeds"),
        ([], "seeds is empty but must be a list of seeds"),
        ([0, -1], "seeds is -1 but must be an integer from 0 to 2,147,483,647"),
        ([0, 1.5], "seeds is 1.5 but must be an integer"),
        ([1, 0, 1], "seeds is [1, 0, 1] but must name each seed once"),
    ],
)
def test_wrong_seeds_are_refused(seeds: object, message: str) -> None:
    """No list, nothing in it, no seed, a seed twice."""
    with pytest.raises(ParamsError) as caught:
        seed_list({"seeds": seeds})
    assert message in str(caught.value)


def test_number_of_seeds_is_written(path: Path) -> None:
    """The seeds 0, 1, ...; the rest of the file stays as it is."""
    write_seeds(path, 3)
    assert path.read_text() == TEXT.lstrip().replace("[0, 2]", "[0, 1, 2]")
    path.write_text("tasks: [a]")
    with pytest.raises(ParamsError, match=r"params\.yaml has no list of seeds: add the line seeds"):
        write_seeds(path, 3)


def test_exponents_are_numbers(path: Path) -> None:
    """YAML 1.2 reads 1e-3 as a number, which YAML 1.1 reads as a string."""
    path.write_text("a: {rate: 1e-3}", encoding="utf-8")
    assert load_params(path)["a"]["rate"] == 0.001
