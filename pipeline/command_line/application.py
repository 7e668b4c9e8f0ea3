"""The application of the command line, and what its commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from elimax.pipeline.console import Console

if TYPE_CHECKING:
    from elimax.interpreter.plan import Plan
    from elimax.pipeline.checkout.context import StageContext

STAGES = "Stages of the pipeline, in this order"
TOOLS = "Tools"


class Commands(typer.core.TyperGroup):
    """Lists the commands under the headings of their panels.

    Typer does so with rich, whose import alone takes as long as the rest of `--help`.
    """

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the sections of the commands into the help."""
        groups: dict[str, list[tuple[str, str]]] = {}
        limit = formatter.width - 6 - max(map(len, self.commands))
        for name, command in self.commands.items():
            heading = getattr(command, "rich_help_panel", None) or TOOLS
            groups.setdefault(heading, []).append((name, command.get_short_help_str(limit)))
        for heading, rows in groups.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


app = typer.Typer(
    cls=Commands,
    name="elimax",
    help="Finds vertex elimination orders for exact Jacobians of JAX functions, and runs them.",
    epilog="Set ELIMAX_DEBUG=1 to see the whole traceback of an error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
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


def stage_context(overrides: Sequence[str] | None, console: Console) -> "StageContext":
    """The context of a stage of this checkout, its parameters with overrides applied."""
    from elimax.pipeline.checkout.context import StageContext
    from elimax.pipeline.checkout.files import Layout
    from elimax.pipeline.checkout.params import load_params

    layout = Layout.find()
    return StageContext(layout, load_params(layout.params, overrides or ()), console)


def save_plan(plan: "Plan", out: Path | None, argnums: Sequence[int]) -> list[str]:
    """Writes a plan, if a path is given.

    Args:
        plan: The plan.
        out: Where to; None for nowhere.
        argnums: The argnums that `jacve` needs for the graph of the plan.

    Returns:
        A line that says how to pass it to `jacve`; no line if nothing was written.
    """
    if out is None:
        return []
    plan.save(out)
    also = "" if tuple(argnums) == (0,) else f"argnums={tuple(argnums)}, "
    return [f"wrote {out}: elimax.jacve(f, {also}order=elimax.Plan.load({str(out)!r}))"]
