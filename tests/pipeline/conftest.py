"""A small checkout in a temporary folder, and W&B off unless a test asks for it."""

from pathlib import Path

import pytest
from pipeline_probe import PARAMS, TOY

from pipeline.files import Layout


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A folder with params.yaml that all commands take for the checkout."""
    for name in ("DVC_STAGE", "DVC_EXP_NAME", "ELIMAX_DEBUG", "WANDB_RUN_GROUP"):
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
