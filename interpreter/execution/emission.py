"""How a Jacobian gets into the surrounding program: by elimination, or by one of JAX's modes.

`jacve(f)` asks for whatever is quickest. The elimination and JAX's modes are traced separately, and
the equations of the program with the lowest price are evaluated one by one: in the surrounding
trace or, outside of `jax.jit`, on numbers.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.core
import jax.numpy as jnp

from elimax.interpreter.algebra.edge_jacobian import EdgeJacobian
from elimax.interpreter.execution import scan_choice  # noqa: F401  It registers itself.
from elimax.interpreter.execution.evaluation import differentiate, read
from elimax.interpreter.execution.guards import Mode
from elimax.interpreter.execution.jax_modes import MODES, has_modes, in_mode
from elimax.interpreter.execution.points import points_at_once
from elimax.interpreter.execution.program_price import ProgramPrice, program_price
from elimax.interpreter.graph.price import computes_numbers
from elimax.interpreter.graph.wanted import Blocks
from elimax.interpreter.tracing.active_graph import ActiveGraph
from elimax.interpreter.tracing.program import Program

Emitted = tuple[list[Any], dict[tuple[int, int], EdgeJacobian]]

CLEARLY = 4
"""Only one of JAX's modes is considered if the inputs have this many times as many entries as the
outputs, or the outputs as the inputs."""

FAR = 2
"""The reverse mode is not traced if it should cost this many times as much as elimination, going by
what the forward mode costs: in 202 cases, functions for one point and in batches of 256, it was
never the quickest then."""


def eliminated(
    program: Program,
    active: ActiveGraph,
    leaves: Sequence[Any],
    order: Sequence[int],
    wanted: Blocks | None = None,
    *,
    may_enter: bool = False,
) -> Emitted:
    """Runs a program and eliminates its graph.

    Args:
        program: The program, with all its outputs.
        active: What differentiates it.
        leaves: Value of every input leaf.
        order: Vertex numbers, checked already.
        wanted: Blocks of the Jacobian that are wanted; None for all.
        may_enter: Whether bodies of loops may be eliminated, where that is quicker.

    Returns:
        The values of all outputs, and the blocks of the Jacobian, see `evaluation.eliminate`.
    """
    values, blocks = differentiate(program, active, leaves, order, wanted, may_enter=may_enter)
    return [jnp.asarray(read(values.nodes, node)) for node in program.outputs], blocks


def quickest(
    program: Program,
    active: ActiveGraph,
    leaves: Sequence[Any],
    order: Sequence[int],
    wanted: Blocks | None = None,
) -> Emitted:
    """Runs a program and differentiates it, by elimination or by one of JAX's modes.

    A graph that computes with single numbers is always eliminated: its products are one kernel.

    Args:
        program: As for `eliminated`.
        active: As for `eliminated`.
        leaves: As for `eliminated`.
        order: As for `eliminated`.
        wanted: As for `eliminated`.

    Returns:
        As `eliminated`.
    """
    if computes_numbers(active.graph) or not has_modes(program, active):
        return eliminated(program, active, leaves, order, wanted, may_enter=True)
    inputs = active.moving_inputs

    def replaced(moving: Sequence[Any]) -> list[Any]:
        values = list(leaves)
        for node, value in zip(inputs, moving, strict=True):
            values[node] = value
        return values

    def by_elimination(*moving: Any) -> Emitted:
        return eliminated(program, active, replaced(moving), order, wanted, may_enter=True)

    def by(mode: Mode) -> Callable[..., Emitted]:
        return lambda *moving: in_mode(mode, program, active, replaced(moving))

    moving, points = [leaves[node] for node in inputs], points_at_once(leaves)
    best = _Traced.of(by_elimination, moving)
    limit = best.price.of(points)
    for mode in _likely_modes(active):
        try:
            rival = _Traced.of(by(mode), moving)
        except Exception:  # JAX does not have every mode for every program, nor we every guard.
            continue
        if rival.price.is_below(best.price, points):
            best = rival
        if rival.price.of(points) * _reverse_by_forward(active) > FAR * limit:
            break
    return best.evaluate(moving)


def _likely_modes(active: ActiveGraph) -> tuple[Mode, ...]:
    """JAX's modes, the forward mode first, without the one that is hopeless.

    Sizes alone do not tell where there is a loop: pulling back through its rounds costs more than
    pushing several tangents along with its values.
    """
    if _has_loop(active):
        return MODES
    ins, outs = _sizes(active)
    if ins >= CLEARLY * outs:
        return ("jacrev",)
    return ("jacfwd",) if outs >= CLEARLY * ins else MODES


def _reverse_by_forward(active: ActiveGraph) -> float:
    """About how many times as much as the forward mode the reverse mode costs; 0 if unknown."""
    ins, outs = _sizes(active)
    return 0.0 if _has_loop(active) else outs / max(ins, 1)


def _has_loop(active: ActiveGraph) -> bool:
    return any(equation.analysis.rounds for equation in active.opaque.values())


def _sizes(active: ActiveGraph) -> tuple[int, int]:
    """The numbers of entries of all inputs that move and of all outputs."""
    shapes = active.graph.node_shapes
    ins = sum(math.prod(shapes[node]) for node in active.moving_inputs)
    return ins, sum(math.prod(shapes[node]) for node in active.graph.output_nodes)


class _Traced(NamedTuple):
    """A function of arrays, traced.

    Attributes:
        closed: Its jaxpr, which returns the computed leaves.
        known: The leaves of its result; None for those that `closed` computes.
        is_computed: For every leaf whether `closed` computes it.
        tree: The tree of the result.
    """

    closed: Any
    known: list[Any]
    is_computed: list[bool]
    tree: Any

    @classmethod
    def of(cls, function: Callable[..., Emitted], arguments: Sequence[Any]) -> "_Traced":
        """Traces a function, which may return trees of arrays and of anything else."""
        found: list[tuple[list[Any], list[bool], Any]] = []

        def flat(*moving: Any) -> list[Any]:
            leaves, tree = jax.tree.flatten(function(*moving))
            is_computed = [isinstance(leaf, jax.core.Tracer) for leaf in leaves]
            pairs = list(zip(leaves, is_computed, strict=True))
            found.append(([None if x else leaf for leaf, x in pairs], is_computed, tree))
            return [leaf for leaf, x in pairs if x]

        closed = jax.make_jaxpr(flat)(*arguments)
        return cls(closed, *found[0])

    @property
    def price(self) -> ProgramPrice:
        """What it is expected to take in time, if only the Jacobian is wanted."""
        # Numbered leaves tell which are those of the values: they come first.
        values, _ = jax.tree.unflatten(self.tree, range(len(self.known)))
        first = len(jax.tree.leaves(values))
        numbers = [k for k, is_computed in enumerate(self.is_computed) if is_computed]
        closed = self.closed
        pairs = zip(closed.jaxpr.constvars, closed.consts, strict=True)
        shared = [variable for variable, value in pairs if points_at_once([value]) == 1]
        return program_price(closed.jaxpr, [k >= first for k in numbers], shared=shared)

    def evaluate(self, arguments: Sequence[Any]) -> Emitted:
        """What the function returns for arguments of the same shapes."""
        computed = iter(jax.core.eval_jaxpr(self.closed.jaxpr, self.closed.consts, *arguments))
        pairs = zip(self.known, self.is_computed, strict=True)
        leaves = [next(computed) if is_computed else leaf for leaf, is_computed in pairs]
        return jax.tree.unflatten(self.tree, leaves)
