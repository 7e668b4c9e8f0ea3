"""Errors that users can cause, and warnings.

Every message says what was given, what was wanted, what to do.
"""


class ElimaxError(Exception):
    """Base class of all errors that elimax raises on purpose."""


class InvalidOrderError(ElimaxError):
    """An elimination order misses, repeats or invents vertices, or belongs to another graph."""


class GraphFormatError(ElimaxError):
    """A stored graph, order or plan cannot be read."""


class StructureLimitError(ElimaxError):
    """More distinct edge structures are reachable than the table may hold."""


class GraphTooLargeError(ElimaxError):
    """A graph has more nodes, or costs more, than a search can hold."""


class TracingError(ElimaxError):
    """A function cannot be turned into a computational graph."""


class MissingExtraError(ElimaxError, ImportError):
    """Something needs a package that only an extra of elimax installs."""


class CountMismatchError(ElimaxError):
    """The two counters of multiplications disagree about an order."""


class JacobianMismatchError(ElimaxError):
    """A Jacobian by elimination differs from JAX's own."""


class RoundingWarning(UserWarning):
    """An order loses digits that `jax.jacrev` keeps."""


class PlanCacheWarning(UserWarning):
    """A file of the plan cache cannot be read, and is replaced."""


class NotScalarError(ElimaxError):
    """A function cannot be computed by a native kernel."""
