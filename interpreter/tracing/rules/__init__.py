"""Edge Jacobians of single equations, one rule per primitive."""

from elimax.interpreter.tracing.rules import (
    along_axis,
    complex_parts,
    contraction,
    control_flow,
    cumulative,
    devices,
    elementwise,
    indexing,
    layout,
    linear_algebra,
    reductions,
    selections,
    windows,
)
from elimax.interpreter.tracing.rules.registry import LocalJacobian, local_jacobian

__all__ = [
    "LocalJacobian",
    "along_axis",
    "complex_parts",
    "contraction",
    "control_flow",
    "cumulative",
    "devices",
    "elementwise",
    "indexing",
    "layout",
    "linear_algebra",
    "local_jacobian",
    "reductions",
    "selections",
    "windows",
]
