"""Derivatives of one equation, in JAX's modes, that keep out what zeros exclude.

A guard replaces JAX's own rule where a tangent or cotangent that is 0 may meet a slope that is
infinite or nan, or where an infinite tangent may meet a mask. `guarded_program` says which
equations need one.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from elimax.interpreter.algebra.contraction import contract
from elimax.interpreter.algebra.labelled import Labelled, Labels
from elimax.interpreter.algebra.masks import cleared
from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.tracing.opaque_equation import OpaqueEquation
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.elementwise import BY_JVP
from elimax.interpreter.tracing.rules.registry import local_jacobian
from elimax.interpreter.tracing.rules.use import Use

Mode = Literal["jacfwd", "jacrev"]

Arrays = Sequence[Any]

SLOPED = frozenset((*BY_JVP, "div", "mul"))
"""Primitives with one result, each entry of which depends on one entry of each operand."""


class Guard(NamedTuple):
    """How one equation is differentiated with a guard, as a function of what moves.

    Attributes:
        moving: Numbers of the operands that depend on a differentiated input.
        push: Maps all inputs and the tangents of what moves to the results and their tangents.
        linearise: Maps all inputs to the results and whatever `pull` needs.
        pull: Maps that and the cotangents to those of what moves.
    """

    moving: tuple[int, ...]
    push: Callable[[Arrays, Arrays], tuple[Arrays, Arrays]]
    linearise: Callable[[Arrays], tuple[Arrays, Any]]
    pull: Callable[[Any, Arrays], Arrays]


@dataclasses.dataclass(frozen=True, kw_only=True)
class GuardedEquation(Equation):
    """An equation that is differentiated with a guard.

    Attributes:
        mode: The mode of JAX that it is made for; the other one has no rule.
        guard: The guard.
    """

    mode: Mode
    guard: Guard

    def bind(self, inputs: Sequence[Any]) -> list[Any]:
        """As `Equation.bind`, with the guarded derivative."""
        evaluate, guard = super().bind, self.guard

        def push(xs: Any, ts: Any) -> Any:
            return guard.push(xs, [ts[k] for k in guard.moving])

        if self.mode == "jacfwd":
            pushed = jax.custom_jvp(lambda *xs: evaluate(xs))
            pushed.defjvp(push)
            return pushed(*inputs)

        def pull(kept: Any, cotangents: Arrays) -> tuple[Any, ...]:
            found = dict(zip(guard.moving, guard.pull(kept, cotangents), strict=True))
            return tuple(found.get(k) for k in range(len(inputs)))

        pulled = jax.custom_vjp(lambda *xs: evaluate(xs))
        pulled.defvjp(lambda *xs: guard.linearise(xs), pull)
        return pulled(*inputs)


def guard_of(
    equation: Equation, moving: tuple[int, ...], opaque: OpaqueEquation | None, is_extreme: bool
) -> Guard | None:
    """The guard of an equation.

    Args:
        equation: The equation.
        moving: Numbers of the operands that depend on a differentiated input.
        opaque: What is known about it if it has no formula.
        is_extreme: Whether its own mask is what excludes, as that of max does.

    Returns:
        The guard; None if there is none for such an equation.
    """
    if opaque is not None:
        return _of_opaque(equation, moving, opaque)
    if equation.name in SLOPED:
        return _of_sloped(equation, moving, is_extreme)
    if equation.name == "dot_general":
        return _of_product(equation, moving)
    return _of_reduced_extreme(equation, moving) if is_extreme else None


def _of_sloped(equation: Equation, moving: tuple[int, ...], is_extreme: bool) -> Guard:
    """Where the factor that excludes is 0, so is the product of tangent and slope.

    A finite slope stays, as it is the derivative of the product with respect to the tangent.
    """

    def slopes(inputs: Arrays) -> tuple[Arrays, Arrays]:
        outputs = equation.bind(inputs)
        found = [local_jacobian(Use(equation, k, 0)).value(inputs, outputs) for k in moving]
        return outputs, [jnp.asarray(slope).reshape(outputs[0].shape) for slope in found]

    def product(slope: Any, moved: Any) -> Any:
        if is_extreme:
            return _where(slope == 0, slope * moved)
        return _where((moved == 0) & ~jnp.isfinite(slope), slope) * moved

    def push(inputs: Arrays, tangents: Arrays) -> tuple[Arrays, Arrays]:
        outputs, found = slopes(inputs)
        spread = [jnp.broadcast_to(x, outputs[0].shape) for x in tangents]
        return outputs, [functools.reduce(jnp.add, map(product, found, spread))]

    def pull(kept: Any, cotangents: Arrays) -> Arrays:
        shapes = [equation.in_avals[k].shape for k in moving]
        return [_summed(product(x, cotangents[0]), y) for x, y in zip(kept, shapes, strict=True)]

    return Guard(moving, push, slopes, pull)


def _of_product(equation: Equation, moving: tuple[int, ...]) -> Guard:
    """A zero tangent excludes what it meets in a contraction, as in an elimination."""
    of_operands, of_result = _labels(equation)

    def times(moved: Any, labels: Labels, inputs: Arrays, k: int, wanted: Labels) -> Any:
        other = Labelled(jnp.asarray(inputs[1 - k]), of_operands[1 - k])
        both = cleared(Labelled(moved, labels), other, (True, False), wanted)
        return contract(*both, wanted).astype(moved.dtype)

    def push(inputs: Arrays, tangents: Arrays) -> tuple[Arrays, Arrays]:
        (output,) = equation.bind(inputs)
        images = [
            times(x, of_operands[k], inputs, k, of_result).astype(output.dtype)
            for k, x in zip(moving, tangents, strict=True)
        ]
        return [output], [functools.reduce(jnp.add, images)]

    def pull(inputs: Any, cotangents: Arrays) -> Arrays:
        images = [times(cotangents[0], of_result, inputs, k, of_operands[k]) for k in moving]
        return [x.astype(inputs[k].dtype) for k, x in zip(moving, images, strict=True)]

    return Guard(moving, push, lambda inputs: (equation.bind(inputs), inputs), pull)


def _labels(equation: Equation) -> tuple[tuple[Labels, Labels], Labels]:
    """Labels of the operands and of the result of a `dot_general`."""
    (summed, batch) = equation.params["dimension_numbers"]
    first = list(range(len(equation.in_avals[0].shape)))
    second = [len(first) + axis for axis in range(len(equation.in_avals[1].shape))]
    for one, other in (*zip(*summed, strict=True), *zip(*batch, strict=True)):
        second[other] = first[one]
    shared = [first[axis] for axis in batch[0]]
    rest = [x for x in first if x not in second] + [x for x in second if x not in first]
    return (tuple(first), tuple(second)), (*shared, *rest)


def _of_reduced_extreme(equation: Equation, moving: tuple[int, ...]) -> Guard:
    """Only what is the extreme has a tangent."""
    axes = tuple(equation.params["axes"])

    def is_less(inputs: Arrays, outputs: Arrays) -> Any:
        return inputs[0] != jnp.expand_dims(outputs[0], axes)

    def push(inputs: Arrays, tangents: Arrays) -> tuple[Arrays, Arrays]:
        excluded = is_less(inputs, equation.bind(inputs))
        tangent = _where(excluded, tangents[0])
        return jax.jvp(lambda x: equation.bind([x]), tuple(inputs), (tangent,))

    def linearise(inputs: Arrays) -> tuple[Arrays, Any]:
        outputs, pull = jax.vjp(lambda x: equation.bind([x]), *inputs)
        return outputs, (pull, is_less(inputs, outputs))

    def pull(kept: Any, cotangents: Arrays) -> Arrays:
        transposed, excluded = kept
        return [_where(excluded, x) for x in transposed(list(cotangents))]

    return Guard(moving, push, linearise, pull)


def _of_opaque(equation: Equation, moving: tuple[int, ...], opaque: OpaqueEquation) -> Guard:
    """Where all tangents tied to an entry of a result are 0, so is the tangent of that entry."""
    ties = {
        (opaque.moving.operands[i], opaque.moving.results[j]): axes
        for (i, j), axes in opaque.analysis.ties.items()
    }

    def function(inputs: Arrays) -> Callable[..., Arrays]:
        def of_moving(*values: Any) -> Arrays:
            replaced = list(inputs)
            for k, value in zip(moving, values, strict=True):
                replaced[k] = value
            return equation.bind(replaced)

        return of_moving

    def push(inputs: Arrays, tangents: Arrays) -> tuple[Arrays, Arrays]:
        values = tuple(inputs[k] for k in moving)
        outputs, results = jax.jvp(function(inputs), values, tuple(tangents))
        for j, result in enumerate(results):
            pairs = [
                (tangent, ties[k, j])
                for k, tangent in zip(moving, tangents, strict=True)
                if (k, j) in ties
            ]
            results[j] = _where_it_moves(result, pairs)
        return outputs, results

    def linearise(inputs: Arrays) -> tuple[Arrays, Any]:
        return jax.vjp(function(inputs), *(inputs[k] for k in moving))

    def pull(kept: Any, cotangents: Arrays) -> Arrays:
        results = list(kept(list(cotangents)))
        for place, k in enumerate(moving):
            pairs = [
                (cotangent, _inverse(ties[k, j], cotangent.ndim))
                for j, cotangent in enumerate(cotangents)
                if (k, j) in ties
            ]
            results[place] = _where_it_moves(results[place], pairs)
        return results

    return Guard(moving, push, linearise, pull)


def _where_it_moves(result: Any, pairs: Sequence[tuple[Any, Sequence[int]]]) -> Any:
    """A result, 0 where it is not finite and all that is tied to it, with its ties, is 0."""
    if not pairs:
        return result
    moves = [_placed(x != 0, axes, result.shape) for x, axes in pairs]
    is_still = ~functools.reduce(jnp.logical_or, moves)
    return _where(is_still & ~jnp.isfinite(result), result)


def _placed(mask: Any, ties: Sequence[int], shape: Sequence[int]) -> Any:
    """Whether a mask holds somewhere along its untied axes, placed at the axes tied to it."""
    # Ties of complex arrays may be those of their parts, which have one more axis.
    ties = [tie if tie < len(shape) else UNTIED for tie in ties[: mask.ndim]]
    untied = tuple(axis for axis, tie in enumerate(ties) if tie == UNTIED)
    tied = [tie for tie in ties if tie != UNTIED]
    mask = jnp.any(mask, axis=untied)
    mask = jnp.transpose(mask, sorted(range(len(tied)), key=tied.__getitem__))
    return jnp.expand_dims(mask, tuple(axis for axis in range(len(shape)) if axis not in tied))


def _inverse(ties: Sequence[int], rank: int) -> list[int]:
    """For each axis of a result the axis of the operand that is tied to it."""
    inverse = [UNTIED] * rank
    for axis, tie in enumerate(ties):
        if 0 <= tie < rank:
            inverse[tie] = axis
    return inverse


def _where(excluded: Any, array: Any) -> Any:
    """An array, 0 where it is excluded."""
    return jnp.where(excluded, jnp.zeros_like(array), array)


def _summed(array: Any, shape: Sequence[int]) -> Any:
    """The sum over all axes along which an operand was broadcast."""
    if not shape:
        return jnp.sum(array)
    axes = tuple(axis for axis, size in enumerate(shape) if size != array.shape[axis])
    return jnp.sum(array, axes, keepdims=True) if axes else array
