"""Pretraining by several processes, as srun starts them; all else is in test_stages."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from elimax.models.checkpoint import load_policy
from elimax.pipeline.checkout.files import Layout, read_csv, read_json
from support.descent import free_address
from support.pipeline_probe import PARAMS
from support.repository import ROOT


def start(root: Path, devices: int, *options: str, **environment: str) -> subprocess.Popen:
    """Starts `elimax pretrain` in a folder, in a process that has so many devices."""
    (root / "params.yaml").write_text(PARAMS, encoding="utf-8")
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    return subprocess.Popen(
        [sys.executable, "-m", "elimax.pipeline", "pretrain", *options],
        env={
            **os.environ,
            "XLA_FLAGS": flags,
            "PYTHONPATH": str(ROOT),
            "ELIMAX_ROOT": str(root),
            "JAX_PLATFORMS": "cpu",
            "WANDB_MODE": "disabled",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def assert_ended(process: subprocess.Popen) -> str:
    """Waits for a good end, and returns what was said."""
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


@pytest.mark.slow
def test_two_processes_train_what_two_devices_do(tmp_path: Path):
    """They share games, labels and gradients; the first one alone writes, and says so."""
    folders = [tmp_path / name for name in ("processes", "devices")]
    for folder in folders:
        folder.mkdir()
    assert_ended(start(folders[1], 2))
    told = {"JAX_COORDINATOR_ADDRESS": free_address(), "JAX_NUM_PROCESSES": "2"}
    both = [
        start(folders[0], 1, "--processes", JAX_PROCESS_ID=str(number), **told)
        for number in range(2)
    ]
    said = [assert_ended(process) for process in both]
    assert ["wrote" in lines for lines in said] == [True, False]
    ours, theirs = map(Layout, folders)
    policies = [load_policy(layout.pretrained_policy)[0] for layout in (ours, theirs)]
    for a, b in zip(*map(jax.tree.leaves, policies), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
    curves = [read_csv(layout.pretrain_curve, "") for layout in (ours, theirs)]
    assert len(curves[0]) == len(curves[1])
    found, expected = (read_json(layout.pretrain_metrics, "") for layout in (ours, theirs))
    assert found == pytest.approx(expected, rel=1e-5)
    assert not [path for path in folders[0].rglob("*.state") if path.is_file()]


def test_a_process_that_nobody_started(tmp_path: Path):
    """Without SLURM, MPI or variables there is one line that says what to set."""
    process = start(tmp_path, 1, "--processes")
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "cannot join other processes" in said and "srun" in said
    assert "Traceback" not in said
