"""Arguments of commands that several of them share, or that have a few values."""

from typing import Annotated, Literal

import typer

TaskName = Annotated[
    str, typer.Argument(metavar="TASK", help="A name from `elimax tasks`, or module:function.")
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
