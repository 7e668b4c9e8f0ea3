"""`python -m elimax.pipeline` is the command `elimax`."""

from elimax.pipeline.command_line.cli import run

run()
