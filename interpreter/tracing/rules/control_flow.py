"""Loops and branches: an axis stays tied where their bodies leave it alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.tracing.program import Program
from elimax.interpreter.tracing.rules.dependence import (
    Dependence,
    cached_by_jaxpr,
    identity,
    merge,
    ties_of,
)
from elimax.interpreter.tracing.rules.registry import register_ties
from elimax.interpreter.tracing.rules.use import Use

# A tie of a stacked operand's leading axis to the current step, which has no axis inside the body.
THIS_STEP = -2


@register_ties("cond", is_simple=False)
def branches(use: Use) -> tuple[int, ...] | None:
    """An operand flows wherever any of the branches takes it; operand 0 chooses, and has no edge.

    y = f_c(x), so dy/dx = f_c'(x): an axis is tied if each f ties it, as any of them may be run.

    Example: `lax.cond(c, sin, cos, x)` of shape (3): out (a), in (a) with a tied, value (a); with
    `cumsum` for `cos` out (a), in (k) and value (a, k).

    Reads `branches`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.cond.html
    """
    total: Dependence = {}
    for branch in use.params["branches"]:
        merge(total, cached_by_jaxpr("branch", branch, _branch_ties)[use.result])
    return total.get(use.operand)


def _branch_ties(program: Program) -> list[Dependence]:
    return ties_of(program, [_itself(program, k, k + 1) for k in range(program.num_inputs)])


@register_ties("scan", is_simple=False)
def scan(use: Use) -> tuple[int, ...] | None:
    """Constants and carried values flow to all steps, a stacked value to its own and later ones.

    (c[t+1], y[t]) = f(w, c[t], x[t]) for operands (w, c[0], x) and results (c[T], y), so
    dc[T]/dc[0] is the product of all df/dc: an axis that f ties stays tied. The leading axis of a
    stacked result is tied to that of a stacked operand only if no path between them leads through
    the carried values.

    Example: `lambda c, x: (sin(c) * x, c)` with c of shape (B) and x of shape (T, B) has for
    (c[T], x) out (b), in (t, b) with b tied and value (b, t), which takes T tangents, not T B.

    Reads `jaxpr` and, by `consts_and_carry`, `num_consts` and `num_carry`, or `ft_in`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.scan.html
    """
    consts, carry = consts_and_carry(use.params)

    def compute(program: Program) -> list[Dependence]:
        return _scan_ties(program, consts, carry)

    key = ("scan", consts, carry)
    return cached_by_jaxpr(key, use.params["jaxpr"], compute)[use.result].get(use.operand)


def consts_and_carry(params: Mapping[str, Any]) -> tuple[int, int]:
    """How many operands of a scan are constants, and how many are carried.

    Args:
        params: Its parameters; since JAX 0.11 trees of the three groups of operands are among them,
            not their numbers.

    Returns:
        Number of constants, number of carried values.
    """
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    consts, carry, _ = params["ft_in"].unpack()
    return len(tuple(consts.vals)), len(tuple(carry.vals))


def _scan_ties(program: Program, consts: int, carry: int) -> list[Dependence]:
    """Dependence of all results of a scan on its operands."""
    first_stacked = consts + carry
    inputs = [_itself(program, k, k) for k in range(first_stacked)]
    for k in range(first_stacked, program.num_inputs):
        inputs.append({k: (THIS_STEP, *identity(len(program.node_avals[k].shape)))})
    outputs = _iterate(program, inputs, consts, carry)
    stacked = [
        {k: tuple(_stacked_axis(tie) for tie in ties) for k, ties in output.items()}
        for output in outputs[carry:]
    ]
    return inputs[consts:first_stacked] + stacked


def _stacked_axis(tie: int) -> int:
    """The axis of the stacked result for an axis of what one step returns."""
    return 0 if tie == THIS_STEP else tie if tie == UNTIED else tie + 1


@register_ties("while", is_simple=False)
def while_loop(use: Use) -> tuple[int, ...] | None:
    """Constants of the body and carried values flow to all steps, those of the condition nowhere.

    c[t+1] = f(w, c[t]) for operands (constants of the condition, w, c[0]) and results c[T], with T
    unknown, so dc[T]/dc[0] is the product of all df/dc: an axis that f ties stays tied.

    Example: `lambda c: sin(c)` with c of shape (3): out (a), in (a) with a tied, value (a).

    Reads `body_jaxpr`, `body_nconsts` and `cond_nconsts`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.while_loop.html
    """
    consts, skipped = use.params["body_nconsts"], use.params["cond_nconsts"]

    def compute(program: Program) -> list[Dependence]:
        carry = program.num_inputs - consts
        inputs = [_itself(program, k, k) for k in range(program.num_inputs)]
        _iterate(program, inputs, consts, carry)
        return inputs[consts:]

    ties = cached_by_jaxpr(("while", consts), use.params["body_jaxpr"], compute)[use.result]
    return ties.get(use.operand - skipped)


def _itself(program: Program, node: int, source: int) -> Dependence:
    """The dependence of an input on itself, as a source of the given number."""
    return {source: identity(len(program.node_avals[node].shape))}


def _iterate(
    program: Program, inputs: list[Dependence], consts: int, carry: int
) -> Sequence[Dependence]:
    """Feeds carried outputs back until nothing changes; ties are only ever lost, so this ends.

    Changes `inputs` in place: carried values then depend on sources as after any number of steps.
    """
    while True:
        outputs = ties_of(program, inputs)
        before = [dict(dependence) for dependence in inputs]
        for k in range(carry):
            # What was the current step is an earlier one for whoever reads the carried value.
            fed_back = {
                source: tuple(UNTIED if tie == THIS_STEP else tie for tie in ties)
                for source, ties in outputs[k].items()
            }
            merge(inputs[consts + k], fed_back)
        if inputs == before:
            return outputs
