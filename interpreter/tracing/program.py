"""A function as a flat list of equations over numbered nodes.

Nested calls are inlined before anything is numbered, so that a vertex number means the same however
the function was cut into jitted pieces.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.core
import jax.extend.core as jex
import numpy as np

from elimax.interpreter.errors import TracingError
from elimax.interpreter.tracing.known_values import known_value

# Primitives whose body is spliced in.
INLINED = frozenset(
    ("jit", "pjit", "closed_call", "core_call", "eval_jaxpr", "remat", "remat2", "checkpoint")
)


def called_jaxpr(params: Mapping[str, Any]) -> Any:
    """The body of a call that is inlined.

    Args:
        params: Parameters of the call, which name the body in one of two ways.

    Returns:
        The jaxpr, open or closed.
    """
    return params["jaxpr"] if "jaxpr" in params else params["call_jaxpr"]


@dataclasses.dataclass(frozen=True)
class Constant:
    """An operand that does not depend on any input.

    Attributes:
        value: The array, or a tracer of the surrounding trace.
        is_literal: Whether it stands in the program itself, as 0.5 in `0.5 * x`.
    """

    value: Any
    is_literal: bool


Operand = int | Constant


@dataclasses.dataclass(frozen=True)
class Equation:
    """One primitive applied to operands.

    Attributes:
        primitive: The JAX primitive.
        params: Its parameters.
        operands: Node numbers and constants.
        results: Node of every result.
        in_avals: Shape and dtype of every operand.
        out_avals: Shape and dtype of every result.
        effects: Side effects of evaluation; only what shows values has any, such as
            `jax.debug.print`.
    """

    primitive: Any
    params: dict[str, Any]
    operands: tuple[Operand, ...]
    results: tuple[int, ...]
    in_avals: tuple[Any, ...]
    out_avals: tuple[Any, ...]
    effects: frozenset[Any] = frozenset()

    @property
    def name(self) -> str:
        """Name of the primitive."""
        return self.primitive.name

    def bind(self, inputs: Sequence[Any]) -> list[Any]:
        """Applies the primitive in the current trace.

        Args:
            inputs: The operands' values.

        Returns:
            One value per result.
        """
        bound = self.primitive.get_bind_params(self.params)
        # Earlier versions of JAX returned the functions among the parameters separately.
        functions, params = bound if isinstance(bound, tuple) else ((), bound)
        results = self.primitive.bind(*functions, *inputs, **params)
        return list(results) if self.primitive.multiple_results else [results]


def silent(equation: Equation) -> Equation:
    """An equation that shows nothing, for derivatives, which may evaluate it again.

    Args:
        equation: The equation.

    Returns:
        The equation without what it shows, such as `jax.debug.print` in the body of a loop.
    """
    if not equation.effects:
        return equation
    return dataclasses.replace(
        equation, params=_silent_params(equation.params), effects=frozenset()
    )


def _silent_params(params: dict[str, Any]) -> dict[str, Any]:
    def replaced(param: Any) -> Any:
        if isinstance(param, tuple | list):
            return type(param)(map(replaced, param))
        return _silent_jaxpr(param) if isinstance(param, jex.ClosedJaxpr | jex.Jaxpr) else param

    return {name: replaced(param) for name, param in params.items()}


def _silent_jaxpr(jaxpr: Any) -> Any:
    if not any(map(_is_shown, jaxpr.effects)):
        return jaxpr
    if not isinstance(jaxpr, jex.Jaxpr):
        return jaxpr.replace(jaxpr=_silent_jaxpr(jaxpr.jaxpr))
    eqns = []
    for eqn in jaxpr.eqns:
        others = {effect for effect in eqn.effects if not _is_shown(effect)}
        if len(others) == len(eqn.effects):
            eqns.append(eqn)
        elif eqn.outvars:
            eqns.append(eqn.replace(params=_silent_params(eqn.params), effects=others))
    others = {effect for effect in jaxpr.effects if not _is_shown(effect)}
    return jaxpr.replace(eqns=eqns, effects=others)


@dataclasses.dataclass(frozen=True)
class Program:
    """A traced function.

    Attributes:
        num_inputs: I, the number of input leaves.
        node_avals: Shape and dtype of every node: inputs, then results in program order.
        equations: The equations in program order.
        outputs: Node or constant of every output leaf.
    """

    num_inputs: int
    node_avals: tuple[Any, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[Operand, ...]

    @functools.cached_property
    def needed(self) -> frozenset[int]:
        """Nodes that some output, or something that is shown, depends on."""
        needed = {node for node in self.outputs if isinstance(node, int)}
        for equation in reversed(self.equations):
            if equation.effects or not needed.isdisjoint(equation.results):
                needed.update(node for node in equation.operands if isinstance(node, int))
        return frozenset(needed)


def trace_program(fun: Callable[..., Sequence[Any]], leaves: Sequence[Any]) -> Program:
    """Traces a function of flat inputs and inlines its calls.

    Args:
        fun: Maps the leaves to a sequence of arrays.
        leaves: Arrays, or anything with a shape and a dtype.

    Returns:
        The program.

    Raises:
        TracingError: If the function has side effects that elimination would drop.
    """
    closed = jax.make_jaxpr(fun)(*leaves)
    check_effects(closed.effects)
    return program_of(closed)


def program_of(
    closed: jex.ClosedJaxpr,
    nodes: Sequence[int] | None = None,
    input_avals: Sequence[Any] | None = None,
) -> Program:
    """A closed jaxpr with its calls inlined.

    Args:
        closed: The jaxpr.
        nodes: Which input node of the program each input of the jaxpr is; None if they are all.
        input_avals: Shape and dtype of all input nodes; None if they are those of the jaxpr.

    Returns:
        The program.
    """
    avals = [var.aval for var in closed.jaxpr.invars] if input_avals is None else input_avals
    builder = _Builder(avals)
    arguments = tuple(range(len(avals)) if nodes is None else nodes)
    outputs = builder.splice(closed.jaxpr, closed.consts, arguments)
    return Program(len(avals), tuple(builder.avals), tuple(builder.equations), tuple(outputs))


def check_effects(effects: Iterable[Any]) -> None:
    """Checks that the only side effect of a function is to show values.

    Args:
        effects: Its effects.

    Raises:
        TracingError: If it has effects other than those of `jax.debug`.
    """
    others = [effect for effect in effects if not _is_shown(effect)]
    # Some effects print as an address.
    listed = ", ".join(sorted(str(x).removeprefix("<").partition(" object at")[0] for x in others))
    if "NamedAxisEffect" in listed:
        raise TracingError(
            "the function exchanges values with other devices, or reads its own index among them "
            f"({listed}), so it is not a function of its inputs alone: take the Jacobian of the "
            "whole, as in jacve(jax.vmap(f, axis_name=...)), or use jax.jacrev"
        )
    if listed:
        raise TracingError(
            f"the function has side effects ({listed}), and elimination would repeat or drop them: "
            "remove callbacks and references, return what they show as auxiliary data with "
            "has_aux=True, show it with jax.debug.print or jax.debug.callback, or use jax.jacrev"
        )


def _is_shown(effect: Any) -> bool:
    """Whether an effect is that of `jax.debug`, which shows values and changes nothing."""
    return str(effect) in ("Debug", "OrderedDebug")


class _Builder:
    """Collects equations while calls are inlined."""

    def __init__(self, input_avals: Sequence[Any]) -> None:
        self.avals = list(input_avals)
        self.equations: list[Equation] = []

    def splice(
        self, jaxpr: jex.Jaxpr, consts: Sequence[Any], arguments: Sequence[Operand]
    ) -> list[Operand]:
        """Appends the equations of a jaxpr applied to operands, and returns its outputs."""
        bound: dict[Any, Operand] = dict(zip(jaxpr.invars, arguments, strict=True))
        bound.update(
            (var, _constant(value)) for var, value in zip(jaxpr.constvars, consts, strict=True)
        )

        def read(atom: Any) -> Operand:
            if isinstance(atom, jex.Literal):
                value = np.asarray(atom.val, dtype=atom.aval.dtype)  # pyright: ignore
                return Constant(value, is_literal=True)
            return bound[atom]

        for eqn in jaxpr.eqns:
            operands = tuple(read(atom) for atom in eqn.invars)
            if eqn.primitive.name in INLINED:
                inner, inner_consts = _body(called_jaxpr(eqn.params))
                results: Sequence[Operand] = self.splice(inner, inner_consts, operands)
            else:
                results = self._append(eqn, operands)
            bound.update(zip(eqn.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def _append(self, eqn: Any, operands: tuple[Operand, ...]) -> tuple[int, ...]:
        out_avals = tuple(var.aval for var in eqn.outvars)
        results = tuple(range(len(self.avals), len(self.avals) + len(out_avals)))
        self.avals.extend(out_avals)
        in_avals = tuple(atom.aval for atom in eqn.invars)
        effects = frozenset(filter(_is_shown, eqn.effects))
        self.equations.append(
            Equation(eqn.primitive, eqn.params, operands, results, in_avals, out_avals, effects)
        )
        return results


def _constant(value: Any) -> Constant:
    """A constant; a scalar whose value is known counts as a literal."""
    if getattr(value, "shape", None) == ():
        known = known_value(value)
        if known is not None:
            return Constant(known, is_literal=True)
    return Constant(value, is_literal=False)


def _body(jaxpr: Any) -> tuple[jex.Jaxpr, Sequence[Any]]:
    """A call's jaxpr and its constants, whether it is closed or open."""
    if isinstance(jaxpr, jex.ClosedJaxpr):
        return jaxpr.jaxpr, jaxpr.consts
    return jaxpr, ()
