"""A scan whose body is eliminated at every step.

JAX pushes every tangent through all equations of the body, one step after the other. Here the
body's own graph is eliminated, for all steps at once, and what is left of a step is linear:

    dc' = A dc + B dx + C dk,    dy = D dc + E dx + F dk

with c carried, x and y stacked and k constant over the steps. That pays where a long body has a
narrow carry: gates of recurrent nets, stages of integrators, driven by a control at every step.

`jacve(f)` may do so, as it may take one of JAX's modes. For plans and counts a scan stays one
opaque edge.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.core
import jax.numpy as jnp

from elimax.interpreter.algebra.edge_jacobian import EdgeJacobian
from elimax.interpreter.algebra.pair_jacobian import as_map
from elimax.interpreter.execution.evaluation import differentiate, evaluate_nodes, read
from elimax.interpreter.tracing.active_graph import ActiveGraph
from elimax.interpreter.tracing.linearisation import Linearisation, Moving
from elimax.interpreter.tracing.program import Program

NARROW = 8
"""Entries of a tangent or cotangent up to which its product with a block is summed in place."""

Arrays = Sequence[Any]
Blocks = Mapping[tuple[int, int], EdgeJacobian]


@dataclasses.dataclass(frozen=True)
class ScanSteps:
    """A scan, and how its steps are differentiated.

    Attributes:
        moving: The equation.
        consts: Number of operands that are the same at every step; they come first.
        carry: Number of carried operands and results.
        program: The body.
        active: What differentiates the outputs of the body that move.
        order: The elimination order of `active`, checked.
        outputs: For every output of `active` its number among the outputs of the body.
    """

    moving: Moving
    consts: int
    carry: int
    program: Program
    active: ActiveGraph
    order: tuple[int, ...]
    outputs: tuple[int, ...]

    def linearise(self, inputs: Arrays) -> Linearisation:
        """Evaluates the scan at a point, with its derivative.

        Args:
            inputs: Values of all its operands.

        Returns:
            Its results and its derivative.
        """
        results, carried = self._values(inputs)
        kept = self._kept(inputs, carried)
        push = functools.partial(self._push, inputs, kept)
        pull = functools.partial(self._pull, inputs, kept)
        operands = [inputs[k] for k in self.moving.operands]
        outs = [results[r] for r in self.moving.results]
        return Linearisation(operands, outs, results, push, pull, takes_columns=True)

    def _values(self, inputs: Arrays) -> tuple[list[Any], Arrays]:
        """All results, and what is carried into every step."""
        consts, carry, stacked = self._split(inputs)

        def step(carried: Arrays, xs: Arrays) -> tuple[Arrays, Any]:
            outputs = self._outputs(evaluate_nodes(self.program, [*consts, *carried, *xs]).nodes)
            return outputs[: self.carry], (outputs[self.carry :], carried)

        last, (ys, carried) = self._scan(step, carry, stacked)
        return [*last, *ys], carried

    def _kept(self, inputs: Arrays, carried: Arrays) -> "_Kept":
        """The Jacobians of all steps."""
        consts, _, stacked = self._split(inputs)
        kept: list[_Kept] = []

        def at_step(carried: Arrays, xs: Arrays) -> list[Any]:
            _, blocks = differentiate(
                self.program, self.active, [*consts, *carried, *xs], self.order
            )
            # Entries that are the same at every step are not tracers, and are not stacked.
            leaves, tree = jax.tree.flatten(blocks)
            varies = [isinstance(x, jax.core.Tracer) for x in leaves]
            pairs = list(zip(leaves, varies, strict=True))
            kept.append(_Kept([None if x else leaf for leaf, x in pairs], tree, []))
            return [leaf for leaf, x in pairs if x]

        varying = jax.vmap(at_step)(carried, stacked)
        return kept[0]._replace(varying=varying)

    def _push(self, inputs: Arrays, kept: "_Kept", *tangents: Any) -> list[Any]:
        """Pushes tangents through the Jacobians of all steps."""
        fixed, carry, stacked = self._tangents(inputs, tangents)

        def step(carried: Any, at_step: Any) -> tuple[Any, Any]:
            varying, xs = at_step
            return self._apply(kept.blocks(varying), fixed | carried | xs, _columns(tangents))

        return self._results(self._scan(step, carry, (kept.varying, stacked)))

    def _pull(self, inputs: Arrays, kept: "_Kept", cotangents: Arrays) -> list[Any]:
        """Pulls cotangents back through the Jacobians of all steps."""
        by_result = dict(zip(self.moving.results, cotangents, strict=True))
        last = {
            k: by_result.get(k, _zeros(self._aval(k), cotangents))
            for k in self.outputs
            if k < self.carry
        }
        stacked = {k: x for k, x in by_result.items() if k >= self.carry}
        fixed = {k: _zeros(inputs[k], cotangents) for k in self.moving.operands if k < self.consts}

        def step(state: Any, at_step: Any) -> tuple[Any, Any]:
            (carried, fixed), (varying, ys) = state, at_step
            found = self._apply_back(kept.blocks(varying), carried | ys)
            # Cotangents of the carry are handed back a step, those of constants add up.
            before = {k: _taken(found, k + self.consts, x) for k, x in carried.items()}
            total = {k: x + _taken(found, k, x) for k, x in fixed.items()}
            return (before, total), {k: found[k] for k in self._moving_stacked if k in found}

        (first, fixed), xs = self._scan(step, (last, fixed), (kept.varying, stacked), is_back=True)
        found = fixed | xs | {k + self.consts: x for k, x in first.items()}
        return [
            found[k] if k in found else _zeros(inputs[k], cotangents) for k in self.moving.operands
        ]

    @property
    def _moving_stacked(self) -> list[int]:
        return [k for k in self.moving.operands if k >= self.consts + self.carry]

    def _apply_back(self, blocks: Blocks, moved: dict[int, Any]) -> dict[int, Any]:
        """Cotangents of the inputs of the body from those of its outputs."""
        graph = self.active.graph
        at_node: dict[int, Any] = {}
        for output, node in zip(self.outputs, graph.outputs, strict=True):
            if output in moved and node >= 0:
                x = moved[output]
                at_node[node] = at_node[node] + x if node in at_node else x
        found = {node: x for node, x in at_node.items() if node < graph.num_inputs}
        for (pred, succ), block in blocks.items():
            if succ in at_node:
                image = _image(block, at_node[succ], is_back=True)
                found[pred] = found[pred] + image if pred in found else image
        return found

    def _apply(
        self, blocks: Blocks, moved: dict[int, Any], columns: tuple[int]
    ) -> tuple[dict[int, Any], list[Any]]:
        """Tangents of what is carried on, by input of the body, and of the stacked results."""
        graph = self.active.graph
        # An input that is itself an output passes its tangent on, without a block.
        total = {node: x for node, x in moved.items() if node in graph.outputs}
        for (pred, succ), block in blocks.items():
            if pred in moved:
                image = _image(block, moved[pred])
                total[succ] = total[succ] + image if succ in total else image
        found = {}
        for output, node in zip(self.outputs, graph.outputs, strict=True):
            aval = self._aval(output)
            zeros = functools.partial(jnp.zeros, (*aval.shape, *columns), aval.dtype)
            found[output] = total[node].astype(aval.dtype) if node in total else zeros()
        carried = {self.consts + k: x for k, x in found.items() if k < self.carry}
        return carried, [x for k, x in found.items() if k >= self.carry]

    def _aval(self, output: int) -> Any:
        """Shape and dtype of an output of the body."""
        if output < self.carry:
            return self.program.node_avals[self.consts + output]
        aval = self.moving.equation.out_avals[output]
        return jax.ShapeDtypeStruct(aval.shape[1:], aval.dtype)

    def _tangents(
        self, inputs: Arrays, tangents: Arrays
    ) -> tuple[dict[int, Any], dict[int, Any], dict[int, Any]]:
        """Tangents of the three sorts of operands by their number."""
        by_operand = dict(zip(self.moving.operands, tangents, strict=True))
        first = self.consts + self.carry
        carried = [self.consts + k for k in self.outputs if k < self.carry]
        return (
            {k: x for k, x in by_operand.items() if k < self.consts},
            {k: by_operand.get(k, _zeros(inputs[k], tangents)) for k in carried},
            {k: x for k, x in by_operand.items() if k >= first},
        )

    def _results(self, found: tuple[dict[int, Any], list[Any]]) -> list[Any]:
        """Tangents of the results that move."""
        carried, ys = found
        by_result = {k - self.consts: x for k, x in carried.items()}
        by_result |= dict(zip([k for k in self.outputs if k >= self.carry], ys, strict=True))
        return [by_result[r] for r in self.moving.results]

    def _split(self, inputs: Arrays) -> tuple[list[Any], list[Any], list[Any]]:
        first = self.consts + self.carry
        arrays = [jnp.asarray(x) for x in inputs]
        return arrays[: self.consts], arrays[self.consts : first], arrays[first:]

    def _outputs(self, nodes: dict[int, Any]) -> list[Any]:
        return [jnp.asarray(read(nodes, output)) for output in self.program.outputs]

    def _scan(self, step: Any, carry: Any, stacked: Any, is_back: bool = False) -> Any:
        params = self.moving.equation.params
        reverse = params["reverse"] != is_back
        return jax.lax.scan(step, carry, stacked, length=params["length"], reverse=reverse)


class _Kept(NamedTuple):
    """The Jacobians of all steps.

    Attributes:
        known: What is the same at every step; None for what varies.
        tree: The tree of both.
        varying: What varies, with a leading axis of steps.
    """

    known: list[Any]
    tree: Any
    varying: list[Any]

    def blocks(self, varying: Arrays) -> Blocks:
        """The Jacobians of one step."""
        rest = iter(varying)
        leaves = [next(rest) if leaf is None else leaf for leaf in self.known]
        return jax.tree.unflatten(self.tree, leaves)


def _zeros(like: Any, moved: Arrays) -> Any:
    """Zero tangents of an array, in as many columns as others have."""
    return jnp.zeros((*like.shape, *_columns(moved)), like.dtype)


def _columns(moved: Arrays) -> tuple[int]:
    return (moved[0].shape[-1],)


def _taken(found: Mapping[int, Any], key: int, like: Any) -> Any:
    """What was found under a key, of the dtype of an array; zeros if there is nothing."""
    return found[key].astype(like.dtype) if key in found else jnp.zeros_like(like)


def _image(block: EdgeJacobian, moved: Any, is_back: bool = False) -> Any:
    """A block times columns of tangents, or its transpose times columns of cotangents.

    A narrow product is a sum that XLA fuses with what is around it: a matrix library takes longer.
    """
    structure = block.structure
    out_rank = len(structure.out_shape)
    taken = structure.out_shape if is_back else structure.in_shape
    is_matrix = structure.carried_shape == (*structure.out_shape, *structure.in_shape)
    value = block.value
    is_array = not block.is_sparse and not block.drops
    if is_matrix and is_array and math.prod(taken) <= NARROW:
        if is_back:
            in_rank = len(structure.in_shape)
            spread = moved.reshape((*structure.out_shape, *[1] * in_rank, moved.shape[-1]))
            return jnp.sum(jnp.expand_dims(jnp.asarray(value), -1) * spread, tuple(range(out_rank)))
        axes = tuple(range(out_rank, len(structure.carried_shape)))
        return jnp.sum(jnp.expand_dims(jnp.asarray(value), -1) * moved, axes)
    both = as_map(block)
    term = both.backward if is_back else both.forward
    assert term is not None
    return jax.vmap(term, -1, -1)(moved)
