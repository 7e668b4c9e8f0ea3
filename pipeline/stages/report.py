"""Stage report: merges what all stages wrote into one summary, one table and one page.

results/summary.json holds only what is the same on every machine, so that git shows changed results
and nothing else; run times go to results/timings.json. The summary is the only output of DVC: the
other files show run times.
"""

import datetime
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elimax.interpreter.orders import PORTFOLIO
from elimax.pipeline.checkout.context import (
    SHOWN,
    Objective,
    StageContext,
    cheapest,
    command,
)
from elimax.pipeline.checkout.files import (
    Layout,
    read_csv,
    read_json,
    write_json,
    write_text,
)
from elimax.pipeline.checkout.machine import file_digest, git_commit
from elimax.pipeline.checkout.params import task_list
from elimax.pipeline.checkout.process import stage_process
from elimax.pipeline.errors import FileError
from elimax.pipeline.pages.report_html import render_page
from elimax.pipeline.pages.report_tables import count_table, markdown_report
from elimax.pipeline.stages.search import ANNEALED, objectives
from elimax.pipeline.statistics import bootstrap, interquartile_mean
from elimax.pipeline.tracking import track

IDEA = "docs/idea.svg"
"""A picture that the page begins with, if the checkout has it."""


def summarise_task(
    evaluation: Mapping[str, Any],
    found: Mapping[str, Any],
    count: Objective,
    seeds: Sequence[int] = (0,),
) -> dict[str, Any]:
    """Summarises one task.

    Args:
        evaluation: What evaluate wrote.
        found: What search wrote.
        count: Which count decides what the best classic order is.
        seeds: The seeds of finetune in the parameters.

    Returns:
        `vertices`, both counts of the classical orders that are shown, of `best_classic` (the
        cheapest of the whole portfolio), `learned` (of the policy's own orders), `best` and
        `fewest_nontrivial` with `found_by`; `bounds` and whether they are reached, by count;
        `improvement` (the share of multiplications that best saves over best_classic), `correct`,
        `error_below`; with several seeds the spread of their cheapest learned orders, under
        `seeds`.

    Raises:
        FileError: If the two are for different graphs, or search knew fewer classical orders or
            other seeds.
    """
    if evaluation["fingerprint"] != found["fingerprint"]:
        raise FileError(
            f"evaluation and order of {found['task']} are for different graphs; "
            f"run: {command('evaluate', found['task'])}"
        )
    missing = [name for name in PORTFOLIO if name not in found["candidates"]]
    if missing:
        raise FileError(
            f"the candidates of {found['task']} lack {', '.join(missing)}, expected the whole "
            f"portfolio; run: {command('search', found['task'])}"
        )
    spread = _spread(found, count, seeds)
    classic = {name: found["candidates"][name] for name in PORTFOLIO}
    best_classic = cheapest(classic, count)
    not_learned = {*PORTFOLIO, *ANNEALED.values()}
    learned = {name: x for name, x in found["candidates"].items() if name not in not_learned}
    best_learned = cheapest(learned, count)
    by_count = found["by_count"]
    best, fewest = (
        {key: by_count[which][key] for key in (*objectives(count), "found_by")}
        for which in (count, "nontrivial")
    )
    reference = max(1, classic[best_classic][count])
    errors = [entry.get("error_below", float("inf")) for entry in evaluation["orders"].values()]
    correct = all(entry["correct"] for entry in evaluation["orders"].values())
    return {
        "vertices": evaluation["vertices"],
        **{name: dict(classic[name]) for name in SHOWN},
        "best_classic": {**classic[best_classic], "found_by": best_classic},
        "learned": {**learned[best_learned], "found_by": best_learned},
        "best": best,
        "fewest_nontrivial": fewest,
        "bounds": {
            which: {key: entry[key] for key in ("bound", "optimal")}
            for which, entry in by_count.items()
        },
        "improvement": round(1 - best[count] / reference, 4),
        "correct": correct,
        "error_below": max(errors) if correct else None,
        **spread,
    }


def _spread(found: Mapping[str, Any], count: Objective, seeds: Sequence[int]) -> dict[str, Any]:
    """Returns the entry `seeds` of a summary, or nothing where there is one seed."""
    by_seed = found.get("seeds")
    wanted = None if len(seeds) == 1 else sorted(map(str, seeds))
    if (None if by_seed is None else sorted(by_seed)) != wanted:
        had = "one seed" if by_seed is None else f"the seeds {', '.join(by_seed)}"
        raise FileError(
            f"the order of {found['task']} is of {had}, expected the seeds "
            f"{', '.join(map(str, seeds))}; run: {command('search', found['task'])}"
        )
    if by_seed is None:
        return {}
    return {"seeds": spread_of([entry[count] for entry in by_seed.values()])}


def spread_of(costs: Sequence[int]) -> dict[str, Any]:
    """Describes what several seeds have reached.

    Args:
        costs: The lowest cost of each seed.

    Returns:
        `number` of seeds, `min`, `median`, `max`, `mean`, `std` (of a sample), and the
        interquartile mean `iqm` with its 95 % bootstrap interval `iqm_low` to `iqm_high`.
    """
    median = statistics.median(costs)
    estimate = bootstrap([np.array(costs, float)], interquartile_mean)
    return {
        "number": len(costs),
        "min": min(costs),
        # Of an even number of costs, the median may still be an integer.
        "median": int(median) if median == int(median) else median,
        "max": max(costs),
        "mean": round(statistics.mean(costs), 2),
        "std": round(statistics.stdev(costs), 2) if len(costs) > 1 else 0.0,
        "iqm": round(estimate.value, 2),
        "iqm_low": round(estimate.low, 2),
        "iqm_high": round(estimate.high, 2),
    }


def collect(context: StageContext) -> dict[str, Any]:
    """Reads the files of all tasks.

    Returns:
        By task `summaries`, `candidates` (both counts of all orders that search compared), `checks`
        (of every Jacobian), `timings` (of tasks that have any), and, for the seed with the cheapest
        best order, `curves` and `pretrained` (both counts of the first order). Also the
        `pretrain_curve`, the `pretrain_metrics`, what `read_gpu` found as `gpu`, and the picture
        `idea`.

    Raises:
        FileError: If a file is missing or broken; the message names the command that writes it.
    """
    layout = context.layout
    seeds = context.seeds
    by_task = ("summaries", "candidates", "checks", "timings", "curves", "pretrained")
    collected: dict[str, Any] = {name: {} for name in by_task}
    for task in task_list(context.params):
        evaluation = read_json(
            layout.evaluation(task), command("evaluate", task), keys=("orders", "vertices")
        )
        found = read_json(layout.order(task), command("search", task), keys=("candidates",))
        collected["summaries"][task] = summarise_task(evaluation, found, context.count, seeds)
        collected["candidates"][task] = found["candidates"]
        kernel = evaluation.get("native") or {}
        collected["checks"][task] = [
            *evaluation["orders"].values(), *([kernel] if "correct" in kernel else [])
        ]  # fmt: skip
        timings = read_timings(context, task)
        if timings is not None:
            collected["timings"][task] = timings
        hint = command("finetune", task)
        keys = ("all", "nontrivial", "pretrained_greedy")
        trained = {
            str(seed): read_json(layout.finetuned(task, seed), hint, keys=keys) for seed in seeds
        }
        best_seed = cheapest(trained, context.count)
        collected["pretrained"][task] = trained[best_seed]["pretrained_greedy"]
        collected["curves"][task] = read_csv(layout.finetune_curve(task, int(best_seed)), hint)
    hint = command("pretrain")
    collected["pretrain_curve"] = read_csv(layout.pretrain_curve, hint)
    collected["pretrain_metrics"] = read_json(layout.pretrain_metrics, hint)
    collected["gpu"] = read_gpu(layout)
    idea = layout.root / IDEA
    collected["idea"] = idea.read_text(encoding="utf-8") if idea.is_file() else None
    return collected


def read_gpu(layout: Layout) -> dict[str, Any]:
    """Reads what `make bench-gpu` has measured.

    Args:
        layout: Paths of all files.

    Returns:
        By folder below results/gpu the `device`, the version `jax`, and by task the `cases` whose
        run time was measured; no entry for a folder without a file gpu.json.

    Raises:
        FileError: If a file is broken.
    """
    found = {}
    for path in sorted(layout.results("gpu").glob("*/gpu.json")):
        hint = f"make bench-gpu NAME={path.parent.name}"
        content = read_json(path, hint, keys=("environment", "tasks"))
        found[path.parent.name] = {
            "device": content["environment"]["device"],
            "jax": content["environment"]["jax"],
            "cases": {
                task: [case for case in entry["cases"].values() if case.get("ratios")]
                for task, entry in content["tasks"].items()
            },
        }
    return found


def read_timings(context: StageContext, task: str) -> dict[str, Any] | None:
    """Reads the run times of a task.

    Returns:
        The run times, or None if there are none of the current orders: when DVC restores the
        outputs of evaluate from its cache, nothing is timed.

    Raises:
        FileError: If the file is broken.
    """
    path = context.layout.timings(task)
    if not path.is_file():
        return None
    timings = read_json(path, command("evaluate", task), keys=("cases", "device", "setting"))
    current = timings.get("orders") == file_digest(context.layout.order(task))
    return timings if current else None


def run_stage(context: StageContext) -> dict[str, Any]:
    """Runs report: writes results/summary.json, timings.json, table.md and report.html.

    Args:
        context: Files, parameters, console.

    Returns:
        The summary.

    Raises:
        FileError: If a result is missing or broken.
    """
    layout = context.layout
    with stage_process(layout, "report"):
        collected = collect(context)
        summaries = collected["summaries"]
        summary = {"count": context.count, "tasks": summaries}
        write_json(layout.results("summary.json"), summary)
        write_json(layout.results("timings.json"), {"tasks": collected["timings"]})
        write_text(
            layout.results("table.md"),
            markdown_report(summaries, collected["timings"], context.count),
        )
        # Neither is in summary.json, which is the same on every machine and at every commit.
        commit, date = git_commit(layout.root), datetime.datetime.now(datetime.UTC).date()
        text = render_page(collected, context.count, commit, f"{date:%d} {date:%B %Y}".lstrip("0"))
        write_text(layout.results("report.html"), text)
        columns, rows = count_table(summaries)
        _mirror(context, summaries, columns, rows)
    context.console.table(columns, rows, "Multiplications, all / nontrivial")
    context.console.say(f"more in {layout.shown(layout.results('report.html'))} and table.md")
    return summary


def _mirror(
    context: StageContext,
    summaries: Mapping[str, Mapping[str, Any]],
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
) -> None:
    layout = context.layout
    with track(layout, "report", config={"count": context.count}) as tracker:
        tracker.table("orders", columns, rows)
        tracker.summary({"seeds": {
            task: entry["seeds"] for task, entry in summaries.items() if "seeds" in entry
        }})  # fmt: skip
        for name in ("summary.json", "report.html"):
            path = layout.results(name)
            tracker.artifact(path, f"report-{path.stem}", "report")
