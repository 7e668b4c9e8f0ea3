"""Commands of the stages, and the one that runs all of them."""

import functools
import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from elimax.interpreter.graph.structure import Objective
from elimax.pipeline.command_line.application import STAGES, TOOLS, app, save_plan, stage_context
from elimax.pipeline.command_line.arguments import (
    AsJson,
    Overrides,
    PlanOut,
    SearchMethod,
    TaskName,
    TaskNames,
)
from elimax.pipeline.console import Console
from elimax.pipeline.tasks import load_task


@app.command(rich_help_panel=STAGES)
def extract(task: TaskName, params: Overrides = None, as_json: AsJson = False) -> None:
    """Trace TASK and store its graph."""
    _run_stage("extract", task, params, as_json)


@app.command(rich_help_panel=STAGES)
def pretrain(
    processes: Annotated[
        bool,
        typer.Option(
            "--processes", help="Train as one of several processes, started by srun or mpirun."
        ),
    ] = False,
    params: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Train one policy on generated programs, none of them a task."""
    if processes:
        from elimax.pipeline.checkout.process import join_processes

        join_processes()
    _run_stage("pretrain", None, params, as_json)


@app.command(rich_help_panel=STAGES)
def finetune(
    task: TaskName,
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Like -S, in the form a W&B sweep uses."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**31 - 1, help="Train with this seed only; by default with all."),
    ] = None,
    params: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Train the policy further on TASK, once per seed."""
    _run_stage("finetune", task, [*(values or ()), *(params or ())], as_json, seed)


@app.command(rich_help_panel=STAGES)
def search(
    task: TaskName,
    method: Annotated[
        SearchMethod | None,
        typer.Option(help="Run this search alone, without the files of other stages."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.0, max=1e9, help="Time for the search; 10 by default.")
    ] = None,
    count: Annotated[
        Objective | None,
        typer.Option(help="What the search minimises; all by default."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the search; 0 by default.")
    ] = None,
    out: PlanOut = None,
    params: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Choose the cheapest known order of TASK, or search for one.

    Without --method this is the stage, which needs the files of extract and finetune.

    Example: elimax search roe_flux_1d --method annealing --seconds 10 --json
    """
    if method is None:
        if (seconds, count, seed) != (None, None, None):
            raise typer.BadParameter("--seconds, --count and --seed need --method")
        _save_found(_run_stage("search", task, params, as_json), out, Console(as_json=as_json))
        return
    if params:
        raise typer.BadParameter(
            "-S has no effect with --method, which does not read params.yaml: leave one out"
        )
    from elimax.pipeline.command_line.order_search import search_order, summary_rows

    console = Console(as_json=as_json)
    result = search_order(
        task,
        method,
        count or "all",
        10.0 if seconds is None else seconds,
        seed or 0,
    )
    console.table(["figure", "value"], summary_rows(result), f"{task}: {method}")
    _save_found(result, out, console)
    console.emit(result)


def _save_found(result: Mapping[str, Any], out: Path | None, console: Console) -> None:
    if out is not None:
        from elimax.pipeline.command_line.order_search import found_plan

        for line in save_plan(found_plan(result), out, load_task(result["task"]).argnums):
            console.say(line)


@app.command(rich_help_panel=STAGES)
def evaluate(task: TaskName, params: Overrides = None, as_json: AsJson = False) -> None:
    """Check the Jacobians of TASK against JAX, and time them."""
    _run_stage("evaluate", task, params, as_json)


@app.command(rich_help_panel=STAGES)
def report(params: Overrides = None, as_json: AsJson = False) -> None:
    """Merge all results into a summary, a table and an HTML page."""
    _run_stage("report", None, params, as_json)


@app.command("run", rich_help_panel=TOOLS)
def run_all(
    tasks: TaskNames = None,
    profile: Annotated[
        str | None, typer.Option("--profile", help="A profile of params.yaml, such as smoke.")
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1, max=1000, help="Number of seeds to finetune with; changes params.yaml."
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(min=1, max=1000, help="Number of tasks and seeds to run at once."),
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Run all stages that are out of date."""
    from elimax.pipeline.command_line.run import run_pipeline

    # With --json, progress lines go to stderr: they are not part of the result.
    console = Console(as_json=as_json)
    say = functools.partial(print, file=sys.stderr, flush=True) if as_json else None
    code = run_pipeline(list(tasks or []), profile, seeds, jobs=jobs, say=say, emit=console.emit)
    raise typer.Exit(code)


def _run_stage(
    stage: str,
    task: str | None,
    overrides: Sequence[str] | None,
    as_json: bool,
    seed: int | None = None,
) -> Any:
    """Runs one stage: `run_stage` of the module with its name; finetune also takes a seed."""
    console = Console(as_json=as_json)
    context = stage_context(overrides, console)
    module = importlib.import_module(f"elimax.pipeline.stages.{stage}")
    arguments = [argument for argument in (task, seed) if argument is not None]
    result = module.run_stage(context, *arguments)
    console.emit(result)
    return result
