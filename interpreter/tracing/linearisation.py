"""The derivative of one equation as a linear function of all operands that move.

An operand *moves* if it depends on a differentiated input, a result if an output depends on it. An
equation without a formula is linearised once, with respect to all moving operands together; the
others are closed over, so that a rule that asks which operands move (`symbolic_zeros`) is told the
truth. What JAX can do with it, what one application costs and which axes are tied is found by
abstract evaluation, before any value is known.

`jax.linearize` refuses a function with its own VJP rule, which `jax.vjp` takes; a loop of unknown
length can be linearised but not transposed. What can be done with a custom_jvp rule, only a trial
tells.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.core
import jax.numpy as jnp

from elimax.interpreter.graph.pair_structure import Direction
from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.tracing.program import Equation, program_of
from elimax.interpreter.tracing.realification import join_parts, real_aval, split_parts
from elimax.interpreter.tracing.rules.dependence import identity, limited_work, ties_of
from elimax.interpreter.tracing.rules.fallback import unit_vectors
from elimax.interpreter.tracing.rules.masks import drops_by_select
from elimax.interpreter.tracing.rules.registry import axis_ties
from elimax.interpreter.tracing.rules.use import Use
from elimax.interpreter.tracing.work import FREE, Work, work_of

# Primitives that JAX can transpose, whatever their parameters are; of others only a trial tells.
TRANSPOSED = FREE | {"mul", "div", "dot_general", "triangular_solve", "fft", "scan", "cond", "jit"}

# Stands in a linearised program for a function that only has a pullback; it cannot be run.
_REVERSE_ONLY = "custom_lin"

Ties = dict[tuple[int, int], tuple[int, ...]]
"""By an operand and a result that depends on it: for each axis of the operand, the axis of the
result that it is tied to, or UNTIED."""


class Moving(NamedTuple):
    """An equation, and what of it moves.

    Attributes:
        equation: The equation.
        operands: Numbers of the operands that depend on a differentiated input.
        results: Numbers of the results that an output depends on.
        in_parts: Whether complex numbers stand in the graph as a last axis of two.
    """

    equation: Equation
    operands: tuple[int, ...]
    results: tuple[int, ...]
    in_parts: bool = False

    def function(self, inputs: Sequence[Any]) -> Callable[..., tuple[list[Any], list[Any]]]:
        """The equation as a function of what moves.

        Args:
            inputs: Values of all its operands.

        Returns:
            Maps the moving operands, encoded, to the moving results, encoded, and all results.
        """

        def evaluate(*moving: Any) -> tuple[list[Any], list[Any]]:
            replaced = list(inputs)
            for operand, value in zip(self.operands, moving, strict=True):
                replaced[operand] = self._decoded(value, operand)
            results = self.equation.bind(replaced)
            return [self.encoded(results[r]) for r in self.results], results

        return evaluate

    def encoded_inputs(self, inputs: Sequence[Any]) -> list[Any]:
        """The moving operands as they stand in the graph."""
        return [self.encoded(jnp.asarray(inputs[k])) for k in self.operands]

    def encoded(self, array: Any) -> Any:
        """An array of the equation as it stands in the graph."""
        return split_parts(array) if self.in_parts else array

    def _decoded(self, array: Any, operand: int) -> Any:
        dtype = self.equation.in_avals[operand].dtype
        is_split = self.in_parts and jnp.issubdtype(dtype, jnp.complexfloating)
        return join_parts(array) if is_split else array


class Linearisation:
    """An equation at a point.

    Attributes:
        results: Values of all results of the equation.
    """

    def __init__(
        self,
        operands: Sequence[Any],
        outs: Sequence[Any],
        results: Sequence[Any],
        push: Callable[..., Sequence[Any]] | None,
        pull: Callable[[Sequence[Any]], Sequence[Any]] | None = None,
        *,
        takes_columns: bool = False,
    ) -> None:
        """Takes results and derivative; `of` computes them.

        Args:
            operands: The moving operands, as they stand in the graph.
            outs: The moving results, as they stand in the graph.
            results: All results of the equation.
            push: Maps a tangent of each operand to one of each result.
            pull: Maps cotangents of the results to those of the operands; None if `push` can be
                transposed.
            takes_columns: Whether both take many tangents or cotangents at once, along a last axis.
        """
        self.results, self._takes_columns = results, takes_columns
        self._operands, self._outs = [*map(jax.typeof, operands)], [*map(jax.typeof, outs)]
        self._push, self._pull = push, pull
        self._written: dict[tuple[str, int], list[Any]] = {}

    @classmethod
    def of(
        cls,
        moving: Moving,
        direction: Direction,
        inputs: Sequence[Any],
        is_pushed_by_jvp: bool = False,
    ) -> "Linearisation":
        """Evaluates an equation, once, and keeps what its derivative needs.

        Args:
            moving: The equation.
            direction: What JAX can do with it.
            inputs: Values of its operands.
            is_pushed_by_jvp: Whether values are evaluated again along with the tangents: where JAX
                cannot separate the two, and where that is cheaper than keeping what a pullback
                would need.

        Returns:
            The equation at that point.
        """
        function, operands = moving.function(inputs), moving.encoded_inputs(inputs)
        push = pull = None
        if is_pushed_by_jvp:
            outs, results = function(*operands)
            push = functools.partial(_pushed_by_jvp, function, operands)
        elif direction & Direction.FORWARD:
            outs, push, results = jax.linearize(function, *operands, has_aux=True)
        else:
            outs, pull, results = jax.vjp(function, *operands, has_aux=True)
        return cls(operands, outs, results, push, pull)

    def push(self, tangents: dict[int, Any], *, many: bool = False) -> list[Any]:
        """The pushforward.

        Args:
            tangents: Tangents by number among the moving operands; the others are zero.
            many: Whether each array holds several tangents, along an additional first axis.

        Returns:
            One tangent per moving result, or several along a first axis.
        """
        assert self._push is not None
        push = self._push
        return self._applied(lambda xs: list(push(*xs)), self._operands, tangents, many)

    def columns(self, operand: int, axes: Sequence[int]) -> list[Any]:
        """The derivatives of all results by one operand; computed once.

        Args:
            operand: Number among the moving operands.
            axes: Its axes that are not tied to axes of results.

        Returns:
            For every moving result an array over the indices of those axes, then its own.
        """
        return self._all(("columns", operand), self._operands[operand], axes, self.push)

    def rows(self, result: int, axes: Sequence[int]) -> list[Any]:
        """The derivatives of one result by all operands; computed once.

        Args:
            result: Number among the moving results.
            axes: Its axes that are not tied to axes of operands.

        Returns:
            For every moving operand an array over the indices of those axes, then its own.
        """
        return self._all(("rows", result), self._outs[result], axes, self.pull)

    def _all(
        self,
        key: tuple[str, int],
        aval: Any,
        axes: Sequence[int],
        linear: Callable[..., list[Any]],
    ) -> list[Any]:
        if key not in self._written:
            shape = tuple(aval.shape[axis] for axis in axes)
            seeds = unit_vectors(aval, axes)
            if len(seeds) == 1:
                images = [x[None] for x in linear({key[1]: seeds[0]})]
            else:
                images = linear({key[1]: seeds}, many=True)
            self._written[key] = [x.reshape(*shape, *x.shape[1:]) for x in images]
        return self._written[key]

    def pull(self, cotangents: dict[int, Any], *, many: bool = False) -> list[Any]:
        """The pullback.

        Args:
            cotangents: Cotangents by number among the moving results; the others are zero.
            many: Whether each array holds several cotangents, along an additional first axis.

        Returns:
            One cotangent per moving operand, or several along a first axis.
        """
        if self._pull is None:
            assert self._push is not None
            push = self._push
            transposed = jax.linear_transpose(lambda *xs: push(*xs), *self._operands)
        else:
            transposed = self._pull
        return self._applied(lambda ys: list(transposed(ys)), self._outs, cotangents, many)

    def _applied(
        self,
        function: Callable[[list[Any]], list[Any]],
        avals: Sequence[Any],
        given: dict[int, Any],
        many: bool,
    ) -> list[Any]:
        """One of the two directions applied to the given arrays, and zeros for the others."""

        def once(given: dict[int, Any]) -> list[Any]:
            return _linear(lambda xs: function(_filled(avals, xs)), given)

        def at_once(given: dict[int, Any]) -> list[Any]:
            last = {k: jnp.moveaxis(x, 0, -1) for k, x in given.items()}
            count = next(iter(last.values())).shape[-1]
            images = _linear(lambda xs: function(_filled(avals, xs, (count,))), last)
            return [jnp.moveaxis(x, -1, 0) for x in images]

        if self._takes_columns:
            if many:
                return at_once(given)
            return [x[0] for x in at_once({k: x[None] for k, x in given.items()})]
        return jax.vmap(once)(given) if many else once(given)


def _pushed_by_jvp(
    function: Callable[..., tuple[list[Any], list[Any]]], operands: Sequence[Any], *tangents: Any
) -> list[Any]:
    return jax.jvp(function, tuple(operands), tangents, has_aux=True)[1]


def _filled(
    avals: Sequence[Any], given: dict[int, Any], columns: tuple[int, ...] = ()
) -> list[Any]:
    """All arrays: those that are given, and zeros for the others."""
    return [
        jax.lax.convert_element_type(given[k], aval.dtype)
        if k in given
        else jnp.zeros((*aval.shape, *columns), aval.dtype)
        for k, aval in enumerate(avals)
    ]


def _linear(function: Callable[[dict[int, Any]], list[Any]], given: dict[int, Any]) -> list[Any]:
    """A real linear function; of complex arrays, applied to both parts."""
    if not any(map(jnp.iscomplexobj, given.values())):
        return function(given)
    real = function({k: jnp.real(x) for k, x in given.items()})
    imaginary = function({k: jnp.imag(x) for k, x in given.items()})
    return [jax.lax.complex(x, y) for x, y in zip(real, imaginary, strict=True)]


@dataclasses.dataclass(frozen=True)
class Analysis:
    """What is known of a linearised equation without values.

    Attributes:
        direction: In which directions it can be applied.
        cost: Scalar multiplications of one application.
        ties: Ties by number among the moving operands and among the moving results; pairs that do
            not depend on one another are missing.
        drops: Whether zeros of the derivative exclude, as those of a mask do.
        rounds: How often the bodies of its loops run; 0 if it has no loop.
        is_pushed_by_jvp: Whether it can be pushed forward, but not linearised first.
    """

    direction: Direction
    cost: int
    ties: Ties
    drops: bool
    rounds: int
    is_pushed_by_jvp: bool = False


def analyse(moving: Moving) -> Analysis:
    """Finds out what JAX can do with an equation, by abstract evaluation.

    Args:
        moving: The equation.

    Returns:
        What is known of its derivative.

    Raises:
        Exception: What JAX raises if it can differentiate it in neither direction.
    """

    def forward(inputs: list[Any], tangents: list[Any]) -> list[Any]:
        function, operands = moving.function(inputs), moving.encoded_inputs(inputs)
        return jax.linearize(function, *operands, has_aux=True)[1](*tangents)

    def transposed(inputs: list[Any], cotangents: list[Any]) -> list[Any]:
        linearised = Linearisation.of(moving, Direction.FORWARD, inputs)
        return linearised.pull(dict(enumerate(cotangents)))

    def pushed(inputs: list[Any], tangents: list[Any]) -> list[Any]:
        function, operands = moving.function(inputs), moving.encoded_inputs(inputs)
        return _pushed_by_jvp(function, operands, *tangents)

    def backward(inputs: list[Any], cotangents: list[Any]) -> list[Any]:
        linearised = Linearisation.of(moving, Direction.REVERSE, inputs)
        return linearised.pull(dict(enumerate(cotangents)))

    inputs = list(moving.equation.in_avals)
    ins, outs = encoded_avals(moving)
    try:
        closed = jax.make_jaxpr(forward)(inputs, ins)
        work = work_of(closed, len(inputs))
        if _REVERSE_ONLY in work.primitives:
            raise TypeError("a custom_vjp function cannot be pushed forward")
    except Exception as refusal:  # JAX has no common class for this
        # What only has a pullback is tried first. The rule of a reduction over windows mixes values
        # and tangents, so it can be pushed forward, but not linearised.
        for direction, derivative, seeds in (
            (Direction.REVERSE, backward, outs),
            (Direction.FORWARD, pushed, ins),
        ):
            try:
                closed = jax.make_jaxpr(derivative)(inputs, seeds)
            except Exception:
                continue
            work = work_of(closed, len(inputs))
            if direction == Direction.FORWARD and _REVERSE_ONLY in work.primitives:
                continue
            known = _known(moving, closed, work, direction)
            return dataclasses.replace(known, is_pushed_by_jvp=direction == Direction.FORWARD)
        raise refusal
    direction = Direction.BOTH
    if not work.primitives <= TRANSPOSED:
        try:
            jax.eval_shape(transposed, inputs, outs)
        except Exception:
            direction = Direction.FORWARD
    return _known(moving, closed, work, direction)


def _known(moving: Moving, closed: Any, work: Work, direction: Direction) -> Analysis:
    """What the linearised program of an equation tells about it."""
    ins, outs = encoded_avals(moving)
    size = sum(math.prod(aval.shape) for aval in outs)
    num_moving = len(ins) if direction & Direction.FORWARD else len(outs)
    num_still = len(closed.jaxpr.invars) - num_moving
    drops = "select_n" in work.primitives and drops_by_select(program_of(closed), num_still)
    ties = _ties(moving, closed, ins, outs, direction)
    return Analysis(direction, max(size, work.multiplications), ties, drops, work.rounds)


def encoded_avals(moving: Moving) -> tuple[list[Any], list[Any]]:
    """Shapes and dtypes of tangents and cotangents as they stand in the graph.

    Args:
        moving: The equation.

    Returns:
        Those of the moving operands, and those of the moving results.
    """
    equation = moving.equation
    ins = [equation.in_avals[k] for k in moving.operands]
    outs = [equation.out_avals[r] for r in moving.results]
    if moving.in_parts:
        ins, outs = [*map(real_aval, ins)], [*map(real_aval, outs)]
    return (
        [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in ins],
        [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in outs],
    )


def _ties(
    moving: Moving, closed: Any, ins: Sequence[Any], outs: Sequence[Any], direction: Direction
) -> Ties:
    """Ties between all moving operands and results; if finding them fails, nothing is tied."""
    untied = {
        (i, j): (UNTIED,) * len(x.shape) for i, x in enumerate(ins) for j, _ in enumerate(outs)
    }
    known = axis_ties(moving.equation)
    if known is not None:
        return {
            (i, j): _with_parts(ties, ins[i])
            for i, k in enumerate(moving.operands)
            for j, r in enumerate(moving.results)
            if (ties := known(Use(moving.equation, k, r))) is not None
        }
    try:
        with limited_work():
            found = _dependence(closed, ins if direction & Direction.FORWARD else outs)
    except Exception:  # ties only save work
        return untied
    if direction & Direction.FORWARD:
        return {(i, j): ties for j, sources in enumerate(found) for i, ties in sources.items()}
    inverted: Ties = {}
    for i, sources in enumerate(found):
        for j, ties in sources.items():
            axes = [UNTIED] * len(ins[i].shape)
            for axis, tie in enumerate(ties):
                if tie != UNTIED:
                    axes[tie] = axis
            inverted[i, j] = tuple(axes)
    return inverted


def _with_parts(ties: Sequence[int], aval: Any) -> tuple[int, ...]:
    """Ties of an operand of the equation as those of its array in the graph."""
    return (*ties, *[UNTIED] * (len(aval.shape) - len(ties)))


def _dependence(closed: Any, moved: Sequence[Any]) -> list[dict[int, tuple[int, ...]]]:
    """How the outputs of a linearised program depend on what moves, its last inputs."""
    program = program_of(closed)
    still = program.num_inputs - len(moved)
    sources = [{} for _ in range(still)]
    sources += [{k: identity(len(aval.shape))} for k, aval in enumerate(moved)]
    return ties_of(program, sources)
