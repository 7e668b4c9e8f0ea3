"""All of params.yaml, checked, and where the values of a task come from."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from elimax.pipeline.checkout.context import StageContext
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.params import load_params
from elimax.pipeline.command_line.checked_params import checked_params, value_sources
from elimax.pipeline.console import Console
from elimax.pipeline.errors import ParamsError
from support.repository import ROOT


def context(overrides: Sequence[str] = (), path: Path = ROOT / "params.yaml") -> StageContext:
    """The parameters of this repository, with overrides."""
    return StageContext(Layout(ROOT), load_params(path, overrides), Console(as_json=True))


def test_values_of_a_task_are_filled_in() -> None:
    """`auto` becomes the number of the task; sections of other tasks and profiles are left out."""
    assert checked_params(context(), "mlp")["finetune"]["updates"] == 24
    assert checked_params(context(), "human_heart_dipole")["finetune"]["updates"] == 14
    assert checked_params(context(), "module:function")["finetune"]["updates"] == 14
    assert checked_params(context(["finetune.updates=3"]), "mlp")["finetune"]["updates"] == 3
    assert not {"task", "profiles"} & set(checked_params(context(), "mlp"))


def test_without_a_task_all_is_shown() -> None:
    """The file as it is, with overrides."""
    params = checked_params(context(["search.episodes=9"]))
    assert params["finetune"]["updates"] == "auto" and params["search"]["episodes"] == 9
    assert params["task"]["mlp"] == {"finetune": {"updates": 24}}


def test_where_values_come_from() -> None:
    """A section, the task, the default, an override of any of them."""
    overrides = ["search.episodes=9", "task.mlp.finetune.updates=3"]
    sources = value_sources(context(overrides).params, "mlp", overrides)
    assert sources["search.episodes"] == sources["finetune.updates"] == "-S"
    assert sources["finetune.ppo.clip"] == "section finetune"
    assert sources["count"] == "params.yaml"
    params = context().params
    assert value_sources(params, "mlp")["finetune.updates"] == "task.mlp"
    assert value_sources(params, "human_heart_dipole")["finetune.updates"] == "task.default"
    assert set(value_sources(params, "mlp")) == {
        *value_sources(params, "bratu_stencil"),
        "pretrain.policy.width",
    }


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["finetune.updates=-3"], "finetune.updates is -3 but must be an integer from 1 to"),
        (["task.mlp.finetune.updates=0"], "finetune.updates is 0 but must be an integer from 1"),
        (["seed=-1"], "seed is -1 but must be an integer from 0 to 2,147,483,647"),
        (["seeds=[1,1]"], "seeds is [1, 1] but must name each seed once"),
        (["count=some"], "count is 'some' but must be 'all', 'nontrivial' or 'price'"),
        (["pretrain.policy.blocks=-1"], "pretrain.policy.blocks is -1 but must be an integer"),
        (["evaluate.batch_sizes=[1,-2]"], "evaluate.batch_sizes is -2 but must be an integer"),
        (["search.annealing=-1"], "search.annealing is -1 but must be an integer from 0 to"),
    ],
)
def test_wrong_values_are_refused(overrides: list[str], message: str) -> None:
    """Each in one line with the key, the value and what is allowed."""
    with pytest.raises(ParamsError) as caught:
        checked_params(context(overrides))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_values_of_tasks_are_checked_even_where_no_section_says_auto(tmp_path: Path) -> None:
    """They are used as soon as it does."""
    text = (ROOT / "params.yaml").read_text()
    text = text.replace("mlp: {finetune: {updates: 24}}", "mlp: {finetune: {episodes: 0}}")
    (tmp_path / "params.yaml").write_text(text)
    message = r"task\.mlp\.finetune\.episodes is 0 but must be an integer from 2 to 100,000"
    with pytest.raises(ParamsError, match=message):
        checked_params(context(path=tmp_path / "params.yaml"))


def test_unknown_task_names_near_ones() -> None:
    """Without a near one, all are listed."""
    with pytest.raises(
        ParamsError, match=r"has no task 'robot_arm'; did you mean 'robot_arm_6dof'"
    ):
        checked_params(context(), "robot_arm")
