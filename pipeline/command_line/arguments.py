"""Command arguments that several commands share, or that have a fixed set of values."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from elimax.pipeline.tasks import task_names


def _completed(incomplete: str) -> list[str]:
    """Names of tasks that begin like this, for shell completion."""
    return [name for name in task_names() if name.startswith(incomplete)]


TaskName = Annotated[
    str,
    typer.Argument(
        metavar="TASK",
        help="A name from `elimax tasks`, or module:function.",
        autocompletion=_completed,
    ),
]
TaskNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TASK]...",
        help="Tasks to run; by default all of params.yaml.",
        autocompletion=_completed,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "-S",
        "--set-param",
        metavar="KEY=VALUE",
        help="Override a value of params.yaml for this call; may be repeated.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

OrderName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE|best|auto",
        help="A classical order by name, the JSON file of an order or a plan, best (found by "
        "search) or auto (chosen by jacve); by default best, if search has stored it.",
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(min=1, help="Points per call under jax.vmap; by default one, without it."),
]
PlanOut = Annotated[
    Path | None, typer.Option(metavar="PATH", help="Write the plan to this JSON file.")
]

SearchMethod = Literal["annealing", "policy", "both", "beam", "exact", "portfolio"]
