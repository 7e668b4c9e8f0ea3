"""Errors of the pipeline; the command line prints each as one line and exits with 1.

Every message says what was given, what was expected and what to do.
"""

from elimax.interpreter.errors import ElimaxError


class PipelineError(ElimaxError):
    """Base of all errors of the pipeline."""


class ParamsError(PipelineError):
    """params.yaml or an override of it is wrong."""


class FileError(PipelineError):
    """A file of the pipeline is missing, truncated, of another version, or cannot be written."""


class StageError(PipelineError):
    """A stage cannot run, or its result is wrong."""
