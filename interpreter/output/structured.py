"""Jacobian blocks that do not store what is zero or constant."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.algebra.labelled import Labels, is_constant
from elimax.interpreter.algebra.sparse_value import Part, SparseValue
from elimax.interpreter.graph.structure import EdgeStructure, Shape
from elimax.interpreter.output.dense import written_out

if TYPE_CHECKING:
    from jax.experimental.sparse import BCOO

GROUP_SIZE = 8
"""Entries up to which several parts are stored in one array."""


class _Frozen:
    """An array that compares by value, so that it can be static data of a pytree."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = np.ascontiguousarray(array)
        self._key = (array.shape, array.dtype.str, self.array.tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


class _Layout(NamedTuple):
    """Everything about a block that is known while tracing.

    Attributes:
        structure: Shape, ties and carried labels.
        dense: Labels along which entries are stored for every index.
        sparse: Labels along which only some places are not zero.
        places: For every part the places of its entries along the sparse labels.
        constants: For every part its entries if they are constant, else None.
        dtype: Dtype of the block.
    """

    structure: EdgeStructure
    dense: Labels
    sparse: Labels
    places: tuple[_Frozen, ...]
    constants: tuple[_Frozen | None, ...]
    dtype: np.dtype


@jax.tree_util.register_pytree_node_class
class StructuredJacobian:
    """One block of a Jacobian, J[out axes; in axes], without its zeros.

    A pytree whose leaves are the entries that depend on the input. Entries that are zero or
    constant for every input are part of its description and are never written: they cost nothing
    under `jax.jit` and `jax.vmap`. Axes that are tied (an out axis and an in axis that are zero
    where their indices differ, a batch axis above all) are stored once. After `jax.vmap` the
    leaves have a batch axis that the description does not know of: call the methods under
    `jax.vmap` as well.

    Attributes:
        layout: Which entries there are and where they stand.
        entries: Arrays of entries that depend on the input: over the dense labels and, last, over
            the places of one part; without that axis where the part has a single place.
    """

    def __init__(self, layout: _Layout, entries: tuple[Any, ...]) -> None:
        """Builds a block; users get theirs from `jacve(..., output="structured")`.

        Args:
            layout: Its description.
            entries: Its arrays, one for each part that is not constant.
        """
        self.layout, self.entries = layout, entries

    @classmethod
    def of(cls, structure: EdgeStructure, value: SparseValue, dtype: Any) -> "StructuredJacobian":
        """A block from the value of an edge Jacobian.

        Args:
            structure: Its structure.
            value: Its value.
            dtype: Wanted dtype.

        Returns:
            The block.
        """
        parts = _grouped(value.parts, dtype)
        constants = tuple(
            _Frozen(part.entries) if is_constant(part.entries) else None for part in parts
        )
        entries = tuple(_stored(part) for part in parts if not is_constant(part.entries))
        places = tuple(_Frozen(part.places) for part in parts)
        layout = _Layout(structure, value.dense, value.sparse, places, constants, np.dtype(dtype))
        return cls(layout, entries)

    def tree_flatten(self) -> tuple[tuple[Any, ...], _Layout]:
        """Entries and description, for `jax.tree`."""
        return self.entries, self.layout

    @classmethod
    def tree_unflatten(cls, layout: _Layout, entries: tuple[Any, ...]) -> "StructuredJacobian":
        """The inverse of `tree_flatten`."""
        return cls(layout, entries)

    @property
    def shape(self) -> Shape:
        """out.shape + in.shape."""
        return self.layout.structure.out_shape + self.layout.structure.in_shape

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the entries."""
        return self.layout.dtype

    @property
    def nse(self) -> int:
        """Number of stored entries: tied axes, and axes along which they are equal, count once."""
        structure, dense = self.layout.structure, self.layout.dense
        stored = sum(places.array.size for places in self.layout.places)
        return stored * math.prod(structure.size(label) for label in dense)

    def __repr__(self) -> str:
        """Shape, dtype and number of entries."""
        return f"StructuredJacobian(shape={self.shape}, dtype={self.dtype}, nse={self.nse})"

    def todense(self) -> jax.Array:
        """Writes the block out in full.

        Returns:
            Array of shape out.shape + in.shape.
        """
        return written_out(self.layout.structure, self._value(), self.dtype)

    def tobcoo(self) -> "BCOO":
        """The block in JAX's sparse format.

        Returns:
            A `jax.experimental.sparse.BCOO` of shape out.shape + in.shape, with an entry for every
            place that is not known to be zero.
        """
        # Loading it takes a while, and few need it.
        from jax.experimental.sparse import BCOO

        structure, value = self.layout.structure, self._value()
        data, places = [], []
        labels = structure.labels
        sizes = {label: structure.size(label) for label in labels}
        for part in value.parts:
            rest = tuple(label for label in labels if label not in value.sparse)
            shape = tuple(sizes[label] for label in rest)
            # The last row of `index` numbers the entries of the part.
            whole = (*shape, part.places.size)
            index = np.indices(whole).reshape(len(whole), math.prod(whole))
            at = dict(zip(rest, index, strict=False))
            at |= {x: there[index[-1]] for x, there in value.coordinates(part).items()}
            places.append(_axes(structure, at, index.shape[1]))
            data.append(_repeated(part, value.dense, rest, shape).astype(self.dtype))
        if not data:
            data, places = [jnp.zeros(0, self.dtype)], [np.zeros((0, len(self.shape)), np.int32)]
        return BCOO(
            (jnp.concatenate(data), jnp.asarray(np.concatenate(places), jnp.int32)),
            shape=self.shape,
            unique_indices=True,
        )

    def _value(self) -> SparseValue:
        """The value with its constant parts."""
        layout, entries = self.layout, iter(self.entries)
        parts = tuple(
            _part(next(entries), places.array)
            if constant is None
            else Part(constant.array, places.array)
            for places, constant in zip(layout.places, layout.constants, strict=True)
        )
        sizes = tuple(layout.structure.size(label) for label in layout.sparse)
        return SparseValue(layout.dense, layout.sparse, sizes, parts)


def _grouped(parts: Sequence[Part], dtype: Any) -> list[Part]:
    """Parts in a dtype: all constant ones together, small ones in groups.

    Every array that a compiled function returns costs as much as some hundred entries, and a
    concatenation of many single entries is slow, so neither one by one nor all in one is good.
    """
    groups: list[list[Part]] = []
    constant: list[Part] = []
    for part in parts:
        if is_constant(part.entries):
            constant.append(part)
        elif groups and _size([*groups[-1], part]) <= GROUP_SIZE:
            groups[-1].append(part)
        else:
            groups.append([part])
    found = [_joined(group, dtype) for group in groups]
    return [_joined(constant, dtype), *found] if constant else found


def _stored(part: Part) -> Any:
    """The entries of a part; those of a single place without an axis for it.

    XLA would copy a whole dense block only to give it one more axis of size 1.
    """
    return part.entries[..., 0] if part.places.size == 1 else part.entries


def _part(stored: Any, places: np.ndarray) -> Part:
    """The inverse of `_stored`."""
    return Part(stored[..., None] if places.size == 1 else stored, places)


def _size(parts: Sequence[Part]) -> int:
    return sum(part.places.size for part in parts)


def _joined(parts: Sequence[Part], dtype: Any) -> Part:
    """Several parts as one."""
    xp = np if all(is_constant(part.entries) for part in parts) else jnp
    entries = [xp.asarray(part.entries, dtype) for part in parts]
    if len(parts) == 1:
        return Part(entries[0], parts[0].places)
    return Part(xp.concatenate(entries, axis=-1), np.concatenate([part.places for part in parts]))


def _axes(structure: EdgeStructure, at: Mapping[int, np.ndarray], count: int) -> np.ndarray:
    """Index along every axis of the block: int[count, rank]."""
    labels = (*range(len(structure.out_shape)), *structure.in_labels)
    if not labels:
        return np.zeros((count, 0), np.int32)
    return np.stack([at[label] for label in labels], axis=1).astype(np.int32)


def _repeated(part: Part, dense: Labels, rest: Labels, shape: Shape) -> Any:
    """The entries of a part, once for every index of the labels along which they are equal."""
    entries = jnp.asarray(part.entries)
    missing = tuple(axis for axis, label in enumerate(rest) if label not in dense)
    order = [dense.index(label) for label in rest if label in dense]
    table = jnp.expand_dims(entries.transpose((*order, len(dense))), missing)
    return jnp.broadcast_to(table, (*shape, entries.shape[-1])).ravel()
