"""Overrides of params.yaml."""

from typing import Any

import pytest

from elimax.pipeline.checkout.overrides import apply_overrides, override_keys, task_value
from elimax.pipeline.checkout.params import section
from elimax.pipeline.errors import ParamsError

PARAMS: dict[str, Any] = {
    "tasks": ["a", "b"],
    "seeds": [0],
    "finetune": {"updates": "auto", "rate": 0.001, "on": True, "sizes": [1, 2], "free": None},
    "task": {"default": {"finetune": {"updates": 8}}, "a": {"finetune": {"updates": 60}}, "b": {}},
}


def test_overrides_replace_values_in_their_order() -> None:
    """The last override of a key wins; lists, integers for floats and flow lists are fine."""
    overrides = ["finetune.updates=3", "finetune.updates=4", "finetune.rate=1", "seeds=[0, 1,2]"]
    params = apply_overrides(PARAMS, overrides)
    assert section(params, "finetune", "a")["updates"] == 4
    assert section(params, "finetune")["rate"] == 1
    assert params["seeds"] == [0, 1, 2]
    assert PARAMS["finetune"]["updates"] == "auto"


def test_override_of_one_task() -> None:
    """A value of a task that is not in the file yet has the type of the section's."""
    params = apply_overrides(PARAMS, ["task.b.finetune.updates=7", "task.new.finetune.updates=9"])
    assert section(params, "finetune", "b")["updates"] == 7
    assert section(params, "finetune", "new")["updates"] == 9
    assert section(params, "finetune", "a")["updates"] == 60


def test_override_of_the_default() -> None:
    """Tasks without a number of their own take it."""
    params = apply_overrides(PARAMS, ["task.default.finetune.updates=5"])
    assert section(params, "finetune", "b")["updates"] == 5
    assert section(params, "finetune", "a")["updates"] == 60


def test_auto_can_be_written() -> None:
    """A section can be told to take the values of tasks, together with such a value."""
    overrides = ["task.b.finetune.rate=0.5", "finetune.rate=auto", "task.default.finetune.rate=0.1"]
    params = apply_overrides(PARAMS, overrides)
    assert section(params, "finetune", "b")["rate"] == 0.5
    assert section(params, "finetune", "a")["rate"] == 0.1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("finetune.update=3", "in finetune there is no key 'update'; did you mean 'updates'?"),
        ("fintune.updates=3", "in params.yaml there is no key 'fintune'; did you mean 'finetune'?"),
        ("finetune.updates=many", "-S finetune.updates is 'many' but must be an integer"),
        ("finetune.updates=2.5", "-S finetune.updates is 2.5 but must be an integer"),
        ("task.b.finetune.updates=x", "-S task.b.finetune.updates is 'x' but must be an integer"),
        ("finetune.on=1", "-S finetune.on is 1 but must be true or false"),
        ("finetune.updates", "'finetune.updates' is not an override; write it as key.key=value"),
        ("finetune=3", "-S finetune is 3 but must be a mapping"),
        ("finetune.updates.x=3", "there is no key 'x' in finetune.updates"),
        ("tasks=[a", "the value of -S tasks cannot be read"),
        ("tasks=auto", "-S tasks is 'auto' but must be a list"),
        ("seeds=5", "-S seeds is 5 but must be a list: write -S 'seeds=[0,1,2,3,4]'"),
        ("seeds=x", "-S seeds is 'x' but must be a list: write -S 'seeds=[0,1,2]'"),
        (
            "task.b.finetune.rate=1",
            "-S task.b.finetune.rate has no effect because finetune.rate is 0.001 for all tasks: "
            "add -S finetune.rate=auto, or set finetune.rate itself",
        ),
    ],
)
def test_wrong_overrides_are_refused(override: str, message: str) -> None:
    """Every wrong override gives one line that says what is wrong."""
    with pytest.raises(ParamsError) as caught:
        apply_overrides(PARAMS, [override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_keys_of_an_override() -> None:
    """An equals sign in the value is part of the value."""
    assert override_keys("finetune.updates=a=b") == ["finetune", "updates"]


def test_where_auto_comes_from() -> None:
    """The task is asked first, then the default."""
    assert task_value(PARAMS, ("finetune", "updates"), "a") == ("task.a", 60)
    assert task_value(PARAMS, ("finetune", "updates"), "b") == ("task.default", 8)
