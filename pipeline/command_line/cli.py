"""The command line: `elimax`, also `python -m elimax.pipeline`.

Commands import what they need when they run, so that help and listings start at once.
"""

import os
import sys
from collections.abc import Sequence

from elimax.pipeline.checkout.termination import EXIT_CODE, end_now
from elimax.pipeline.command_line import stage_commands, tool_commands
from elimax.pipeline.command_line.application import app
from elimax.pipeline.command_line.user_code import told_by_user_code
from elimax.pipeline.extras import missing_package

COMMANDS = (stage_commands, tool_commands)
"""Loading them adds their commands to the application."""


def run(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and turns expected errors into one line.

    Args:
        arguments: Command-line arguments; None takes those of the process.

    Raises:
        SystemExit: Always: 0, 1 for an error, 2 for wrong usage, 130 for Ctrl-C. At SIGTERM the
            process ends here, with 143.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="elimax")
    except SystemExit as ending:
        if ending.code == EXIT_CODE:
            end_now(EXIT_CODE)
        raise
    except Exception as error:
        shown = error
        if isinstance(error, ModuleNotFoundError):
            shown = missing_package(error, "this command") or error
        if os.environ.get("ELIMAX_DEBUG"):
            raise
        if not _is_expected(shown):
            text = told_by_user_code(error)
            if text is None:
                raise
            sys.stderr.write(f"{text}\n")
            sys.exit(1)
        text = " ".join(str(shown).split())
        sys.stderr.write(f"error: {text}\n")
        sys.exit(1)


def _is_expected(error: Exception) -> bool:
    """Whether the message of an error is all that a user needs."""
    # Whoever raised an error of elimax has loaded its class; importing it here would load JAX.
    errors = sys.modules.get("elimax.interpreter.errors")
    return isinstance(error, OSError) or (
        errors is not None and isinstance(error, errors.ElimaxError)
    )
