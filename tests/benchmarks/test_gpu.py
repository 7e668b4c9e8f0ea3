"""The evaluation on a GPU is the benchmark of Jacobians with settings."""

import jax
import pytest

from benchmarks import gpu, jacobians


@pytest.mark.parametrize("tasks", [[], ["mlp"]])
@pytest.mark.parametrize("platform", ["cpu", "gpu"])
def test_settings(platform, tasks, monkeypatch, capsys, tmp_path):
    """The limit and everything that is unknown here are handed on; batch 65536 comes first."""
    asked = []
    monkeypatch.setattr(jacobians, "main", lambda words: asked.extend(words) or 0)
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    assert gpu.main([*tasks, "--out", str(tmp_path), "--seconds", "60", "--rounds", "3"]) == 0
    given = jacobians.parse(asked)
    assert given.tasks == tasks and given.out == tmp_path and given.seconds == 60
    assert given.settings.batch == [65536, 512, 2**20] and given.settings.rounds == 3
    assert given.settings.values and given.settings.training
    assert given.settings.gigabytes == (0.5 if platform == "cpu" else 20)
    assert ("no GPU" in capsys.readouterr().err) == (platform == "cpu")
