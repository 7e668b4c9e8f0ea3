"""From a program to its edges: hidden nodes among the others, opaque equations, parts."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.execution.evaluation import edge_jacobians, evaluate_nodes
from elimax.interpreter.graph.pair_structure import PairStructure
from elimax.interpreter.tracing.active_graph import active_graph
from elimax.interpreter.tracing.program import trace_program
from support.random_programs import wave


def loop(x, w):
    """One scan: two moving operands, two results."""
    return lax.scan(lambda c, y: (jnp.sin(c * y), c), w, x)


def traced(function, *inputs, active=None):
    """The active graph of a function."""
    program = trace_program(lambda *x: jax.tree.leaves(function(*x)), inputs)
    return active_graph(program, active or [True] * len(inputs))


def test_hidden_nodes_stand_before_the_results():
    """Joined operands, then joined results, then the results of their equation."""
    graph = traced(loop, jnp.ones(5), 1.0).graph
    assert graph.hidden == (2, 3)
    assert graph.primitives == ("scan:operands", "scan:results", "scan", "scan")
    assert graph.node_shapes == ((5,), (), (6,), (6,), (), (5,))
    assert set(graph.edges) == {(0, 2), (1, 2), (2, 3), (3, 4), (3, 5)}
    assert isinstance(graph.edges[2, 3], PairStructure)
    assert (graph.num_vertices, graph.vertex(4), graph.vertex(2)) == (2, 1, 3)


def test_one_operand_and_one_result_need_no_hidden_node():
    """The opaque edge leads straight from one to the other."""
    graph = traced(lambda x: jnp.sort(x), jnp.ones(5)).graph
    assert graph.hidden == ()
    assert list(graph.edges) == [(0, graph.outputs[0])]


def test_operands_that_do_not_move_make_no_edge():
    """With respect to x alone the scan has one moving operand."""
    graph = traced(loop, jnp.ones(5), 1.0, active=[True, False]).graph
    assert all(pred != 1 for pred, _ in graph.edges)
    assert [graph.primitives[node - 2] for node in graph.hidden] == ["scan:results"]


def test_opaque_equations_are_listed_by_their_index():
    """An equation with a formula is not among them."""
    active = traced(lambda x: jnp.sort(jnp.sin(x)), jnp.ones(5))
    (index,) = active.opaque
    assert active.program.equations[index].name == "sort"
    assert [edge.equation for edge in active.edges].count(index) == 1


def test_equations_without_entries_have_no_edge():
    """JAX does not differentiate all of them."""
    assert traced(lambda x: jnp.sort(x), jnp.ones(0)).graph.edges == {}


def test_values_of_joined_edges():
    """Placements, the function and cuts, multiplied together, are the Jacobian of the scan."""
    x, w = jnp.asarray(wave(5), jnp.float32), jnp.float32(0.7)
    active = traced(loop, x, w)
    values = evaluate_nodes(active.program, [x, w], active)
    np.testing.assert_allclose(values.nodes[3], loop(x, w)[1], rtol=1e-6)
    jacobians = edge_jacobians(active, values)
    (part,) = jacobians[2, 3].parts
    exact = jax.jit(jax.jacrev(lambda z: jnp.hstack(loop(z[:5], z[5]))))(jnp.append(x, w))
    written = part.function.materialised(part.structure.as_array.carried)
    operands, results = active.graph.node_shapes[2], active.graph.node_shapes[3]
    assert written.shape == results + operands
    # Members stand in the order of the equation's operands: w first, then x.
    np.testing.assert_allclose(written, np.roll(exact, 1, axis=1), rtol=1e-5)


def test_complex_nodes_are_split_where_they_must_be():
    """A function of a complex number without a formula stands in real and imaginary parts."""
    active = traced(lambda x: jnp.fft.fft(lax.complex(x, x)).real, jnp.ones(4))
    assert active.is_split
    assert (4, 2) in active.graph.node_shapes


@pytest.mark.parametrize("by_jit", [False, True])
def test_copies_of_constants_are_known_to_be_finite(by_jit):
    """Not what is infinite, near overflow, of a narrow dtype, or not a constant."""
    matrix = wave(3, 3).astype(np.float32)
    large, infinite = matrix.copy(), matrix.copy()
    large[0, 0], infinite[0, 0] = 1e20, np.inf

    def finite(function, x=None):
        found = []

        def look(x, y):
            edges = traced(lambda x, y: [function(x, y)], x, y, active=[True, False]).edges
            found.extend(edge.is_finite for edge in edges)
            return x

        x = jnp.ones(3) if x is None else x
        (jax.jit(look) if by_jit else look)(x, jnp.ones((3, 3)))
        return found

    assert finite(lambda x, y: matrix @ x) == [True]
    assert finite(lambda x, y: x * matrix[0]) == [True]
    assert finite(lambda x, y: large @ x) == [False]
    assert finite(lambda x, y: infinite @ x) == [False]
    assert finite(lambda x, y: y @ x) == [False]
    assert finite(lambda x, y: x * x) == [False, False]
    assert finite(lambda x, y: jnp.sin(x)) == [False]
    narrow = jnp.ones(3, jnp.float16)
    assert finite(lambda x, y: matrix.astype(np.float16) @ x, narrow) == [False]
    dimensions = (((1,), (0,)), ((), ()))
    wider = partial(
        lax.dot_general, dimension_numbers=dimensions, preferred_element_type=jnp.float32
    )
    assert finite(lambda x, y: wider(matrix, x), narrow) == [False]
