"""Edge Jacobians with values: the products and sums that an elimination executes.

Which labels a product or a sum has is decided in `interpreter.structure`; here the same labels get
arrays. A numpy array is a constant: products of constants are folded while tracing. Products of two
general edges are emitted under the named scope `PRODUCT_SCOPE`, and nothing else is, so that the
multiplications of an order can be read off a jaxpr.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from interpreter.labelled import (
    Labelled,
    Labels,
    is_constant,
    namespace,
    spread,
    with_dtype_of,
)
from interpreter.pattern import apply_pattern
from interpreter.structure import UNTIED, EdgeStructure, Kind, add, multiply, unify

PRODUCT_SCOPE = "edge_product"


class EdgeJacobian(NamedTuple):
    """An edge Jacobian.

    Attributes:
        structure: Shape, ties, carried labels and kind.
        value: Array of shape `structure.carried_shape`; numpy if it is a constant.
    """

    structure: EdgeStructure
    value: Any


def multiply_edges(later: EdgeJacobian, earlier: EdgeJacobian) -> EdgeJacobian:
    """J[s, v] J[v, p].

    Args:
        later: J[s, v].
        earlier: J[v, p].

    Returns:
        The product; its structure is that of `interpreter.structure.multiply`.
    """
    structure = multiply(later.structure, earlier.structure).structure
    names = unify(later.structure, earlier.structure)
    contracted = {
        names.later[label]: later.structure.size(label)
        for label in later.structure.labels
        if names.later[label] >= names.contracted_offset
    }
    first = Labelled(later.value, tuple(names.later[x] for x in later.structure.carried))
    second = Labelled(earlier.value, tuple(names.earlier[x] for x in earlier.structure.carried))
    # A contracted label that neither carries is a sum of equal terms.
    repeats = 1
    for label, size in contracted.items():
        if label not in first.labels and label not in second.labels:
            repeats *= size
    first, second = (
        _sum_lonely(first, second.labels, set(contracted)),
        _sum_lonely(second, first.labels, set(contracted)),
    )
    kinds = later.structure.kind, earlier.structure.kind
    value = _multiply_values(kinds, first, second, structure.carried)
    if repeats != 1:
        value = value * np.asarray(repeats, value.dtype)
    return EdgeJacobian(structure, value)


def _sum_lonely(factor: Labelled, others: Labels, contracted: set[int]) -> Labelled:
    """Sums over the contracted labels that only this factor carries."""
    lonely = tuple(
        axis
        for axis, label in enumerate(factor.labels)
        if label in contracted and label not in others
    )
    if not lonely:
        return factor
    kept = tuple(label for axis, label in enumerate(factor.labels) if axis not in lonely)
    return Labelled(factor.array.sum(axis=lonely), kept)


def _multiply_values(
    kinds: tuple[Kind, Kind], first: Labelled, second: Labelled, labels: Labels
) -> Any:
    """The value of a product over the given labels; lonely labels are summed already."""
    if is_constant(first.array) and is_constant(second.array):
        return _contract(first, second, labels)
    if kinds[0] != Kind.GENERAL:
        return apply_pattern(first, second, labels)
    if kinds[1] != Kind.GENERAL:
        return apply_pattern(second, first, labels)
    with jax.named_scope(PRODUCT_SCOPE), jax.numpy_dtype_promotion("standard"):
        return _contract(first, second, labels)


def _contract(first: Labelled, second: Labelled, labels: Labels) -> Any:
    """One product of arrays, summed over the labels that both have and the result lacks."""
    first = first._replace(array=with_dtype_of(first.array, second.array))
    second = second._replace(array=with_dtype_of(second.array, first.array))
    if set(first.labels) & set(second.labels) <= set(labels):
        return spread(first, labels) * spread(second, labels)
    xp = np if is_constant(first.array) and is_constant(second.array) else jnp
    return xp.einsum(
        first.array, list(first.labels), second.array, list(second.labels), list(labels)
    )


def add_edges(first: EdgeJacobian, second: EdgeJacobian) -> EdgeJacobian:
    """The sum of two edge Jacobians between the same vertices.

    Args:
        first: One summand.
        second: The other.

    Returns:
        The sum; its structure is that of `interpreter.structure.add`.
    """
    structure = add(first.structure, second.structure)
    values = [expand_value(edge, structure) for edge in (first, second)]
    with jax.numpy_dtype_promotion("standard"):
        total = with_dtype_of(values[0], values[1]) + with_dtype_of(values[1], values[0])
    if total.shape != structure.carried_shape:
        total = namespace(total).broadcast_to(total, structure.carried_shape)
    return EdgeJacobian(structure, total)


def expand_value(edge: EdgeJacobian, target: EdgeStructure) -> Any:
    """The value of an edge over the labels of a structure that ties less and carries more.

    Args:
        edge: The edge.
        target: A structure between the same vertices, with a subset of its ties.

    Returns:
        An array that broadcasts to `target.carried_shape`.
    """
    xp = namespace(edge.value)
    # Labels keep their numbers when ties are broken, so the carried ones are in order already.
    value = spread(Labelled(edge.value, edge.structure.carried), target.carried)
    rank = len(target.out_shape)
    for j, (tie, kept) in enumerate(zip(edge.structure.ties, target.ties, strict=True)):
        if tie != kept:
            value = xp.where(_on_diagonal(target, tie, rank + j), value, xp.zeros((), value.dtype))
    return value


def _on_diagonal(structure: EdgeStructure, first: int, second: int) -> np.ndarray:
    """Whether two labels have the same index, as an array that broadcasts over the carried ones."""
    size = structure.size(first)
    shape = [size if label in (first, second) else 1 for label in structure.carried]
    return np.eye(size, dtype=bool).reshape(shape)


def assemble_dense(edge: EdgeJacobian, dtype: Any) -> jax.Array:
    """Writes an edge Jacobian out in full; nothing is multiplied.

    Between real vertices only the real part counts, though complex vertices may lie between.

    Args:
        edge: The edge.
        dtype: Wanted dtype.

    Returns:
        Array of shape out_shape + in_shape.
    """
    structure = edge.structure
    shape = (*structure.out_shape, *structure.in_shape)
    rank = len(structure.out_shape)
    untied = EdgeStructure(
        structure.out_shape,
        structure.in_shape,
        (UNTIED,) * len(structure.in_shape),
        tuple(range(len(shape))),
        structure.kind,
    )
    carried = set(structure.carried)
    is_real = jnp.issubdtype(dtype, jnp.floating) and jnp.iscomplexobj(edge.value)
    value = jnp.asarray(edge.value.real if is_real else edge.value, dtype)
    value = value.reshape([n if label in carried else 1 for label, n in enumerate(shape)])
    for j, tie in enumerate(structure.ties):
        if tie != UNTIED:
            value = jnp.where(_on_diagonal(untied, tie, rank + j), value, jnp.zeros((), dtype))
    return jnp.broadcast_to(value, shape)
