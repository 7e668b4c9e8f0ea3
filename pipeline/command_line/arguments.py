"""Arguments of commands that several of them share, or that have a few values."""

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

SearchMethod = Literal["annealing", "policy", "both", "beam", "exact", "portfolio"]
