"""Edge structures that play alike, merged, so that few classes are left.

Two structures are in one class if they cost the same in every product and their products and sums
are in one class again. On scalar graphs one or two classes are left, few enough for bits. Classes
are found in a board's tables, by the refinement that minimises automata: everything begins in one
class, which is split for as long as two members differ.

Source: Hopcroft, Motwani & Ullman, Introduction to Automata Theory (3rd ed., 2006), section 4.4.
"""

import itertools
from typing import NamedTuple

import numpy as np

from models.game import Board

MAX_REACHED = 8
"""Boards that reach more structures than this are not merged."""

MAX_CLASSES = 4
"""With more classes, "no edge" included, look-ups in tables are faster than bits."""

Table = tuple[tuple[int, ...], ...]


class ClassRule(NamedTuple):
    """The counting rule of C classes, 0 (no edge) included, as constants to branch on in a trace.

    Attributes:
        product: [C][C], class of the product of [later, earlier].
        sum: [C][C], class of the sum.
        cost: [C][C], scalar multiplications of the product in the played count.
    """

    product: Table
    sum: Table
    cost: Table


class _Tables(NamedTuple):
    """The tables of `game.Rules` of one graph, on the host."""

    product: np.ndarray
    sum: np.ndarray
    cost: np.ndarray


def merge_boards(boards: Board) -> tuple[np.ndarray, ClassRule] | None:
    """Merges the structures of several boards into the classes of one rule.

    Args:
        boards: G stacked boards, numpy arrays.

    Returns:
        The class of every structure, int32[G, S], 0 where it does not occur, and the rule of all
        boards; None if there are more structures or classes than `MAX_REACHED` and `MAX_CLASSES`,
        no edge at all, or no rule in common.
    """
    edges = np.asarray(boards.start.edges)
    tables = map(np.asarray, (boards.rules.product, boards.rules.sum, boards.rules.cost))
    rules = [_Tables(*of_graph) for of_graph in zip(*tables, strict=True)]
    reached = [_reached(*pair) for pair in zip(rules, edges, strict=True)]
    if any(len(numbers) > MAX_REACHED for numbers in reached):
        return None
    merged = [_merge(*pair) for pair in zip(rules, reached, strict=True)]
    common = max((rule for _, rule in merged), key=lambda rule: len(rule.cost))
    if not 1 < len(common.cost) <= MAX_CLASSES:
        return None
    classes = np.zeros((len(rules), rules[0].cost.shape[0]), np.int32)
    for index, (members, rule) in enumerate(merged):
        places = _find_in(common, rule)
        if places is None:
            return None
        classes[index, reached[index]] = np.asarray(places)[members]
    return classes, common


def _reached(rules: _Tables, edges: np.ndarray) -> np.ndarray:
    """Numbers of the structures that any order can reach, and 0; stops above `MAX_REACHED`."""
    numbers = np.union1d(edges, 0)
    size = 0
    while size < len(numbers) <= MAX_REACHED:
        size = len(numbers)
        pairs = np.ix_(numbers, numbers)
        numbers = np.unique(
            [numbers[:, None] + 0 * pairs[1], rules.product[pairs], rules.sum[pairs]]
        )
    return numbers.astype(np.int64)


def _merge(rules: _Tables, reached: np.ndarray) -> tuple[np.ndarray, ClassRule]:
    """The class of every reached structure, and the rule of the classes."""
    pairs = np.ix_(reached, reached)
    product = np.searchsorted(reached, rules.product[pairs])
    total = np.searchsorted(reached, rules.sum[pairs])
    cost = rules.cost[pairs]
    members, size = np.minimum(np.arange(len(reached)), 1), 0
    while size <= members.max():
        size = members.max() + 1
        tables = (cost, members[product], members[total])
        sides = [side for table in tables for side in (table, table.T)]
        signature = np.concatenate([members[:, None], *sides], axis=1)
        members = np.unique(signature, axis=0, return_inverse=True)[1].ravel()
    first = np.ix_(*[[int(np.argmax(members == c)) for c in range(size)]] * 2)
    tables = (members[product[first]], members[total[first]], cost[first].astype(np.int64))
    return members, ClassRule(*(tuple(map(tuple, table.tolist())) for table in tables))


def _find_in(common: ClassRule, rule: ClassRule) -> tuple[int, ...] | None:
    """Classes of `common` that follow `rule`, in the order of its classes, if there are any."""
    size = len(rule.cost)
    for others in itertools.permutations(range(1, len(common.cost)), size - 1):
        places = (0, *others)
        if all(
            common.cost[places[a]][places[b]] == rule.cost[a][b]
            and common.product[places[a]][places[b]] == places[rule.product[a][b]]
            and common.sum[places[a]][places[b]] == places[rule.sum[a][b]]
            for a, b in itertools.product(range(size), repeat=2)
        ):
            return places
    return None
