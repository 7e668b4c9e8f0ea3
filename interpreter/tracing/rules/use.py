"""One use of an operand by an equation: what a rule takes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from elimax.interpreter.graph.structure import Shape
from elimax.interpreter.tracing.program import Equation


class Use(NamedTuple):
    """An operand of an equation, and the result that is differentiated by it.

    Attributes:
        equation: The equation.
        operand: Number of the operand among those of the equation.
        result: Number of the result among those of the equation.
    """

    equation: Equation
    operand: int
    result: int

    @property
    def name(self) -> str:
        """Name of the primitive."""
        return self.equation.name

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of the equation."""
        return self.equation.params

    @property
    def in_aval(self) -> Any:
        """Shape and dtype of the operand."""
        return self.equation.in_avals[self.operand]

    @property
    def out_aval(self) -> Any:
        """Shape and dtype of the result."""
        return self.equation.out_avals[self.result]

    @property
    def in_shape(self) -> Shape:
        """Shape of the operand."""
        return self.in_aval.shape

    @property
    def out_shape(self) -> Shape:
        """Shape of the result."""
        return self.out_aval.shape

    def apply(self, x: Any, inputs: Sequence[Any]) -> Any:
        """The result as a function of the operand alone.

        Args:
            x: Value of the operand.
            inputs: Values of all operands; that of this operand is not read.

        Returns:
            Value of the result.
        """
        replaced = [*inputs[: self.operand], x, *inputs[self.operand + 1 :]]
        return self.equation.bind(replaced)[self.result]
