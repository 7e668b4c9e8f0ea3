"""Which equations use which nodes on a path from a differentiated input to an output."""

from collections.abc import Sequence
from typing import NamedTuple

from elimax.interpreter.tracing.program import Program
from elimax.interpreter.tracing.rules.registry import has_derivative
from elimax.interpreter.tracing.rules.use import Use


class ActiveUse(NamedTuple):
    """One use of a node by an equation, where both lie on such a path.

    Attributes:
        equation: Index of the equation in its program.
        operand: Number of the operand among those of the equation.
        result: Number of the result among those of the equation.
        pred: The node that is used.
        succ: The result that depends on it.
    """

    equation: int
    operand: int
    result: int
    pred: int
    succ: int

    def of(self, program: Program) -> Use:
        """The use as rules take it.

        Args:
            program: The program of the equation.

        Returns:
            The equation itself, its operand and its result.
        """
        return Use(program.equations[self.equation], self.operand, self.result)


def active_uses(program: Program, active_inputs: Sequence[bool]) -> list[ActiveUse]:
    """The active uses of nodes in a program.

    Args:
        program: The program.
        active_inputs: Whether each input leaf is differentiated.

    Returns:
        The uses in program order; several may join the same two nodes.
    """
    reached = {node for node, active in enumerate(active_inputs) if active}
    candidates = []
    for index, equation in enumerate(program.equations):
        for k, operand in enumerate(equation.operands):
            if not isinstance(operand, int) or operand not in reached:
                continue
            for r, result in enumerate(equation.results):
                if has_derivative(Use(equation, k, r)):
                    candidates.append(ActiveUse(index, k, r, operand, result))
                    reached.add(result)
    wanted = {node for node in program.outputs if isinstance(node, int)}
    uses = []
    for use in reversed(candidates):
        if use.succ in wanted:
            wanted.add(use.pred)
            uses.append(use)
    return uses[::-1]
