"""The counting rule on small integers, filled in on demand: one table for all searches and games.

A search looks up products of two edges millions of times. Hashing two structures takes longer than
the rest of such a look-up, so structures are numbered and their products, sums and costs are kept
by number. Greedy rules and exact searches read the table itself; compiled code, that of annealing
and of the game, reads arrays of what was met so far (`orders.annealing.tables`).
"""

import functools
import threading
from collections.abc import Callable

from elimax.interpreter.graph.pair_structure import PairProduct, Structure, product_of, sum_of
from elimax.interpreter.graph.price import product_price


class NumberTable(dict[int, dict[int, int]]):
    """A function of two numbers whose values are computed once: `table[first][second]`."""

    def __init__(self, entry: Callable[[int, int], int]) -> None:
        """Starts empty.

        Args:
            entry: The function.
        """
        super().__init__()
        self._entry = entry

    def __missing__(self, first: int) -> dict[int, int]:
        row = self[first] = _Row(functools.partial(self._entry, first))
        return row


class _Row(dict[int, int]):
    def __init__(self, entry: Callable[[int], int]) -> None:
        super().__init__()
        self._entry = entry

    def __missing__(self, second: int) -> int:
        value = self[second] = self._entry(second)
        return value


class RuleTable:
    """Structures by number, from 0, in the order in which they were first met.

    Several threads may use one table: two that ask for the same entry compute the same.

    Attributes:
        product: Number of the product, [later][earlier].
        product_by_earlier: The same, [earlier][later].
        total: Number of the sum, [first][second].
        cost: By objective the cost of a product, [later][earlier]: its multiplications, "all" or
            "nontrivial", and its "price".
        cost_by_earlier: The same, [earlier][later].
    """

    def __init__(self) -> None:
        """Starts without structures."""
        self._structures: list[Structure] = []
        self._numbers: dict[Structure, int] = {}
        self._lock = threading.Lock()
        self.product = NumberTable(self._product)
        self.product_by_earlier = NumberTable(lambda x, y: self.product[y][x])
        self.total = NumberTable(self._total)
        self.cost = {
            "all": NumberTable(lambda x, y: self._multiply(x, y).all),
            "nontrivial": NumberTable(lambda x, y: self._multiply(x, y).nontrivial),
            "price": NumberTable(
                lambda x, y: product_price(self._structures[x], self._structures[y])
            ),
        }
        self.cost_by_earlier = {
            count: NumberTable(lambda x, y, table=table: table[y][x])
            for count, table in self.cost.items()
        }

    def number(self, structure: Structure) -> int:
        """The number of a structure, a new one if it was never met.

        Args:
            structure: The structure.

        Returns:
            Its number.
        """
        found = self._numbers.get(structure)
        if found is None:
            with self._lock:
                found = self._numbers.get(structure)
                if found is None:
                    # Before other threads can see its number.
                    self._structures.append(structure)
                    found = self._numbers[structure] = len(self._structures) - 1
        return found

    def structure(self, number: int) -> Structure:
        """The structure of a number.

        Args:
            number: What `number` returned.

        Returns:
            The structure.
        """
        return self._structures[number]

    def _multiply(self, later: int, earlier: int) -> PairProduct:
        return product_of(self._structures[later], self._structures[earlier])

    def _product(self, later: int, earlier: int) -> int:
        return self.number(self._multiply(later, earlier).structure)

    def _total(self, first: int, second: int) -> int:
        return self.number(sum_of(self._structures[first], self._structures[second]))


RULE = RuleTable()
"""The table of this process; like the caches of `multiply` and `add` it is never cleared."""
