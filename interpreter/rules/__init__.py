"""Edge Jacobians of single equations, one rule per primitive."""

from interpreter.rules import contraction, devices, elementwise, layout, reductions
from interpreter.rules.registry import LocalJacobian, local_jacobian

__all__ = [
    "LocalJacobian",
    "contraction",
    "devices",
    "elementwise",
    "layout",
    "local_jacobian",
    "reductions",
]
