"""Some steps of training in a separate process, on two devices that one or two processes have.

`python -m support.descent FOLDER NUMBER ADDRESS` reads the weights from FOLDER/weights.npz and
writes the trained ones to FOLDER/NUMBER.npz. With an address it is process NUMBER of two.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

from elimax.models.imitation import imitation_loss
from elimax.models.policy import make_policy
from elimax.models.training import TrainingState, learn, start_training
from support.repository import ROOT
from support.training import SMALL, drawn_lessons

STEPS = 3


def descended(policy: Any) -> TrainingState:
    """Trains a policy for `STEPS` steps of imitation."""
    batches = (drawn_lessons(seed) for seed in range(STEPS))
    state, _ = learn(
        start_training(policy, seed=0), batches, imitation_loss, (), lambda number: 0.01 / 2**number
    )
    return state


def start_descent(folder: Path, number: int, devices: int, address: str = "") -> subprocess.Popen:
    """Starts this module in a process with `devices` devices of its own."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.Popen(
        [sys.executable, "-m", "support.descent", str(folder), str(number), address],
        env={**os.environ, "XLA_FLAGS": flags, "PYTHONPATH": path, "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free_address() -> str:
    """An address on this machine where nothing listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


def write_weights(path: Path, tree: Any) -> None:
    """Stores the arrays of a tree, in order."""
    np.savez(path, *map(np.asarray, jax.tree.leaves(tree)))


def read_weights(path: Path) -> list[np.ndarray]:
    """Reads what `write_weights` has written."""
    with np.load(path) as stored:
        return [stored[name] for name in stored.files]


def _main(folder: Path, number: int, address: str) -> None:
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    if address:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(address, num_processes=2, process_id=number)
    assert len(jax.devices()) == 2
    # Only the tree of a policy: drawing its weights would have to be compiled.
    form = jax.tree.structure(jax.eval_shape(lambda: make_policy(SMALL, seed=0)))
    state = descended(jax.tree.unflatten(form, read_weights(folder / "weights.npz")))
    write_weights(folder / f"{number}.npz", (state.policy, state.average))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
