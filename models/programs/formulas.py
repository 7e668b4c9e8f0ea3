"""Random formulas that are applied repeatedly, like a function of a program.

A formula has *slots* for the values that it reads. Applied to nodes, it appends its equations to a
*tape*.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.models.programs.equations import Equation, draw_operation, equation, graph_of


class Formula(NamedTuple):
    """Equations over slots.

    Attributes:
        num_slots: Number of values that it reads.
        operations: Name and arguments of every equation; arguments are numbered with the slots
            first and then the results of the equations.
        results: The values that it computes, numbered like arguments.
    """

    num_slots: int
    operations: tuple[tuple[str, tuple[int, ...]], ...]
    results: tuple[int, ...]


def draw_formula(
    rng: np.random.Generator, num_slots: int, num_equations: int, num_results: int = 1
) -> Formula:
    """Draws a formula that reads every slot and wastes no equation.

    A value that nothing has read *waits*. At the end `num_results` values wait, none of them a
    slot: equations must read waiting values once there are too many for the equations left.

    Args:
        rng: Source of randomness.
        num_slots: Number of values that it reads, at least `num_results`.
        num_equations: Number of equations, at least `num_slots`.
        num_results: Number of values that it computes, at least 1.

    Returns:
        The formula; its results are results of equations.
    """
    unary, trivial = rng.uniform(0.1, 0.4), rng.uniform(0.2, 0.6)
    waiting = list(range(num_slots))
    operations = []
    for done in range(num_equations):
        left = num_equations - done
        wanted = 1 if rng.random() < unary else 2
        unread = [value for value in waiting if value < num_slots]
        is_late = len(unread) >= left
        # Of n waiting values, an equation reads some and adds one. With `left - 1` equations to
        # come, each of which can lower their number by one, this one must read at least `least`.
        least = max(len(waiting) + 2 - num_results - left, int(is_late or done == 0), 0)
        most = min(wanted, len(waiting) + 1 - num_results)
        fresh = max(least, min(most, rng.binomial(2, 0.7)))
        arguments = [int(rng.choice(unread))] if is_late else []
        others = [value for value in waiting if value not in arguments]
        arguments += map(int, rng.choice(others, fresh - len(arguments), replace=False))
        waiting = [value for value in waiting if value not in arguments]
        read = [value for value in range(num_slots + done) if value not in waiting]
        while len(arguments) < wanted:
            arguments.append(int(rng.choice(read)))
        name = draw_operation(rng, len(arguments) == 1, is_trivial=rng.random() < trivial)
        operations.append((name, tuple(map(int, rng.permutation(arguments)))))
        waiting.append(num_slots + done)
    return Formula(num_slots, tuple(operations), tuple(waiting))


@dataclasses.dataclass
class Tape:
    """Equations of a program that is being written.

    Attributes:
        num_inputs: I, number of inputs: nodes 0 to I-1.
        equations: The equations so far.
    """

    num_inputs: int
    equations: list[Equation] = dataclasses.field(default_factory=list)

    def append(self, name: str, *arguments: int) -> int:
        """Appends one equation.

        Args:
            name: Its operation.
            *arguments: Nodes that it reads.

        Returns:
            The node of its result.
        """
        self.equations.append(equation(name, *arguments))
        return self.num_inputs + len(self.equations) - 1

    def apply(self, formula: Formula, arguments: Sequence[int]) -> list[int]:
        """Appends the equations of a formula.

        Args:
            formula: The formula.
            arguments: A node for each of its slots.

        Returns:
            The nodes of its results.
        """
        values = list(arguments)
        for name, reads in formula.operations:
            values.append(self.append(name, *(values[x] for x in reads)))
        return [values[x] for x in formula.results]

    def graph(self, outputs: Sequence[int]) -> ComputationalGraph:
        """Makes the graph of the program.

        Args:
            outputs: Nodes that are outputs.

        Returns:
            The graph.
        """
        return graph_of(self.num_inputs, self.equations, outputs)
