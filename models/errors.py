"""Errors of policies and their training."""

from elimax.interpreter.errors import ElimaxError


class TrainingDivergedError(ElimaxError):
    """A loss is no longer a finite number."""


class PolicyFormatError(ElimaxError):
    """A stored policy or training state cannot be read."""


class BrokenGameError(ElimaxError):
    """The game and the interpreter disagree about what an order costs."""
