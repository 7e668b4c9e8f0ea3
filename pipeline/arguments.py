"""Arguments of commands that several of them share, or that have a few values."""

import enum
from typing import Annotated

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


class SearchMethod(enum.StrEnum):
    """Searches that need neither a policy nor a file."""

    ANNEALING = "annealing"
    EXACT = "exact"
    PORTFOLIO = "portfolio"


class CountName(enum.StrEnum):
    """Which multiplications count."""

    ALL = "all"
    NONTRIVIAL = "nontrivial"
