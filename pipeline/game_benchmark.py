"""Measures how fast random games are played: `make bench-game`.

Three ways play the same number of random games: move by move with `game.eliminate`, as training
does; in whole games (`models.whole_games`); and in whole games on all devices, where there are
several. They are measured in turns, so that a busy machine slows all of them, and a ratio is that
within a round. `--devices N` makes N devices of the processor's cores.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

import jax
import jax.numpy as jnp

from interpreter.structure import Count
from interpreter.tracing import trace
from models.boards import make_board, stack_boards
from models.game import Board, State, eliminate
from models.whole_games import BitGames, Games, play_random, prepare_games
from pipeline.files import write_json
from pipeline.machine import device
from pipeline.report_tables import Table, markdown_table
from pipeline.tasks import load_task
from pipeline.timing import compile_ahead, measure, paired_ratio

TASKS = ("roe_flux_1d", "transformer_encoder")
EPISODES = 64
TARGETS = {"roe_flux_1d": 1_500_000, "transformer_encoder": 50_000}
"""Eliminations a second on two cores of a processor, in the better of the ways of whole games."""

_COLUMNS = (
    ("moves", "move by move"),
    ("whole", "whole games"),
    ("devices", "on all devices"),
)


def play_moves(boards: Board, key: jax.Array, *, episodes: int, moves: int) -> jax.Array:
    """Plays random games of one board, one legal move after the other, by look-ups in tables.

    Args:
        boards: One board, stacked: G is 1.
        key: Source of the draws.
        episodes: K.
        moves: T, number of vertices to eliminate.

    Returns:
        Cost of every move, float32[K, T].
    """
    board = jax.tree.map(lambda array: jnp.asarray(array)[0], boards)

    def step(state: State, step_key: jax.Array) -> tuple[State, jax.Array]:
        logits = jnp.where(state.remaining, 0.0, -jnp.inf)
        node = jax.random.categorical(step_key, logits)
        return eliminate(board.rules, board.nodes, state, node, state.remaining.any())

    def game(game_key: jax.Array) -> jax.Array:
        return jax.lax.scan(step, board.start, jax.random.split(game_key, moves))[1]

    return jax.vmap(game)(jax.random.split(key, episodes))


def measure_game(
    name: str,
    *,
    count: Count = "all",
    episodes: int = EPISODES,
    rounds: int = 20,
    seconds: float = 20.0,
    seed: int = 0,
) -> dict[str, Any]:
    """Measures the random games of one task.

    Args:
        name: The task.
        count: Which multiplications cost.
        episodes: Games played at once.
        rounds: Rounds at most.
        seconds: No round starts after this time, except for the first three.
        seed: Seed of the games and of the shuffling.

    Returns:
        `task`, `count`, `episodes`, `devices`, `vertices` to eliminate, `form` of the whole games;
        `ways` by name with `compile` in seconds, eliminations a second (`rate`) by the median time,
        and `ratio` to the first way.

    Raises:
        UnknownTaskError: If there is no such task.
        StructureLimitError: If its graph reaches too many edge structures.
    """
    task = load_task(name)
    graph = trace(task.function, *task.example_inputs(), argnums=task.argnums, allow_int=True)
    boards = stack_boards([make_board(graph, count)])
    games, vertices = prepare_games(boards), int(boards.start.remaining.sum())
    key = jax.random.key(seed)
    moves = partial(play_moves, episodes=episodes, moves=vertices)
    ways: dict[str, tuple[Callable[..., Any], Any]] = {
        "moves": (moves, jax.tree.map(jnp.asarray, boards)),
        "whole": (partial(_play_whole, episodes, None), games),
    }
    if jax.device_count() > 1:
        ways["devices"] = (partial(_play_whole, episodes, jax.devices()), games)
    compiled = {way: compile_ahead(play, (what, key)) for way, (play, what) in ways.items()}
    calls = {way: program.call for way, program in compiled.items()}
    times = measure(calls, rounds=rounds, seconds=seconds, seed=seed)
    return {
        "task": task.name,
        "count": count,
        "episodes": episodes,
        "devices": jax.device_count(),
        "vertices": vertices,
        "form": "bits" if isinstance(games, BitGames) else "rows",
        "ways": {
            way: {
                "compile": round(compiled[way].seconds, 3),
                "rate": round(vertices * episodes / sorted(spent)[len(spent) // 2]),
                "ratio": paired_ratio(times["moves"], spent),
            }
            for way, spent in times.items()
        },
    }


def game_table(results: Sequence[dict[str, Any]]) -> Table:
    """Makes the table: one row per task.

    Args:
        results: What `measure_game` returned.

    Returns:
        Headings and rows; a way that was not measured has dashes.
    """
    columns = ["task", "count", "vertices", "form"]
    for way, title in _COLUMNS:
        columns += [f"{title}, eliminations/s", "compile, s"]
        columns += [] if way == "moves" else ["times as fast"]
    rows = []
    for result in results:
        row = [result[key] for key in columns[:4]]
        for way, _ in _COLUMNS:
            entry = result["ways"].get(way)
            row += [entry["rate"], entry["compile"]] if entry else [None, None]
            row += [] if way == "moves" else [_ratio(entry["ratio"]) if entry else None]
        rows.append(row)
    return columns, rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark and prints a Markdown table.

    Args:
        arguments: Words after the program's name; None takes those of the process.

    Returns:
        The exit status: 1 if a task misses its target in `TARGETS`.
    """
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.game_benchmark", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("tasks", nargs="*", default=list(TASKS), metavar="TASK")
    add("--count", choices=get_args(Count), default="all")
    add("--episodes", type=int, default=EPISODES, help="games of a task played at once")
    add("--rounds", type=int, default=20)
    add("--seconds", type=float, default=20.0, help="no further round of a task after this time")
    add("--devices", type=int, metavar="N", help="make N devices of the processor's cores")
    add("--json", type=Path, metavar="PATH", help="where the result goes as JSON")
    given = parser.parse_args(arguments)
    if given.devices:
        jax.config.update("jax_num_cpu_devices", given.devices)
    results = []
    for name in given.tasks:
        _say(f"{name}: {given.episodes} games at once")
        settings = {key: getattr(given, key) for key in ("count", "episodes", "rounds", "seconds")}
        results.append(measure_game(name, **settings))
    load = os.getloadavg()[0]
    sys.stdout.write(markdown_table(*game_table(results)) + "\n")
    sys.stdout.write(f"\n{device()['cpu']}, {jax.device_count()} devices, load {load:.1f}\n")
    missed = [result["task"] for result in results if _misses_target(result)]
    for name in missed:
        sys.stdout.write(f"{name} misses its target of {TARGETS[name]} eliminations a second\n")
    if given.json:
        write_json(given.json, {"machine": device(), "load": load, "results": results})
    return int(bool(missed))


def _play_whole(
    episodes: int, devices: Sequence[Any] | None, games: Games, key: jax.Array
) -> jax.Array:
    return play_random(games, episodes, key=key, devices=devices).cost


def _misses_target(result: dict[str, Any]) -> bool:
    rates = [entry["rate"] for way, entry in result["ways"].items() if way != "moves"]
    return max(rates) < TARGETS.get(result["task"], 0)


def _ratio(ratio: dict[str, float]) -> str:
    return f"{ratio['median']:.3g} ({ratio['low']:.3g} to {ratio['high']:.3g})"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
