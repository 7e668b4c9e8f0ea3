"""Commands other than the stages: they look at one function, or at the checkout."""

from pathlib import Path
from typing import Annotated

import typer

from elimax.interpreter.graph.structure import Count, Objective
from elimax.pipeline.command_line.application import TOOLS, app, save_plan, stage_context
from elimax.pipeline.command_line.arguments import (
    AsJson,
    BatchSize,
    OrderName,
    Overrides,
    PlanOut,
    SearchMethod,
    TaskName,
)
from elimax.pipeline.console import Console
from elimax.pipeline.tasks import load_task


@app.command(rich_help_panel=TOOLS)
def compare(
    task: TaskName,
    order: OrderName = None,
    as_json: AsJson = False,
) -> None:
    """Compare classical orders of TASK with the best known one.

    Counts multiplications; needs no files.

    Example: elimax compare my_module:my_function --order plan.json
    """
    from elimax.pipeline.checkout.files import Layout
    from elimax.pipeline.command_line.compare import compare_task, table_rows

    result = compare_task(Layout.find(), task, order)
    console = Console(as_json=as_json)
    title = f"{task}: {result['vertices']} vertices"
    console.table(["order", "all", "nontrivial", "found by"], table_rows(result), title)
    console.emit(result)


@app.command(rich_help_panel=TOOLS)
def plan(
    task: TaskName,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.001, max=1e9, help="Time limit; by default as little as jacve takes."),
    ] = None,
    fastest: Annotated[
        bool,
        typer.Option("--fastest", help="Race several ways on this machine, JAX's included."),
    ] = False,
    batch: BatchSize = None,
    out: PlanOut = None,
    as_json: AsJson = False,
) -> None:
    """Find the order in which jacve eliminates TASK.

    Example: elimax plan my_package.my_module:my_function --seconds 10 --out plan.json
    """
    from elimax.pipeline.command_line.plan import plan_task

    console = Console(as_json=as_json)
    found = plan_task(task, seconds, fastest=fastest, batch=batch)
    # Saved before anything else can fail, so that the search is not lost.
    written = save_plan(found, out, load_task(task).argnums)
    for line in (str(found), *written):
        console.say(line)
    console.emit(found.to_dict())


@app.command("optimize", rich_help_panel=TOOLS)
def optimize_task(
    task: TaskName,
    method: Annotated[
        SearchMethod | None,
        typer.Option(
            help="How to search; by default both, or annealing if extra learn is missing."
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.001, max=1e9, help="Time for the search.")] = 10.0,
    count: Annotated[Objective, typer.Option(help="What the search minimises.")] = "nontrivial",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the search.")] = 0,
    batch: BatchSize = None,
    out: PlanOut = None,
    as_json: AsJson = False,
) -> None:
    """Find, time and check a plan for TASK.

    Searches for an order, races it against others and JAX, and checks the fastest in float64.

    Example: elimax optimize my_module:my_function --batch 512 --out plan.json
    """
    from elimax.pipeline.command_line import optimize

    console = Console(as_json=as_json)
    found = optimize.optimize(
        task, method=method, count=count, seconds=seconds, seed=seed, batch=batch
    )
    written = save_plan(found.raced.plan, out, load_task(task).argnums)
    optimize.say_optimized(found, console)
    for line in written:
        console.say(line)
    console.emit(optimize.as_json(found))


@app.command(rich_help_panel=TOOLS)
def explain(
    task: TaskName,
    order: OrderName = None,
    count: Annotated[Count, typer.Option(help="Which multiplications to count.")] = "all",
    html: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Write an HTML page with pictures of the graph."),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(help="Eliminations before the middle picture; by default half."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show where an order of TASK spends multiplications.

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
        str | None, typer.Argument(metavar="[TASK]", help="Fill in the values of this task.")
    ] = None,
    params: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Check params.yaml and print it with overrides applied.

    With TASK, also says where each value comes from.

    Example: elimax params roe_flux_1d -S search.episodes=8
    """
    from elimax.pipeline.command_line.checked_params import as_yaml, checked_params, value_sources

    console = Console(as_json=as_json)
    context = stage_context(params, console)
    merged = checked_params(context, task)
    sources = value_sources(context.params, task, params or ()) if task is not None else {}
    console.emit({**merged, "sources": sources} if task is not None else merged)
    console.say(as_yaml(merged, sources).rstrip())


@app.command(rich_help_panel=TOOLS)
def dashboard(
    entity: Annotated[str, typer.Option(help="User or team; your own by default.")] = "",
    project: Annotated[
        str | None, typer.Option(help="The project; WANDB_PROJECT or elimax by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Publish a workspace and a report to Weights & Biases."""
    from elimax.pipeline.command_line.dashboard import publish

    console = Console(as_json=as_json)
    addresses = publish(entity, project)
    for what, address in addresses.items():
        console.say(f"{what}: {address}")
    console.emit(addresses)


@app.command(rich_help_panel=TOOLS)
def doctor(as_json: AsJson = False) -> None:
    """Show what is installed, and what is wrong with it.

    Looks at versions, devices, XLA flags, caches, W&B and DVC; exits with 1 if something is wrong.
    """
    from elimax.pipeline.command_line.doctor import examine, lines

    findings = examine()
    console = Console(as_json=as_json)
    for line in lines(findings):
        console.say(line)
    console.emit([finding._asdict() for finding in findings])
    raise typer.Exit(int(any(finding.level == "wrong" for finding in findings)))


@app.command(rich_help_panel=TOOLS)
def clean(
    runs: Annotated[
        bool, typer.Option("--runs", help="Also remove the runs of W&B, synced or not.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what would be removed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove checkpoints and caches; results stay."""
    from elimax.pipeline.checkout.files import Layout
    from elimax.pipeline.command_line.clean import leftovers, remove, size_text

    layout, console = Layout.find(), Console(as_json=as_json)
    found = leftovers(layout, runs=runs)
    if not dry_run:
        remove(layout, found)
    if found:
        rows = [[layout.shown(one.path), one.what, size_text(one.size)] for one in found]
        console.table(["path", "what", "size"], rows, "would be removed" if dry_run else "removed")
    else:
        console.say("there is nothing to remove")
    console.emit([{"path": str(one.path), "what": one.what, "bytes": one.size} for one in found])
