"""What a mask excludes never makes nan, in any order, and infinities behave as in a mode of JAX."""

import random

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from elimax.interpreter.algebra import masks
from elimax.interpreter.algebra.edge_jacobian import EdgeJacobian, add_edges, multiply_edges
from elimax.interpreter.algebra.labelled import Labelled
from elimax.interpreter.algebra.masks import cleared
from elimax.interpreter.algebra.sparse_value import selection
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.hessian import hessve
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.call import trace
from support.compare import QUICK
from support.jaxprs import primitives
from support.masked_functions import (
    CASES,
    MATRIX,
    OFF_DIAGONAL,
    POINTS,
    lennard_jones,
    morse,
    periodic,
)

NAMED = ("forward", "reverse", "auto", "markowitz")
GENERAL = Kind.GENERAL


def some_orders(function, *args, count=1):
    """Random orders and four with names."""
    vertices = list(trace(function, *args).eliminable)
    for seed in range(count):
        random.Random(seed).shuffle(vertices)
        yield tuple(vertices)
    yield from NAMED


def assert_no_worse_than_jax(function, x, by=jacve, reference=None):
    """Finite and equal wherever one of JAX's modes, or a given reference, is finite."""
    with jax.enable_x64(True):
        x = jnp.asarray(x)
        differentiated = jax.grad(function) if by is hessve else function
        orders = list(some_orders(differentiated, x))

        def jacobians(x):
            ours = [by(function, order=order)(x) for order in orders]
            modes = [jax.jacrev(differentiated)(x), jax.jacfwd(differentiated)(x)]
            return ours, modes if reference is None else [reference(x)]

        ours, modes = jax.jit(jacobians, compiler_options=QUICK)(x)
    expected = np.select([np.isfinite(mode) for mode in modes], modes, np.nan)
    known = np.isfinite(expected)
    assert known.any()
    for order, jacobian in zip(orders, ours, strict=True):
        error = np.abs(np.asarray(jacobian)[known] - expected[known])
        assert (error <= 1e-10 * max(np.abs(expected[known]).max(), 1)).all(), order


@pytest.mark.parametrize("name", CASES)
def test_masked_functions_are_finite_where_jax_is(name):
    """Guards of all sorts, forces of pair potentials, softmax with -inf, losses with nan."""
    assert_no_worse_than_jax(*CASES[name])


@pytest.mark.parametrize("energy", [lennard_jones, pytest.param(morse, marks=pytest.mark.slow)])
@pytest.mark.parametrize("by", [hessve, jacve])
def test_hessians_of_pair_potentials(energy, by):
    """Hessians with a double guard, which JAX needs for its own gradient to be finite."""

    def total(points):
        square = jnp.sum(periodic(points) ** 2, axis=-1)
        r = jnp.sqrt(jnp.where(OFF_DIAGONAL, square, 1.0))
        return jnp.where(OFF_DIAGONAL, energy(r), 0.0).sum() / 2

    function = total if by is hessve else jax.grad(total)
    assert_no_worse_than_jax(function, POINTS, by, jax.hessian(total))


def test_a_jacobian_of_a_jacobian_needs_no_double_guard():
    """jacve of jacve is finite where jax.hessian is all nan, and right."""

    def one_guard(points):
        r = jnp.sqrt(jnp.sum(periodic(points) ** 2, axis=-1))
        return jnp.where(OFF_DIAGONAL, lennard_jones(r), 0.0).sum() / 2

    def two_guards(points):
        square = jnp.sum(periodic(points) ** 2, axis=-1)
        r = jnp.sqrt(jnp.where(OFF_DIAGONAL, square, 1.0))
        return jnp.where(OFF_DIAGONAL, lennard_jones(r), 0.0).sum() / 2

    with jax.enable_x64(True):
        points = jnp.asarray(POINTS)
        expected = jax.jit(jax.hessian(two_guards))(points)
        found = jax.jit(jacve(jacve(one_guard, order="reverse"), order="reverse"))(points)
        assert np.isnan(jax.jit(jax.hessian(one_guard))(points)).all()
    np.testing.assert_allclose(found, expected, atol=1e-8 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (lambda x: jnp.sqrt(jnp.maximum(x, 0)), [-1.0, 0.0, 4.0], [0.0, np.inf, 0.25]),
        (lambda x: jnp.log(jnp.clip(x, 0.0, 2.0)), [-1.0, 1.0, 4.0], [0.0, 1.0, 0.0]),
        (lambda x: jnp.sqrt(jnp.where(x > 0, x, 0)), [-1.0, 0.0, 4.0], [0.0, 0.0, 0.25]),
        (lambda x: 1 / jnp.minimum(x, 0), [-1.0, 3.0], [-1.0, 0.0]),
    ],
)
def test_single_guards_are_better_than_jax(function, x, expected):
    """A guard before the singular point: JAX gives nan in one of its modes, or in both."""
    with jax.enable_x64(True):
        x = jnp.asarray(x)
        for order in some_orders(function, x):
            found = jnp.diag(jacve(function, order=order)(x))
            np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: jnp.sqrt(x), 0.0),
        (lambda x: jnp.log(x), 0.0),
        (lambda x: jnp.sqrt(x * x), 0.0),
        (lambda x: 0.0 * jnp.sqrt(x), 0.0),
        (lambda x: jnp.sqrt(x) * jnp.sqrt(x), 0.0),
        (lambda x: jnp.sqrt(x) - jnp.sqrt(x) * 2, 0.0),
        (lambda x: x * jnp.where(jnp.arange(2) > 0, 1.0, 0.0)[0] / x, 0.0),
    ],
)
def test_other_infinities_behave_as_in_a_mode_of_jax(function, x):
    """Where nothing is masked, infinities and nan are those of jacrev or of jacfwd."""
    with jax.enable_x64(True):
        x = jnp.asarray(x)
        modes = [np.asarray(mode(function)(x)) for mode in (jax.jacrev, jax.jacfwd)]
        for order in some_orders(function, x):
            found = np.asarray(jacve(function, order=order)(x))
            assert any(np.array_equal(found, mode, equal_nan=True) for mode in modes)


UNARY = {
    "sqrt": jnp.sqrt,
    "log": jnp.log,
    "reciprocal": lambda x: 1 / x,
    "power": lambda x: x**-2,
    "square": jnp.square,
    "zero times": lambda x: 0.0 * x,
    "relu": jax.nn.relu,
    "clip": lambda x: jnp.clip(x, 0.0, 1.0),
    "guard": lambda x: jnp.where(x > 0, x, 0.0),
    "guard by one": lambda x: jnp.where(x > 0, x, 1.0),
}
BINARY = {
    "add": jnp.add,
    "sub": jnp.subtract,
    "mul": jnp.multiply,
    "max": jnp.maximum,
    "min": jnp.minimum,
    "where": lambda x, y: jnp.where(x > 0, x, y),
    "where other": lambda x, y: jnp.where(x == 0, y, x),
}


@st.composite
def elementwise_programs(draw):
    """A function of two numbers: every step applies a primitive to earlier results."""
    steps = []
    for k in range(draw(st.integers(2, 8))):
        name = draw(st.sampled_from([*UNARY, *BINARY]))
        # Mostly the last result, so that little is left over.
        reads = [draw(st.sampled_from([k + 1, k + 1, *range(k + 2)])) for _ in range(2)]
        steps.append((name, reads))

    def function(x, y):
        values = [x, y]
        for name, (first, second) in steps:
            if name in UNARY:
                values.append(UNARY[name](values[first]))
            else:
                values.append(BINARY[name](values[first], values[second]))
        return values[-1]

    return function


@given(st.data())
@settings(max_examples=15)
def test_random_programs_are_finite_where_a_mode_of_jax_is(data):
    """Masks and singular points in random elementwise programs and random orders."""
    function = data.draw(elementwise_programs())
    with jax.enable_x64(True):
        x, y = (jnp.asarray(a).ravel() for a in np.meshgrid(*[[-1.0, 0.0, 0.25, 1.0, 2.0]] * 2))
        graph = trace(function, x[0], y[0], argnums=(0, 1))
        orders = [tuple(data.draw(st.permutations(graph.eliminable))), "forward", "reverse"]

        def jacobians(x, y):
            ours = [jacve(function, (0, 1), order=order)(x, y) for order in orders]
            return ours, [mode(function, (0, 1))(x, y) for mode in (jax.jacrev, jax.jacfwd)]

        ours, modes = jax.jit(jax.vmap(jacobians), compiler_options=QUICK)(x, y)
    modes = [np.stack(mode) for mode in modes]
    expected = np.select([np.isfinite(mode) for mode in modes], modes, np.nan)
    known = np.isfinite(expected)
    for jacobian in ours:
        np.testing.assert_allclose(np.stack(jacobian)[known], expected[known], 1e-8, 1e-8)


def layers(x, w):
    """A network whose last weights may be 0."""
    return w @ jax.nn.relu(MATRIX @ x)


def clipped(x, w):
    """Clipped at one end, which is met at 1."""
    return jnp.clip(w * jnp.log(x), -1, 1) ** 2


def masked_products(x, w):
    """A mask in front of products of the weights."""
    return jnp.where(x < 5, jnp.cumsum(w * jnp.log(x)) ** 2, 0.0)


@pytest.mark.parametrize("order", NAMED)
@pytest.mark.parametrize("function", [layers, clipped, masked_products])
def test_zeros_that_are_values_hide_no_derivative(function, order):
    """Weights of 0 exclude nothing: what a product is multiplied by is its derivative by them."""

    def loss(jacobian, w):
        return jnp.sum((jacobian(lambda x: function(x, w))(x) - 1.0) ** 2)

    def derivatives(x, w):
        """By the weights of a Jacobian by x, and twice by x: of each kind all must be the same."""

        def later(x):
            return function(x, w + 1.0)

        return [
            (
                by(lambda w: loss(lambda f: jacve(f, order=order), w))(w),
                by(jacve(later, order=order))(x),
            )
            for by in (jax.jacrev, jax.jacfwd, jacve)
        ], (jax.grad(lambda w: loss(jax.jacrev, w))(w), jax.jacfwd(jax.jacrev(later))(x))

    with jax.enable_x64(True):
        x = jnp.asarray([1.0, 2.0, 3.0])
        w = jnp.zeros((2, 4) if function is layers else 3)
        found, known = jax.jit(derivatives, compiler_options=QUICK)(x, w)
    for derivative in found:
        for ours, theirs in zip(derivative, known, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


def edge(array, drops=False, ties=(UNTIED,)):
    """A general edge between vectors that carries everything."""
    array = jnp.asarray(array)
    shape = array.shape if array.ndim == 2 else array.shape * 2
    structure = edge_structure(shape[:1], shape[1:], ties, (0, 1), GENERAL)
    return EdgeJacobian(structure, array, drops)


def test_only_a_factor_that_drops_hides_infinity():
    """0 times infinity is nan, unless the zero is that of a mask."""
    mask, slope = jnp.array([0.0, 1.0]), jnp.array([jnp.inf, 2.0])
    tied = (0,)
    for drops, expected in ((False, [np.nan, 2.0]), (True, [0.0, 2.0])):
        product = multiply_edges(edge(mask, drops, tied), edge(slope, ties=tied))
        np.testing.assert_array_equal(product.value, expected)
        assert product.drops == drops
        product = multiply_edges(edge(slope, ties=tied), edge(mask, drops, tied))
        np.testing.assert_array_equal(product.value, expected)


@pytest.mark.parametrize("limit", [0, masks.MAX_CLEARED])
def test_contractions_clear_what_is_excluded(monkeypatch, limit):
    """An index that is excluded everywhere never counts; one that is for some rows, if small."""
    monkeypatch.setattr(masks, "MAX_CLEARED", limit)
    later = edge([[0.0, 0.0, 2.0], [0.0, 1.0, 3.0]], drops=True)
    earlier = edge([[jnp.nan, jnp.inf], [jnp.inf, 5.0], [1.0, 1.0]])
    found = multiply_edges(later, earlier).value
    np.testing.assert_array_equal(found[1], [np.inf, 8.0])
    np.testing.assert_array_equal(found[0], [2.0 if limit else np.nan, 2.0])


def test_what_is_known_to_be_finite_is_not_cleared():
    """Neither in a contraction nor by a mask that moves entries; it stays known when moved."""

    def names(pattern, value, is_finite):
        later = edge(pattern, drops=True)._replace(structure=pattern_of)
        earlier = edge(value)._replace(is_finite=is_finite)
        found = []

        def multiplied(mask, matrix):
            product = multiply_edges(later._replace(value=mask), earlier._replace(value=matrix))
            found.append(product)
            return product.value

        closed = jax.make_jaxpr(multiplied)(later.value, earlier.value)
        return primitives(closed), found[0].is_finite

    for kind in (GENERAL, Kind.STRUCTURAL):
        pattern_of = edge_structure((2,), (3,), [UNTIED], (0, 1), kind)
        mask, matrix = jnp.ones((2, 3)), jnp.ones((3, 3))
        assert "is_finite" in names(mask, matrix, False)[0]
        found, is_finite = names(mask, matrix, True)
        assert "is_finite" not in found
        assert is_finite == (kind != GENERAL)


def test_a_sum_is_known_to_be_finite_if_both_summands_are():
    """Sums of entries far from overflow."""
    one, other = edge([[1.0]])._replace(is_finite=True), edge([[1.0]])
    assert add_edges(one, one).is_finite
    assert not add_edges(one, other).is_finite


@pytest.mark.parametrize("largest", [1.0, np.inf, 1e16])
@pytest.mark.parametrize("order", ["forward", "reverse"])
def test_constant_matrices_stay_the_same_for_all_points(order, largest):
    """A net with relu: no copy of a finite weight for each point; infinite ones are cleared."""
    first, second = np.ones((4, 3), np.float32), np.ones((5, 4), np.float32)
    second[2, 1] = largest

    def net(x):
        return second @ jnp.where(first @ x > 0, first @ x, 0.0)

    x = jnp.array([[1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]])
    jacobian = jax.vmap(jacve(net, order=order))
    assert ("is_finite" in primitives(jax.make_jaxpr(jacobian)(x))) == (largest != 1.0)
    found = jacobian(x)
    np.testing.assert_array_equal(found[1], np.zeros((5, 3)))
    np.testing.assert_array_equal(found[0], np.repeat(second.sum(1)[:, None], 3, axis=1))


def test_constants_are_cleared_while_tracing():
    """Two constants stay constants; finite constants are left alone."""
    mask = Labelled(np.array([0.0, 1.0]), (0,))
    one, other = cleared(mask, Labelled(np.array([np.inf, 2.0]), (0,)), (True, False), (0,))
    assert one is mask
    assert isinstance(other.array, np.ndarray)
    np.testing.assert_array_equal(other.array, [0.0, 2.0])
    finite = Labelled(np.array([3.0, 2.0]), (0,))
    assert cleared(mask, finite, (True, False), (0,))[1] is finite
    ones, slope = Labelled(np.ones(2), (0,)), Labelled(jnp.array([jnp.inf, 2.0]), (0,))
    assert cleared(ones, slope, (True, False), (0,))[1] is slope


def test_a_sum_drops_if_no_summand_has_zeros_of_its_own():
    """Both drop, or the other one has the zeros of its pattern only."""
    mask, other = edge([[0.0, 1.0], [1.0, 1.0]], drops=True), edge([[0.0, 1.0], [1.0, 1.0]])
    assert add_edges(mask, mask).drops
    assert not add_edges(mask, other).drops
    pattern = edge_structure((2,), (2,), [UNTIED], (0, 1), Kind.STRUCTURAL)
    shift = EdgeJacobian(pattern, selection((0, 1), (2, 2), [[0], [1]]))
    assert add_edges(mask, shift).drops
    assert not add_edges(other, shift).drops


def test_moves_keep_that_a_value_drops():
    """Reading, negating and summing entries of a masked edge."""
    mask = edge([[0.0, 1.0], [0.0, 1.0]], drops=True)
    total = EdgeJacobian(edge_structure((), (2,), [UNTIED], (), Kind.STRUCTURAL), np.asarray(1.0))
    assert multiply_edges(total, mask).drops
    negated = EdgeJacobian(edge_structure((2,), (2,), [0], (), Kind.TRIVIAL), np.asarray(-1.0))
    assert multiply_edges(mask, negated).drops


def test_what_is_nan_reaches_no_other_place():
    """Entries that are summed by place: nan stays where it belongs."""

    def function(x):
        d = x[jnp.array([0, 1, 2])] - x[jnp.array([0, 2, 1])]
        e = jnp.where(d == 0, 0.0, jnp.log(d * d))
        return jnp.zeros(3).at[jnp.array([0, 1, 1])].add(e)

    assert_no_worse_than_jax(function, np.array([1.0, 2.0, 4.0]))
