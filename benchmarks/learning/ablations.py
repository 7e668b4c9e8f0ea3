"""Measures what each part of the training is worth: a small training with one part left out.

`python -m benchmarks.learning.ablations --seeds 3` pretrains a policy for every variant and seed
with a tenth of the programs, steps and rounds of params.yaml, lets it play the sets of
`python -m benchmarks.learning`, and appends a line for each to a file; existing lines are
kept. Best known costs are those of that benchmark, which must be run first. A training takes about
four minutes on two cores.
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from benchmarks.learning.lines import Line, append_line, environment, read_lines, say
from benchmarks.learning.sets import read_set
from elimax.models.features import LOCAL, POSITION, START, STRUCTURE
from elimax.models.game import Game
from elimax.models.lessons import CUT, Lesson
from elimax.models.policy import Policy
from elimax.models.pretrain_config import PretrainConfig
from elimax.models.pretraining import Pretraining
from elimax.models.rollouts import play_games
from elimax.models.training import TrainingState
from elimax.pipeline.checkout.configs import build
from elimax.pipeline.checkout.files import Layout, write_text
from elimax.pipeline.checkout.params import load_params, section
from elimax.pipeline.errors import FileError
from elimax.pipeline.pages.report_tables import Table, markdown_table
from elimax.pipeline.statistics import bootstrap, interquartile_mean

SHARE = 10
"""The trainings have this many times fewer programs, updates and rounds."""

SETS = ("random_small", "random_medium", "random_arrays", "ecosystem")

OUTLOOK = ("order", "in moves", "a move in units")
SIZES = ("entries", "numbers", "narrowest", "value", "tied")
"""Parts of the names of features that some variants do not see."""


def smaller(config: PretrainConfig) -> PretrainConfig:
    """A training with a part of the budget.

    Args:
        config: A whole training.

    Returns:
        The same with `SHARE` times fewer programs, updates and rounds; the policy after the last
        update is the result.
    """

    def less(settings: Any, name: str) -> Any:
        return dataclasses.replace(settings, **{name: max(1, getattr(settings, name) // SHARE)})

    return dataclasses.replace(
        config,
        programs=less(config.programs, "number"),
        imitation=less(config.imitation, "updates"),
        rounds=less(config.rounds, "number"),
        reinforcement=less(config.reinforcement, "updates"),
        validation=dataclasses.replace(config.validation, programs=1, every=1, last=1),
    )


def without_rounds(config: PretrainConfig) -> PretrainConfig:
    """The same number of steps, all on annealed orders."""
    updates = config.imitation.updates + config.rounds.number * config.rounds.updates
    return dataclasses.replace(
        config,
        imitation=dataclasses.replace(config.imitation, updates=updates),
        rounds=dataclasses.replace(config.rounds, number=0),
    )


def without_ppo(config: PretrainConfig) -> PretrainConfig:
    """No updates after the last round."""
    return dataclasses.replace(
        config, reinforcement=dataclasses.replace(config.reinforcement, updates=0)
    )


def without_encoder(config: PretrainConfig) -> PretrainConfig:
    """The start's features are only embedded: no node sees another one before the head."""
    return dataclasses.replace(config, policy=dataclasses.replace(config.policy, blocks=0))


def unchanged(thing: Any) -> Any:
    """Returns its argument: nothing is left out."""
    return thing


def one_label(lesson: Lesson) -> Lesson:
    """A lesson in which the move of its game is right and all others are equally wrong."""
    regrets = np.where(np.isfinite(lesson.regrets), CUT, np.inf).astype(np.float16)
    regrets[np.arange(len(lesson.moves)), lesson.moves] = 0.0
    return lesson._replace(regrets=regrets)


def blind_to(parts: Sequence[str]) -> Callable[[Policy], Policy]:
    """Makes policies that do not see some features, whose weights are 0.

    Args:
        parts: Parts of their names.

    Returns:
        A function that sets these weights to 0.
    """

    def seen(names: Iterable[str]) -> list[float]:
        return [float(not any(part in name for part in parts)) for name in names]

    def blind(policy: Policy) -> Policy:
        head = policy.head
        pooled = [1.0] * (head.pooled.weight.shape[1] - len(POSITION))
        masks = [
            (policy.encoder.embed, [*seen(START), *seen(LOCAL)]),
            (head.local, seen(LOCAL)),
            (head.last_local, seen(LOCAL)),
            (head.pooled, [*pooled, *seen(POSITION)]),
            *((block.attention.edges, seen(STRUCTURE)) for block in policy.encoder.blocks),
        ]
        return eqx.tree_at(
            lambda p: [
                p.encoder.embed.weight,
                p.head.local.weight,
                p.head.last_local.weight,
                p.head.pooled.weight,
                *(block.attention.edges.weight for block in p.encoder.blocks),
            ],
            policy,
            [layer.weight * jnp.array(mask, jnp.float32) for layer, mask in masks],
        )

    return blind


@dataclasses.dataclass(frozen=True)
class Variant:
    """A training with something left out.

    Attributes:
        config: Changes its settings.
        lesson: Changes its lessons.
        policy: Changes its policy before the first and after every update.
    """

    config: Callable[[PretrainConfig], PretrainConfig] = unchanged
    lesson: Callable[[Lesson], Lesson] = unchanged
    policy: Callable[[Policy], Policy] = unchanged


VARIANTS = {
    "whole": Variant(),
    "one label instead of regrets": Variant(lesson=one_label),
    "no DAgger": Variant(config=without_rounds),
    "no PPO": Variant(config=without_ppo),
    "no encoder": Variant(config=without_encoder),
    "no outlook": Variant(policy=blind_to(OUTLOOK)),
    "no sizes and structures": Variant(policy=blind_to((*SIZES, *STRUCTURE))),
}


def trained(variant: Variant, config: PretrainConfig, seed: int) -> TrainingState:
    """Trains a variant to the end.

    Args:
        variant: What is left out.
        config: The whole training, of which a share is done.
        seed: Seed of everything that is random.

    Returns:
        The last state.
    """
    config = variant.config(smaller(config))
    training = Pretraining(config, seed)
    state = _changed(training.start(), variant)
    while state.update < len(config.phases):
        known = len(state.lessons)
        state = training.update(state)
        lessons = [(number, variant.lesson(x)) for number, x in state.lessons[known:]]
        state = dataclasses.replace(state, lessons=(*state.lessons[:known], *lessons))
        state = _changed(state, variant)
    return state


def _changed(state: TrainingState, variant: Variant) -> TrainingState:
    return dataclasses.replace(
        state, policy=variant.policy(state.policy), average=variant.policy(state.average)
    )


def costs_of(policy: Policy, name: str) -> dict[str, int]:
    """Plays greedy games.

    Args:
        policy: The policy.
        name: Name of a set.

    Returns:
        The costs by program; programs that cannot be played are left out.
    """
    programs = read_set(name)
    games = [Game(program.graph) for program in programs]
    played = play_games(policy, games, episodes=0, temperature=0.0, seed=(), greedy=True)
    return {
        program.name: of_game[0].cost
        for program, of_game in zip(programs, played, strict=True)
        if of_game is not None
    }


def best_known(lines: Iterable[Line]) -> dict[tuple[str, str], int]:
    """The lowest cost of every program among the lines of a benchmark."""
    best: dict[tuple[str, str], int] = {}
    for line in lines:
        if line["count"] == "all" and "failed" not in line:
            program = line["set"], line["program"]
            best[program] = min(line["cost"], best.get(program, line["cost"]))
    return best


def gap_table(lines: Sequence[Line], best: dict[tuple[str, str], int]) -> Table:
    """Interquartile means of the gaps, over the programs of a set and the seeds.

    Args:
        lines: Lines of this benchmark.
        best: What `best_known` returned.

    Returns:
        Headings and rows, one for each variant that has lines.
    """
    rows = []
    for name in VARIANTS:
        ours = [line for line in lines if line["method"] == name]
        row = [name, len({line["seed"] for line in ours})]
        for chosen in SETS:
            costs = [line["costs"] for line in ours if line["set"] == chosen]
            programs = sorted(set.intersection(*map(set, costs))) if costs else []
            known = [p for p in programs if best.get((chosen, p), 0) > 0]
            if not known:
                row.append(None)
                continue
            gaps = [[of_seed[p] / best[chosen, p] - 1 for of_seed in costs] for p in known]
            found = bootstrap([np.array(gaps)], interquartile_mean)
            row.append("{:.2f} ({:.2f} to {:.2f})".format(*(100 * x for x in found)))
        if ours:
            rows.append(row)
    return ["variant", "seeds", *SETS], rows


def run(out: Path, benchmark: Path, seeds: int, names: Sequence[str]) -> str:
    """Trains what the file lacks, and writes the table.

    Args:
        out: Folder of the results.
        benchmark: Folder of the results of `python -m benchmarks.learning`.
        seeds: Number of seeds.
        names: Names of variants.

    Returns:
        The table.

    Raises:
        FileError: If a file is broken or cannot be written.
    """
    params = load_params(Layout.find().params, ())
    values = {"count": "all", **section(params, "pretrain")}
    config = build(PretrainConfig, values, "pretrain")
    path, where = out / "lines.jsonl", environment(None)
    lines = read_lines(path)
    for seed in range(seeds):
        for name in names:
            if any((line["method"], line["seed"]) == (name, seed) for line in lines):
                continue
            began = time.perf_counter()
            state = trained(VARIANTS[name], config, seed)
            seconds = time.perf_counter() - began
            found = [_line(name, seed, chosen, state, seconds) for chosen in SETS]
            for line in found:
                append_line(path, line | where)
            lines += found
            say(f"{name}, seed {seed}: {seconds:.0f} s")
    table = gap_table(lines, best_known(read_lines(benchmark / "lines.jsonl")))
    text = f"Gap of greedy games to the best known cost, IQM in %\n\n{markdown_table(*table)}\n"
    write_text(out / "table.md", text)
    return text


def _line(name: str, seed: int, chosen: str, state: TrainingState, seconds: float) -> Line:
    return {
        "set": chosen,
        "program": "",
        "method": name,
        "seed": seed,
        "count": "all",
        "budget": None,
        "fingerprint": "",
        "vertices": 0,
        "arrays": False,
        "policy": None,
        "costs": costs_of(state.average, chosen),
        "seconds": seconds,
        "eliminations": state.eliminations,
        "evaluations": state.evaluations,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: Command-line arguments; those of the process if None.

    Returns:
        The exit status: 1 if results cannot be read or written.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning.ablations")
    add = parser.add_argument
    add("--seeds", type=int, default=1, help="trainings per variant")
    add("--variants", nargs="+", choices=VARIANTS, default=tuple(VARIANTS), metavar="NAME",
        help=f"any of {', '.join(VARIANTS)}; by default all")  # fmt: skip
    add("--out", type=Path, default=Path(".state/ablations"), metavar="DIR")
    add("--benchmark", type=Path, default=Path(".state/learning"), metavar="DIR",
        help="results of python -m benchmarks.learning")  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        text = run(options.out, options.benchmark, options.seeds, options.variants)
    except FileError as error:
        say(str(error))
        return 1
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
