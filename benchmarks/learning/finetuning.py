"""PPO on single tasks with several seeds, from the shipped policy and from random weights.

`python -m benchmarks.learning.finetuning roe_flux_3d kerr_metric --seeds 3` trains as stage
finetune does, and appends a line for each training to a file; existing lines are kept. A training
takes half a minute to a few minutes on two cores.
"""

import argparse
import dataclasses
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.learning.lines import Line, append_line, environment, read_lines, say
from elimax.interpreter.errors import ElimaxError
from elimax.models.checkpoint import pretrained_policy
from elimax.models.finetuning import FinetuneConfig, finetune
from elimax.models.policy import Policy, make_policy
from elimax.models.pretrain_config import PretrainConfig
from elimax.pipeline.checkout.configs import build
from elimax.pipeline.checkout.context import StageContext, command
from elimax.pipeline.checkout.files import Layout, read_json, write_text
from elimax.pipeline.checkout.params import load_params, section
from elimax.pipeline.command_line.order_search import traced_graph
from elimax.pipeline.console import Console
from elimax.pipeline.pages.report_tables import Table, markdown_table
from elimax.pipeline.stages.finetune import finetune_config
from elimax.pipeline.tasks import load_task, task_names

PRETRAINED, UNTRAINED = "pretrained", "untrained"
"""What a training starts from: the policy that elimax ships, or random weights."""

NEAR = 0.01
"""An order is near if it costs at most this share more than the best known one."""


def first_policy(start: str, config: PretrainConfig, seed: int) -> Policy:
    """The policy before the first update.

    Args:
        start: `PRETRAINED` or `UNTRAINED`.
        config: Settings with the size of an untrained one.
        seed: Seed of its weights.
    """
    if start == PRETRAINED:
        return pretrained_policy()
    return make_policy(config.policy, seed=seed)


def train(context: StageContext, task: str, start: str, seed: int, config: FinetuneConfig) -> Line:
    """Trains once.

    Args:
        context: Files and parameters.
        task: Name of the task; search has written its order.
        start: `PRETRAINED` or `UNTRAINED`.
        seed: Seed of everything that is random.
        config: Settings of the training.

    Returns:
        `cost` of the best order, `greedy` of the first one, `known`, the lowest cost in
        data/orders, `eliminations`, `near`, how many it took to get within `NEAR` of that (null if
        it never did), and `seconds`.

    Raises:
        ElimaxError: If a file is missing or broken, or the training diverges.
    """
    graph = traced_graph(load_task(task))
    order = context.layout.order(task)
    found = read_json(order, command("search", task), keys=("by_count",))
    known = found["by_count"][config.count][config.count]
    sizes = build(PretrainConfig, section(context.params, "pretrain"), "pretrain")
    policy = first_policy(start, sizes, seed)
    began = time.perf_counter()
    result = finetune(policy, graph, config, seed=seed)
    limit = (1 + NEAR) * known
    near = (row["charts/eliminations"] for row in result.curve if row["costs/best"] <= limit)
    # The policy plays once more after the last update.
    at_last = result.eliminations if result.best_cost <= limit else None
    return {
        **{"set": "tasks", "program": task, "method": start, "seed": seed, "count": config.count},
        **{"budget": None, "fingerprint": graph.fingerprint, "vertices": graph.num_vertices},
        **{"arrays": False, "policy": None, "updates": config.updates, "known": known},
        "cost": result.best_cost,
        "greedy": result.curve[0]["costs/greedy"],
        "eliminations": result.eliminations,
        "near": next(near, at_last),
        "seconds": round(time.perf_counter() - began, 1),
    }


def finetuning_table(lines: Sequence[Line]) -> Table:
    """Compares trainings from the shipped policy and from random weights.

    Args:
        lines: Lines of this benchmark.

    Returns:
        Headings and rows, one for each task and start: seeds, the best known cost, the costs that
        the seeds reached, the median number of eliminations until within `NEAR`, how many seeds
        got that far, and all eliminations of a training.
    """
    rows = []
    for task, start in dict.fromkeys((line["program"], line["method"]) for line in lines):
        ours = [line for line in lines if (line["program"], line["method"]) == (task, start)]
        near = [line["near"] for line in ours if line["near"] is not None]
        rows.append(
            [
                *(task, start, len(ours), ours[0]["known"]),
                ", ".join(f"{line['cost']:,}" for line in ours),
                f"{statistics.median(near):,.0f}" if near else "never",
                len(near),
                round(statistics.mean(line["eliminations"] for line in ours)),
            ]
        )
    near = f"eliminations to within {NEAR:.0%}"
    return ["task", "start", "seeds", "known", "costs", near, "came so far", "eliminations"], rows


def run(options: argparse.Namespace) -> str:
    """Trains what the file lacks, and writes the table.

    Args:
        options: Those of `main`.

    Returns:
        The table.

    Raises:
        ElimaxError: If a file is missing, broken or cannot be written, or a training diverges.
    """
    layout = Layout.find()
    context = StageContext(layout, load_params(layout.params), Console())
    path, where = options.out / "lines.jsonl", environment(None)
    lines = read_lines(path)
    for seed in range(options.seeds):
        for task in options.tasks or task_names():
            for start in options.starts:
                key = task, start, seed
                if any((x["program"], x["method"], x["seed"]) == key for x in lines):
                    continue
                config = finetune_config(context, task)
                config = dataclasses.replace(config, updates=options.times * config.updates)
                line = train(context, task, start, seed, config)
                append_line(path, line | where)
                lines.append(line)
                say(f"{task}, {start}, seed {seed}: {line['cost']}, {line['seconds']:.0f} s")
    text = markdown_table(*finetuning_table(lines)) + "\n"
    write_text(options.out / "table.md", text)
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: Command-line arguments; those of the process if None.

    Returns:
        The exit status: 1 if something is missing, cannot be written or diverges.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning.finetuning")
    add = parser.add_argument
    add("tasks", nargs="*", metavar="TASK", help="tasks; by default all")
    add("--seeds", type=int, default=3, help="trainings per task and start")
    add("--starts", nargs="+", choices=(PRETRAINED, UNTRAINED), default=(PRETRAINED, UNTRAINED))
    add("--times", type=int, default=1, help="multiple of the updates in params.yaml")
    add("--out", type=Path, default=Path(".state/finetuning"), metavar="DIR")
    try:
        sys.stdout.write(run(parser.parse_args(arguments)))
    except ElimaxError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
