"""The public names, each once; importing this module loads JAX.

`X as X` tells type checkers that a name is exported.
"""

from elimax.interpreter.checking import JacobianCheck as JacobianCheck
from elimax.interpreter.checking import check_jacobian as check_jacobian
from elimax.interpreter.errors import ElimaxError as ElimaxError
from elimax.interpreter.errors import GraphFormatError as GraphFormatError
from elimax.interpreter.errors import InvalidOrderError as InvalidOrderError
from elimax.interpreter.errors import JacobianMismatchError as JacobianMismatchError
from elimax.interpreter.errors import MissingExtraError as MissingExtraError
from elimax.interpreter.errors import NotScalarError as NotScalarError
from elimax.interpreter.errors import PlanCacheWarning as PlanCacheWarning
from elimax.interpreter.errors import RoundingWarning as RoundingWarning
from elimax.interpreter.errors import StructureLimitError as StructureLimitError
from elimax.interpreter.errors import TracingError as TracingError
from elimax.interpreter.filtered import filter_jacve as filter_jacve
from elimax.interpreter.graph.computational_graph import ComputationalGraph as ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications as count_multiplications
from elimax.interpreter.graph.elimination import MultiplicationCount as MultiplicationCount
from elimax.interpreter.graph.order import EliminationOrder as EliminationOrder
from elimax.interpreter.hessian import hessve as hessve
from elimax.interpreter.jacobian import Order as Order
from elimax.interpreter.jacobian import jacve as jacve
from elimax.interpreter.jacobian import value_and_jacve as value_and_jacve
from elimax.interpreter.orders import forward_order as forward_order
from elimax.interpreter.orders import markowitz_order as markowitz_order
from elimax.interpreter.orders import reverse_order as reverse_order
from elimax.interpreter.orders.planners import Planner as _Planner
from elimax.interpreter.orders.planners import register_planner as _register_planner
from elimax.interpreter.output.blocks import Output as Output
from elimax.interpreter.output.structured import StructuredJacobian as StructuredJacobian
from elimax.interpreter.plan import Plan as Plan
from elimax.interpreter.planning import plan as plan
from elimax.interpreter.rounding import RoundingCheck as RoundingCheck
from elimax.interpreter.rounding import check_rounding as check_rounding
from elimax.interpreter.tracing.call import trace as trace


def _load_policy() -> _Planner:
    """Loads the learned policy, whose packages are in the extra `learn`."""
    from elimax.models.planner import policy_order

    return policy_order


_register_planner("policy", _load_policy)
