"""Edges that are known as linear functions only, and applied to their neighbours."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from elimax.interpreter.algebra.labelled import (
    Labelled,
    Labels,
    arrange,
    with_dtype_of,
)
from elimax.interpreter.graph.structure import EdgeStructure

_FRESH = -1000
"""Labels from here down are copies, made by `LinearMap.apply`, of labels that the product keeps."""


class Columnwise:
    """A linear function that is better applied to many arrays at once than mapped over them."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Wraps a function.

        Args:
            function: Maps an array to an array, or with `many=True` arrays along a first axis.
        """
        self._function = function

    def __call__(self, array: Any) -> Any:
        """The image of one array."""
        return self._function(array)

    def many(self, arrays: Any) -> Any:
        """The images of many arrays, along the first axis."""
        return self._function(arrays, many=True)


class LinearMap(NamedTuple):
    """A linear function from one node to a later one, applied forward or transposed.

    An axis of the result and one of the operand with the same label are tied: the function maps
    each index along it on its own.

    Attributes:
        forward: Maps an array like the operand to one like the result; None if that is impossible.
        backward: Its transpose; None if that is impossible.
        targets: Labels of the axes of the result.
        sources: Labels of the axes of the operand.
        target_shape: Shape of the result.
        source_shape: Shape of the operand.
        carried: Labels along which the function, as an array, varies.
        dtype: Dtype of the map as an array.
    """

    forward: Callable[[Any], Any] | None
    backward: Callable[[Any], Any] | None
    targets: Labels
    sources: Labels
    target_shape: tuple[int, ...]
    source_shape: tuple[int, ...]
    carried: Labels
    dtype: Any

    @classmethod
    def of(
        cls,
        structure: EdgeStructure,
        dtype: Any,
        forward: Callable[[Any], Any] | None,
        backward: Callable[[Any], Any] | None,
    ) -> "LinearMap":
        """A function with the labels of a structure.

        Args:
            structure: What its structure would be as an array.
            dtype: Dtype of it as an array.
            forward: The function; None if it can be applied transposed only.
            backward: Its transpose; None if it can be applied forward only.

        Returns:
            The map.
        """
        return cls(
            forward,
            backward,
            tuple(range(len(structure.out_shape))),
            structure.in_labels,
            structure.out_shape,
            structure.in_shape,
            structure.carried,
            dtype,
        )

    @property
    def labels(self) -> Labels:
        """The carried labels."""
        return self.carried

    def renamed(self, names: Mapping[int, int]) -> "LinearMap":
        """The same map with other labels; those without a new name get one that is not in use.

        A product drops labels of size one, and labels that it sums over and neither factor varies
        along. The function still has axes for them.
        """
        gone = {x for x in self.targets + self.sources if x not in names}
        names = {**names, **{x: -2 - k for k, x in enumerate(sorted(gone))}}
        return self._replace(
            targets=tuple(names[x] for x in self.targets),
            sources=tuple(names[x] for x in self.sources),
            carried=tuple(names[x] for x in self.carried),
        )

    def transposed(self) -> "LinearMap":
        """The map from the result back to the operand."""
        return LinearMap(
            self.backward,
            self.forward,
            self.sources,
            self.targets,
            self.source_shape,
            self.target_shape,
            self.carried,
            self.dtype,
        )

    def apply(self, value: Labelled, labels: Labels, present: Labels | None = None) -> Any:
        """The product with an array, summed over the function's sources that the product lacks.

        Args:
            value: The array. A label that the function takes and that the product has as well is
                a diagonal: each of its indices is a column of its own.
            labels: Labels along which the product varies.
            present: All labels of the product; None if it varies along all of them.

        Returns:
            The array over `labels`.
        """
        present = labels if present is None else present
        kept = [x for x in self.sources if x in present and x not in self.targets]
        for label in kept:
            if label not in labels:
                # All its columns are equal: the first one stands for them.
                value = _at_first(value, label, self.source_shape[self.sources.index(label)])
        fresh = {x: _FRESH - k for k, x in enumerate(kept) if x in labels}
        for label, copy in fresh.items():
            size = self.source_shape[self.sources.index(label)]
            value = _on_diagonal(value, label, copy, size)
        function = self._replace(sources=tuple(fresh.get(x, x) for x in self.sources))
        return function._applied(value, labels)

    def _applied(self, value: Labelled, labels: Labels) -> Any:
        rest = tuple(label for label in value.labels if label not in self.sources)
        there = tuple(label for label in self.sources if label in value.labels)
        own = jax.ShapeDtypeStruct(self.source_shape, self.dtype)
        array = jnp.asarray(with_dtype_of(arrange(value, rest + there), own))
        kept = array.shape[: len(rest)]
        missing = [len(rest) + k for k, x in enumerate(self.sources) if x not in there]
        array = jnp.broadcast_to(jnp.expand_dims(array, missing), (*kept, *self.source_shape))
        return self._image(array, rest, labels)

    def materialised(self, labels: Labels, is_forward: bool | None = None) -> Any:
        """The map as an array.

        Args:
            labels: The carried labels in the wanted order.
            is_forward: Whether to apply the function or its transpose; None for what takes fewer
                applications.

        Returns:
            The array over `labels`.
        """
        if is_forward is None:
            columns, rows = (
                math.prod(n for x, n in zip(own, shape, strict=True) if x not in other)
                for own, shape, other in (
                    (self.sources, self.source_shape, self.targets),
                    (self.targets, self.target_shape, self.sources),
                )
            )
            is_forward = self.backward is None or (self.forward is not None and columns <= rows)
        return (self if is_forward else self.transposed())._written(labels)

    def _written(self, labels: Labels) -> Any:
        untied = [k for k, label in enumerate(self.sources) if label not in self.targets]
        shape = tuple(self.source_shape[k] for k in untied)
        tied = [len(shape) + k for k in range(len(self.sources)) if k not in untied]
        rest = tuple(self.sources[k] for k in untied)
        # Traced, so that no large constant enters the program, where XLA would fold it.
        basis = jnp.eye(math.prod(shape), dtype=self.dtype).reshape((*shape, *shape))
        whole = jnp.broadcast_to(jnp.expand_dims(basis, tied), (*shape, *self.source_shape))
        return self._image(whole, rest, labels)

    def _image(self, array: Any, rest: Labels, labels: Labels) -> Any:
        """The function over all indices of the first axes, whose labels are `rest`."""
        assert self.forward is not None, "applied against its direction"
        kept = array.shape[: len(rest)]
        if math.prod(kept) == 1:
            image = self.forward(array.reshape(self.source_shape))
        else:
            flat = array.reshape(math.prod(kept), *self.source_shape)
            forward = self.forward
            is_many = isinstance(forward, Columnwise)
            image = forward.many(flat) if is_many else jax.vmap(forward)(flat)
        image = image.reshape(*kept, *self.target_shape)
        all_labels = rest + self.targets
        # What does not vary along an axis is the same at each of its indices.
        index = tuple(slice(None) if label in labels else 0 for label in all_labels)
        present = tuple(label for label in all_labels if label in labels)
        if len(present) < len(all_labels):
            image = image[index] if image.size else self._empty(image, index)
        return arrange(Labelled(image, present), labels)

    def _empty(self, image: Any, index: tuple[Any, ...]) -> Any:
        """What is left of an image without entries when some of its axes are dropped."""
        kept = [n for n, i in zip(image.shape, index, strict=True) if isinstance(i, slice)]
        return jnp.zeros(kept, image.dtype)


def _at_first(value: Labelled, label: int, size: int) -> Labelled:
    """An array with one more label, zero but at its first index."""
    array = jnp.expand_dims(jnp.asarray(value.array), value.array.ndim)
    rest = [(0, 0, 0)] * (array.ndim - 1)
    padded = jax.lax.pad(array, jnp.zeros((), array.dtype), [*rest, (0, size - 1, 0)])
    return Labelled(padded, (*value.labels, label))


def _on_diagonal(value: Labelled, label: int, copy: int, size: int) -> Labelled:
    """An array with one of its labels repeated: zero unless both have the same index."""
    array, labels = jnp.asarray(value.array), value.labels
    if label not in labels:
        array, labels = jnp.expand_dims(array, array.ndim), (*labels, label)
        array = jnp.broadcast_to(array, (*array.shape[:-1], size))
    axis, shape = labels.index(label), (*array.shape, size)
    along = jax.lax.broadcasted_iota(jnp.int32, shape, axis)
    across = jax.lax.broadcasted_iota(jnp.int32, shape, array.ndim)
    spread = jnp.broadcast_to(jnp.expand_dims(array, array.ndim), shape)
    diagonal = jnp.where(along == across, spread, jnp.zeros((), array.dtype))
    return Labelled(diagonal, (*labels, copy))
