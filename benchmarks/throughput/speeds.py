"""The speeds of what everything else waits for; `make bench-throughput` measures them.

Scalar programs stand for small steps of compiled code, arrays for the structures of edges.
"""

import functools

import jax
import numpy as np
import pytest

from benchmarks.orders import scaling_graph, task_graph
from benchmarks.scaling import ENDS, chain_program
from benchmarks.throughput.conftest import Rate
from benchmarks.training import learn_from, play_update
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.orders.annealing.anneal import anneal
from elimax.interpreter.orders.annealing.regrets import label_order
from elimax.interpreter.orders.fixed import forward_order, reverse_order
from elimax.interpreter.orders.portfolio import portfolio
from elimax.interpreter.tracing.call import trace
from elimax.models.checkpoint import pretrained_policy
from elimax.models.game import Game
from elimax.models.played_policy import read_graph
from elimax.models.training import start_training

TASKS = ("roe_flux_3d", "transformer_encoder")
"""One of scalars, one of arrays."""

EVALUATIONS = 20_000
EPISODES = 48
EQUATIONS = 1000

INPUTS = tuple(np.linspace(0.1, 0.9, ENDS, dtype="float32"))

on_tasks = pytest.mark.parametrize("task", TASKS)

graph = functools.cache(task_graph)
game = functools.cache(lambda task: Game(graph(task)))
policy = functools.cache(pretrained_policy)


@on_tasks
def measure_annealing(task: str, rate: Rate) -> None:
    """One chain of annealing."""
    starts = [forward_order(graph(task)), reverse_order(graph(task))]

    def search() -> None:
        anneal(graph(task), starts, evaluations=EVALUATIONS, chains=1)

    rate(search, EVALUATIONS, "orders")


@on_tasks
def measure_regrets(task: str, rate: Rate) -> None:
    """The labels of a position that the policy learns from."""
    start = anneal(graph(task), [reverse_order(graph(task))], evaluations=EVALUATIONS).order
    labelled = label_order(graph(task), start, "all")
    order, positions = labelled.order, len(labelled.regrets)
    rate(lambda: label_order(graph(task), order, "all"), positions, "positions")


@on_tasks
def measure_greedy_game(task: str, rate: Rate) -> None:
    """A game by itself, with reading the graph."""

    def play() -> None:
        game(task).play(read_graph(policy(), game(task).start))

    rate(play, game(task).num_moves, "eliminations")


@on_tasks
def measure_games(task: str, rate: Rate) -> None:
    """The games of an update of PPO, in all threads."""
    rate(
        lambda: play_update(game(task), policy(), EPISODES, (0, 0)),
        EPISODES * game(task).num_moves,
        "eliminations",
    )


@on_tasks
def measure_update(task: str, rate: Rate) -> None:
    """A whole update of PPO, games included."""
    state = start_training(policy(), seed=0)

    def update() -> None:
        played = play_update(game(task), policy(), EPISODES, (0, 0))
        jax.block_until_ready(learn_from(game(task), state, played, (0, 0)).policy)

    rate(update, EPISODES * game(task).num_moves, "eliminations")


def measure_rules(rate: Rate) -> None:
    """The 24 classical orders of a graph."""
    long = scaling_graph(EQUATIONS)
    rate(lambda: portfolio(long), 24, "orders")


def measure_trace(rate: Rate) -> None:
    """From a function to its graph."""

    def run() -> None:
        trace(chain_program(EQUATIONS), *INPUTS, argnums=range(ENDS))

    rate(run, EQUATIONS, "equations")


def measure_emission(rate: Rate) -> None:
    """From a function to the program of its Jacobian, in a given order."""

    def emit() -> None:
        jacobian = jacve(chain_program(EQUATIONS), argnums=range(ENDS), order="reverse")
        jax.make_jaxpr(jacobian)(*INPUTS)

    rate(emit, EQUATIONS, "equations")
