"""The command line: `elimax`, also `python -m elimax.pipeline`.

Commands import what they need when they run, so that help and listings start at once.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elimax.interpreter.graph.structure import Count
from elimax.pipeline.command_line.arguments import (
    AsJson,
    Overrides,
    SearchMethod,
    TaskName,
)
from elimax.pipeline.console import Console
from elimax.pipeline.extras import missing_package

if TYPE_CHECKING:
    from elimax.pipeline.checkout.context import StageContext

STAGES = "Stages of the pipeline, in this order"
TOOLS = "Tools"

app = typer.Typer(
    name="elimax",
    help="Finds vertex elimination orders for exact Jacobians of JAX functions, and runs them.",
    epilog="Set ELIMAX_DEBUG=1 to see the whole traceback of an error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and turns expected errors into one line.

    Args:
        arguments: Words after the program's name; None takes those of the process.

    Raises:
        SystemExit: Always: 0, 1 for an error, 2 for wrong usage, 130 for Ctrl-C.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="elimax")
    except Exception as error:
        shown = error
        if isinstance(error, ModuleNotFoundError):
            shown = missing_package(error, "this command") or error
        if os.environ.get("ELIMAX_DEBUG") or not _is_expected(shown):
            raise
        text = " ".join(str(shown).split())
        sys.stderr.write(f"error: {text}\n")
        sys.exit(1)


def _is_expected(error: Exception) -> bool:
    """Whether an error is of a kind whose message is all that a user needs."""
    # Whoever raised an error of elimax has loaded its class; importing it here would load JAX.
    errors = sys.modules.get("elimax.interpreter.errors")
    return isinstance(error, OSError) or (
        errors is not None and isinstance(error, errors.ElimaxError)
    )


def _print_version(wanted: bool) -> None:
    if wanted:
        import elimax

        typer.echo(f"elimax {elimax.__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version."),
    ] = False,
) -> None:
    """Finds vertex elimination orders for exact Jacobians of JAX functions, and runs them."""


@app.command(rich_help_panel=STAGES)
def extract(task: TaskName, params: Overrides = None, as_json: AsJson = False) -> None:
    """Trace TASK and store its graph with the classical counts."""
    _run_stage("extract", task, params, as_json)


@app.command(rich_help_panel=STAGES)
def pretrain(
    processes: Annotated[
        bool,
        typer.Option(
            "--processes", help="This is one of several processes, started by srun or mpirun."
        ),
    ] = False,
    params: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Train one policy on programs that no task has a part in."""
    if processes:
        from elimax.pipeline.checkout.process import join_processes

        join_processes()
    _run_stage("pretrain", None, params, as_json)


@app.command(rich_help_panel=STAGES)
def finetune(
    task: TaskName,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**31 - 1, help="Train with this seed alone; else with all seeds."),
    ] = None,
    params: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Train the policy further on TASK alone, once with each seed of the parameters."""
    _run_stage("finetune", task, params, as_json, seed)


@app.command(rich_help_panel=STAGES)
def search(
    task: TaskName,
    method: Annotated[
        SearchMethod | None,
        typer.Option(help="Run this search alone; reads and writes no file."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.0, max=1e9, help="Time of the search; 10 by default.")
    ] = None,
    count: Annotated[
        Count | None, typer.Option(help="Which multiplications to save; all by default.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the search; 0 by default.")
    ] = None,
    params: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Keep the cheapest order of TASK that anything has found, or search for one.

    Example: elimax search roe_flux_1d --method annealing --seconds 10 --json
    """
    if method is None:
        if (seconds, count, seed) != (None, None, None):
            raise typer.BadParameter("--seconds, --count and --seed need --method")
        _run_stage("search", task, params, as_json)
        return
    if params:
        raise typer.BadParameter("a search with --method has no parameters of params.yaml")
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
    console.emit(result)


@app.command(rich_help_panel=STAGES)
def evaluate(task: TaskName, params: Overrides = None, as_json: AsJson = False) -> None:
    """Check the Jacobians of TASK in float64 and time them against JAX's."""
    _run_stage("evaluate", task, params, as_json)


@app.command(rich_help_panel=STAGES)
def report(params: Overrides = None, as_json: AsJson = False) -> None:
    """Merge all results into results/: a summary, a table, a page."""
    _run_stage("report", None, params, as_json)


@app.command("run", rich_help_panel=TOOLS)
def run_all(
    tasks: Annotated[
        list[str] | None, typer.Argument(metavar="[TASK]...", help="Tasks; all of params.yaml.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", help="A profile of params.yaml, such as smoke.")
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help="Finetune with so many seeds: changes params.yaml."),
    ] = None,
) -> None:
    """Run all stages that are out of date."""
    from elimax.pipeline.command_line.run import run_pipeline

    raise typer.Exit(run_pipeline(list(tasks or []), profile, seeds))


@app.command(rich_help_panel=TOOLS)
def compare(task: TaskName, as_json: AsJson = False) -> None:
    """Count the multiplications of TASK in classical orders and in the best known one.

    Needs no file. Example: elimax compare my_package.my_module:my_function --json
    """
    from elimax.pipeline.checkout.files import Layout
    from elimax.pipeline.command_line.compare import compare_task, table_rows

    result = compare_task(Layout.find(), task)
    console = Console(as_json=as_json)
    title = f"{task}: {result['vertices']} vertices"
    console.table(["order", "all", "nontrivial", "found by"], table_rows(result), title)
    console.emit(result)


@app.command(rich_help_panel=TOOLS)
def plan(
    task: TaskName,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.001, max=1e9, help="Time of the search; as little as jacve takes."),
    ] = None,
    fastest: Annotated[
        bool, typer.Option("--fastest", help="Time several ways on this machine, JAX's among them.")
    ] = False,
    batch: Annotated[
        int | None, typer.Option(min=1, help="With --fastest: points that jax.vmap takes at once.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Write the plan there, for jacve(order=).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the order in which jacve eliminates TASK, and what it costs.

    Example: elimax plan my_package.my_module:my_function --seconds 10 --out plan.json
    """
    from elimax.pipeline.command_line.plan import plan_task

    console = Console(as_json=as_json)
    found = plan_task(task, seconds, fastest=fastest, batch=batch)
    if out is not None:
        found.save(out)
    console.say(str(found))
    if out is not None:
        console.say(f"wrote {out}")
    console.emit(found.to_dict())


@app.command(rich_help_panel=TOOLS)
def explain(
    task: TaskName,
    order: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE|best|auto",
            help="An order of the portfolio, a JSON file of an order or a plan, best (the order of "
            "search) or auto (that of jacve); without it best where there is one, else auto.",
        ),
    ] = None,
    count: Annotated[Count, typer.Option(help="Which multiplications are compared.")] = "all",
    html: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Write a page with pictures of the graph there."),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(help="Eliminations before the picture in the middle; half of them."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show where an order of TASK spends its multiplications, and which vertices save some.

    Example: elimax explain roe_flux_1d --order markowitz_high --html graph.html
    """
    if step is not None and html is None:
        raise typer.BadParameter("--step chooses a picture of the page: it needs --html")
    from elimax.pipeline.checkout.files import Layout, write_text
    from elimax.pipeline.command_line import explain as explaining
    from elimax.pipeline.command_line.explain_html import explanation_page
    from elimax.pipeline.command_line.explain_tables import say_explanation

    explained = explaining.explain_task(Layout.find(), task, order, count)
    if html is not None:
        write_text(html, explanation_page(explained, step))
    console = Console(as_json=as_json)
    say_explanation(explained, console)
    if html is not None:
        console.say(f"wrote {html}")
    console.emit(explaining.as_json(explained))


@app.command(rich_help_panel=TOOLS)
def tasks(as_json: AsJson = False) -> None:
    """List the tasks that come with elimax."""
    from elimax.pipeline.tasks import load_task, task_names

    console = Console(as_json=as_json)
    found = [load_task(name) for name in task_names()]
    console.table(["task", "what"], [[task.name, task.title] for task in found])
    console.emit(
        [{"task": task.name, "title": task.title, "source": task.source} for task in found]
    )


@app.command("params", rich_help_panel=TOOLS)
def show_params(
    task: Annotated[
        str | None, typer.Argument(metavar="[TASK]", help="Merge the values of this task.")
    ] = None,
    params: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Check params.yaml and print it, with overrides applied; for TASK also where values come from.

    Example: elimax params roe_flux_1d -S search.episodes=8
    """
    from elimax.pipeline.command_line.checked_params import as_yaml, checked_params, value_sources

    console = Console(as_json=as_json)
    context = _context(params, console)
    merged = checked_params(context, task)
    sources = value_sources(context.params, task, params or ()) if task is not None else {}
    console.emit({**merged, "sources": sources} if task is not None else merged)
    console.say(as_yaml(merged, sources).rstrip())


def _context(overrides: Sequence[str] | None, console: Console) -> "StageContext":
    from elimax.pipeline.checkout.context import StageContext
    from elimax.pipeline.checkout.files import Layout
    from elimax.pipeline.checkout.params import load_params

    layout = Layout.find()
    return StageContext(layout, load_params(layout.params, overrides or ()), console)


def _run_stage(
    stage: str,
    task: str | None,
    overrides: Sequence[str] | None,
    as_json: bool,
    seed: int | None = None,
) -> None:
    """Runs one stage: `run_stage` of the module with its name; finetune also takes a seed."""
    console = Console(as_json=as_json)
    context = _context(overrides, console)
    module = importlib.import_module(f"elimax.pipeline.stages.{stage}")
    arguments = [argument for argument in (task, seed) if argument is not None]
    console.emit(module.run_stage(context, *arguments))
