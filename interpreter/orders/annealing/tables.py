"""Tables of the counting rule that grow: entries of `graph.rule_table` as compiled code reads them.

Entries are computed when a search asks for them: it meets far fewer pairs of structures than the
closure under products and sums would contain. Every search numbers the structures that it meets
itself, without gaps.
"""

from typing import NamedTuple

import numpy as np

from elimax.interpreter.errors import StructureLimitError
from elimax.interpreter.graph.pair_structure import Structure, stored_values
from elimax.interpreter.graph.rule_table import RULE
from elimax.interpreter.orders.annealing.compiled import SUM, UNKNOWN
from elimax.interpreter.orders.annealing.state import Tables, Weights

FIRST_SIZE = 32
"""Initial size of the tables."""

MAX_STRUCTURES = 4096
"""Most structures that tables hold; three tables of that size take 200 MB."""

MAX_COST = (1 << 62) - 1
"""Most that one elimination may cost, so that sums stay within 64 bits."""


class CostScale(NamedTuple):
    """How counts, which are integers of any size, are scaled to the 64-bit costs of a search.

    Attributes:
        shift: Costs are divided by two to the power of this and rounded down.
        limit: Costs of a product above this are clipped to it; no order worth keeping costs as
            much.
    """

    shift: int
    limit: int


UNSCALED = CostScale(0, MAX_COST)


def cost_scale(num_nodes: int, cost: int) -> CostScale:
    """The scale for a graph.

    Args:
        num_nodes: Number of its nodes, which bounds the products of one elimination.
        cost: What the first order of the search costs.

    Returns:
        The scale, with shift 0 if costs fit as they are.
    """
    # p predecessors and s successors, together at most N nodes, make at most N^2 / 4 products.
    limit = MAX_COST // (num_nodes * num_nodes // 4 + 1)
    # Scaled, the first order costs less than half the limit. Annealing accepts only moves that add
    # a small share of its cost, so clipped costs are never accepted.
    return CostScale(max(0, (2 * cost // limit).bit_length()), limit)


class GrowingTables:
    """Tables of the structures met so far, numbered from 1; 0 means "no edge".

    Attributes:
        tables: The tables; replaced by larger ones when they are full.
    """

    def __init__(self, weights: Weights, scale: CostScale | None = None) -> None:
        """Starts without structures.

        Args:
            weights: What the cost of an order is made of.
            scale: How costs are made to fit the table; None if they fit as they are.
        """
        self._weights, self._scale = weights, scale or UNSCALED
        # From numbers of the rule's table to rows of these tables, and back.
        self._rows: dict[int, int] = {}
        self._numbers: list[int] = [-1]
        self.tables = _unknown(FIRST_SIZE)

    def number(self, structure: Structure) -> int:
        """The number of a structure, a new one if the structure is new.

        Args:
            structure: The structure.

        Returns:
            Its number.

        Raises:
            StructureLimitError: If more structures are met than tables can hold.
        """
        return self._row(RULE.number(structure))

    def fill_in(self, table: int, row: int, column: int) -> None:
        """Computes an entry that was unknown.

        Args:
            table: PRODUCT or SUM of `compiled`.
            row: Number of the later factor, or of a summand.
            column: Number of the earlier factor, or of the other summand.

        Raises:
            StructureLimitError: If more structures are met than tables can hold.
        """
        first, second = self._numbers[row], self._numbers[column]
        if table == SUM:
            total = self._row(RULE.total[first][second])
            self.tables.sum[row, column] = total
            return
        product = self._row(RULE.product[first][second])
        cost = sum(
            weight * RULE.cost[objective][first][second]
            for objective, weight in self._weights._asdict().items()
            if weight
        )
        self.tables.cost[row, column] = min(cost >> self._scale.shift, self._scale.limit)
        # Last: other threads read the cost as soon as the product is known.
        self.tables.product[row, column] = product

    def _row(self, number: int) -> int:
        """The row for a number of the rule's table, a new one if the number is new."""
        if number not in self._rows:
            if len(self._numbers) == len(self.tables.product):
                self._grow()
            row = len(self._numbers)
            self.tables.values[row] = stored_values(RULE.structure(number))
            self._rows[number] = row
            self._numbers.append(number)
        return self._rows[number]

    def _grow(self) -> None:
        size = len(self.tables.product)
        if size >= MAX_STRUCTURES:
            raise StructureLimitError(
                f"more than {MAX_STRUCTURES} edge structures were met: use an order of the "
                "portfolio for this graph"
            )
        larger = _unknown(2 * size)
        for new, old in zip(larger, self.tables, strict=True):
            new[tuple(map(slice, old.shape))] = old
        self.tables = larger


def _unknown(size: int) -> Tables:
    unknown = np.full((2, size, size), UNKNOWN, np.int16)
    return Tables(unknown[0], unknown[1], np.zeros((size, size), np.int64), np.zeros(size))
