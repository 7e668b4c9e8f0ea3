"""Arguments of commands that several of them share, or that have a few values."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from elimax.pipeline.tasks import task_names


def _completed(incomplete: str) -> list[str]:
    """Names of tasks that begin like this, for the completion of shells."""
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
        metavar="[TASK]...", help="Tasks; all of params.yaml.", autocompletion=_completed
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "-S",
        "--set-param",
        metavar="KEY=VALUE",
        help="Replace a value of params.yaml for this call; may be repeated.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

OrderName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE|best|auto",
        help="An order of the portfolio, a JSON file of an order or a plan, best (the order of "
        "search) or auto (that of jacve); without it best where there is one.",
    ),
]
BatchSize = Annotated[
    int | None, typer.Option(min=1, help="Points that jax.vmap takes at once; else one point.")
]
PlanOut = Annotated[
    Path | None, typer.Option(metavar="PATH", help="Write the plan there, for jacve(order=).")
]

SearchMethod = Literal["annealing", "policy", "both", "beam", "exact", "portfolio"]
