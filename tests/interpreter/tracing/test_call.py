"""From functions to graphs: active edges, numbering, arguments, complex numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.graph.pair_structure import written_structure
from elimax.interpreter.graph.structure import Kind, edge_structure
from elimax.interpreter.tracing.call import trace
from elimax.interpreter.tracing.program import trace_program
from elimax.interpreter.tracing.uses import active_uses
from support.compare import assert_equals_jacrev_in_all_orders
from support.random_programs import wave


def product_and_sum(x, y):
    """Two vertices: x y and x y + y."""
    return x * y + y


def test_the_first_argument_is_differentiated_by_default():
    """As by jacve; several are asked for by their positions."""
    assert set(trace(product_and_sum, 1.0, 2.0).edges) == {(0, 2), (2, 3)}
    graph = trace(product_and_sum, 1.0, 2.0, argnums=(0, 1))
    assert set(graph.edges) == {(0, 2), (1, 2), (2, 3), (1, 3)}


@pytest.mark.parametrize("argnums", [0, (0,), [0], -2, np.int64(0), range(1)])
def test_argnums_choose_active_inputs(argnums):
    """Edges from other arguments are dropped, but their leaves are still numbered."""
    graph = trace(product_and_sum, 1.0, 2.0, argnums=argnums)
    assert graph.num_inputs == 2
    assert set(graph.edges) == {(0, 2), (2, 3)}


@pytest.mark.parametrize("argnums", [2, -3, (0, 5)])
def test_argnums_out_of_range(argnums):
    """A position that no argument has is refused, not wrapped around."""
    with pytest.raises(ValueError, match="was called with 2 positional arguments"):
        trace(product_and_sum, 1.0, 2.0, argnums=argnums)


def test_leaves_of_pytrees_are_numbered_in_order():
    """All leaves of all arguments, None left out."""
    function = lambda d, z: d["a"] * z + d["b"][0]  # noqa: E731
    graph = trace(function, {"b": (1.0, None), "a": 2.0}, 3.0, argnums=(0, 1))
    assert graph.num_inputs == 3
    assert (0, 3) in graph.edges and (2, 3) in graph.edges and (1, 4) in graph.edges


def test_shapes_are_enough():
    """Arguments may be ShapeDtypeStructs; nothing is computed."""
    graph = trace(lambda x: jnp.sin(x) @ x, jax.ShapeDtypeStruct((3, 3), jnp.float32))
    assert graph.node_shapes == ((3, 3), (3, 3), (3, 3))


def test_edges_off_the_way_to_an_output_are_dropped():
    """A dead value and a value without derivative have no edges."""

    def function(x):
        dead = jnp.exp(x)
        del dead
        return x * jnp.floor(jnp.sin(x))

    graph = trace(function, 1.0)
    floor = graph.node(graph.primitives.index("floor") + 1)
    assert {succ for _, succ in graph.edges} == {graph.outputs[0]}
    assert not any(floor in edge for edge in graph.edges)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jnp.sign(x),
        lambda x: jax.lax.stop_gradient(x),
        lambda x: jnp.round(x) + jnp.ceil(x),
        lambda x: (x > 0.5).astype(jnp.float32),
        lambda x: x.astype(jnp.int32).astype(jnp.float32),
        lambda x: jnp.argmax(x).astype(jnp.float32),
    ],
)
def test_zero_derivatives_make_no_edges(function):
    """Comparisons, integers and piecewise constant functions end every path."""
    assert trace(function, jnp.ones(3)).edges == {}


def test_several_uses_are_one_edge():
    """x * x makes two uses and one edge of the graph, their sum."""
    program = trace_program(lambda x: [x * x], [1.0])
    assert len(active_uses(program, [True])) == 2
    graph = trace(lambda x: x * x, 1.0)
    assert graph.edges == {(0, 1): edge_structure((), (), [], [], Kind.GENERAL)}


def test_constant_outputs_are_minus_one():
    """An output without a node keeps its place."""
    assert trace(lambda x: (x, 1.0, jnp.sin(x)), 1.0).outputs == (0, -1, 1)


def test_jit_does_not_change_the_graph():
    """The fingerprint of a function is that of the function in jit."""
    plain = trace(product_and_sum, 1.0, 2.0, argnums=(0, 1))
    assert (
        trace(jax.jit(product_and_sum), 1.0, 2.0, argnums=(0, 1)).fingerprint == plain.fingerprint
    )


def test_values_do_not_change_the_graph():
    """Kinds are set by primitives: zeros and ones give the same graph as other values."""

    def function(x):
        return jnp.where(x > 0, x, 0.0) * jnp.max(x) * 1.0

    graphs = [trace(function, value) for value in (jnp.zeros(3), jnp.ones(3), wave(3))]
    assert len({graph.fingerprint for graph in graphs}) == 1


def test_python_values_that_are_not_differentiated_stay_python_values():
    """They may steer the program, as they may under jax.jacrev, and keep their number."""

    def power(x, n, mode):
        for _ in range(n):
            x = jnp.sin(x) if mode == "sin" else jnp.cos(x)
        return x

    graph = trace(power, 1.0, 3, "sin", argnums=0)
    assert graph.num_inputs == 3
    assert graph.primitives == ("sin",) * 3


def test_structures_hold_plain_integers():
    """numpy integers in JAX's parameters do not get into graphs, which are stored as JSON."""

    def function(x):
        y = jax.vmap(lambda row: jnp.expand_dims(row, np.int64(0)))(x)
        return jax.lax.broadcast_in_dim(y, (2, 2, 1, 3), tuple(np.array([0, 2, 3]))).cumsum(
            axis=int(np.int64(1))
        )

    graph = trace(function, jnp.ones((2, 3)))
    for edge in map(written_structure, graph.edges.values()):
        numbers = (*edge.out_shape, *edge.in_shape, *edge.ties, *edge.carried)
        assert all(type(number) is int for number in numbers)


def spectrum(x):
    """Real numbers through complex ones: power and phase of an exponential series."""
    z = jnp.fft.fft(jax.lax.complex(jnp.cos(x), jnp.sin(x)))
    return z.real**2 + z.imag**2, jnp.abs(z), z.imag * x, jnp.fft.irfft(jnp.fft.rfft(x) ** 2, n=4)


def test_complex_numbers_between_real_ones():
    """fft, real and imaginary parts, absolute values, and back by irfft."""
    assert_equals_jacrev_in_all_orders(spectrum, wave(4))
