"""What the tests of the stages share: tiny parameters, a tiny task, and a reader of W&B runs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PARAMS = """
tasks: ["toy_functions:toy"]
seed: 0
seeds: [0]
count: all
pretrain:
  programs:
    number: 2
    per_update: 2
    min_vertices: 6
    max_vertices: 8
    mix: {arrays: 0, packages: 0}
  labels: {annealing: 10, completion: 10, positions: 2}
  imitation: {updates: 1, steps: 1, batch_nodes: 32, batch_positions: 2}
  rounds: {number: 0}
  reinforcement: {updates: 0}
  validation: {programs: 1, annealing: 10}
  policy: {width: 6, heads_per_view: 1, blocks: 1, head_width: 8}
finetune: {updates: 3, episodes: 2, ppo: {positions: 8, minibatches: 1, epochs: 1}}
search: {episodes: 4}
evaluate:
  batch_sizes: [4]
  dtypes: [float32]
  layouts: [published, packed]
  rounds: 3
  seconds: 0.2
task:
  "toy_functions:toy": {}
"""

TOY = '''
import jax.numpy as jnp
import numpy as np


def toy(x, y):
    """A product of sums with a reused factor."""
    a = jnp.sin(x) * y
    b = a * x
    c = jnp.exp(a) * b
    return c * a, b + c * y


def example_inputs():
    return np.float32(0.3), np.float32(0.7)
'''


def read_run(folder: Path) -> list[dict[str, Any]]:
    """Reads the records of the only offline run in a folder, with wandb's public command."""
    (run,) = (folder / "wandb").glob("offline-run-*")
    wandb = Path(sys.executable).parent / "wandb"
    done = subprocess.run(
        [wandb, "leet", "inspect", "--json", run], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def of_type(records: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Returns the contents of all records of one type."""
    return [record[kind] for record in records if record["type"] == kind]
