"""Traces a function over some of its inputs, and computes while tracing what depends on none.

The inputs that are differentiated become tracers. A primitive that reads one of them is *staged*:
it becomes an equation of a jaxpr. Every other primitive is *known*: it is bound in the trace that
was current before, exactly as under `jax.jacrev`: eagerly outside of `jax.jit`, and as part of the
surrounding program inside of it. So `x[mask]`, `jnp.nonzero(mask)`, `if jnp.any(mask)` and shapes
from values work for everything that is not differentiated.

Calls (`jit`, `remat`) are taken apart, because some of their equations may be known and others not.
"""

import functools
import sys
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.core
import jax.extend.core as jex
import numpy as np

from elimax.interpreter.errors import TracingError
from elimax.interpreter.tracing.known_values import remember, remember_value
from elimax.interpreter.tracing.program import (
    INLINED,
    Constant,
    Equation,
    Operand,
    Program,
    called_jaxpr,
    program_of,
)

# Their effect is to show something, and they may have no result.
_SHOWS = frozenset({"debug_callback", "debug_print"})


class PartialTracer(jax.core.Tracer):
    """A value that depends on a differentiated input.

    Attributes:
        owner: The trace that it belongs to.
        staged: The same value in the jaxpr that is being built.
    """

    __slots__ = ("owner", "staged")
    # Libraries that support several array packages tell them apart by the module of a class.
    __module__ = jax.core.Tracer.__module__

    def __init__(self, owner: "PartialTrace", staged: Any) -> None:
        super().__init__(owner, jax.typeof(staged))
        self.owner, self.staged = owner, staged

    def _origin_msg(self) -> str:
        """What JAX appends to its errors about values that are not known while tracing."""
        return (
            f"\nThis value depends on a differentiated argument, and {_user_line()} needs it "
            "while elimax traces the function, which jax.jacrev allows outside of jax.jit and "
            "jacve does not. Choose with jnp.where or jax.lax.cond instead of if, or branch on "
            "arguments that are not differentiated"
        )


class PartialTrace(jax.core.Trace):
    """Stages what depends on its tracers, and binds everything else in another trace."""

    def __init__(self, parent: Any, staging: Any, keeps_calls: bool) -> None:
        """Starts without equations.

        Args:
            parent: The trace in which known primitives are bound.
            staging: The trace that builds the jaxpr.
            keeps_calls: Whether nested calls stay one equation each.
        """
        super().__init__()
        self._parent, self._staging, self._keeps_calls = parent, staging, keeps_calls
        self._shows_later = False

    def owns(self, value: Any) -> bool:
        """Whether a value depends on the inputs of this trace."""
        return isinstance(value, PartialTracer) and value.owner is self

    def stage_value(self, val: Any) -> Any:
        """Part of the interface of JAX's traces: lifts a value into this one."""
        if self.owns(val):
            return val
        lifted = self._parent.stage_value(val)
        if not isinstance(val, jax.core.Tracer):
            remember_value(lifted, val)
        return lifted

    def process_primitive(self, primitive: Any, tracers: Any, params: Any, /) -> Any:
        """Part of the interface of JAX's traces: applies a primitive."""
        is_known = not any(map(self.owns, tracers))
        if is_known and not (self._shows_later and _shows(primitive, params)):
            return self._bind_known(primitive, tracers, params)
        if primitive.name not in INLINED:
            return self._stage(primitive, tracers, params)
        if self._keeps_calls:
            return self._stage(primitive, tracers, _kept(params))
        return self._take_apart(_call_of(called_jaxpr(params)), tracers)

    def process_call(self, primitive: Any, fun: Any, tracers: Any, params: Any, /) -> Any:
        """Part of the interface of JAX's traces: the function's own primitives are seen instead."""
        del primitive, params
        with jex.set_current_trace(self):
            return fun.call_wrapped(*tracers)

    def process_custom_jvp_call(
        self, primitive: Any, fun: Any, jvp: Any, tracers: Any, /, **params: Any
    ) -> Any:
        """Part of the interface of JAX's traces: a function with its own JVP rule."""
        return self.process_primitive(primitive, tracers, {"subfuns": (fun, jvp), **params})

    def process_custom_vjp_call(
        self, primitive: Any, fun: Any, fwd: Any, bwd: Any, tracers: Any, /, **params: Any
    ) -> Any:
        """Part of the interface of JAX's traces: a function with its own VJP rule."""
        return self.process_primitive(primitive, tracers, {"subfuns": (fun, fwd, bwd), **params})

    def process_shard_map(self, primitive: Any, fun: Any, tracers: Any, /, **params: Any) -> Any:
        """Part of the interface of JAX's traces: a function that is mapped over devices."""
        bound = []

        def flat(*values: Any) -> list[Any]:
            bound.append(primitive.bind(*values, subfuns=(fun,), **params))
            return list(bound[0])

        # What the function closes over is known only when it has been traced.
        with jex.set_current_trace(self):
            closed = jax.make_jaxpr(flat)(*tracers)
        results = iter(self._evaluate(closed, tracers))
        return bound[0].map(lambda _: next(results))

    def _evaluate(self, closed: jex.ClosedJaxpr, values: Sequence[Any]) -> list[Any]:
        """Runs a jaxpr as it is, in the staging trace if anything depends on the inputs."""
        is_known = not any(map(self.owns, (*closed.consts, *values)))
        if is_known:
            with jex.set_current_trace(self._parent):
                return jax.core.eval_jaxpr(closed.jaxpr, closed.consts, *values)
        consts, arguments = map(self._staged, closed.consts), map(self._staged, values)
        with jex.set_current_trace(self._staging):
            results = jax.core.eval_jaxpr(closed.jaxpr, list(consts), *arguments)
        return [PartialTracer(self, result) for result in results]

    def _bind_known(self, primitive: Any, values: Sequence[Any], params: Any) -> Any:
        with jex.set_current_trace(self._parent):
            results = primitive.bind(*values, **params)
        if "subfuns" not in params:
            remember(primitive, values, params, results)
        return results

    def _staged(self, value: Any) -> Any:
        return value.staged if self.owns(value) else value

    def _stage(self, primitive: Any, values: Sequence[Any], params: Any) -> Any:
        """Appends an equation to the jaxpr."""
        # Once a primitive that shows something is staged, all later ones are, to keep their order.
        self._shows_later = self._shows_later or _shows(primitive, params)
        with jex.set_current_trace(self._staging):
            results = primitive.bind(*map(self._staged, values), **params)
        if primitive.multiple_results:
            return [PartialTracer(self, result) for result in results]
        return PartialTracer(self, results)

    def _take_apart(self, call: "_Call", values: Sequence[Any]) -> list[Any]:
        """Runs the equations of a call, the known ones in the trace around."""
        split = call.split(tuple(map(self.owns, values)))
        at = dict(enumerate(values))
        equations = split.equations
        if split.evaluate is not None and not self._is_staged:
            # Run eagerly, the known equations would be compiled one by one.
            with jex.set_current_trace(self._parent):
                results = split.evaluate(*(at[node] for node in split.inputs))
            at.update(zip(split.outputs, results, strict=True))
            equations = split.unknown
        with jex.set_current_trace(self):
            _run(equations, at)
        return [_read(at, output) for output in call.program.outputs]

    @functools.cached_property
    def _is_staged(self) -> bool:
        """Whether what is known becomes part of a larger program, and is compiled with it."""
        with jex.set_current_trace(self._parent):
            return isinstance(jax.lax.iota(np.int32, 1), jax.core.Tracer)


def _kept(params: dict[str, Any]) -> dict[str, Any]:
    """Parameters of a call that must stay one equation.

    Since JAX 0.12 `jax.grad` keeps calls that tracing to a jaxpr inlines; before, it inlined them,
    too.
    """
    if isinstance(params.get("inline", False), bool):
        return params
    return {**params, "inline": _not_inline()}


@functools.cache
def _not_inline() -> Any:
    """The parameter `inline` of a call that `jax.jit` does not inline."""
    (call,) = jax.make_jaxpr(jax.jit(lambda x: x + 1, inline=False))(1.0).eqns
    return call.params["inline"]


class _Split(NamedTuple):
    """What is known of a call if some of its inputs are.

    Attributes:
        equations: All equations.
        unknown: Those that depend on an unknown input, or show something.
        evaluate: Computes all others in one program; None if there are fewer than two.
        inputs: Nodes that `evaluate` takes.
        outputs: Nodes that `evaluate` returns.
    """

    equations: tuple[Equation, ...]
    unknown: tuple[Equation, ...]
    evaluate: Callable[..., Any] | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class _Call:
    """The body of a nested call.

    Attributes:
        program: Its equations, calls in it inlined.
    """

    def __init__(self, jaxpr: Any) -> None:
        is_open = not isinstance(jaxpr, jex.ClosedJaxpr)
        self.program = program_of(jex.ClosedJaxpr(jaxpr, ()) if is_open else jaxpr)
        self._splits: dict[tuple[bool, ...], _Split] = {}

    def split(self, is_unknown: tuple[bool, ...]) -> _Split:
        """What is known if some inputs are; computed once.

        Args:
            is_unknown: Whether each input is unknown.

        Returns:
            The parts.
        """
        if is_unknown not in self._splits:
            self._splits[is_unknown] = _split(self.program, is_unknown)
        return self._splits[is_unknown]


def _split(program: Program, is_unknown: tuple[bool, ...]) -> _Split:
    unknown_nodes = {node for node, unknown in enumerate(is_unknown) if unknown}
    known, unknown = [], []
    for equation in program.equations:
        if equation.effects or not unknown_nodes.isdisjoint(_nodes(equation.operands)):
            unknown.append(equation)
            unknown_nodes.update(equation.results)
        else:
            known.append(equation)
    computed = {node for equation in known for node in equation.results}
    read = {node for equation in known for node in _nodes(equation.operands)}
    read_later = {node for equation in unknown for node in _nodes(equation.operands)}
    inputs = tuple(sorted(read - computed))
    outputs = tuple(sorted(computed & (read_later | set(_nodes(program.outputs)))))

    def known_part(*values: Any) -> list[Any]:
        at = dict(zip(inputs, values, strict=True))
        _run(known, at)
        return [at[node] for node in outputs]

    evaluate = jax.jit(known_part) if len(known) > 1 else None
    return _Split(program.equations, tuple(unknown), evaluate, inputs, outputs)


_CALLS: weakref.WeakKeyDictionary[Any, _Call] = weakref.WeakKeyDictionary()


def _call_of(jaxpr: Any) -> _Call:
    if jaxpr not in _CALLS:
        _CALLS[jaxpr] = _Call(jaxpr)
    return _CALLS[jaxpr]


def _nodes(operands: Iterable[Operand]) -> list[int]:
    return [operand for operand in operands if isinstance(operand, int)]


def _read(at: dict[int, Any], operand: Operand) -> Any:
    return operand.value if isinstance(operand, Constant) else at[operand]


def _run(equations: Iterable[Equation], at: dict[int, Any]) -> None:
    """Binds equations in the current trace, and notes the values of their results."""
    for equation in equations:
        inputs = [
            _weak(_read(at, operand), aval) if isinstance(operand, Constant) else at[operand]
            for operand, aval in zip(equation.operands, equation.in_avals, strict=True)
        ]
        at.update(zip(equation.results, equation.bind(inputs), strict=True))


def _weak(value: Any, aval: Any) -> Any:
    """A literal, as a Python number if it is weakly typed: that gives way to other dtypes, too."""
    if isinstance(value, np.ndarray) and getattr(aval, "weak_type", False) and not value.shape:
        number = value.item()
        return number if jax.typeof(number) == aval else value
    return value


def _shows(primitive: Any, params: dict[str, Any]) -> bool:
    """Whether a primitive, or something inside of it, shows something."""
    return primitive.name in _SHOWS or any(
        getattr(jaxpr, "effects", None) for jaxpr in jax.tree.leaves(list(params.values()))
    )


class PartialJaxpr(NamedTuple):
    """A traced function, some of whose results are known.

    Attributes:
        closed: The jaxpr that returns the unknown results.
        results: Every known result, and None for every unknown one.
        is_known: Whether each result is known.
    """

    closed: jex.ClosedJaxpr
    results: tuple[Any, ...]
    is_known: tuple[bool, ...]

    @property
    def avals(self) -> list[Any]:
        """Shape and dtype of every result."""
        unknown = iter(self.closed.out_avals)
        known = zip(self.results, self.is_known, strict=True)
        return [jax.typeof(result) if is_known else next(unknown) for result, is_known in known]

    def evaluate(self, values: Sequence[Any]) -> list[Any]:
        """Runs the jaxpr in the current trace.

        Args:
            values: One array for each leaf that the function was traced over.

        Returns:
            Every result.
        """
        unknown = iter(jax.core.eval_jaxpr(self.closed.jaxpr, self.closed.consts, *values))
        known = zip(self.results, self.is_known, strict=True)
        return [result if is_known else next(unknown) for result, is_known in known]


def partial_jaxpr(
    fun: Callable[..., Sequence[Any]], leaves: Sequence[Any], keeps_calls: bool = False
) -> PartialJaxpr:
    """Traces a function of some arrays, and computes what does not depend on them.

    Args:
        fun: The function; it is called once. What it returns may be anything.
        leaves: The arrays; only their shapes and dtypes matter.
        keeps_calls: Whether nested calls stay one equation each, and are traced as a whole.

    Returns:
        The jaxpr, and the results that are known.

    Raises:
        TracingError: If a derivative rule closes over a differentiated value.
    """
    with jex.take_current_trace() as parent:
        pass
    results: list[Any] = []
    is_known: list[bool] = []
    traces: list[PartialTrace] = []

    @functools.wraps(fun)
    def staged(*tracers: Any) -> list[Any]:
        with jex.take_current_trace() as staging:
            trace = PartialTrace(parent, staging, keeps_calls)
            with jex.set_current_trace(trace):
                returned = list(fun(*(PartialTracer(trace, tracer) for tracer in tracers)))
            trace.invalidate()
        traces.append(trace)
        is_known.extend(not trace.owns(result) for result in returned)
        results.extend(x if known else None for x, known in zip(returned, is_known, strict=True))
        return [x.staged for x, known in zip(returned, is_known, strict=True) if not known]

    closed = jax.make_jaxpr(staged)(*leaves)
    if any(map(traces[0].owns, closed.consts)):
        raise TracingError(
            "a function with its own derivative (jax.custom_jvp, jax.custom_vjp) closes over a "
            "value that depends on a differentiated argument, for which its rule gives no "
            "derivative: pass that value as an argument"
        )
    return PartialJaxpr(closed, tuple(results), tuple(is_known))


_PACKAGES = tuple(str(Path(file or "").parent) for file in (jax.__file__, np.__file__, __file__))
_LIBRARY = str(Path(functools.__file__).parent)
_GENERATED = ("<frozen", "<string>")


def _is_of_users(file: str) -> bool:
    """Whether code is neither JAX's, numpy's, the standard library's, nor elimax's."""
    # Outside of a virtual environment packages lie in the standard library's folder.
    is_library = file.startswith(_LIBRARY) and "site-packages" not in file
    return not (is_library or file.startswith((*_PACKAGES, *_GENERATED)))


def _user_line() -> str:
    """The innermost line that belongs neither to JAX, numpy, the standard library nor elimax."""
    frame = sys._getframe()
    while frame is not None and not _is_of_users(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return "the function"
    return f"{frame.f_code.co_filename}, line {frame.f_lineno},"
