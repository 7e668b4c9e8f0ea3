"""Sparse values with few entries in each row, as those of a stencil have.

Places are a table of rows and columns. The entries are split into layers with at most one entry in
each row. A layer is written by comparing the column of every place with that of the entry in its
row: XLA fuses and vectorises that, and keeps what stays the same along a row. A look-up reads an
index for every place, and takes several times as long.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elimax.interpreter.algebra.sparse_value import Part, take_last

LOOK_UP, OF_ENTRY = 6, 24
"""What looking up one place takes, and preparing one entry of a layer, in units of comparing one
place."""


class Layer(NamedTuple):
    """At most one entry of every row.

    Attributes:
        parts: The entries; the place of an entry is its row.
        columns: int32[rows], the column of every row's entry; -1 if it has none.
    """

    parts: tuple[Part, ...]
    columns: np.ndarray


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
    best, lowest = None, float(LOOK_UP)
    for axis in range(1, len(sizes)):
        shape = math.prod(sizes[:axis]), math.prod(sizes[axis:])
        of_layer = 1 + OF_ENTRY / shape[1]
        split = _split(parts, shape, math.ceil(lowest / of_layer) - 1)
        if split is not None:
            best, lowest = split, len(split.columns) * of_layer
    return None if best is None else _taken(best)


class _Split(NamedTuple):
    """For every layer its columns, and which entries of which parts it has."""

    shape: tuple[int, int]
    columns: list[np.ndarray]
    pieces: list[list[tuple[Part, np.ndarray]]]


def _split(parts: Sequence[Part], shape: tuple[int, int], most: int) -> _Split | None:
    """Assigns entries to layers, whole parts where that is possible; None if it takes too many."""
    split = _Split(shape, [], [])
    for part in parts:
        row, column = np.divmod(part.places, shape[1])
        rank = _ranks(row)
        for k in range(int(rank.max()) + 1):
            chosen = np.flatnonzero(rank == k)
            free = (n for n, taken in enumerate(split.columns) if (taken[row[chosen]] < 0).all())
            layer = next(free, len(split.columns))
            if layer >= most:
                return None
            if layer == len(split.columns):
                split.columns.append(np.full(shape[0], -1, np.int32))
                split.pieces.append([])
            split.columns[layer][row[chosen]] = column[chosen]
            split.pieces[layer].append((part, chosen))
    return split


def _ranks(rows: np.ndarray) -> np.ndarray:
    """For each entry how many earlier ones its row has."""
    order = np.argsort(rows, kind="stable")
    ascending = rows[order]
    ranks = np.empty(rows.size, np.int64)
    ranks[order] = np.arange(rows.size) - np.searchsorted(ascending, ascending)
    return ranks


def _taken(split: _Split) -> Rows:
    """Layers with their entries."""
    num_columns = split.shape[1]
    layers = []
    for columns, pieces in zip(split.columns, split.pieces, strict=True):
        taken = [Part(take_last(x.entries, at), x.places[at] // num_columns) for x, at in pieces]
        layers.append(Layer(tuple(taken), columns))
    return Rows(split.shape, tuple(layers))
