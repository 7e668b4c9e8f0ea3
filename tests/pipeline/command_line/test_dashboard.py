"""Command dashboard: what is built without a network, and what is said without an account."""

from typing import Any

import pytest

from elimax.pipeline.checkout.files import Layout, read_csv
from elimax.pipeline.command_line import cli, dashboard
from elimax.pipeline.errors import PipelineError
from support.repository import ROOT


def columns(panels: list[Any]) -> set[str]:
    """The columns that line plots show."""
    return {str(name) for panel in panels for name in getattr(panel, "y", [])}


def test_the_workspace_shows_columns_that_are_there() -> None:
    """Every curve is a column of the committed learning curves, or of evaluate."""
    workspace = dashboard.build_workspace("someone", "elimax")
    assert [section.name for section in workspace.sections] == [
        "Finetuning", "Pretraining", "Evaluation", "Orders"
    ]  # fmt: skip
    finetuning, pretraining, *_ = workspace.sections
    for section, path in (
        (finetuning, "data/finetune/mlp/0.csv"),
        (pretraining, "data/pretrain/curve.csv"),
    ):
        rows = read_csv(ROOT / path, "")
        assert columns(section.panels) <= set().union(*rows)
        assert {str(panel.x) for panel in section.panels} <= set().union(*rows)


def test_the_report_has_the_same_panels() -> None:
    """Below a heading each, with the runs of the stage."""
    report = dashboard.build_report("someone", "elimax")
    workspace = dashboard.build_workspace("someone", "elimax")
    grids = [block for block in report.blocks if hasattr(block, "panels")]
    assert len(grids) == len(workspace.sections)
    for grid, section in zip(grids, workspace.sections, strict=True):
        assert columns(grid.panels) == columns(section.panels)
    assert [grid.runsets[0].name for grid in grids] == [
        "finetune", "pretrain", "evaluate", "search"
    ]  # fmt: skip


def test_without_an_account_it_says_what_to_do(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, whatever the package raises."""

    class Unsaved:
        def save(self) -> None:
            raise ConnectionError("not logged in")

    monkeypatch.setattr(dashboard, "build_workspace", lambda *names: Unsaved())
    with pytest.raises(PipelineError, match=r"not logged in.*wandb login"):
        dashboard.publish("someone")
    with pytest.raises(SystemExit) as caught:
        cli.run(["dashboard"])
    assert caught.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_addresses_are_printed(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of both, in the project of the environment."""
    asked: list[tuple[str, str]] = []

    class Saved:
        url = "here"

        def save(self) -> None:
            """Does nothing."""

    def build(entity: str, project: str) -> Saved:
        asked.append((entity, project))
        return Saved()

    monkeypatch.setattr(dashboard, "build_workspace", build)
    monkeypatch.setattr(dashboard, "build_report", build)
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    with pytest.raises(SystemExit) as caught:
        cli.run(["dashboard", "--entity", "team"])
    assert not caught.value.code
    assert capsys.readouterr().out == "workspace: here\nreport: here\n"
    assert asked == [("team", "mine")] * 2
