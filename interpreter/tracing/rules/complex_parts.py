"""Real and imaginary parts, and complex numbers made of them.

Between a real y and a complex z an edge is the c with dy = Re(c dz), or with dz = c dy.
"""

import numpy as np

from elimax.interpreter.graph.structure import Kind, edge_structure
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.registry import LocalJacobian, register

# The number c, by primitive and operand.
PARTS = {"real": (1.0,), "imag": (-1j,), "complex": (1.0, 1j)}


@register(*PARTS)
def part(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y = Re z, Im z = Re(-i z), or z = x1 + i x2: the edge Jacobian is 1, i or -i.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result, 0.

    Returns:
        Out (a), in (a), no carried label; structural where the value is 1, else general.
    """
    c = PARTS[equation.name][operand]
    out_shape, in_shape = equation.out_avals[result].shape, equation.in_avals[operand].shape
    kind = Kind.STRUCTURAL if c == 1.0 else Kind.GENERAL
    structure = edge_structure(out_shape, in_shape, range(len(in_shape)), (), kind)
    return LocalJacobian(structure, lambda inputs, outputs: np.asarray(c))
