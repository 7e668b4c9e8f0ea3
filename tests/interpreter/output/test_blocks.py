"""Blocks in the form that is asked for: dense, structured, BCOO."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax.experimental.sparse import BCOO

from elimax.interpreter.algebra.edge_jacobian import EdgeJacobian
from elimax.interpreter.execution.evaluation import edge_jacobians, eliminate, evaluate_nodes
from elimax.interpreter.graph.structure import Kind, edge_structure
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.output.blocks import (
    OUTPUTS,
    block_of,
    check_output,
    write_block,
)
from elimax.interpreter.output.structured import StructuredJacobian
from elimax.interpreter.tracing.active_graph import active_graph
from elimax.interpreter.tracing.program import trace_program
from support.compare import assert_same_blocks, emitted_multiplications
from support.dense_values import dense
from support.edge_values import SHAPES, edges
from support.jaxprs import primitives
from support.random_programs import array_programs, wave

X = jnp.asarray(wave(4), jnp.float32)


def written(block):
    """A block of any form as an array."""
    return block if isinstance(block, jax.Array) else block.todense()


@given(st.data())
@settings(max_examples=36)
def test_every_form_is_the_same_array(data):
    """Any structure with any value, in the dtype that is asked for."""
    out, into = (data.draw(st.sampled_from(SHAPES)) for _ in range(2))
    edge = data.draw(edges(out, into))
    for output in OUTPUTS:
        block = write_block(edge, jnp.dtype(jnp.float16), output)
        assert (block.shape, block.dtype) == (out + into, jnp.float16)
        np.testing.assert_allclose(np.asarray(written(block), np.float64), dense(edge), atol=1e-3)


@given(st.data())
@settings(max_examples=60)
def test_bcoo_writes_no_constant_zero_and_no_place_twice(data):
    """Indices are unique and in range; a block that is constant has as many as are not zero."""
    out, into = (data.draw(st.sampled_from(SHAPES)) for _ in range(2))
    edge = data.draw(edges(out, into))
    block = write_block(edge, jnp.dtype(jnp.float32), "bcoo")
    indices = np.asarray(block.indices)
    assert len(np.unique(indices, axis=0)) == len(indices) or not indices.shape[1]
    assert (indices >= 0).all() and (indices < np.array(block.shape, int)).all()
    structured = write_block(edge, jnp.dtype(jnp.float32), "structured")
    if not jax.tree.leaves(structured):
        assert np.all(np.asarray(block.data) != 0)
        assert block.nse == np.count_nonzero(dense(edge))


@pytest.mark.parametrize("output", OUTPUTS)
@given(program=array_programs(max_steps=6))
@settings(max_examples=4)
def test_random_programs_in_every_form(output, program):
    """All blocks of all outputs, zero ones included."""
    inputs = [jnp.asarray(x, jnp.float32) for x in program.example_inputs()]
    argnums = tuple(range(len(inputs)))
    ours = jacve(program, argnums, output=output)(*inputs)
    is_block = lambda x: isinstance(x, (StructuredJacobian, BCOO))  # noqa: E731
    ours = jax.tree.map(written, ours, is_leaf=is_block)
    assert_same_blocks(ours, jax.jit(jax.jacrev(program, argnums))(*inputs), rtol=1e-4, atol=1e-5)


def blocks(function, *inputs, order=()):
    """The graph of a function and the blocks that an elimination leaves."""
    program = trace_program(function, inputs)
    active = active_graph(program, [True] * len(inputs))
    jacobians = edge_jacobians(active, evaluate_nodes(program, inputs, active))
    return active.graph, eliminate(active.graph, jacobians, order)


@pytest.mark.parametrize("output", OUTPUTS)
def test_opaque_edges_are_written_out(output):
    """A running sum that nothing was multiplied with."""
    graph, found = blocks(jnp.cumsum, jnp.ones(3))
    block = write_block(found[0, graph.outputs[0]], jnp.dtype(jnp.float32), output)
    np.testing.assert_array_equal(written(block), np.tril(np.ones((3, 3))))


@pytest.mark.parametrize("output", OUTPUTS)
def test_blocks_of_every_sort(output):
    """An edge, no edge, the input itself, a constant, an integer input."""
    x = jnp.arange(1.0, 3.0)
    graph, found = blocks(lambda x, y: [x * x, y, 1.0], x, x)
    square, same, constant = graph.outputs
    assert constant == -1

    def block(node, in_node, shape=(2,), dtype=jnp.float32):
        edge = block_of(graph, found, in_node, node, shape)
        return write_block(edge, jnp.dtype(dtype), output)

    expected = [
        (block(square, 0), [[2, 0], [0, 4]], 2),
        (block(square, 1), [[0, 0], [0, 0]], 0),
        (block(same, 1), [[1, 0], [0, 1]], 2),
        (block(constant, 0, ()), [0, 0], 0),
        (block(square, 1, dtype=jnp.int32), [[0, 0], [0, 0]], 0),
    ]
    for found_block, exact, nse in expected:
        assert written(found_block).tolist() == exact
        if output == "bcoo":
            assert found_block.nse == nse
    assert block(square, 1, dtype=jnp.int32).dtype == jnp.int32


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize(
    "function",
    [
        lambda x: jnp.sum(x) ** 2,
        lambda x: jnp.float32(2.0),
        lambda x: x[:0],
        lambda x: jax.lax.stop_gradient(x),
        lambda x: {"a": x[0], "b": [x * 2.0, jnp.cumsum(x)]},
        lambda x: x.at[jnp.array([1, 9])].set(0.0),
    ],
)
def test_odd_functions(function, output):
    """Numbers, constants, no entries, no derivative, trees."""
    is_block = lambda x: isinstance(x, (StructuredJacobian, BCOO))  # noqa: E731
    ours = jax.jit(jacve(function, output=output))(X)
    ours = jax.tree.map(written, ours, is_leaf=is_block)
    assert_same_blocks(ours, jax.jacrev(function)(X), rtol=1e-6)


@pytest.mark.parametrize("output", OUTPUTS)
def test_integer_inputs(output):
    """Their Jacobian is zero in their own dtype, as from jacrev."""
    jac = jacve(lambda i, x: x * i.astype(x.dtype), (0, 1), allow_int=True, output=output)
    zero, other = jac(jnp.arange(4), X)
    assert zero.dtype == jnp.int32 and not written(zero).any()
    np.testing.assert_array_equal(np.diag(written(other)), np.arange(4))


@pytest.mark.parametrize("output", OUTPUTS)
def test_real_part_of_a_complex_edge(output):
    """Between real vertices only the real part of what went through complex ones counts."""
    structure = edge_structure((2,), (2,), [0], [0], Kind.GENERAL)
    for value in (np.array([1 + 5j, 2 - 5j]), jnp.array([1 + 5j, 2 - 5j])):
        block = write_block(EdgeJacobian(structure, value), jnp.dtype(jnp.float32), output)
        assert written(block).tolist() == [[1, 0], [0, 2]]
        kept = write_block(EdgeJacobian(structure, value), jnp.dtype(jnp.complex64), output)
        assert written(kept)[0, 0] == 1 + 5j


@pytest.mark.parametrize("output", OUTPUTS)
def test_assembly_multiplies_nothing(output):
    """Elementwise functions need no product at all, though their Jacobian is written dense."""
    closed = jax.make_jaxpr(jacve(jnp.sin, output=output))(X)
    assert emitted_multiplications(closed) == 0
    assert not {"mul", "dot_general"} & primitives(closed)


def test_form_is_checked():
    """The message lists all forms."""
    for output in OUTPUTS:
        check_output(output)
    with pytest.raises(ValueError, match="'csr' is not available; choose one of dense, structured"):
        check_output("csr")
