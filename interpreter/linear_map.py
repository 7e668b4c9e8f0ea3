"""Edges that are known as linear functions only, and applied to their neighbours."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from interpreter.labelled import Labelled, Labels, arrange, with_dtype_of


class LinearMap(NamedTuple):
    """A linear function from the operand of an equation to its result.

    An axis of the result and one of the operand with the same label are tied: the function maps
    each index along it on its own.

    Attributes:
        function: Maps an array like the operand to one like the result.
        targets: Labels of the axes of the result.
        sources: Labels of the axes of the operand.
        target_shape: Shape of the result.
        source_shape: Shape of the operand.
        carried: Labels along which the function, as an array, varies.
        dtype: Dtype of the map as an array.
    """

    function: Callable[[Any], Any]
    targets: Labels
    sources: Labels
    target_shape: tuple[int, ...]
    source_shape: tuple[int, ...]
    carried: Labels
    dtype: Any

    @property
    def labels(self) -> Labels:
        """The carried labels."""
        return self.carried

    def renamed(self, names: Mapping[int, int]) -> "LinearMap":
        """The same map with other labels; those without a new name get one that nobody has.

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

    def scaled(self, factor: int) -> "LinearMap":
        """The map times a whole number."""
        function = self.function
        return self._replace(function=lambda x: np.asarray(factor, x.dtype) * function(x))

    def transposed(self) -> "LinearMap":
        """The map from the result back to the operand."""

        def function(image: Any) -> Any:
            source = jax.ShapeDtypeStruct(self.source_shape, image.dtype)
            return jax.linear_transpose(self.function, source)(image)[0]

        return self._replace(
            function=function,
            targets=self.sources,
            sources=self.targets,
            target_shape=self.source_shape,
            source_shape=self.target_shape,
        )

    def can_be_applied(self, value: Labels, labels: Labels) -> bool:
        """Whether the product with a value sums over all that the map takes.

        Args:
            value: Labels of the value.
            labels: Labels of the product.

        Returns:
            True if `apply` computes the product.
        """
        own = {x for x, size in zip(self.sources, self.source_shape, strict=True) if size != 1}
        others = {x for x, size in zip(self.targets, self.target_shape, strict=True) if size != 1}
        summed = set(value) - set(labels)
        return own - others <= summed and not (others - own) & set(value)

    def apply(self, value: Labelled, labels: Labels) -> Any:
        """The product with an array, where `can_be_applied` holds.

        Args:
            value: The array.
            labels: Labels of the product.

        Returns:
            The array over `labels`.
        """
        rest = tuple(label for label in value.labels if label not in self.sources)
        there = tuple(label for label in self.sources if label in value.labels)
        own = jax.ShapeDtypeStruct(self.source_shape, self.dtype)
        array = jnp.asarray(with_dtype_of(arrange(value, rest + there), own))
        kept = array.shape[: len(rest)]
        missing = [len(rest) + k for k, x in enumerate(self.sources) if x not in there]
        array = jnp.broadcast_to(jnp.expand_dims(array, missing), (*kept, *self.source_shape))
        return self._image(array, rest, labels)

    def materialised(self, labels: Labels) -> Any:
        """The map as an array.

        Args:
            labels: The carried labels in the wanted order.

        Returns:
            The array over `labels`.
        """
        sizes = [
            math.prod(n for x, n in zip(own, shape, strict=True) if x not in other)
            for own, shape, other in (
                (self.targets, self.target_shape, self.sources),
                (self.sources, self.source_shape, self.targets),
            )
        ]
        return (self.transposed() if sizes[0] < sizes[1] else self)._written(labels)

    def _written(self, labels: Labels) -> Any:
        untied = [k for k, label in enumerate(self.sources) if label not in self.targets]
        shape = tuple(self.source_shape[k] for k in untied)
        basis = np.eye(math.prod(shape)).reshape((*shape, *shape))
        tied = [len(shape) + k for k in range(len(self.sources)) if k not in untied]
        whole = np.broadcast_to(np.expand_dims(basis, tied), (*shape, *self.source_shape))
        rest = tuple(self.sources[k] for k in untied)
        return self._image(jnp.asarray(np.asarray(whole, self.dtype)), rest, labels)

    def _image(self, array: Any, rest: Labels, labels: Labels) -> Any:
        """The function over all indices of the first axes, whose labels are `rest`."""
        kept = array.shape[: len(rest)]
        if rest:
            flat = array.reshape(math.prod(kept), *self.source_shape)
            image = jax.vmap(self.function)(flat).reshape(*kept, *self.target_shape)
        else:
            image = self.function(array)
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
