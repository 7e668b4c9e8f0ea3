"""Real and imaginary parts, and complex numbers made of them.

An edge between a real y and a complex z is the number c with dy = Re(c dz), or with dz = c dy.
"""

import numpy as np

from elimax.interpreter.graph.structure import Kind, edge_structure
from elimax.interpreter.tracing.rules.registry import LocalJacobian, register
from elimax.interpreter.tracing.rules.use import Use

# The number c, by primitive and operand.
PARTS = {"real": (1.0,), "imag": (-1j,), "complex": (1.0, 1j)}


@register(*PARTS)
def part(use: Use) -> LocalJacobian:
    """A part flows to, or comes from, the complex number at the same place.

    y = Re z, y = Im z = Re(-i z), or z = x0 + i x1: the edge Jacobian is 1, -i, or 1 and i. It is
    structural where it is 1, and general elsewhere.

    Example: imag of (2, 3): out (a, b), in (a, b), no carried label, value -i.

    Reads no parameter.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.complex.html
    """
    c = PARTS[use.name][use.operand]
    kind = Kind.STRUCTURAL if c == 1.0 else Kind.GENERAL
    structure = edge_structure(use.out_shape, use.in_shape, range(len(use.in_shape)), (), kind)
    return LocalJacobian(structure, lambda inputs, outputs: np.asarray(c))
