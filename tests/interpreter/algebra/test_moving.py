"""Products with 0/1 patterns: slices, pads, gathers and masks instead of multiplications."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.algebra.labelled import Labelled
from elimax.interpreter.algebra.moving import (
    array_of,
    move,
    settled,
)
from elimax.interpreter.algebra.sparse_value import Part, SparseValue, selection
from support.compare import assert_equals_jacrev
from support.dense_values import entry_by_entry
from support.jaxprs import primitives
from support.random_programs import wave


def columns(*picked: int | None, height: int = 5) -> np.ndarray:
    """A matrix whose column k has its 1 in row `picked[k]`, or none."""
    matrix = np.zeros((height, len(picked)))
    for k, row in enumerate(picked):
        if row is not None:
            matrix[row, k] = 1
    return matrix


def apply_pattern(pattern, value, labels):
    """The product as an array, written out if it is sparse."""
    sizes = {}
    for operand in (pattern, value):
        if isinstance(operand, Labelled):
            sizes |= dict(zip(operand.labels, operand.array.shape, strict=True))
        else:
            sizes |= SIZES_OF_MAPS
    moved = move(pattern, value, labels, sizes)
    if isinstance(moved, SparseValue):
        return array_of(moved, sizes).array.transpose(np.argsort(labels))
    return moved


SIZES_OF_MAPS = {0: 3, 1: 5, 2: 2}
PATTERNS = {
    "identity": columns(0, 1, 2, 3, 4),
    "slice": columns(1, 2, 3),
    "pad": columns(None, None, 0, 1, 2, 3, 4, None),
    "cut and pad": columns(None, 2, 3, None),
    "gather": columns(4, 0, 0, 2),
    "gather with gaps": columns(4, None, 1),
    "flip": columns(4, 3, 2, 1, 0),
    "nothing": columns(None, None),
    "cumsum": np.tril(np.ones((5, 5))),
    "sums": np.array([[1.0, 0], [1, 0], [0, 1], [0, 1], [1, 1]]),
    "counts": np.array([[2.0, 0], [0, 3], [0, 1], [0, 1], [1, 1]]),
}


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", PATTERNS)
def test_contraction_equals_einsum(name, sign):
    """value (b, r) times pattern (r, c) over r, for both signs and both orders of labels."""
    pattern, value = sign * PATTERNS[name], wave(3, 5).astype(np.float32)
    exact = value @ pattern
    for labels in ((0, 2), (2, 0)):
        result = apply_pattern(
            Labelled(pattern, (1, 2)), Labelled(jnp.asarray(value), (0, 1)), labels
        )
        np.testing.assert_allclose(result, exact if labels == (0, 2) else exact.T, rtol=1e-5)
        assert result.dtype == np.float32 or name == "nothing"


@pytest.mark.parametrize(
    "name", [name for name in PATTERNS if PATTERNS[name].sum(axis=0).max() <= 1]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_moving_entries_multiplies_nothing(name, sign):
    """At most one entry per place: no product is emitted, not even a dot_general."""
    pattern = Labelled(sign * PATTERNS[name], (1, 2))
    closed = jax.make_jaxpr(lambda v: apply_pattern(pattern, Labelled(v, (0, 1)), (0, 2)))(
        jnp.ones((3, 5))
    )
    assert not {"mul", "dot_general"} & primitives(closed)


def test_runs_of_entries_are_sliced_and_padded():
    """Neighbours that stay neighbours need no gather, which is slower."""
    for name in ("identity", "slice", "pad", "cut and pad"):
        pattern = Labelled(PATTERNS[name], (1, 2))
        closed = jax.make_jaxpr(
            lambda v, pattern=pattern: apply_pattern(pattern, Labelled(v, (0, 1)), (0, 2))
        )(jnp.ones((3, 5)))
        assert "gather" not in primitives(closed)


@pytest.mark.parametrize("number", [1.0, -1.0, 0.0, 3.0])
def test_single_numbers(number):
    """A pattern without labels is one number: 1 and -1 of trivial edges, counts of sums."""
    value = jnp.asarray(wave(2, 3), jnp.float32)
    result = apply_pattern(Labelled(np.asarray(number), ()), Labelled(value, (0, 4)), (4, 0))
    np.testing.assert_allclose(result, number * value.T, rtol=1e-6)


def test_mask_without_contraction():
    """A shared label that stays is a mask: pattern (a, b), value (a), result (a, b)."""
    mask, value = np.tril(np.ones((3, 3))), jnp.asarray(wave(3), jnp.float32)
    result = apply_pattern(Labelled(mask, (0, 1)), Labelled(value, (0,)), (0, 1))
    np.testing.assert_allclose(result, mask * np.asarray(value)[:, None], rtol=1e-6)


def test_mask_hides_infinities():
    """Zero times infinity is zero here, as it is where JAX drops a path."""
    value = jnp.array([jnp.inf, 2.0])
    result = apply_pattern(Labelled(np.eye(2), (0, 1)), Labelled(value, (0,)), (0, 1))
    assert result.tolist() == [[np.inf, 0.0], [0.0, 2.0]]


def test_shared_label_that_stays_beside_one_that_is_summed():
    """pattern (b, r, c), value (b, r): one contraction per b."""
    pattern = np.stack([columns(0, 1, height=3), columns(2, 2, height=3)])
    value = wave(2, 3).astype(np.float32)
    result = apply_pattern(
        Labelled(pattern, (0, 1, 2)), Labelled(jnp.asarray(value), (0, 1)), (0, 2)
    )
    np.testing.assert_allclose(result, np.einsum("brc,br->bc", pattern, value), rtol=1e-6)


def test_several_summed_labels():
    """pattern (r, s, c) over r and s at once, as a reshape has it."""
    pattern = np.eye(6).reshape(2, 3, 6)
    value = wave(4, 3, 2).astype(np.float32)
    result = apply_pattern(
        Labelled(pattern, (1, 2, 3)), Labelled(jnp.asarray(value), (0, 2, 1)), (0, 3)
    )
    np.testing.assert_allclose(result, value.transpose(0, 2, 1).reshape(4, 6), rtol=1e-6)


def test_pattern_that_is_read_at_run_time():
    """A pattern of JAX, as a gather at a runtime index has it, is contracted as it is."""
    pattern, value = columns(4, 0), wave(5).astype(np.float32)
    result = jax.jit(lambda p, v: apply_pattern(Labelled(p, (0, 1)), Labelled(v, (0,)), (1,)))(
        pattern, value
    )
    np.testing.assert_allclose(result, value[[4, 0]], rtol=1e-6)


def test_constant_meets_runtime_pattern_in_its_dtype():
    """A float64 constant neither widens the pattern nor warns that it cannot."""
    pattern = jnp.asarray(columns(4, 0), jnp.float32)
    result = apply_pattern(Labelled(pattern, (0, 1)), Labelled(np.asarray(-1.0), ()), (0, 1))
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, -columns(4, 0))


@pytest.mark.parametrize("shape", [(0, 2), (3, 0), (0, 0)])
def test_empty_axes(shape):
    """Axes without entries give zeros of the right shape."""
    value = jnp.ones((4, shape[0]), jnp.float32)
    result = apply_pattern(Labelled(np.zeros(shape), (1, 2)), Labelled(value, (0, 1)), (0, 2))
    assert result.shape == (4, shape[1])
    assert not result.any()


def test_sparse_values_stay_sparse():
    """A slice of a slice, a negated slice, and a slice that is one in disguise."""
    outer = selection((0, 1), (2, 3), [[0, 1], [0, 2]])
    inner = selection((1, 2), (3, 5), [[0, 1, 2], [1, 2, 3]])
    sizes = {0: 2, 1: 3, 2: 5}
    moved = move(outer, inner, (0, 2), sizes)
    assert isinstance(moved, SparseValue)
    assert moved.parts[0].places.tolist() == [1, 8]
    negated = move(Labelled(np.asarray(-1.0), ()), inner, (1, 2), sizes)
    assert isinstance(negated, SparseValue) and negated.parts[0].entries.tolist() == [-1] * 3
    whole = move(outer, Labelled(jnp.ones((3, 5)), (1, 2)), (0, 2), sizes)
    assert isinstance(whole, jax.Array)


def test_settled():
    """Written out only if every place is there in one part."""
    full = SparseValue((), (3,), (2,), (Part(jnp.array([5.0, 6.0]), np.array([1, 0])),))
    assert settled(full, (3,), {3: 2}).tolist() == [6, 5]
    for parts in ((), (Part(np.ones(1), np.array([1])),)):
        value = SparseValue((), (3,), (2,), parts)
        assert settled(value, (3,), {3: 2}) is value


def test_patterns_in_several_parts_and_with_dense_labels():
    """A slice of a mask has a dense label; what a third pattern does to it is the same as ever."""
    mask, cut = np.array([1.0, 0, -1]), selection((1, 2), (2, 3), [[0, 1], [1, 2]])
    sizes = {0: 3, 1: 2, 2: 3, 3: 2}
    masked = move(cut, Labelled(mask, (0,)), (0, 1, 2), sizes)
    assert masked.dense == (0,)
    value = jnp.asarray(wave(3, 2), jnp.float32)
    moved = move(masked, Labelled(value, (0, 3)), (1, 2, 3), sizes)
    exact = np.einsum("a,bc,ad->bcd", mask, [[0, 1, 0], [0, 0, 1]], value)
    np.testing.assert_allclose(entry_by_entry(moved, (1, 2, 3), sizes), exact, rtol=1e-5)


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3, 4])))
def test_masks_and_slices_in_any_order(order):
    """sin, a column cut off, a row written over, mirrored: the three moves may meet first."""

    def function(x):
        cut = lax.slice(jnp.sin(x), (0, 1), (3, 4))
        return jnp.cos(lax.rev(lax.dynamic_update_slice(cut, np.zeros((1, 3)), (1, 0)), (1,)))

    assert_equals_jacrev(function, wave(3, 4), order=order)
