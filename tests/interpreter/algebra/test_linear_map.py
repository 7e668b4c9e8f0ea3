"""Linear maps: applied forwards, transposed and written out, they are one and the same."""

import itertools

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax import lax

from elimax.interpreter.algebra.labelled import Labelled
from elimax.interpreter.algebra.linear_map import LinearMap
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.tracing.call import trace
from support.compare import assert_equals_jacrev
from support.jaxprs import primitives
from support.random_programs import wave

# Function, labels and shapes of the result and of the operand, carried labels. Labels 0 to 2 are
# out axes and 3 to 5 in axes; a label on both sides is tied.
MAPS = {
    "slice": (lambda x: x[1:3], (0,), (3,), (2,), (4,), (0, 3)),
    "cumsum": (lambda x: lax.cumsum(x, 0), (0,), (3,), (3,), (3,), (0, 3)),
    "tied axis": (lambda x: x[:, 1:], (0, 1), (0, 4), (2, 2), (2, 3), (1, 4)),
    "tied in another order": (lambda x: x[1:].T, (0, 1), (3, 0), (2, 2), (3, 2), (1, 3)),
    "tied and carried": (
        lambda x: x * np.asarray([[1], [2]], x.dtype),
        (0, 1),
        (0, 1),
        (2, 3),
        (2, 3),
        (0,),
    ),
    "one of its own per tie": (
        lambda x: jnp.stack([x[0, 1:], x[1, :2]]),
        (0, 1),
        (0, 4),
        (2, 2),
        (2, 3),
        (0, 1, 4),
    ),
    "to a number": (lambda x: x.sum(), (), (3,), (), (3,), ()),
    "from a number": (lambda x: jnp.stack([x, x]), (0,), (), (2,), (), ()),
    "axes of size one": (lambda x: x[:, :1], (0, 1), (3, 0), (2, 1), (2, 3), (0, 1, 3)),
    "empty result": (lambda x: x[:0], (0,), (3,), (0,), (3,), (0, 3)),
    "empty operand": (lambda x: jnp.pad(x, (1, 1)), (0,), (3,), (2,), (0,), (0, 3)),
}
MAPS["axes of size one"] = (lambda x: x[:, :1], (0, 1), (0, 4), (2, 1), (2, 3), (4,))


def made(name, dtype=jnp.float32):
    """A map by its name, its transpose made by JAX."""
    function, *labels_and_shapes = MAPS[name]
    source = jax.ShapeDtypeStruct(MAPS[name][4], dtype)

    def transpose(y):
        return jax.linear_transpose(function, source)(y)[0]

    return LinearMap(function, transpose, *labels_and_shapes, dtype)


def matrix(name):
    """The map over all its labels, tied ones once, and these labels: from one-hot arrays."""
    function, targets, sources, target_shape, source_shape, _ = MAPS[name]
    labels = tuple(dict.fromkeys(targets + sources))
    sizes = dict(zip(targets + sources, target_shape + source_shape, strict=True))
    whole = np.zeros((*target_shape, *source_shape))
    for index in np.ndindex(*source_shape):
        one_hot = np.zeros(source_shape, np.float32)
        one_hot[index] = 1
        whole[(..., *index)] = function(jnp.asarray(one_hot))
    result = np.zeros([sizes[x] for x in labels])
    for index in np.ndindex(*result.shape):
        at = dict(zip(labels, index, strict=True))
        result[index] = whole[tuple(at[x] for x in targets + sources)]
    return result, labels, sizes


@pytest.mark.parametrize("name", MAPS)
def test_written_out(name):
    """Over the carried labels in any order, in the dtype of the map."""
    exact, labels, _ = matrix(name)
    carried = MAPS[name][-1]
    for wanted in (carried, carried[::-1]):
        array = made(name).materialised(wanted)
        assert array.dtype == jnp.float32
        index = tuple(slice(None) if x in carried else 0 for x in labels)
        kept = [x for x in labels if x in carried]
        expected = exact[index] if exact.size else np.zeros([n for n in exact.shape])
        expected = expected.transpose([kept.index(x) for x in wanted])
        np.testing.assert_array_equal(array, expected)


@given(st.data())
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("name", MAPS)
@settings(max_examples=8)
def test_applied_to_arrays(name, transposed, data):
    """Forwards and backwards, with other labels beside, without some labels, in any order."""
    exact, own, sizes = matrix(name)
    linear_map = made(name).transposed() if transposed else made(name)
    sizes = {**sizes, 7: 2, 8: 3}
    tied = set(linear_map.sources) & set(linear_map.targets)
    optional = [x for x in linear_map.sources if x in tied]
    dropped = data.draw(st.sets(st.sampled_from(optional))) if optional else set()
    there = [x for x in linear_map.sources if x not in dropped]
    value_labels = tuple(data.draw(st.permutations([*there, 7, 8])))
    value = wave(*(sizes[x] for x in value_labels))
    labels = [x for x in linear_map.targets if x in linear_map.carried or x in value_labels]
    labels = tuple(data.draw(st.permutations([*labels, 7, 8])))
    result = linear_map.apply(Labelled(jnp.asarray(value, jnp.float32), value_labels), labels)
    whole = tuple(dict.fromkeys((*labels, *own)))
    kept = [x for x in whole if x in labels or x in linear_map.targets]
    image = np.einsum(exact, list(own), value, list(value_labels), kept)
    index = tuple(slice(None) if x in labels else 0 for x in kept)
    expected = image[index] if image.size else np.zeros([sizes[x] for x in kept if x in labels])
    order = [[x for x in kept if x in labels].index(x) for x in labels]
    np.testing.assert_allclose(result, expected.transpose(order), atol=1e-6)


def test_a_label_that_is_taken_and_kept_is_a_diagonal():
    """Each index along it is a column of its own: the map next to a diagonal matrix is the map."""
    running, value = made("cumsum"), np.asarray([1.0, 2.0, 3.0], np.float32)
    lower = np.tril(np.ones((3, 3)))
    columns = running.apply(Labelled(jnp.asarray(value), (3,)), (0, 3))
    np.testing.assert_array_equal(columns, lower * value)
    rows = running.transposed().apply(Labelled(jnp.asarray(value), (0,)), (0, 3))
    np.testing.assert_array_equal(rows, lower * value[:, None])


def test_a_constant_along_a_label_that_is_taken_and_kept():
    """A diagonal of equal numbers has no label to vary along."""
    columns = made("cumsum").apply(Labelled(jnp.float32(2.0), ()), (3, 0))
    np.testing.assert_array_equal(columns, 2.0 * np.triu(np.ones((3, 3))))


def test_of_a_structure():
    """Labels and shapes are those of the structure."""
    structure = edge_structure((2, 3), (4, 2), [UNTIED, 0], [0, 2], Kind.GENERAL)
    of_structure = LinearMap.of(structure, jnp.float32, None, None)
    assert (of_structure.targets, of_structure.sources) == ((0, 1), (2, 0))
    assert (of_structure.target_shape, of_structure.source_shape) == ((2, 3), (4, 2))
    assert of_structure.carried == structure.carried


def test_written_in_the_direction_that_is_there():
    """A map of one direction is written by it, however many applications that takes."""
    both = made("slice")
    for one_way in (both._replace(forward=None), both._replace(backward=None)):
        np.testing.assert_array_equal(one_way.materialised((0, 3)), both.materialised((0, 3)))


@pytest.mark.parametrize("name", MAPS)
def test_transposed_twice(name):
    """The same map again."""
    linear_map, exact = made(name), made(name).materialised(MAPS[name][-1])
    again = linear_map.transposed().transposed()
    assert (again.targets, again.sources) == (linear_map.targets, linear_map.sources)
    np.testing.assert_array_equal(again.materialised(MAPS[name][-1]), exact)


def test_renamed():
    """Other labels, and the same entries in their dtype."""
    names = {0: 10, 1: 11, 4: 12}
    renamed = made("tied axis", jnp.float16).renamed(names)
    assert (renamed.targets, renamed.sources, renamed.labels) == ((10, 11), (10, 12), (11, 12))
    written = renamed.materialised((11, 12))
    assert written.dtype == jnp.float16
    assert written.tolist() == [[0, 1, 0], [0, 0, 1]]


def test_labels_that_a_product_has_dropped():
    """They get names of their own, which are no labels of anything, however often that happens."""
    cut = made("tied axis").renamed({0: 5, 1: 1, 4: 0})
    again = cut.renamed({1: 3, 0: 2})
    assert (again.targets, again.sources, again.carried) == ((-2, 3), (-2, 2), (3, 2))
    once_more = again.renamed({3: 0})
    assert once_more.targets[0] == once_more.sources[0] != once_more.sources[1]
    assert len({*once_more.targets, *once_more.sources}) == 3


@pytest.mark.parametrize("order", list(itertools.permutations([2, 3, 4])))
def test_size_one_and_repeated_axes_between_maps(order):
    """A slice at run time between broadcasts and sums that have no label in common with it."""

    def function(x, i):
        y = jnp.broadcast_to(jnp.cos(x)[:, None], (3, 2))
        one = lax.dynamic_slice(y, (i, i - i), (1, 2))
        return jnp.sin(jnp.broadcast_to(one, (4, 1, 2))).sum(), jnp.sin(one.sum())

    with jax.enable_x64(True):
        graph = trace(function, np.ones(3), np.int32(1), argnums=0)
    late = [graph.eliminable[k] for k in order]
    rest = [vertex for vertex in graph.eliminable if vertex not in late]
    for vertices in ((*late, *rest), (*rest, *late), (*late[:2], *rest, *late[2:])):
        assert_equals_jacrev(function, wave(3), np.int32(1), order=vertices)


def test_constants_are_mapped_in_the_dtype_of_the_map():
    """A float64 constant does not widen it."""
    for dtype in (jnp.float16, jnp.float32, jnp.complex64):
        result = made("slice", dtype).apply(Labelled(np.arange(4.0), (3,)), (0,))
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, [1, 2])


def test_the_shorter_side_is_sent_through():
    """A map to few entries is written out by its transpose: two rows, not a thousand columns."""
    wide = LinearMap(
        lambda x: x[1:3],
        lambda y: jnp.pad(y, (1, 997)),
        (0,),
        (3,),
        (2,),
        (1000,),
        (0, 3),
        jnp.float32,
    )
    closed = jax.make_jaxpr(lambda: wide.materialised((0, 3)))()
    sizes = [var.aval.size for eqn in closed.jaxpr.eqns for var in eqn.outvars]
    assert max(sizes) == 2000
    assert "pad" in primitives(closed)
