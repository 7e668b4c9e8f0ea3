"""Small checkouts in temporary folders, and W&B off unless a test asks for it."""

from pathlib import Path

import pytest

from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.command_line import run
from support.pipeline_probe import PARAMS, TOY
from support.scratch_checkout import make_checkout


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A folder with params.yaml that all commands take for the checkout."""
    names = ("DVC_STAGE", "DVC_EXP_NAME", "ELIMAX_DEBUG", "WANDB_RUN_GROUP", "WANDB_DIR")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ELIMAX_ROOT", str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    return Layout(tmp_path)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a small task of a user's own."""
    (tmp_path / "toy_functions.py").write_text(TOY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return "toy_functions:toy"


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Layout, int, list[str]]:
    """A checkout after its first run by the real DVC, with the exit code and the lines it said.

    Tests copy it.
    """
    layout = make_checkout(tmp_path_factory.mktemp("run") / "checkout")
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        # Stand-ins write no real results, of which a table could be made.
        patch.setattr(run, "print_results", lambda layout, tasks, say: say("table"))
        code = run.run_pipeline(layout=layout, say=lines.append)
    return layout, code, lines
