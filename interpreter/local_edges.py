"""The active edges of a program, one per use of a node by an equation."""

import dataclasses
from collections.abc import Sequence

from interpreter.program import Program
from interpreter.rules import LocalJacobian, local_jacobian
from interpreter.rules.registry import has_derivative


@dataclasses.dataclass(frozen=True)
class LocalEdge:
    """One use of a node by an equation.

    Attributes:
        equation: Index of the equation in its program.
        operand: Number of the operand among those of the equation.
        result: Number of the result among those of the equation.
        pred: The node that is used.
        succ: The result that depends on it.
        jacobian: The Jacobian of the result with respect to this use.
    """

    equation: int
    operand: int
    result: int
    pred: int
    succ: int
    jacobian: LocalJacobian


def local_edges(program: Program, active_inputs: Sequence[bool]) -> list[LocalEdge]:
    """The active edges of a program, one per use.

    Args:
        program: The program.
        active_inputs: For every input leaf whether it is differentiated.

    Returns:
        The edges in program order; several may join the same two nodes.
    """
    reached = {node for node, active in enumerate(active_inputs) if active}
    candidates = []
    for index, equation in enumerate(program.equations):
        for k, operand in enumerate(equation.operands):
            if not isinstance(operand, int) or operand not in reached:
                continue
            for r, result in enumerate(equation.results):
                if has_derivative(equation, k, r):
                    candidates.append((index, k, r, operand, result))
                    reached.add(result)
    wanted = {node for node in program.outputs if isinstance(node, int)}
    edges = []
    for index, k, r, operand, result in reversed(candidates):
        if result in wanted:
            wanted.add(operand)
            jacobian = local_jacobian(program.equations[index], k, r)
            edges.append(LocalEdge(index, k, r, operand, result, jacobian))
    return edges[::-1]
