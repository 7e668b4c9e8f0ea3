"""Edges with values, written or opaque: products and sums of what stands between two nodes.

`pair_structure` decides how a product is computed; here it is. Opaque edges are applied by
`_applied` and written as arrays by `written_part`, and nowhere else.
"""

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.algebra.edge_jacobian import EdgeJacobian, add_edges, multiply_edges
from elimax.interpreter.algebra.labelled import Labelled, is_constant, spread
from elimax.interpreter.algebra.linear_map import LinearMap
from elimax.interpreter.algebra.moving import array_of
from elimax.interpreter.algebra.sparse_value import SparseValue
from elimax.interpreter.algebra.writing import traced_array
from elimax.interpreter.graph.pair_structure import (
    Member,
    OpaqueStructure,
    PairStructure,
    Part,
    Structure,
    Way,
    of_parts,
    product_of,
    product_of_parts,
    sum_members,
    sum_of,
)
from elimax.interpreter.graph.structure import (
    EdgeStructure,
    Kind,
    edge_structure,
    unify,
)


class OpaqueJacobian(NamedTuple):
    """An opaque edge.

    Attributes:
        structure: Its structure.
        function: The function, with the labels of `structure.as_array`.
    """

    structure: OpaqueStructure
    function: LinearMap


PartJacobian = EdgeJacobian | OpaqueJacobian


class PairJacobian(NamedTuple):
    """What stands between a pair of nodes where it is not one written edge.

    Attributes:
        structure: Its structure.
        parts: One value for each of the structure's parts.
    """

    structure: PairStructure
    parts: tuple[PartJacobian, ...]


Jacobian = EdgeJacobian | PairJacobian


def jacobian_of(
    structure: Structure, value: Any, drops: bool = False, is_finite: bool = False
) -> Jacobian:
    """An edge from its structure and its value.

    Args:
        structure: The structure; if it is not one written edge, it has one opaque part.
        value: Array or sparse value of a written edge, `LinearMap` of an opaque one.
        drops: Whether zeros of a written edge exclude.
        is_finite: Whether a written edge is known to be finite, see `EdgeJacobian`.

    Returns:
        The edge.
    """
    if isinstance(structure, EdgeStructure):
        return EdgeJacobian(structure, value, drops, is_finite)
    (part,) = structure.parts
    assert isinstance(part, OpaqueStructure)
    return PairJacobian(structure, (OpaqueJacobian(part, value),))


def multiply_pairs(later: Jacobian, earlier: Jacobian) -> Jacobian:
    """J[s, v] J[v, p].

    Args:
        later: J[s, v].
        earlier: J[v, p].

    Returns:
        The product; its structure is that of `pair_structure.product_of`.
    """
    if isinstance(later, EdgeJacobian) and isinstance(earlier, EdgeJacobian):
        return multiply_edges(later, earlier)
    total: list[Member[PartJacobian]] = []
    for first, second in itertools.product(_parts(later), _parts(earlier)):
        product = _multiply_parts(first, second)
        total = sum_members(total, [(product.structure, product)], _combined)
    return _of_members(total, product_of(later.structure, earlier.structure).structure)


def add_pairs(first: Jacobian, second: Jacobian) -> Jacobian:
    """The sum of edges between the same nodes.

    Args:
        first: One summand.
        second: The other.

    Returns:
        The sum; its structure is that of `pair_structure.sum_of`.
    """
    structure = sum_of(first.structure, second.structure)
    if isinstance(structure, EdgeStructure):
        assert isinstance(first, EdgeJacobian) and isinstance(second, EdgeJacobian)
        return add_edges(first, second)
    one, other = ([(part.structure, part) for part in _parts(x)] for x in (first, second))
    return _of_members(sum_members(one, other, _combined), structure)


def written_pair(edge: Jacobian) -> EdgeJacobian:
    """The whole as one written edge.

    Args:
        edge: What stands between a pair of nodes.

    Returns:
        The sum of its parts.
    """
    total = None
    for part in _parts(edge):
        written = written_part(part)
        total = written if total is None else add_edges(total, written)
    assert total is not None
    return total


def written_part(part: PartJacobian) -> EdgeJacobian:
    """A part as a written edge: an opaque one is applied to every unit vector of one side."""
    if isinstance(part, EdgeJacobian):
        return part
    structure = part.structure.as_array
    is_forward = part.structure.is_written_forward
    return EdgeJacobian(structure, part.function.materialised(structure.carried, is_forward))


def _parts(edge: Jacobian) -> tuple[PartJacobian, ...]:
    return (edge,) if isinstance(edge, EdgeJacobian) else edge.parts


def _of_members(members: list[Member[PartJacobian]], structure: Structure) -> Jacobian:
    parts = tuple(part for _, part in members)
    assert of_parts(x.structure for x in parts) == structure
    if isinstance(structure, EdgeStructure):
        (part,) = parts
        assert isinstance(part, EdgeJacobian)
        return part
    return PairJacobian(structure, parts)


def _combined(
    structure: Part, first: Member[PartJacobian], second: Member[PartJacobian]
) -> PartJacobian:
    """The sum of two parts as one part."""
    one, other = first[1], second[1]
    if isinstance(one, EdgeJacobian) and isinstance(other, EdgeJacobian):
        return add_edges(one, other)
    assert isinstance(structure, OpaqueStructure)
    assert isinstance(one, OpaqueJacobian) and isinstance(other, OpaqueJacobian)
    f, g = one.function, other.function

    def forward(x: Any) -> Any:
        assert f.forward is not None and g.forward is not None
        return f.forward(x) + g.forward(x)

    def backward(y: Any) -> Any:
        assert f.backward is not None and g.backward is not None
        return f.backward(y) + g.backward(y)

    both = LinearMap.of(
        structure.as_array,
        f.dtype,
        forward if f.forward and g.forward else None,
        backward if f.backward and g.backward else None,
    )
    return OpaqueJacobian(structure, both)


def _multiply_parts(later: PartJacobian, earlier: PartJacobian) -> PartJacobian:
    """The product of two parts, in the way that the counting rule has chosen."""
    product = product_of_parts(later.structure, earlier.structure)
    structure, way = product.structure, product.way
    if way == Way.WRITE_LATER:
        return _multiply_parts(written_part(later), earlier)
    if way == Way.WRITE_EARLIER:
        return _multiply_parts(later, written_part(earlier))
    if way == Way.COMPOSE:
        assert isinstance(structure, OpaqueStructure)
        return OpaqueJacobian(structure, _composed(structure, later, earlier))
    assert isinstance(structure, EdgeStructure)
    if isinstance(later, OpaqueJacobian):
        assert isinstance(earlier, EdgeJacobian)
        return EdgeJacobian(structure, _applied(structure, later, earlier, is_forward=True))
    if isinstance(earlier, OpaqueJacobian):
        return EdgeJacobian(structure, _applied(structure, earlier, later, is_forward=False))
    return multiply_edges(later, earlier)


def _applied(
    structure: EdgeStructure, opaque: OpaqueJacobian, written: EdgeJacobian, *, is_forward: bool
) -> Any:
    """The value of a product: a function applied to columns, or its transpose to rows."""
    own = opaque.structure.as_array
    pair = (own, written.structure) if is_forward else (written.structure, own)
    names = unify(*pair)
    of_function, of_value = (
        (names.later, names.earlier) if is_forward else (names.earlier, names.later)
    )
    function = opaque.function.renamed(of_function)
    sizes = {of_value[x]: written.structure.size(x) for x in written.structure.labels}
    value = written.labelled.renamed(of_value)
    if isinstance(value, SparseValue):
        labels = tuple(sorted(value.labels))
        value = Labelled(traced_array(value, labels, sizes, function.dtype), labels)
    directed = function if is_forward else function.transposed()
    return directed.apply(value, structure.carried, structure.labels)


def _composed(structure: OpaqueStructure, later: PartJacobian, earlier: PartJacobian) -> LinearMap:
    """One function for two parts, of which at least one is a function."""
    outer, inner = as_map(later), as_map(earlier)

    def forward(x: Any) -> Any:
        assert outer.forward is not None and inner.forward is not None
        return outer.forward(inner.forward(x))

    def backward(y: Any) -> Any:
        assert outer.backward is not None and inner.backward is not None
        return inner.backward(outer.backward(y))

    dtype = outer.dtype if isinstance(later, OpaqueJacobian) else inner.dtype
    return LinearMap.of(
        structure.as_array,
        dtype,
        forward if outer.forward and inner.forward else None,
        backward if outer.backward and inner.backward else None,
    )


def as_map(part: PartJacobian) -> LinearMap:
    """A part as a function; a written one multiplies.

    Args:
        part: The part.

    Returns:
        Its two directions.
    """
    if isinstance(part, OpaqueJacobian):
        return part.function
    structure = part.structure
    out_shape, in_shape = structure.out_shape, structure.in_shape

    def forward(x: Any) -> Any:
        column = edge_structure(in_shape, (), (), range(len(in_shape)), Kind.GENERAL)
        vector = EdgeJacobian(column, x.reshape(column.carried_shape))
        return _whole(multiply_edges(part, vector), out_shape, x.dtype)

    def backward(y: Any) -> Any:
        rank = len(out_shape)
        row = edge_structure((), out_shape, [-1] * rank, range(rank), Kind.GENERAL)
        vector = EdgeJacobian(row, y.reshape(row.carried_shape))
        return _whole(multiply_edges(vector, part), in_shape, y.dtype)

    # The dtype is not used: it is for writing a map, and this one is written already.
    return LinearMap.of(structure, np.float32, forward, backward)


def _whole(edge: EdgeJacobian, shape: tuple[int, ...], dtype: Any) -> Any:
    """A column or a row as an array of the shape of its node."""
    sizes = {label: edge.structure.size(label) for label in edge.structure.labels}
    array = spread(array_of(edge.labelled, sizes), tuple(range(len(shape))), shape)
    return (
        jnp.asarray(array, dtype)
        if is_constant(array)
        else jax.lax.convert_element_type(array, dtype)
    )
