"""Equations without a formula: which edges they make, what is tied, and their values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.graph.pair_structure import Direction, written_structure
from elimax.interpreter.graph.structure import (
    UNTIED,
    EdgeStructure,
    Kind,
    edge_structure,
)
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.call import trace
from support.compare import assert_equals_jacrev, assert_equals_jacrev_in_all_orders
from support.jaxprs import equations
from support.opaque import written_edges
from support.random_programs import wave


@jax.custom_vjp
def rows(x):
    """A cumulative sum of each row, with twice its derivative."""
    return jnp.cumsum(x, axis=1)


rows.defvjp(lambda x: (rows(x), None), lambda _, ct: (2.0 * lax.cumsum(ct, 1, reverse=True),))


@jax.custom_vjp
def turned(x):
    """x^T, which ties axes crosswise."""
    return x.T


turned.defvjp(lambda x: (x.T, None), lambda _, ct: (3.0 * ct.T,))


@pytest.mark.parametrize(
    "function",
    [jax.nn.relu, jax.nn.relu6, jax.nn.silu, jax.nn.softplus, jax.nn.selu, jnp.sinc],
)
def test_functions_with_elementwise_rules_stay_diagonal(function):
    """jax.nn and the like keep the batch axis tied, whatever they are built of."""
    graph = trace(lambda x: function(x), jnp.ones((2, 3)))
    assert all(edge.ties == (0, 1) for edge in graph.edges.values())


def test_rule_of_a_function_is_what_counts():
    """The body is elementwise, the rule is a cumulative sum: the edge is dense, as JAX has it."""

    @jax.custom_jvp
    def odd(x):
        return x * x

    odd.defjvp(lambda primals, tangents: (odd(*primals), jnp.cumsum(tangents[0])))
    (edge,) = trace(odd, jnp.ones(3)).edges.values()
    assert written_structure(edge).ties == (UNTIED,)
    assert_equals_jacrev_in_all_orders(lambda x: jnp.sin(odd(jnp.cos(x))), wave(3))


def test_rule_that_calls_its_function_is_elementwise():
    """A rule that evaluates the function itself beside the slope is still elementwise."""

    @jax.custom_jvp
    def cube(x):
        return x * x * x

    cube.defjvp(lambda primals, tangents: (cube(*primals), 5.0 * primals[0] * tangents[0]))
    (edge,) = trace(cube, jnp.ones(3)).edges.values()
    assert edge == edge_structure((3,), (3,), [0], [0], Kind.GENERAL)
    assert_equals_jacrev(cube, wave(3))


def test_functions_of_two_arguments_with_their_own_rule():
    """Of equal and of different shapes."""

    @jax.custom_jvp
    def scale(x, y):
        return x * y

    scale.defjvps(lambda t, ans, x, y: 2.0 * t * y, lambda t, ans, x, y: 3.0 * x * t)
    assert_equals_jacrev(scale, wave(3), wave(3, phase=4), argnums=(0, 1))
    assert_equals_jacrev(scale, wave(2, 3), wave(3, phase=4), argnums=(0, 1))


def test_functions_by_rows_keep_the_batch_axis():
    """custom_jvp that mixes a row: b tied, value (b, i, k)."""

    @jax.custom_jvp
    def mixed(x):
        return x

    mixed.defjvp(lambda primals, tangents: (mixed(*primals), jnp.cumsum(tangents[0], axis=1)))
    (edge,) = trace(mixed, jnp.ones((2, 3))).edges.values()
    assert written_structure(edge) == edge_structure(
        (2, 3), (2, 3), [0, UNTIED], [0, 1, 3], Kind.GENERAL
    )
    assert_equals_jacrev_in_all_orders(lambda x: jnp.sin(mixed(jnp.cos(x))), wave(2, 3))


@pytest.mark.parametrize(
    ("function", "ties"), [(rows, (0, UNTIED)), (turned, (1, 0)), (jax.jit(rows), (0, UNTIED))]
)
def test_ties_of_pullbacks(function, ties):
    """custom_vjp: what the cotangents tie, whatever the body does."""
    (edge,) = trace(function, jnp.ones((2, 3))).edges.values()
    assert written_structure(edge).ties == ties
    assert_equals_jacrev_in_all_orders(lambda x: jnp.sin(function(jnp.cos(x))), wave(2, 3))


def test_custom_vjp_of_several_arguments_and_results():
    """Every pair of argument and result has its own edge."""

    @jax.custom_vjp
    def both(x, y):
        return x * y, y

    both.defvjp(
        lambda x, y: (both(x, y), (x, y)),
        lambda kept, cts: (cts[0] * kept[1] * 2.0, (cts[0] * kept[0]).sum() + cts[1].sum()),
    )
    assert_equals_jacrev(
        lambda x, y: both(jnp.sin(x), jnp.cos(y)), wave(3), np.float64(0.4), argnums=(0, 1)
    )


def test_rules_may_hide_what_only_one_mode_can_do():
    """A custom_jvp whose rule runs a while loop is differentiated forward, as by jacfwd."""

    @jax.custom_jvp
    def hidden(x):
        return x.sum()

    @hidden.defjvp
    def rule(primals, tangents):
        (t,) = tangents
        doubled = lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * 2.0), (0, t))
        return hidden(*primals), doubled[1].sum()

    x = jnp.ones(3)
    np.testing.assert_allclose(jacve(hidden)(x), jax.jacfwd(hidden)(x))


def test_a_derivative_that_neither_mode_has_is_an_error():
    """The first refusal of JAX is what a user sees."""

    @jax.custom_vjp
    def bare(x):
        return x

    def loop(x):
        return lax.while_loop(lambda c: c.sum() < 3.0, lambda c: bare(c) + 1.0, x)

    bare.defvjp(lambda x: (x, None), lambda _, ct: (ct,))
    with pytest.raises((TypeError, ValueError), match=r"custom_vjp|while_loop"):
        jacve(loop)(jnp.ones(3))


def test_pushforwards_without_a_derivative():
    """No edge where the rule drops the tangent; the Jacobian is zero."""

    @jax.custom_jvp
    def flat(x):
        return x * x

    flat.defjvp(lambda primals, tangents: (flat(*primals), jnp.zeros_like(tangents[0])))
    assert_equals_jacrev(lambda x: flat(jnp.sin(x)), wave(3))


SQUARE = wave(3, 3) + 3 * np.eye(3)


@jax.custom_vjp
def doubled_slope(x):
    """sin with twice its derivative, which only reverse mode knows."""
    return jnp.sin(x)


doubled_slope.defvjp(
    lambda x: (jnp.sin(x), jnp.cos(x)), lambda slope, cotangent: (2.0 * slope * cotangent,)
)

FUNCTIONS = {
    "scan": (lambda x: lax.scan(lambda c, y: (jnp.sin(c * y), c * c), x[0], x), wave(3)),
    "map": (lambda x: lax.map(jnp.sin, x), wave(3)),
    "fori_loop": (lambda x: lax.fori_loop(0, 3, lambda i, c: jnp.sin(c) * x, x), wave(3)),
    "cond": (lambda x: lax.cond(x[0] > 0, jnp.sin, lambda y: y * y, x), wave(3)),
    "switch": (lambda x: lax.switch(jnp.argmax(x), [jnp.sin, jnp.cos, jnp.exp], x), wave(3)),
    "custom_vjp": (doubled_slope, wave(3)),
    "custom_vjp in scan": (
        lambda x: lax.scan(lambda c, y: (doubled_slope(c * y), c), x[0], x)[1],
        wave(3),
    ),
    "custom_vjp in cond": (lambda x: lax.cond(x[0] > 0, doubled_slope, jnp.cos, x), wave(3)),
    "sort": (jnp.sort, wave(4)),
    "sort by key": (lambda x: lax.sort((x, jnp.cos(x)), num_keys=1)[1], wave(4)),
    "argsort": (lambda x: x[jnp.argsort(-x)], wave(4)),
    "top_k": (lambda x: lax.top_k(x, 2)[0], wave(4)),
    "solve": (lambda a: jnp.linalg.solve(a, jnp.ones((3,), a.dtype)), SQUARE),
    "inverse": (jnp.linalg.inv, SQUARE),
    "cholesky": (lambda a: jnp.linalg.cholesky(a @ a.T), SQUARE),
    "determinant": (jnp.linalg.det, SQUARE),
    "eigenvalues": (lambda a: jnp.linalg.eigvalsh(a + a.T), SQUARE),
    "qr": (jnp.linalg.qr, SQUARE),
    "triangular": (
        lambda a: jax.scipy.linalg.solve_triangular(a, jnp.ones((3,), a.dtype)),
        SQUARE,
    ),
    "convolve": (lambda x: jnp.convolve(x, x[:3]), wave(5)),
    "conv": (
        lambda x: lax.conv(x, jnp.ones((2, 2, 2, 2), x.dtype), (1, 1), "SAME"),
        wave(1, 2, 3, 3),
    ),
    "fft": (lambda x: jnp.fft.fft(x).real, wave(4)),
    "max pool": (
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2,), (1,), "VALID"),
        wave(4),
    ),
    "cumlogsumexp": (lax.cumlogsumexp, wave(4)),
    "associative scan": (lambda x: lax.associative_scan(jnp.multiply, x), wave(4)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_equal_jacrev(name):
    """Between two other functions, forward and reverse."""
    function, x = FUNCTIONS[name]
    for order in ("forward", "reverse"):
        assert_equals_jacrev(lambda x: jax.tree.map(jnp.sin, function(x + 0.1 * x)), x, order=order)


def test_while_loop_is_differentiated_forward():
    """jacrev refuses a while loop; elimination takes the pushforward, so jacfwd is compared."""

    def function(x):
        return lax.while_loop(lambda c: c.sum() < 20.0, lambda c: c * (1.5 + jnp.sin(x)), x)[:2]

    x = jnp.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(jacve(function)(x), jax.jacfwd(function)(x), rtol=1e-5)


def test_custom_root():
    """An implicit function with its own linear solve."""

    def function(x):
        return lax.custom_root(
            lambda y: y**3 - x,
            x,
            lambda f, y: lax.fori_loop(0, 30, lambda i, y: y - f(y) / (3 * y * y), y),
            lambda linear, y: y / linear(jnp.ones_like(y)),
        )

    assert_equals_jacrev_in_all_orders(lambda x: jnp.sin(function(x * x)), np.float64(1.4))


def test_two_operands():
    """A solve and a convolution with respect to both arguments."""
    assert_equals_jacrev(
        lambda a, b: jnp.linalg.solve(a, jnp.sin(b)), SQUARE, wave(3), argnums=(0, 1)
    )
    assert_equals_jacrev(
        lambda x, w: jnp.convolve(jnp.sin(x), w * w), wave(5), wave(3), argnums=(0, 1)
    )


def test_factors_of_a_solver_have_no_edge():
    """The factorisation tells how to solve; what is solved comes with the matrix itself."""
    graph = trace(lambda a, b: jnp.linalg.solve(a, b), jnp.eye(3), jnp.ones(3))
    solve = graph.node(graph.primitives.index("custom_linear_solve") + 1)
    factors = graph.node(graph.primitives.index("lu") + 1)
    assert (0, solve) in graph.edges
    assert (factors, solve) not in graph.edges


def test_ties_are_read_off_the_derivative():
    """A reduction by a function of its own: no rule knows its ties, its linearisation does."""
    graph = trace(lambda x: lax.reduce(x, 1.0, lambda a, b: a * b + a, (1,)), jnp.ones((3, 2)))
    (edge,) = graph.edges.values()
    array = edge_structure((3,), (3, 2), [0, UNTIED], [0, 2], Kind.GENERAL)
    assert written_structure(edge) == array


def test_wide_and_tall_equations():
    """Fewer results than operands go backwards, fewer operands forwards; both are right."""
    tall, wide = wave(4, 2), wave(2, 4)
    for matrix in (tall, wide):
        assert_equals_jacrev(
            lambda x, m=matrix: lax.map(lambda row: jnp.sin(row @ x), jnp.asarray(m)),
            wave(matrix.shape[1]),
        )


def test_integer_operands_and_results_have_no_edge():
    """Permutations and counters beside floats are left alone."""

    def function(x):
        values, places = lax.top_k(x, 2)
        return values * places.astype(x.dtype)

    assert_equals_jacrev_in_all_orders(function, wave(4))


def test_few_applications_write_everything():
    """A function of two numbers: one written edge per operand and result, no hidden node."""
    graph = trace(lambda x, y: lax.cond(x > 0, jnp.multiply, jnp.add, x, y), 1.0, 2.0)
    assert graph.hidden == ()
    assert all(isinstance(edge, EdgeStructure) for edge in graph.edges.values())


def test_several_operands_are_joined():
    """Placements into one node, one opaque edge, cuts: everything but that edge is structural."""
    graph = trace(
        lambda x, w: lax.scan(lambda c, y: (jnp.sin(c * y), c), w, x),
        jnp.ones(5),
        1.0,
        argnums=(0, 1),
    )
    operands, results = graph.hidden
    assert graph.node_shapes[operands] == graph.node_shapes[results] == (6,)
    (part,) = graph.edges[operands, results].parts
    assert (part.is_joint, part.direction) == (True, Direction.BOTH)
    others = [edge for pair, edge in graph.edges.items() if pair != (operands, results)]
    assert {edge.kind for edge in others} == {Kind.STRUCTURAL}


BATCHED = {
    "cholesky": (lambda a: jnp.linalg.cholesky(a @ a.T + 3 * jnp.eye(3, dtype=a.dtype)), (3, 3)),
    "scan": (lambda x: lax.scan(lambda c, y: (jnp.sin(c * y), c), x[0], x)[1], (3,)),
    "cond": (lambda x: lax.cond(x[0] > 0, jnp.cumprod, lambda y: y[0] * y, x), (3,)),
    "while": (
        lambda x: lax.while_loop(
            lambda c: c[0] < 3, lambda c: (c[0] + 1, jnp.cumsum(jnp.sin(c[1]))), (0, x)
        )[1],
        (3,),
    ),
}
BATCH = 1000


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit])
@pytest.mark.parametrize("name", BATCHED)
def test_a_large_batch_stays_tied(name, wrap):
    """No array of the program has the batch axis twice, and no product is paid for B x B."""
    function, shape = BATCHED[name]
    x = jnp.asarray(wave(BATCH, *shape), jnp.float32)
    batched = wrap(jax.vmap(lambda x: jnp.sin(function(jnp.sin(x)))))
    for edge in written_edges(trace(batched, x)).values():
        sizes = [edge.size(label) for label in edge.labels]
        assert sizes.count(BATCH) <= 1
    for order in ("forward", "reverse"):
        closed = jax.make_jaxpr(jacve(batched, order=order, output="structured"))(x)
        shapes = [var.aval.shape for eqn in equations(closed) for var in eqn.outvars]
        assert max(shape.count(BATCH) for shape in shapes) == 1


@pytest.mark.parametrize("name", BATCHED)
def test_values_of_a_batch(name):
    """Blocks on the diagonal are those of the elements."""
    function, shape = BATCHED[name]
    x = jnp.asarray(wave(4, *shape), jnp.float32)
    around = lambda x: jnp.sin(function(jnp.sin(x)))  # noqa: E731
    ours = jax.jit(jacve(jax.jit(jax.vmap(around))))(x)
    theirs = jax.jit(jax.vmap(jax.jacfwd(around)))(x)
    blocks = np.moveaxis(np.asarray(ours), 1 + len(shape), 1)[np.arange(4), np.arange(4)]
    np.testing.assert_allclose(blocks, theirs, rtol=1e-4, atol=1e-6)
