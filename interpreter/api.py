"""The public names of this package; importing it loads JAX, importing `interpreter` does not."""

from interpreter.checking import JacobianCheck, check_jacobian
from interpreter.counting import count_multiplications
from interpreter.elimination import MultiplicationCount
from interpreter.errors import (
    ElimaxError,
    GraphFormatError,
    InvalidOrderError,
    JacobianMismatchError,
    PlanCacheWarning,
    RoundingWarning,
    StructureLimitError,
    TracingError,
)
from interpreter.filtered import filter_jacve
from interpreter.graph import ComputationalGraph
from interpreter.hessian import hessve
from interpreter.jacobian import jacve, value_and_jacve
from interpreter.order import EliminationOrder, check_order
from interpreter.orders import (
    best_classic,
    forward_order,
    markowitz_order,
    portfolio,
    reverse_order,
)
from interpreter.plan import Plan
from interpreter.planning import plan
from interpreter.rounding import RoundingCheck, check_rounding
from interpreter.structured_jacobian import StructuredJacobian
from interpreter.tracing import trace

__all__ = [
    "ComputationalGraph",
    "ElimaxError",
    "EliminationOrder",
    "GraphFormatError",
    "InvalidOrderError",
    "JacobianCheck",
    "JacobianMismatchError",
    "MultiplicationCount",
    "Plan",
    "PlanCacheWarning",
    "RoundingCheck",
    "RoundingWarning",
    "StructureLimitError",
    "StructuredJacobian",
    "TracingError",
    "best_classic",
    "check_jacobian",
    "check_order",
    "check_rounding",
    "count_multiplications",
    "filter_jacve",
    "forward_order",
    "hessve",
    "jacve",
    "markowitz_order",
    "plan",
    "portfolio",
    "reverse_order",
    "trace",
    "value_and_jacve",
]
