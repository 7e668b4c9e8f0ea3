"""Edge Jacobians of single equations, one rule per primitive."""

from interpreter.rules import complex_parts, contraction, elementwise, layout, reductions
from interpreter.rules.registry import LocalJacobian, local_jacobian

__all__ = [
    "LocalJacobian",
    "complex_parts",
    "contraction",
    "elementwise",
    "layout",
    "local_jacobian",
    "reductions",
]
