"""Edge Jacobians of single equations, one rule per primitive."""

from interpreter.rules import (
    contraction,
    cumulative,
    devices,
    elementwise,
    indexing,
    layout,
    reductions,
    selections,
)
from interpreter.rules.registry import LocalJacobian, local_jacobian

__all__ = [
    "LocalJacobian",
    "contraction",
    "cumulative",
    "devices",
    "elementwise",
    "indexing",
    "layout",
    "local_jacobian",
    "reductions",
    "selections",
]
