"""A function as a flat list of equations over numbered nodes.

Nested calls are inlined before anything is numbered, so that a vertex number means the same however
the function was cut into jitted pieces.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.core
import jax.extend.core as jex
import numpy as np

from interpreter.errors import TracingError

# Primitives whose body is spliced in, with the parameter that holds it.
INLINED = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
}

# What these do depends on the devices of the trace around, for constants too.
DEVICE_DEPENDENT = frozenset({"pvary"})


@dataclasses.dataclass(frozen=True)
class Constant:
    """An operand that does not depend on any input.

    Attributes:
        value: The array, or a tracer where the function closes over one.
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
    """

    primitive: Any
    params: dict[str, Any]
    operands: tuple[Operand, ...]
    results: tuple[int, ...]
    in_avals: tuple[Any, ...]
    out_avals: tuple[Any, ...]

    @property
    def name(self) -> str:
        """Name of the primitive."""
        return self.primitive.name

    def evaluate(self, inputs: Sequence[Any]) -> list[Any]:
        """Applies the primitive.

        Args:
            inputs: The operands' values.

        Returns:
            One value per result. Results that depend on nothing traced are computed at once, also
            under `jax.jit`.
        """
        if self.name in DEVICE_DEPENDENT or any(isinstance(x, jax.core.Tracer) for x in inputs):
            return self.bind(inputs)
        with jax.ensure_compile_time_eval():
            return self.bind(inputs)

    def bind(self, inputs: Sequence[Any]) -> list[Any]:
        """Applies the primitive in whatever trace is current.

        Args:
            inputs: The operands' values.

        Returns:
            One value per result.
        """
        bound = self.primitive.get_bind_params(self.params)
        # Earlier versions of JAX returned the functions among the parameters apart.
        functions, params = bound if isinstance(bound, tuple) else ((), bound)
        results = self.primitive.bind(*functions, *inputs, **params)
        return list(results) if self.primitive.multiple_results else [results]


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
        """Nodes that some output depends on, differentiably or not."""
        needed = {node for node in self.outputs if isinstance(node, int)}
        for equation in reversed(self.equations):
            if not needed.isdisjoint(equation.results):
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
    _check_effects(closed.effects)
    return program_of(closed)


def program_of(closed: jex.ClosedJaxpr) -> Program:
    """A closed jaxpr with its calls inlined.

    Args:
        closed: The jaxpr.

    Returns:
        The program.
    """
    builder = _Builder([var.aval for var in closed.jaxpr.invars])
    outputs = builder.splice(closed.jaxpr, closed.consts, tuple(range(len(closed.jaxpr.invars))))
    return Program(
        len(closed.jaxpr.invars), tuple(builder.avals), tuple(builder.equations), tuple(outputs)
    )


def _check_effects(effects: Iterable[Any]) -> None:
    """Raises an error if a function does more than return its value."""
    # Some effects print as an address.
    listed = ", ".join(sorted(str(x).removeprefix("<").partition(" object at")[0] for x in effects))
    if "NamedAxisEffect" in listed:
        raise TracingError(
            f"the function exchanges values with other devices, or looks at its own place ({listed}"
            "), and so is no function of its inputs alone: take the Jacobian of the whole, as in "
            "jacve(jax.vmap(f, axis_name=...)), or use jax.jacrev"
        )
    if listed:
        raise TracingError(
            f"the function has side effects ({listed}), and elimination would repeat or drop them: "
            "remove jax.debug.print, callbacks and references, return what they show as auxiliary "
            "data with has_aux=True, or use jax.jacrev"
        )


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
            (var, Constant(value, is_literal=False))
            for var, value in zip(jaxpr.constvars, consts, strict=True)
        )

        def read(atom: Any) -> Operand:
            if isinstance(atom, jex.Literal):
                value = np.asarray(atom.val, dtype=atom.aval.dtype)  # pyright: ignore
                return Constant(value, is_literal=True)
            return bound[atom]

        for eqn in jaxpr.eqns:
            operands = tuple(read(atom) for atom in eqn.invars)
            if eqn.primitive.name in INLINED:
                inner, inner_consts = _body(eqn.params[INLINED[eqn.primitive.name]])
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
        self.equations.append(
            Equation(eqn.primitive, eqn.params, operands, results, in_avals, out_avals)
        )
        return results


def _body(jaxpr: Any) -> tuple[jex.Jaxpr, Sequence[Any]]:
    """A call's jaxpr and its constants, whether it is closed or open."""
    if isinstance(jaxpr, jex.ClosedJaxpr):
        return jaxpr.jaxpr, jaxpr.consts
    return jaxpr, ()
