"""Ablations: what is left out is out, and the table is that of the lines."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from benchmarks.learning import ablations
from benchmarks.learning.ablations import (
    OUTLOOK,
    VARIANTS,
    best_known,
    blind_to,
    gap_table,
    one_label,
    smaller,
    trained,
)
from elimax.models.features import LOCAL, START
from elimax.models.game import Game
from elimax.models.lessons import CUT, annealed_lesson
from elimax.models.pretrain_config import PretrainConfig
from support.training import PRETRAIN, same_arrays, small_policy, small_program

TINY = dataclasses.replace(
    PRETRAIN,
    programs=dataclasses.replace(PRETRAIN.programs, number=20),
    imitation=dataclasses.replace(PRETRAIN.imitation, updates=10),
    rounds=dataclasses.replace(PRETRAIN.rounds, number=10),
    reinforcement=dataclasses.replace(PRETRAIN.reinforcement, updates=10),
)
"""Ten times as long as what is trained here."""


def test_a_tenth_of_the_budget():
    """Of programs, steps and rounds; sizes and rates stay."""
    config = smaller(PretrainConfig())
    whole = PretrainConfig()
    assert config.programs.number == whole.programs.number // 10
    assert config.imitation.updates == whole.imitation.updates // 10
    assert config.imitation.steps == whole.imitation.steps
    assert config.policy == whole.policy


def test_variants_leave_out_what_they_say():
    """As many steps without DAgger, no update of PPO, no block."""
    config = smaller(PretrainConfig())
    plain, rounds = config.phases, VARIANTS["no DAgger"].config(config).phases
    assert "play" not in rounds and rounds.count("imitate") == plain.count("imitate")
    assert "reinforce" not in VARIANTS["no PPO"].config(config).phases
    assert VARIANTS["no encoder"].config(config).policy.blocks == 0


def test_one_label():
    """The move of the game has no regret, and every other one has the same."""
    lesson = one_label(annealed_lesson(Game(small_program(3)), evaluations=50, positions=4, seed=0))
    for move, regrets in zip(lesson.moves.tolist(), lesson.regrets, strict=True):
        assert regrets[move] == 0.0
        assert np.isinf(regrets[:move]).all() and (regrets[move + 1 :] == CUT).all()


def test_a_blind_policy_does_not_see():
    """Its scores stay the same whatever these features are; those of a seeing one do not."""
    policy = small_policy(1)
    blind = blind_to(OUTLOOK)(policy)
    assert same_arrays(blind_to(OUTLOOK)(blind), blind)
    start = Game(small_program(3, 20)).start.nodes[0]
    names = [*START, *LOCAL]
    other = start + np.array([any(part in name for part in OUTLOOK) for name in names], np.float32)
    assert np.array_equal(blind.encoder.embed(start), blind.encoder.embed(other))
    assert not np.array_equal(policy.encoder.embed(start), policy.encoder.embed(other))


@pytest.mark.parametrize("name", [pytest.param("whole", marks=pytest.mark.slow), "no outlook"])
def test_a_variant_is_trained_to_the_end(name):
    """A blind policy stays blind while it learns."""
    variant = VARIANTS[name]
    state = trained(variant, TINY, 0)
    assert state.update == len(smaller(TINY).phases) and state.step > 0
    assert same_arrays(variant.policy(state.average), state.average)
    leaves = jax.tree.leaves(state.average)
    assert all(np.isfinite(leaf).all() for leaf in leaves)


def line(method: str, costs: dict[str, int], seed: int = 0) -> dict:
    """A line of a result, as far as a table needs it."""
    return {"set": "random_small", "method": method, "seed": seed, "costs": costs}


def test_table_by_hand():
    """The middle half of the gaps, over programs and seeds."""
    best = {("random_small", name): 100 for name in "abcd"}
    lines = [line("whole", {"a": 100, "b": 110, "c": 120, "d": 900}, seed) for seed in range(2)]
    columns, rows = gap_table(lines, best)
    assert columns[:3] == ["variant", "seeds", "random_small"]
    assert [row[:2] for row in rows] == [["whole", 2]]
    assert rows[0][2].startswith("15.00 (") and rows[0][3] is None


def test_best_known_costs():
    """The lowest of all methods in the count that is played; failures have no cost."""
    of = {"set": "s", "program": "p", "count": "all"}
    lines = [{**of, "cost": 7}, {**of, "cost": 5}, {**of, "failed": "no"}]
    assert best_known([*lines, {**of, "count": "nontrivial", "cost": 1}]) == {("s", "p"): 5}


def test_the_command_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    """A second call trains nothing, and says the same."""
    trainings = []

    def quick(variant, config, seed):
        trainings.append(seed)
        return ablations.Pretraining(smaller(TINY), seed).start()

    monkeypatch.setattr(ablations, "trained", quick)
    monkeypatch.setattr(ablations, "costs_of", lambda policy, name: {"00": 10})
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "lines.jsonl").write_text("")
    arguments = ["--variants", "whole", "--seeds", "2", "--out", str(tmp_path / "out")]
    arguments += ["--benchmark", str(tmp_path / "bench")]
    assert ablations.main(arguments) == 0
    first = capsys.readouterr().out
    assert ablations.main(arguments) == 0
    assert trainings == [0, 1] and capsys.readouterr().out == first
    assert (tmp_path / "out" / "table.md").read_text() == first
    stored = (tmp_path / "out" / "lines.jsonl").read_text().splitlines()
    assert len(stored) == 2 * len(ablations.SETS) and json.loads(stored[0])["costs"] == {"00": 10}
