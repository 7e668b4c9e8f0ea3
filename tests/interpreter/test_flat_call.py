"""Functions and arguments as flat lists, and the checks of their dtypes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from interpreter.flat_call import (
    FlatCall,
    check_inputs,
    check_outputs,
    positions_of,
    split_static,
)


def call(argnums=0, has_aux=False, args=(1.0, (2.0, {"a": 3.0})), kwargs=None, fun=None):
    """A call of a function with a nested second argument."""
    fun = fun or (lambda x, y, **rest: {"out": x * y[0], "none": None})
    return FlatCall(fun, argnums, has_aux, args, kwargs or {})


def test_leaves_come_argument_by_argument():
    """Keyword arguments last; everything an array."""
    flat = call(argnums=(0, 1), kwargs={"z": np.float32(4.0)})
    assert [float(x) for x in flat.leaves] == [1.0, 2.0, 3.0, 4.0]
    assert all(isinstance(leaf, jax.Array) for leaf in flat.leaves)
    assert flat.active == [True, True, True, False]


@pytest.mark.parametrize(
    ("argnums", "nodes"),
    [(0, [0]), (1, [1, 2]), (-1, [1, 2]), ((1, 0), [1, 2, 0]), ([0], [0]), ((), [])],
)
def test_nodes_follow_argnums(argnums, nodes):
    """Numbers of the differentiated leaves, in the order in which they were asked for."""
    flat = call(argnums=argnums)
    assert flat.nodes == nodes
    assert [k for k, active in enumerate(flat.active) if active] == sorted(nodes)
    assert len(flat.active_leaves) == len(nodes)


def test_round_trip_of_outputs():
    """The output's tree comes back, None leaves included."""
    flat = call()
    outputs = flat.flat_fun(*flat.leaves)
    assert flat.num_outputs == 1
    assert flat.unflatten_outputs(outputs) == {"out": 2.0, "none": None}


def test_auxiliary_outputs_come_last():
    """They are no outputs to differentiate, and come back beside the output."""
    flat = call(has_aux=True, fun=lambda x, y: (x, {"aux": y[0], "more": x}))
    outputs = flat.flat_fun(*flat.leaves)
    assert flat.num_outputs == 1 and len(outputs) == 3
    value, aux = flat.unflatten_outputs(outputs)
    assert value == 1.0 and aux == {"aux": 2.0, "more": 1.0}


@pytest.mark.parametrize("out", [1.0, (1.0,), (1.0, 2.0, 3.0), [1.0, 2.0]])
def test_auxiliary_outputs_want_a_pair(out):
    """The message says what came instead."""
    flat = call(has_aux=True, fun=lambda x, y: out)
    expected = f"has_aux=True wants a function that returns a pair.*returned {type(out).__name__}"
    with pytest.raises(TypeError, match=expected):
        flat.flat_fun(*flat.leaves)


@pytest.mark.parametrize(
    ("argnums", "row", "expected"),
    [
        (0, ["x"], {"out": "x", "none": None}),
        ((0,), ["x"], {"out": ("x",), "none": None}),
        (1, ["b", "a"], {"out": ("b", {"a": "a"}), "none": None}),
        ((1, 0), ["b", "a", "x"], {"out": (("b", {"a": "a"}), "x"), "none": None}),
    ],
)
def test_jacobian_has_the_tree_of_jacrev(argnums, row, expected):
    """The inputs' tree at every leaf of the output's; a tuple where argnums is a sequence."""
    flat = call(argnums=argnums)
    flat.flat_fun(*flat.leaves)
    assert flat.unflatten_jacobian([row]) == expected


@pytest.mark.parametrize(
    ("argnums", "expected"),
    [(1, [1]), (-1, [2]), ((0, -3), [0, 0]), (np.int64(2), [2]), (range(2), [0, 1])],
)
def test_positions_are_counted_from_the_front(argnums, expected):
    """Negative positions, numpy integers and any sequence."""
    assert positions_of(argnums, 3) == expected


@pytest.mark.parametrize(("argnums", "culprit"), [(3, 3), (-4, -4), ((0, 7), 7)])
def test_positions_out_of_range(argnums, culprit):
    """The message names the position and the number of arguments."""
    expected = f"asks for argument {culprit}, but the function was called with 3 positional"
    with pytest.raises(ValueError, match=expected):
        positions_of(argnums, 3)


def test_positions_must_be_integers():
    """A name or a float is no position."""
    with pytest.raises(TypeError):
        positions_of(1.0, 3)


def test_static_values_are_set_aside():
    """Python values that are not differentiated; arrays stay, and so does what is active."""
    array = np.ones(2)
    leaves, static = split_static([1.0, 2, "mode", array], [True, False, False, False])
    assert static == {1: 2, 2: "mode"}
    assert leaves[0] == 1.0 and leaves[3] is array
    assert all(leaves[k].shape == () for k in static)


@pytest.mark.parametrize(
    ("dtype", "holomorphic", "allow_int", "message"),
    [
        ("float32", True, False, "holomorphic=True wants complex inputs, but one is float32"),
        ("complex64", False, False, "inputs must be real, but one is complex64: pass holomorphic"),
        ("int32", False, False, "inputs must be floating point, but one is int32.*allow_int=True"),
        ("bool", False, False, "inputs must be floating point, but one is bool"),
    ],
)
def test_inputs_that_cannot_be_differentiated(dtype, holomorphic, allow_int, message):
    """The message says what was given and what would help."""
    with pytest.raises(TypeError, match=message):
        check_inputs([jnp.ones(2, dtype)], holomorphic, allow_int)


@pytest.mark.parametrize(
    ("dtype", "holomorphic", "allow_int"),
    [
        ("float16", False, False),
        ("complex64", True, False),
        ("int32", False, True),
        ("bool", False, True),
    ],
)
def test_inputs_that_can(dtype, holomorphic, allow_int):
    """Floats, complex numbers and integers, each with its flag."""
    check_inputs([jnp.ones(2, dtype)], holomorphic, allow_int)


@pytest.mark.parametrize(
    ("dtype", "holomorphic", "message"),
    [
        ("int32", False, "outputs must be real floating point, but one is int32.*has_aux=True"),
        ("complex64", False, "outputs must be real floating point, but one is complex64"),
        ("float32", True, "outputs must be complex with holomorphic=True, but one is float32"),
    ],
)
def test_outputs_that_cannot_be_differentiated(dtype, holomorphic, message):
    """The message says what was given and what would help."""
    with pytest.raises(TypeError, match=message):
        check_outputs([jnp.ones(2, dtype)], holomorphic)
