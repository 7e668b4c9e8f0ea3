"""A small checkout for tests: the real dvc.yaml, with stages that only write a line."""

import json
import shutil
import subprocess
from pathlib import Path

from elimax.pipeline.checkout.code_fingerprints import STAGES
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.params import load_params
from support.repository import ROOT

TASKS = ["mlp", "lstm_rollout"]

COPIED = (
    "dvc.yaml",
    ".dvcignore",
    ".gitignore",
    ".dvc/config",
    ".dvc/.gitignore",
    "data/README.md",
    "elimax/__init__.py",
    "interpreter/atomic_files.py",
    "interpreter/errors.py",
    "interpreter/json_files.py",
    "models/__init__.py",
    "models/ranges.py",
)

STAND_IN = '''"""Writes the outputs of a stage; fails or sleeps if a file of that name is there."""

import pathlib
import sys
import time

from elimax.pipeline.checkout.yaml_text import parse_yaml

stage, task, *rest = [*sys.argv[1:], ""]
seed = rest[1] if rest[:1] == ["--seed"] else ""
print(f"{stage} says hello", "-".join(filter(None, (task, seed))))
if pathlib.Path("fail").exists():
    sys.exit(3)
if pathlib.Path("sleep").exists():
    pathlib.Path("asleep").touch()
    time.sleep(60)
value = pathlib.Path("params.yaml").stat().st_size if stage == "finetune" else 0
for entry in parse_yaml(open("dvc.yaml").read(), "dvc.yaml")["stages"][stage]["outs"]:
    name = entry if isinstance(entry, str) else next(iter(entry))
    path = pathlib.Path(name.replace("${item.task}", task).replace("${item.seed}", seed))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{stage} {task} {value}\\n")
# Files that are not outputs, with what differs from run to run
others = {"evaluate": f"data/timings/{task}.json", "report": "results/report.html"}
if stage in others:
    path = pathlib.Path(others[stage])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(time.time_ns()))
'''


def make_checkout(root: Path) -> Layout:
    """Writes a checkout of two tasks and commits it."""
    # All of pipeline, but of interpreter only what does not load JAX.
    folders = ("pipeline", "pipeline/checkout", "pipeline/command_line")
    programs = [f"{folder}/{x.name}" for folder in folders for x in (ROOT / folder).glob("*.py")]
    for name in (*COPIED, *programs):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    params = load_params(ROOT / "params.yaml")
    params["tasks"] = TASKS
    params["profiles"] = {"tiny": {"tasks": ["mlp"], "finetune": {"updates": 1}}}
    (root / "params.yaml").write_text(json.dumps(params, indent=1))
    (root / "pipeline/__main__.py").write_text(STAND_IN)
    (root / "interpreter/__init__.py").touch()
    for package in ("interpreter", "models", "pipeline"):
        (root / "elimax" / package).symlink_to(f"../{package}")
    for folder in ("stages", "tasks"):
        (root / "pipeline" / folder).mkdir()
    for name in (*(f"stages/{stage}" for stage in STAGES), *(f"tasks/{task}" for task in TASKS)):
        (root / f"pipeline/{name}.py").write_text('"""Docstring."""\nVALUE = 1\n')
    git(root, "init", "--quiet")
    commit(root)
    return Layout(root)


def commit(root: Path) -> None:
    """Commits all that git does not ignore."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Tree")


def git(root: Path, *arguments: str) -> None:
    """Runs git with a test author."""
    author = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", "-C", str(root), *author, *arguments], check=True)
