"""Finetuning in miniature: what it keeps, when it starts over, and that it can be resumed."""

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest

from elimax.interpreter.errors import StructureLimitError
from elimax.models import finetuning
from elimax.models.checkpoint import load_training, save_training
from elimax.models.errors import TrainingDivergedError
from elimax.models.finetuning import FinetuneResult, finetune, flattened
from elimax.models.game import Game
from elimax.models.optimisation import start_optimiser
from elimax.models.played_policy import read_graph
from elimax.models.policy_search import greedy_order
from elimax.models.training import TrainingState
from support.model_graphs import array_graph, scalar_graph
from support.small_graphs import least_of_all_orders
from support.training import (
    FAST,
    FINETUNE,
    SMALL,
    all_played,
    bytes_of,
    cost_of,
    same_arrays,
    small_policy,
    small_program,
)

GRAPH = small_program(29, 10)
"""The first greedy game of the policy costs far more than the best order."""


class Run(NamedTuple):
    """A whole finetuning, and the states that it passed."""

    result: FinetuneResult
    states: list[TrainingState]


def whole_run(graph=GRAPH, **changes) -> Run:
    """Finetunes with some settings changed."""
    states: list[TrainingState] = []
    result = finetune(
        small_policy(),
        graph,
        dataclasses.replace(FINETUNE, **changes),
        seed=0,
        on_update=lambda number, metrics, state: states.append(state),
    )
    return Run(result, states)


@pytest.fixture(scope="module")
def run() -> Run:
    """The run that most tests look at."""
    return whole_run()


def games_of(state: TrainingState, update: int) -> list:
    """The games of an update, the greedy one first."""
    (played,) = all_played(
        state.policy,
        [Game(GRAPH)],
        episodes=FINETUNE.episodes,
        temperature=1.0,
        seed=(0, update),
        greedy=True,
    )
    return played


def test_best_order_is_the_cheapest_and_is_counted(run):
    """It is the cheapest of all games that were played, those after the last update included."""
    result, states = run
    played = [*games_of(finetuning.start_training(small_policy(), seed=0), 0)]
    for state in states:
        played += games_of(state, state.update)
    least = min(int(game.costs.sum()) for game in played)
    assert result.best_cost == cost_of(GRAPH, result.best_order) == least
    assert least_of_all_orders(GRAPH, "all") <= least
    assert result.best_order.name == "finetuned"
    assert result.best_order.fingerprint == GRAPH.fingerprint
    assert result.eliminations == len(played) * Game(GRAPH).num_moves


def test_greedy_orders(run):
    """The first one is that of the given policy; the last one is the best policy's."""
    result, _ = run
    first = greedy_order(small_policy(), GRAPH)
    assert result.pretrained_greedy_order == dataclasses.replace(first, name="pretrained_greedy")
    last = greedy_order(result.policy, GRAPH)
    assert result.greedy_order == dataclasses.replace(last, name="finetuned_greedy")
    assert cost_of(GRAPH, last) <= cost_of(GRAPH, first)


def test_updates_are_reported(run):
    """Costs are those of the games of the update, best costs never rise, eliminations add up."""
    result, states = run
    assert [state.update for state in states] == [1, 2, 3, 4]
    assert result.curve == list(states[-1].curve)
    best = [row["costs/best"] for row in result.curve]
    assert best == sorted(best, reverse=True)
    before = [finetuning.start_training(small_policy(), seed=0), *states]
    for update, (state, row) in enumerate(zip(before, result.curve, strict=False)):
        greedy, *sampled = games_of(state, update)
        assert row["charts/update"] == update + 1
        assert row["costs/greedy"] == greedy.costs.sum()
        assert row["costs/mean"] == np.mean([game.costs.sum() for game in sampled])
        games = (update + 1) * (FINETUNE.episodes + 1)
        assert row["charts/eliminations"] == games * Game(GRAPH).num_moves
        assert row["charts/restarts"] == row["charts/rollbacks"] == 0


def test_waiting_is_counted(run):
    """0 where the best order is a new one, else one more than before."""
    waited, last = [], (0.0, None)
    for state in run.states:
        is_new = state.orders["best"] != last[1]
        last = (0 if is_new else last[0] + 1, state.orders["best"])
        waited.append(last[0])
    assert [row["charts/waited"] for row in run.result.curve] == waited
    assert waited[0] == 0


def test_one_seed_gives_the_same_bytes(run, tmp_path):
    """All of the state, of every update."""
    again = whole_run()
    for first, second in zip(run.states, again.states, strict=True):
        assert bytes_of(tmp_path, first) == bytes_of(tmp_path, second)
    assert same_arrays(again.result.policy, run.result.policy)


@pytest.mark.parametrize("stop", range(1, FINETUNE.updates + 1))
def test_resuming_gives_the_same_bytes(run, stop, tmp_path):
    """From a file of any update it ends where the whole training ended."""
    save_training(tmp_path / "state", run.states[stop - 1])
    states = [load_training(tmp_path / "state", SMALL, seed=0)]
    resumed = finetune(
        small_policy(),
        GRAPH,
        FINETUNE,
        seed=0,
        resume=states[0],
        on_update=lambda number, metrics, state: states.append(state),
    )
    assert bytes_of(tmp_path, states[-1]) == bytes_of(tmp_path, run.states[-1])
    assert same_arrays(resumed.policy, run.result.policy)
    assert resumed[1:] == run.result[1:]


def test_restarts_after_patience():
    """The given policy, flattened more every time, and nothing known of any gradient."""
    patience, flattening = 2, 3.0
    _, states = whole_run(updates=7, patience=patience, flattening=flattening, collapse=1000.0)
    restarts, last = 0, None
    for state in states:
        row = state.curve[-1]
        if row["charts/restarts"] > restarts:
            restarts += 1
            assert row["charts/restarts"] == restarts and row["charts/waited"] == 0
            assert last is not None and last["charts/waited"] == patience - 1
            assert same_arrays(state.policy, flattened(small_policy(), flattening**restarts))
            assert same_arrays(state.optimiser, start_optimiser(small_policy()))
            assert "losses/total" not in row
        else:
            assert "losses/total" in row and row["charts/waited"] < patience
        last = row
    assert restarts >= 2


def test_best_orders_survive_restarts():
    """What was found before is neither forgotten nor made worse."""
    result, states = whole_run(updates=6, patience=1)
    assert states[-1].curve[-1]["charts/restarts"] >= 3
    best = [row["costs/best"] for row in result.curve]
    assert best == sorted(best, reverse=True) and result.best_cost <= best[-1]
    assert cost_of(GRAPH, result.greedy_order) <= min(row["costs/greedy"] for row in result.curve)


def test_rollback_after_a_collapse():
    """Games that cost more than the cheapest ones so far: the best policy is put back."""
    _, states = whole_run(updates=7, collapse=1.0)
    cheapest, rollbacks, before = np.inf, 0, None
    for state in states:
        row = state.curve[-1]
        is_collapsed = row["costs/mean"] > cheapest
        rollbacks += is_collapsed
        assert row["charts/rollbacks"] == rollbacks
        assert ("losses/total" in row) == (not is_collapsed)
        if is_collapsed:
            assert before is not None
            assert same_arrays(state.policy, state.best_policy)
            assert same_arrays(state.optimiser, start_optimiser(small_policy()))
        cheapest, before = min(cheapest, row["costs/mean"]), state
    assert 0 < rollbacks < 7


def test_the_policy_that_is_put_back_is_the_best_one():
    """It comes from the state, whatever the policy is that collapsed."""
    state = finetuning.start_training(small_policy(), seed=0)
    training = finetuning._Finetuning(small_policy(), Game(GRAPH), FINETUNE, 0)
    best = small_policy(5)
    cheap = {"costs/mean": 0.1, "charts/restarts": 0.0, "charts/rollbacks": 3.0}
    state = dataclasses.replace(
        state, curve=({**cheap, "charts/waited": 0.0},), best_policy=best, best_value=0.0
    )
    after = training.update(state)
    assert same_arrays(after.policy, best) and after.curve[-1]["charts/rollbacks"] == 4


def test_flattened_scores():
    """All scores are divided, so the best move stays the best, and others become more likely."""
    game, policy = Game(GRAPH), small_policy()
    flat = flattened(policy, 10.0)
    assert same_arrays(flat.encoder, policy.encoder)
    np.testing.assert_allclose(10.0 * flat.head.score.weight, policy.head.score.weight, rtol=1e-6)
    ours, theirs = (game.play(read_graph(p, game.start)) for p in (flat, policy))
    assert ours.nodes.tolist() == theirs.nodes.tolist()
    assert ours.log_probabilities[0] < theirs.log_probabilities[0]


def test_learning_rate_falls_linearly(monkeypatch):
    """From the first update to what would be the one after the last."""
    rates = []

    def learn(state, batches, loss, settings, learning_rate):
        rates.append(learning_rate(0))
        return state, {}

    monkeypatch.setattr(finetuning, "learn", learn)
    ppo = dataclasses.replace(FAST, learning_rate=0.4, final_learning_rate=0.0)
    whole_run(ppo=ppo)
    assert rates == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_a_training_that_diverges(monkeypatch):
    """A loss that is not a number stops it; the message has the number of the update."""

    def broken(policy, batch, config):
        return policy.head.score.weight.sum() * np.nan, {}

    monkeypatch.setattr(finetuning, "ppo_loss", broken)
    with pytest.raises(TrainingDivergedError, match=r"update 1 gave .*losses/total = nan"):
        whole_run()


def test_array_graph_in_the_other_count():
    """Graphs with shapes and the count without trivial products can be finetuned as well."""
    graph = array_graph()
    result, _ = whole_run(graph, updates=2, count="nontrivial")
    assert result.best_cost == cost_of(graph, result.best_order, "nontrivial")
    assert sorted(result.best_order.vertices) == list(graph.eliminable)


def test_graph_without_a_choice():
    """One vertex to eliminate: there is one order, and it is found."""
    graph = scalar_graph(1, 2, [(0, 1), (1, 2)], (2,))
    result, _ = whole_run(graph, updates=1)
    assert result.best_order.vertices == (1,)
    assert result.best_cost == 1


def test_too_many_structures(monkeypatch):
    """Said with what to do instead."""

    def fail(self, *args, **settings):
        raise StructureLimitError("more than 3 edge structures were met")

    monkeypatch.setattr(Game, "play", fail)
    with pytest.raises(StructureLimitError, match="meet too many edge structures: use an order"):
        whole_run()
