"""Entrywise equations that share one guard in reverse mode.

A guard compares a cotangent with 0 for every operand of every guarded equation. But where entrywise
equations lead to one result, and nothing else uses what is between, a cotangent of 0 of that result
means only zeros in between. So the equations are differentiated together, as JAX does it, and what
comes out is replaced by 0 where the cotangent of the result is 0. Example: of z = exp(-1 / x) * y,
with four equations, two operands are guarded instead of six.
"""

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax

from elimax.interpreter.execution.guards import (
    SLOPED,
    Arrays,
    Guard,
    GuardedEquation,
    zero_where,
)
from elimax.interpreter.tracing.program import Constant, Equation, Operand, Program
from elimax.interpreter.tracing.rules.registry import is_differentiable

ENTRYWISE = SLOPED | {"add", "add_any", "neg", "sub"}
"""Primitives of one result, each entry of which depends on the entries at its place."""


def find_chains(
    program: Program,
    active: Collection[int],
    moving: Collection[int],
    joinable: Collection[int],
    guarded: Collection[int],
) -> dict[int, tuple[int, ...]]:
    """Finds equations that can be differentiated together.

    Args:
        program: The program.
        active: Indices of the equations that derivatives pass through.
        moving: Nodes that depend on a differentiated input.
        joinable: Those of them that may be part of a chain, if they are entrywise.
        guarded: Those of them that need a guard.

    Returns:
        By the index of its last equation, the indices of each chain of at least two equations,
        ascending. Every equation is in one chain at most, and every chain has one that needs a
        guard.
    """
    maker = {x: k for k in active for x in program.equations[k].results}
    users: dict[int, set[int]] = {}
    for k in active:
        for node in program.equations[k].operands:
            if isinstance(node, int):
                users.setdefault(node, set()).add(k)
    outputs = {node for node in program.outputs if isinstance(node, int)}

    def may_join(k: int) -> bool:
        equation = program.equations[k]
        shape = equation.out_avals[0].shape
        shapes = [
            aval.shape
            for node, aval in zip(equation.operands, equation.in_avals, strict=True)
            if isinstance(node, int) and node in moving
        ]
        return k in joinable and equation.name in ENTRYWISE and {*shapes} == {shape}

    found, taken = {}, set()
    for last in sorted(active, reverse=True):
        if last in taken or not may_join(last):
            continue
        chain, candidates = {last}, {last}
        while candidates:
            k = max(candidates)  # All that use its result have been decided on.
            candidates.remove(k)
            result = program.equations[k].results[0]
            if k != last and (result in outputs or not users[result] <= chain):
                continue
            chain.add(k)
            operands = {maker.get(x) for x in program.equations[k].operands if isinstance(x, int)}
            candidates |= {x for x in operands if x is not None and x not in taken and may_join(x)}
        if len(chain) > 1 and not chain.isdisjoint(guarded):
            found[last] = tuple(sorted(chain))
            taken |= chain
    return found


def guarded_chain(
    program: Program, chain: Sequence[int], moving: Collection[int], guarded: Collection[int]
) -> GuardedEquation:
    """One equation that does what a chain does.

    Args:
        program: The program.
        chain: Indices of its equations, ascending.
        moving: Nodes that depend on a differentiated input.
        guarded: Indices of the equations that need a guard.

    Returns:
        The equation, of the result of the last one.
    """
    equations = [program.equations[k] for k in chain]
    between = {equation.results[0] for equation in equations}
    avals: dict[Operand, Any] = {}
    risky: set[Operand] = set()
    for k, equation in reversed([*zip(chain, equations, strict=True)]):
        is_risky = k in guarded or equation.results[0] in risky
        for operand, aval in zip(equation.operands, equation.in_avals, strict=True):
            if isinstance(operand, int):
                if is_risky:
                    risky.add(operand)
                if operand not in between:
                    avals[operand] = aval
    operands = tuple(avals)

    def evaluate(inputs: Arrays) -> list[Any]:
        values: dict[Operand, Any] = dict(zip(operands, inputs, strict=True))
        results: list[Any] = []
        for equation in equations:
            read = [x.value if isinstance(x, Constant) else values[x] for x in equation.operands]
            results = equation.bind(read)
            values[equation.results[0]] = results[0]
        return results

    numbers = tuple(
        k for k, x in enumerate(operands) if x in moving and is_differentiable(avals[x])
    )
    guard = _guard(evaluate, numbers, [operands[k] in risky for k in numbers])
    last = {x.name: getattr(equations[-1], x.name) for x in dataclasses.fields(Equation)}
    last |= {"operands": operands, "in_avals": tuple(avals.values())}
    return GuardedEquation(**last, mode="jacrev", guard=guard, evaluate=evaluate)


def _guard(
    evaluate: Callable[[Arrays], list[Any]], moving: tuple[int, ...], risky: Sequence[bool]
) -> Guard:
    """Where the cotangent of the result is 0, those of the operands are."""

    def linearise(inputs: Arrays) -> tuple[Arrays, Any]:
        def of_moving(*values: Any) -> list[Any]:
            replaced = dict(enumerate(inputs)) | dict(zip(moving, values, strict=True))
            return evaluate([replaced[k] for k in range(len(inputs))])

        return jax.vjp(of_moving, *(inputs[k] for k in moving))

    def pull(kept: Any, cotangents: Arrays) -> Arrays:
        is_zero = cotangents[0] == 0
        pulled = kept(list(cotangents))
        return [
            zero_where(is_zero, x) if may_be_infinite else x
            for x, may_be_infinite in zip(pulled, risky, strict=True)
        ]

    def push(inputs: Arrays, tangents: Arrays) -> Any:
        raise NotImplementedError("a chain is differentiated in reverse mode")

    return Guard(moving, push, linearise, pull)
