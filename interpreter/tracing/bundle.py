"""Operands, or results, of one equation side by side in one array.

An equation is applied to all its operands together. For that they stand in one *hidden* node: axes
that the equation ties, such as a batch axis, come first and are shared; all other axes of all
members are flattened and concatenated along one last axis. Example: c of shape (B,) and xs of shape
(T, B), B tied, are one array of shape (B, 1 + T). Placing a member there, and cutting it out, is a
structural edge.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.graph.structure import UNTIED, EdgeStructure, Shape
from elimax.interpreter.tracing.linearisation import Ties
from elimax.interpreter.tracing.rules.selections import pattern_of, selecting_structure


class Member(NamedTuple):
    """One array of a bundle.

    Attributes:
        number: Its number among the moving operands, or results.
        shape: Its shape.
        shared: For every axis the number of the shared axis that it is, or `UNTIED`.
    """

    number: int
    shape: Shape
    shared: tuple[int, ...]

    @property
    def own_axes(self) -> list[int]:
        """The axes that are not shared."""
        return [axis for axis, number in enumerate(self.shared) if number == UNTIED]

    @property
    def own_shape(self) -> Shape:
        """Sizes of the axes that are not shared."""
        return tuple(self.shape[axis] for axis in self.own_axes)

    @property
    def width(self) -> int:
        """Entries for each index of the shared axes."""
        return math.prod(self.own_shape)


class Bundle(NamedTuple):
    """Arrays that stand in one node.

    Attributes:
        members: The arrays; a single one keeps its shape.
        dtype: Dtype of the node.
    """

    members: tuple[Member, ...]
    dtype: Any

    @property
    def is_joined(self) -> bool:
        """Whether the node is a hidden one."""
        return len(self.members) > 1

    @property
    def shared(self) -> tuple[int, ...]:
        """For every axis of the node the number of the shared axis that it is, or `UNTIED`."""
        first = self.members[0].shared
        if not self.is_joined:
            return first
        return (*sorted(x for x in first if x != UNTIED), UNTIED)

    @property
    def shape(self) -> Shape:
        """Shape of the node."""
        first = self.members[0]
        if not self.is_joined:
            return first.shape
        batch = tuple(first.shape[first.shared.index(x)] for x in self.shared[:-1])
        return (*batch, sum(member.width for member in self.members))

    def join(self, arrays: Mapping[int, Any]) -> Any:
        """The array of the node, from those of its members.

        Args:
            arrays: An array for each member, by number.

        Returns:
            One array of the node's shape.
        """
        if not self.is_joined:
            return jax.lax.convert_element_type(arrays[self.members[0].number], _kept(arrays, self))
        pieces = []
        for member in self.members:
            axes = [member.shared.index(x) for x in self.shared[:-1]]
            array = jnp.transpose(arrays[member.number], (*axes, *member.own_axes))
            flat = array.reshape(*self.shape[:-1], member.width)
            pieces.append(jax.lax.convert_element_type(flat, _kept(arrays, self)))
        return jax.lax.concatenate(pieces, len(self.shape) - 1)

    def split(self, array: Any) -> dict[int, Any]:
        """The arrays of the members, from that of the node.

        Args:
            array: The node's array.

        Returns:
            An array for each member, by number.
        """
        if not self.is_joined:
            return {self.members[0].number: array}
        batch, start, arrays = self.shape[:-1], 0, {}
        for member in self.members:
            piece = jax.lax.slice_in_dim(array, start, start + member.width, axis=len(batch))
            start += member.width
            axes = [*(member.shared.index(x) for x in self.shared[:-1]), *member.own_axes]
            piece = piece.reshape(*batch, *member.own_shape)
            arrays[member.number] = jnp.transpose(piece, tuple(np.argsort(axes)))
        return arrays

    def placement(self, member: Member) -> tuple[EdgeStructure, Any]:
        """The structural edge from a member to the node.

        Args:
            member: One of the members.

        Returns:
            Its structure and its value, a constant.
        """
        rank = len(self.shape)
        ties = [self.shared.index(x) if x != UNTIED else UNTIED for x in member.shared]
        structure = selecting_structure(self.shape, member.shape, ties)
        place, own = self._places(member)
        at = {rank - 1: place}
        at |= {rank + axis: own[k] for k, axis in enumerate(member.own_axes)}
        return structure, pattern_of(structure, at)

    def cut(self, member: Member) -> tuple[EdgeStructure, Any]:
        """The structural edge from the node to a member.

        Args:
            member: One of the members.

        Returns:
            Its structure and its value, a constant.
        """
        rank = len(member.shape)
        ties = [member.shared.index(x) if x != UNTIED else UNTIED for x in self.shared]
        structure = selecting_structure(member.shape, self.shape, ties)
        place, own = self._places(member)
        at = {axis: own[k] for k, axis in enumerate(member.own_axes)}
        at[rank + len(self.shape) - 1] = place
        return structure, pattern_of(structure, at)

    def _places(self, member: Member) -> tuple[np.ndarray, np.ndarray]:
        """Where the entries of a member stand along the last axis, and their own indices."""
        before = itertools.takewhile(lambda x: x.number != member.number, self.members)
        offset = sum(x.width for x in before)
        indices = np.indices(member.own_shape).reshape(len(member.own_shape), member.width)
        return offset + np.arange(member.width), indices


def _kept(arrays: Mapping[int, Any], bundle: Bundle) -> Any:
    """The dtype of a bundle, made complex if one of the arrays is."""
    if any(map(jnp.iscomplexobj, arrays.values())):
        return np.result_type(bundle.dtype, np.complex64)
    return bundle.dtype


def tie_structure(source: Bundle, target: Bundle) -> list[int]:
    """Ties of an edge between two nodes.

    Args:
        source: The earlier node.
        target: The later one.

    Returns:
        For each axis of the earlier node the axis of the later one that it is tied to, or `UNTIED`.
    """
    return [
        target.shared.index(x) if x != UNTIED and x in target.shared else UNTIED
        for x in source.shared
    ]


def bundled(ins: Sequence[Any], outs: Sequence[Any], ties: Ties) -> tuple[list[Bundle], Bundle]:
    """Bundles operands, and results.

    An axis is shared if every result has it, once, and every operand that has it is tied by it to
    every result that depends on the operand. Operands with the same shared axes form one bundle.

    Args:
        ins: Shape and dtype of every moving operand.
        outs: Shape and dtype of every moving result.
        ties: Ties between them.

    Returns:
        The bundles of operands, and the bundle of all results.
    """
    shared_in, shared_out = _shared_axes(ins, outs, ties)
    results = _bundle([Member(j, tuple(x.shape), shared_out[j]) for j, x in enumerate(outs)], outs)
    groups: dict[tuple[int, ...], list[Member]] = {}
    for i, x in enumerate(ins):
        own = tuple(sorted(number for number in shared_in[i] if number != UNTIED))
        groups.setdefault(own, []).append(Member(i, tuple(x.shape), shared_in[i]))
    return [_bundle(members, ins) for members in groups.values()], results


def shared_by_all(bundles: Sequence[Bundle], results: Bundle) -> tuple[list[Member], list[Member]]:
    """Operands and results with only those shared axes that all operands have.

    Args:
        bundles: The bundles of operands.
        results: The bundle of the results.

    Returns:
        The operands by number, and the results.
    """
    operands = sorted(member for bundle in bundles for member in bundle.members)
    common = set.intersection(*(set(member.shared) for member in operands)) - {UNTIED}

    def reduced(member: Member) -> Member:
        return member._replace(shared=tuple(x if x in common else UNTIED for x in member.shared))

    return [*map(reduced, operands)], [*map(reduced, results.members)]


def _bundle(members: Sequence[Member], avals: Sequence[Any]) -> Bundle:
    dtypes = [np.dtype(avals[member.number].dtype) for member in members]
    widest = max(dtypes, key=lambda dtype: (jnp.finfo(dtype).bits, jnp.finfo(dtype).nmant))
    return Bundle(tuple(members), widest)


def _shared_axes(
    ins: Sequence[Any], outs: Sequence[Any], ties: Ties
) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """The number of the shared axis, or `UNTIED`, for every axis of every operand and result."""
    classes = _tied_classes(ins, outs, ties)
    shared_in = [[UNTIED] * len(x.shape) for x in ins]
    shared_out = [[UNTIED] * len(x.shape) for x in outs]
    number = 0
    for axes in classes:
        of_in = {i: axis for side, i, axis in axes if side == 0}
        of_out = {j: axis for side, j, axis in axes if side == 1}
        is_once = len(of_in) + len(of_out) == len(axes) and len(of_out) == len(outs)
        if is_once and all(
            ties[i, j][axis] == of_out[j]
            for i, axis in of_in.items()
            for j in of_out
            if (i, j) in ties
        ):
            for i, axis in of_in.items():
                shared_in[i][axis] = number
            for j, axis in of_out.items():
                shared_out[j][axis] = number
            number += 1
    return [tuple(x) for x in shared_in], [tuple(x) for x in shared_out]


def _tied_classes(
    ins: Sequence[Any], outs: Sequence[Any], ties: Ties
) -> list[list[tuple[int, int, int]]]:
    """Classes of axes that ties join; axes of size one are in none.

    An axis is (side, number, axis), where side is 0 for operands and 1 for results.
    """
    leader: dict[tuple[int, int, int], tuple[int, int, int]] = {}

    def find(axis: tuple[int, int, int]) -> tuple[int, int, int]:
        while leader.setdefault(axis, axis) != axis:
            axis = leader[axis]
        return axis

    for (i, j), of_pair in sorted(ties.items()):
        for axis, tie in enumerate(of_pair):
            if tie != UNTIED and ins[i].shape[axis] != 1:
                leader[find((0, i, axis))] = find((1, j, tie))
    classes: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}
    for axis in sorted(leader):
        classes.setdefault(find(axis), []).append(axis)
    return [classes[key] for key in sorted(classes)]
