"""The counting rule as tables that are filled in as entries are asked for.

A search meets far fewer pairs of structures than closing all of them under products and sums would
give, and nothing has to be known before the first move. `structure_tables` has the whole closure,
for players that cannot stop to ask.
"""

import numpy as np

from interpreter.errors import StructureLimitError
from interpreter.orders.annealing_state import Tables
from interpreter.orders.compiled_annealing import SUM, UNKNOWN
from interpreter.structure import EdgeStructure, add, multiply

FIRST_SIZE = 32
"""Size of the tables to begin with."""

MAX_STRUCTURES = 4096
"""Structures up to which tables grow; three tables of that size take 200 MB."""


class GrowingTables:
    """Tables of the structures met so far, numbered from 1; 0 means "no edge".

    Attributes:
        tables: The tables; replaced by larger ones when they are full.
    """

    def __init__(self, weight_all: int, weight_nontrivial: int) -> None:
        """Starts without structures.

        Args:
            weight_all: What a multiplication costs.
            weight_nontrivial: What it costs in addition if it is not by +1 or -1.
        """
        self._weights = weight_all, weight_nontrivial
        self._numbers: dict[EdgeStructure, int] = {}
        self._structures: list[EdgeStructure] = []
        self.tables = _unknown(FIRST_SIZE)

    def number(self, structure: EdgeStructure) -> int:
        """The number of a structure, a new one if it was not met before.

        Args:
            structure: The structure.

        Returns:
            Its number.

        Raises:
            StructureLimitError: If it is one too many.
        """
        if structure not in self._numbers:
            if len(self._structures) + 1 == len(self.tables.product):
                self._grow()
            self._structures.append(structure)
            self._numbers[structure] = len(self._structures)
        return self._numbers[structure]

    def fill_in(self, table: int, row: int, column: int) -> None:
        """Computes an entry that was unknown.

        Args:
            table: PRODUCT or SUM of `compiled_annealing`.
            row: Number of the later factor, or of a summand.
            column: Number of the earlier factor, or of the other summand.

        Raises:
            StructureLimitError: If there are too many structures.
        """
        first, second = self._structures[row - 1], self._structures[column - 1]
        if table == SUM:
            total = self.number(add(first, second))
            self.tables.sum[row, column] = total
            return
        product = multiply(first, second)
        number = self.number(product.structure)
        self.tables.product[row, column] = number
        weight_all, weight_nontrivial = self._weights
        cost = weight_all * product.all + weight_nontrivial * product.nontrivial
        self.tables.cost[row, column] = cost

    def _grow(self) -> None:
        size = len(self.tables.product)
        if size >= MAX_STRUCTURES:
            raise StructureLimitError(
                f"annealing met more than {MAX_STRUCTURES} edge structures: use an order of the "
                "portfolio for this graph"
            )
        larger = _unknown(2 * size)
        for new, old in zip(larger, self.tables, strict=True):
            new[:size, :size] = old
        self.tables = larger


def _unknown(size: int) -> Tables:
    unknown = np.full((2, size, size), UNKNOWN, np.int16)
    return Tables(unknown[0], unknown[1], np.zeros((size, size), np.int64))
