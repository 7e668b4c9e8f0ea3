"""Exact Jacobians in JAX by vertex elimination, in orders that cost little.

```python
import elimax

elimax.jacve(f)(x)  # what jax.jacrev(f)(x) returns
```

Names are loaded when they are used, so that the version is known without loading JAX.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interpreter.api import (
        ComputationalGraph,
        ElimaxError,
        EliminationOrder,
        GraphFormatError,
        InvalidOrderError,
        JacobianCheck,
        JacobianMismatchError,
        MultiplicationCount,
        Plan,
        PlanCacheWarning,
        RoundingCheck,
        RoundingWarning,
        StructuredJacobian,
        StructureLimitError,
        TracingError,
        check_jacobian,
        check_rounding,
        count_multiplications,
        filter_jacve,
        forward_order,
        hessve,
        jacve,
        markowitz_order,
        plan,
        reverse_order,
        trace,
        value_and_jacve,
    )

__version__ = "0.1.0"

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
    "__version__",
    "check_jacobian",
    "check_rounding",
    "count_multiplications",
    "filter_jacve",
    "forward_order",
    "hessve",
    "jacve",
    "markowitz_order",
    "plan",
    "reverse_order",
    "trace",
    "value_and_jacve",
]


def __getattr__(name: str) -> Any:
    """Loads a public name from the package that defines it."""
    if name not in __all__:
        raise AttributeError(f"module 'elimax' has no attribute {name!r}")
    value = getattr(importlib.import_module("interpreter.api"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Lists the public names, loaded or not."""
    return sorted(__all__)
