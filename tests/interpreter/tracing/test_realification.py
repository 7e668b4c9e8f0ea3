"""Functions that go through complex numbers without being holomorphic."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.graph.structure import UNTIED, Kind
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.active_graph import active_graph
from elimax.interpreter.tracing.call import trace
from elimax.interpreter.tracing.program import trace_program
from elimax.interpreter.tracing.realification import (
    complex_block,
    is_holomorphic,
    join_parts,
    real_aval,
    split_parts,
)
from elimax.interpreter.tracing.uses import active_uses
from support.compare import assert_equals_jacrev_in_all_orders, assert_same_blocks
from support.random_programs import wave


@jax.custom_jvp
def softened(z):
    """z |z|, with its own rule, which is not holomorphic."""
    return z * jnp.abs(z).astype(z.dtype)


@softened.defjvp
def _softened_jvp(primals, tangents):
    (z,), (dz,) = primals, tangents
    slope = (z.conj() * dz).real / jnp.abs(z)
    return softened(z), dz * jnp.abs(z).astype(z.dtype) + z * slope.astype(z.dtype)


@jax.custom_vjp
def mirrored(z):
    """conj(z) with twice its derivative, which only reverse mode knows."""
    return jnp.conj(z)


mirrored.defvjp(lambda z: (jnp.conj(z), None), lambda _, cotangent: (2.0 * jnp.conj(cotangent),))


def as_complex(x):
    """x + i x**2, in the complex dtype that fits."""
    return jax.lax.complex(x, x * x)


FUNCTIONS = {
    "power": lambda x: (jnp.fft.fft(x).conj() * jnp.fft.fft(x)).real,
    "modulus and back": lambda x: jnp.fft.ifft(as_complex(jnp.abs(jnp.fft.fft(x)))).real,
    "parts in a new number": lambda x: jnp.sin(as_complex(as_complex(x).imag)).real,
    "phase": lambda x: jnp.angle(as_complex(x).conj() ** 2),
    "cond": lambda x: jax.lax.cond(x[0] > 0, jnp.conj, jnp.sin, as_complex(x)).imag,
    "scan": lambda x: (
        jax.lax.scan(lambda c, z: (c * z.conj(), c), as_complex(x[0]), as_complex(x))[0].real
    ),
    "while": lambda x: (
        jax.lax.fori_loop(0, 3, lambda i, z: z * z.conj() + z, as_complex(x) * 0.3).imag
    ),
    "custom jvp": lambda x: jnp.abs(softened(as_complex(x))),
    "custom vjp": lambda x: (mirrored(as_complex(x)) ** 2).real,
    "layout": lambda x: (
        (
            jnp.concatenate([as_complex(x).conj()[::-1], as_complex(x)[1:3]]).reshape(2, 3).T.sum(0)
        ).imag
    ),
    "matrix product": lambda x: jnp.abs(
        jnp.outer(as_complex(x).conj(), as_complex(x)) @ as_complex(jnp.cos(x))
    ),
    "eigenvalues": lambda x: jnp.linalg.eigvalsh(
        jnp.outer(as_complex(x).conj(), as_complex(x)) + jnp.diag(as_complex(x).real)
    ),
    "reductions": lambda x: (
        as_complex(x).conj().prod().real + jnp.cumsum(as_complex(x).conj()).imag
    ),
    "relu of a part": lambda x: as_complex(jax.nn.relu(jnp.fft.fft(x).real)).imag,
    "no entries": lambda x: as_complex(x[:0]).conj().real,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_equal_jacrev(name):
    """Real functions through complex numbers, forward, reverse and in between."""
    with jax.numpy_dtype_promotion("standard"):
        assert_equals_jacrev_in_all_orders(lambda x: FUNCTIONS[name](jnp.sin(x)), wave(4) + 1.1)


def test_holomorphic_functions_stay_complex():
    """Where complex numbers suffice nothing is replaced."""
    program = trace_program(lambda x: [jnp.sin(jax.lax.complex(x, x)).imag], [jnp.ones(3)])
    assert is_holomorphic(program, active_uses(program, [True]))
    assert not active_graph(program, [True]).is_split


def test_nodes_get_an_axis_of_two():
    """A complex node of shape (3,) is one of (3, 2) in the graph; real ones stay."""
    graph = trace(lambda x: (jax.lax.complex(x, x).conj() * 1j).real, jnp.ones(3))
    assert graph.primitives == ("complex", "conj", "mul", "real")
    assert graph.node_shapes == ((3,), (3, 2), (3, 2), (3, 2), (3,))


def test_batch_axes_stay_tied():
    """Every edge of an elementwise function ties the first axis, conj included."""
    graph = trace(lambda x: jnp.abs(softened(jax.lax.complex(x, x).conj())), jnp.ones(3))
    for edge in graph.edges.values():
        assert edge.ties[0] == 0


def test_structural_edges_tie_the_parts():
    """A transposition moves both parts alike and stays free; so does taking a part."""
    graph = trace(lambda x: jax.lax.complex(x, x).conj().T.real, jnp.ones((2, 3)))
    edges = {graph.primitives[succ - 1]: edge for (_, succ), edge in graph.edges.items()}
    assert (edges["transpose"].ties, edges["transpose"].kind) == ((1, 0, 2), Kind.STRUCTURAL)
    assert (edges["real"].ties, edges["real"].kind) == ((0, 1, UNTIED), Kind.STRUCTURAL)
    assert edges["real"].carried == (4,)


@pytest.mark.parametrize(
    "function",
    [
        jnp.conj,
        lambda z: z * z.conj(),
        lambda z: jax.lax.complex(jnp.abs(z), z.imag),
        lambda z: jax.lax.cond(True, jnp.sin, jnp.cos, z),
        lambda z: (z, z.conj(), 1.0 + 0j),
        lambda z: z.conj().sum(),
    ],
)
def test_complex_inputs_follow_jacfwd(function):
    """With holomorphic=True it is the derivative along the real axis, holomorphic or not."""
    z = jnp.array([0.3 + 0.2j, 1.0 - 2.0j, 0.7j])
    theirs = jax.jit(jax.jacfwd(function, holomorphic=True))(z)
    for order in ("forward", "reverse"):
        ours = jacve(function, holomorphic=True, order=order)(z)
        assert_same_blocks(ours, theirs, rtol=1e-6)


def test_dtypes_of_parts():
    """float32 for complex64, float64 for complex128, and the real ones as they are."""
    with jax.enable_x64(True):
        for dtype, expected in (("complex64", "float32"), ("complex128", "float64")):
            aval = real_aval(jax.ShapeDtypeStruct((3,), dtype))
            assert (aval.shape, aval.dtype) == ((3, 2), expected)
    real = jax.ShapeDtypeStruct((3,), "bfloat16")
    assert real_aval(real) is real


def test_splitting_and_joining():
    """They are inverse to each other, and splitting leaves real numbers alone."""
    z = jnp.array([[1 + 2j, 3 - 4j]])
    np.testing.assert_array_equal(split_parts(z), [[[1, 2], [3, -4]]])
    np.testing.assert_array_equal(join_parts(split_parts(z)), z)
    np.testing.assert_array_equal(split_parts(z.real), z.real)


def test_complex_blocks_are_columns_of_the_real_part():
    """d(Re w)/d(Re z) + i d(Im w)/d(Re z)."""
    block = jnp.arange(12.0).reshape(3, 2, 2)
    np.testing.assert_array_equal(complex_block(block, 1), [0 + 2j, 4 + 6j, 8 + 10j])
