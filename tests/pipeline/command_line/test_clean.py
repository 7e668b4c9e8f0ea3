"""Command clean: results stay, and nothing is taken from a stage that runs."""

import json
from pathlib import Path

import pytest

from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.process import stage_process
from elimax.pipeline.command_line import cli
from elimax.pipeline.command_line.clean import size_text


def call(*arguments: str) -> int:
    """The exit code of `elimax clean`."""
    with pytest.raises(SystemExit) as caught:
        cli.run(["clean", *arguments])
    return int(caught.value.code or 0)


@pytest.fixture
def used(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A checkout with a result, a checkpoint, runs of W&B and a cache of orders."""
    monkeypatch.setenv("ELIMAX_CACHE_DIR", str(layout.root / "cache"))
    for name in ("data/orders/a.json", ".state/finetune/a-0.state", "wandb/run-1/log", "cache/b"):
        path = layout.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x" * 1500)
    return layout


def left(layout: Layout) -> set[str]:
    """The files that are there."""
    names = (str(p.relative_to(layout.root)) for p in layout.root.rglob("*") if p.is_file())
    return {name for name in names if not name.startswith(".state/locks")} - {"params.yaml"}


def test_what_is_removed(used: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """What can be made again; runs of W&B only if asked for; results never."""
    before = left(used)
    assert call("--dry-run") == 0
    out = capsys.readouterr().out
    assert "would be removed" in out and ".state/finetune" in out and "1.5 kB" in out
    assert left(used) == before
    assert call("--json") == 0
    assert {Path(entry["path"]).name for entry in json.loads(capsys.readouterr().out)} == {
        "finetune", "cache"
    }  # fmt: skip
    assert left(used) == {"data/orders/a.json", "wandb/run-1/log"}
    assert call("--runs") == 0
    assert left(used) == {"data/orders/a.json"}
    capsys.readouterr()
    assert call() == 0
    assert capsys.readouterr().out == "there is nothing to remove\n"


def test_a_stage_that_runs_keeps_its_files(
    used: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its checkpoint would be lost."""
    before = left(used)
    with stage_process(used, "search", "mlp"):
        assert call() == 1
    assert "search@mlp is running" in capsys.readouterr().err
    assert left(used) == before
    assert call() == 0


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e12, "2500.0 GB")]
)
def test_sizes(size: int, text: str) -> None:
    """In powers of a thousand, up to gigabytes."""
    assert size_text(int(size)) == text
