"""Finetuning with several seeds: what a training tells, and that none is done twice."""

import dataclasses
import json

import jax
import pytest

from benchmarks.learning import finetuning
from benchmarks.learning.finetuning import (
    NEAR,
    PRETRAINED,
    UNTRAINED,
    finetuning_table,
    first_policy,
    main,
    train,
)
from elimax.models.checkpoint import pretrained_policy
from elimax.models.finetuning import FinetuneConfig
from elimax.models.pretrain_config import PretrainConfig
from elimax.pipeline.checkout.context import StageContext
from elimax.pipeline.checkout.files import Layout, read_json
from elimax.pipeline.checkout.params import load_params
from elimax.pipeline.console import Console
from support.repository import ROOT

TASK = "human_heart_dipole"


def leaves(policy):
    """The weights of a policy, as bytes."""
    return [x.tobytes() for x in jax.tree.leaves(policy) if hasattr(x, "tobytes")]


def test_where_a_training_begins():
    """With the shipped weights, or with others for every seed."""
    sizes = PretrainConfig()
    assert leaves(first_policy(PRETRAINED, sizes, 1)) == leaves(pretrained_policy())
    drawn = [leaves(first_policy(UNTRAINED, sizes, seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.slow
def test_a_training_tells_when_it_was_near():
    """The shipped policy plays the best known order of this task at once."""
    layout = Layout(ROOT)
    context = StageContext(layout, load_params(layout.params), Console())
    config = FinetuneConfig(updates=2, episodes=2)
    config = dataclasses.replace(config, ppo=dataclasses.replace(config.ppo, positions=64))
    line = train(context, TASK, PRETRAINED, 0, config)
    known = read_json(layout.order(TASK), "")["by_count"]["all"]["all"]
    assert line["known"] == known == line["cost"] <= line["greedy"] <= (1 + NEAR) * known
    assert line["near"] == line["eliminations"] / 3  # Of three rounds of games the first.


def told(task, start, seed, cost, near):
    """A line without what the table does not read."""
    of = {"program": task, "method": start, "seed": seed, "known": 100}
    return {**of, "cost": cost, "near": near, "eliminations": 900}


def test_table():
    """One row a start; the median over the seeds that came near."""
    lines = [
        told("a", PRETRAINED, 0, 100, 10),
        told("a", PRETRAINED, 1, 101, 30),
        told("a", UNTRAINED, 0, 150, None),
    ]
    columns, rows = finetuning_table(lines)
    assert columns[5] == "eliminations to within 1%"
    assert rows == [
        ["a", PRETRAINED, 2, 100, "100, 101", "20", 2, 900],
        ["a", UNTRAINED, 1, 100, "150", "never", 0, 900],
    ]


def test_the_command_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    """A second call trains nothing, and says the same."""
    trainings = []

    def quick(context, task, start, seed, config):
        trainings.append((start, seed, config.updates))
        kept = {"set": "tasks", "count": "all", "budget": None, "fingerprint": "", "vertices": 0}
        return (
            told(task, start, seed, 100, 5) | kept | {"arrays": False, "policy": None, "seconds": 1}
        )

    monkeypatch.setattr(finetuning, "train", quick)
    words = [TASK, "--seeds", "2", "--starts", UNTRAINED, "--times", "2", "--out", str(tmp_path)]
    assert main(words) == 0
    first = capsys.readouterr().out
    assert main(words) == 0
    assert [x[:2] for x in trainings] == [(UNTRAINED, 0), (UNTRAINED, 1)]
    assert capsys.readouterr().out == first == (tmp_path / "table.md").read_text()
    stored = (tmp_path / "lines.jsonl").read_text().splitlines()
    assert len(stored) == 2 and json.loads(stored[0])["machine"]


def test_an_unknown_task_is_one_line(tmp_path, capsys):
    """And status 1."""
    assert main(["no_task", "--seeds", "1", "--out", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and "no_task" in error
