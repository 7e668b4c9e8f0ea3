"""`python -m pipeline` is the command `elimax`."""

from pipeline.cli import run

run()
