"""Edge Jacobians with values: the products and sums that an elimination executes.

Which labels a product or a sum has is decided in `graph.structure`; here the same labels get
values: arrays, or sparse values whose zeros are not stored.
A numpy array is a constant: products of constants are folded while tracing. Products of two general
edges are emitted under the named scope `PRODUCT_SCOPE`, and nothing else is, so that the
multiplications of an order can be read off a jaxpr.
"""

import functools
from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np

from elimax.interpreter.algebra.contraction import contract
from elimax.interpreter.algebra.labelled import (
    Array,
    Labelled,
    add_arrays,
    spread,
)
from elimax.interpreter.algebra.masks import cleared
from elimax.interpreter.algebra.moving import (
    array_of,
    move,
    scaled_value,
    settled,
)
from elimax.interpreter.algebra.sparse_value import (
    LabelledValue,
    SparseValue,
    Value,
    aligned,
    as_sparse,
    disjoint,
    labelled,
    project,
    with_diagonal,
)
from elimax.interpreter.graph.structure import (
    EdgeStructure,
    Kind,
    Unification,
    add,
    multiply,
    unify,
)

PRODUCT_SCOPE = "edge_product"


class EdgeJacobian(NamedTuple):
    """An edge Jacobian.

    Attributes:
        structure: Shape, ties, carried labels and kind.
        value: Array of shape `structure.carried_shape`, numpy if it is a constant; or a sparse
            value over the carried labels.
        drops: Whether the zeros of the value exclude, as those of a mask do, so that 0 times
            infinity is 0 (see `algebra.masks`).
        is_finite: Whether all entries are known to be finite, and so far from overflow that sums of
            them are, too. A constant matrix is, and is never cleared.
    """

    structure: EdgeStructure
    value: Value
    drops: bool = False
    is_finite: bool = False

    @property
    def is_sparse(self) -> bool:
        """Whether the value is sparse."""
        return isinstance(self.value, SparseValue)

    @property
    def labelled(self) -> LabelledValue:
        """The value with its labels."""
        return labelled(self.value, self.structure.carried)


class _ProductForm(NamedTuple):
    """What a product of two structures needs, whatever the values are.

    Attributes:
        structure: Structure of the product.
        names: Common labels.
        sizes: Size of every common label.
        contracted: Labels that are summed over.
        repeats: Number of equal terms: sizes of the summed labels that neither factor carries.
        is_scalar: Whether neither factor carries a label.
    """

    structure: EdgeStructure
    names: Unification
    sizes: Mapping[int, int]
    contracted: frozenset[int]
    repeats: int
    is_scalar: bool


@functools.lru_cache(maxsize=1 << 16)
def _form_of(later: EdgeStructure, earlier: EdgeStructure) -> _ProductForm:
    names = unify(later, earlier)
    sizes = {names.later[label]: later.size(label) for label in later.labels}
    sizes |= {names.earlier[label]: earlier.size(label) for label in earlier.labels}
    contracted = frozenset(label for label in sizes if label >= names.contracted_offset)
    carried = {names.later[x] for x in later.carried} | {names.earlier[x] for x in earlier.carried}
    repeats = int(np.prod([sizes[x] for x in contracted - carried], dtype=np.int64))
    structure = multiply(later, earlier).structure
    return _ProductForm(structure, names, sizes, contracted, repeats, not carried)


def multiply_edges(later: EdgeJacobian, earlier: EdgeJacobian) -> EdgeJacobian:
    """J[s, v] J[v, p].

    Args:
        later: J[s, v].
        earlier: J[v, p].

    Returns:
        The product; its structure is that of `graph.structure.multiply`.
    """
    form = _form_of(later.structure, earlier.structure)
    kinds = later.structure.kind, earlier.structure.kind
    first = later.labelled.renamed(form.names.later)
    second = earlier.labelled.renamed(form.names.earlier)
    if not form.is_scalar:
        first, second = (
            _sum_lonely(first, second.labels, form),
            _sum_lonely(second, first.labels, form),
        )
    drops = later.drops, earlier.drops
    are_finite = later.is_finite, earlier.is_finite
    value = _multiply_values(kinds, first, second, form, drops, are_finite)
    if form.repeats != 1:
        value = scaled_value(value, form.repeats)
    # Moving, copying and adding up keeps what is known of a factor; a product may overflow.
    stays_finite = all(
        is_finite or kind != Kind.GENERAL for is_finite, kind in zip(are_finite, kinds, strict=True)
    )
    is_finite = stays_finite and kinds != (Kind.GENERAL, Kind.GENERAL)
    return EdgeJacobian(form.structure, value, any(drops), is_finite)


def _sum_lonely(
    factor: LabelledValue, others: tuple[int, ...], form: _ProductForm
) -> LabelledValue:
    """Sums over the contracted labels that only this factor carries; so does the counting rule."""
    lonely = {x for x in factor.labels if x in form.contracted and x not in others}
    if not lonely:
        return factor
    if isinstance(factor, SparseValue):
        return project(factor, lonely)
    array, labels = factor
    axes = tuple(axis for axis, label in enumerate(labels) if label in lonely)
    return Labelled(array.sum(axis=axes), tuple(x for x in labels if x not in lonely))


def _multiply_values(
    kinds: tuple[Kind, Kind],
    first: LabelledValue,
    second: LabelledValue,
    form: _ProductForm,
    drops: tuple[bool, bool],
    are_finite: tuple[bool, bool],
) -> Value:
    """The value of a product; lonely labels are summed already."""
    labels = form.structure.carried
    # Of two patterns a constant one is preferred: moving by it is index arithmetic while tracing.
    if kinds[1] != Kind.GENERAL and (kinds[0] == Kind.GENERAL or second.is_constant):
        return move(second, first, labels, form.sizes, are_finite[0])
    if kinds[0] != Kind.GENERAL:
        return move(first, second, labels, form.sizes, are_finite[1])
    first, second = array_of(first, form.sizes), array_of(second, form.sizes)
    if first.is_constant and second.is_constant:
        return fold(*cleared(first, second, drops, labels), labels)
    with jax.named_scope(PRODUCT_SCOPE):
        return contract(*cleared(first, second, drops, labels, are_finite), labels)


def fold(first: Labelled, second: Labelled, labels: tuple[int, ...]) -> Array:
    """The product of two general constants, computed while tracing.

    Args:
        first: One constant.
        second: The other.
        labels: Labels of the result.

    Returns:
        The product, a constant; infinite without a warning, as on the device.
    """
    with np.errstate(all="ignore"):
        return contract(first, second, labels)


def add_edges(first: EdgeJacobian, second: EdgeJacobian) -> EdgeJacobian:
    """The sum of two edge Jacobians between the same vertices.

    Args:
        first: One summand.
        second: The other.

    Returns:
        The sum; its structure is that of `graph.structure.add`.
    """
    structure = add(first.structure, second.structure)
    value = _total(first, second, structure)
    is_finite = first.is_finite and second.is_finite
    return EdgeJacobian(structure, value, _total_drops(first, second, structure), is_finite)


def _total_drops(first: EdgeJacobian, second: EdgeJacobian, structure: EdgeStructure) -> bool:
    """Whether the zeros of a sum exclude.

    They do if those of one summand do, and those of the other do as well or are only those of its
    pattern, which exclude, too.
    """
    pair = first, second
    return any(edge.drops for edge in pair) and all(
        edge.drops
        or edge.structure.kind != Kind.GENERAL
        or edge.structure.ties != structure.ties
        or edge.is_sparse
        for edge in pair
    )


def _total(first: EdgeJacobian, second: EdgeJacobian, structure: EdgeStructure) -> Value:
    """The value of a sum."""
    one, other = first.labelled, second.labelled
    keeps_ties = first.structure.ties == second.structure.ties == structure.ties
    if keeps_ties and isinstance(one, Labelled) and isinstance(other, Labelled):
        return _add_arrays(one, other, structure)
    sizes = {label: structure.size(label) for label in structure.labels}
    summands = [_untied(edge, structure, sizes) for edge in (first, second)]
    if not all(summand.sparse for summand in summands):
        # One of them has no known zeros, so the sum has none either.
        one, other = (array_of(summand, sizes) for summand in summands)
        return _add_arrays(one, other, structure)
    sparse = tuple(sorted({*summands[0].sparse, *summands[1].sparse}))
    dense = tuple(label for label in structure.carried if label not in sparse)
    parts = [part for x in summands for part in aligned(x, dense, sparse, sizes).parts]
    shape = tuple(sizes[label] for label in sparse)
    total = SparseValue(dense, sparse, shape, disjoint(parts))
    return settled(total, structure.carried, sizes)


def _add_arrays(first: Labelled, second: Labelled, structure: EdgeStructure) -> Array:
    arrays = [spread(x, structure.carried, structure.carried_shape) for x in (first, second)]
    return add_arrays(*arrays)


def _untied(edge: EdgeJacobian, target: EdgeStructure, sizes: Mapping[int, int]) -> SparseValue:
    """The value of an edge over the labels of a structure that ties less.

    A broken tie makes both its labels sparse: the value stands on their diagonal.
    """
    value = as_sparse(edge.labelled)
    rank = len(target.out_shape)
    for j, (tie, kept) in enumerate(zip(edge.structure.ties, target.ties, strict=True)):
        if tie != kept:
            dense = tuple(label for label in value.dense if label != tie)
            sparse = value.sparse if tie in value.sparse else (*value.sparse, tie)
            value = with_diagonal(aligned(value, dense, sparse, sizes), tie, rank + j)
    return value
