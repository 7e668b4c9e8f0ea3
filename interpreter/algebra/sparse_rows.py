"""Sparse values with few entries in each row, as those of a stencil have.

Places are a table of rows and columns. The first entries of all rows are one layer, the second ones
another, and so on. A layer is written by comparing the column of every place with that of the entry
in its row: XLA fuses and vectorises that, and keeps what stays the same along a row. A look-up
reads an index for every place, and takes several times as long.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elimax.interpreter.algebra.sparse_value import Part

LOOK_UP, OF_ENTRY = 6, 12
"""What looking up one place takes, and preparing one entry of a layer, in units of comparing one
place."""


class Layer(NamedTuple):
    """At most one entry of every row.

    Attributes:
        columns: int32[rows], the column of every row's entry; -1 if it has none.
        entries: int32[rows], the number of that entry among those of all parts; -1 if it has none.
    """

    columns: np.ndarray
    entries: np.ndarray


class Rows(NamedTuple):
    """A sparse value as a table.

    Attributes:
        shape: How many rows and columns it has.
        layers: Its entries.
    """

    shape: tuple[int, int]
    layers: tuple[Layer, ...]


def few_per_row(parts: Sequence[Part], sizes: tuple[int, ...]) -> Rows | None:
    """Splits a sparse value into rows of few entries.

    Args:
        parts: Disjoint parts.
        sizes: Number of indices of each sparse label; the rows are those of the first one, or of
            the first two together, and so on.

    Returns:
        The rows that take the shortest time to write; None if a look-up is quicker.
    """
    places = np.concatenate([part.places for part in parts])
    best, lowest = None, float(LOOK_UP)
    for axis in range(1, len(sizes)):
        shape = math.prod(sizes[:axis]), math.prod(sizes[axis:])
        row, column = np.divmod(places, shape[1])
        rank = _ranks(row)
        num_layers = int(rank.max()) + 1
        price = num_layers * (1 + OF_ENTRY / shape[1])
        if price < lowest:
            best, lowest = Rows(shape, _layers(row, column, rank, shape[0])), price
    return best


def _layers(
    row: np.ndarray, column: np.ndarray, rank: np.ndarray, num_rows: int
) -> tuple[Layer, ...]:
    layers = np.full((2, int(rank.max()) + 1, num_rows), -1, np.int32)
    layers[0, rank, row] = column
    layers[1, rank, row] = np.arange(row.size)
    return tuple(Layer(*layer) for layer in layers.transpose(1, 0, 2))


def _ranks(rows: np.ndarray) -> np.ndarray:
    """For each entry how many earlier ones its row has."""
    order = np.argsort(rows, kind="stable")
    ascending = rows[order]
    ranks = np.empty(rows.size, np.int64)
    ranks[order] = np.arange(rows.size) - np.searchsorted(ascending, ascending)
    return ranks
