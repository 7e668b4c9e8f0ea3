"""Arguments and results of calls as flat lists."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.tracing.flat_call import (
    CallArguments,
    CallResult,
    unflatten_jacobian,
    with_weak_type_of,
)


def call(argnums=0, args=(1.0, (2.0, {"a": 3.0})), **kwargs):
    """A call with a nested second argument."""
    return CallArguments.of(args, kwargs, argnums)


def test_leaves_come_argument_by_argument():
    """Keyword arguments last; what is differentiated is an array, the rest is untouched."""
    z = np.float32(4.0)
    arguments = call(argnums=(0, 1), z=z)
    assert [float(x) for x in arguments.leaves] == [1.0, 2.0, 3.0, 4.0]
    assert [isinstance(leaf, jax.Array) for leaf in arguments.leaves] == [True, True, True, False]
    assert arguments.leaves[3] is z
    assert arguments.active == [True, True, True, False]


@pytest.mark.parametrize(
    ("argnums", "nodes"),
    [(0, (0,)), (1, (1, 2)), (-1, (1, 2)), ((1, 0), (1, 2, 0)), ([0], (0,)), (np.array(1), (1, 2))],
)
def test_nodes_follow_argnums(argnums, nodes):
    """Numbers of the differentiated leaves, in the order in which they were asked for."""
    arguments = call(argnums=argnums)
    assert arguments.nodes == nodes
    assert arguments.traced == tuple(sorted(nodes))
    assert [k for k, active in enumerate(arguments.active) if active] == sorted(nodes)
    assert len(arguments.named) == len(nodes)


def test_other_values_take_the_place_of_differentiated_leaves():
    """All other leaves are passed on as they were given."""
    array = np.ones(2)
    arguments = CallArguments.of(((1.0, 2.0), array, 3), {"mode": "sin"}, 0)
    args, kwargs = arguments.with_traced(["a", "b"])
    assert args[0] == ("a", "b") and args[1] is array and args[2] == 3
    assert kwargs == {"mode": "sin"}


def test_an_argument_may_be_asked_for_twice():
    """It is traced once."""
    arguments = CallArguments.of((1.0, 2.0), {}, (1, 1))
    assert arguments.nodes == (1, 1) and arguments.traced == (1,)


def test_shapes_of_leaves():
    """Arrays have theirs; what is no array, a string for example, counts as a number."""
    avals = CallArguments.of((1.0, np.ones((2, 3)), "mode"), {}, 0).avals
    assert [aval.shape for aval in avals] == [(), (2, 3), ()]


def test_round_trip_of_outputs():
    """The output's tree comes back, None leaves included."""
    result, outputs = CallResult.of({"out": 2.0, "none": None}, has_aux=False)
    assert result.num_outputs == 1 and outputs == [2.0]
    assert result.unflatten(outputs) == {"out": 2.0, "none": None}


def test_auxiliary_outputs_come_last():
    """They are no outputs to differentiate, and come back with the output."""
    array = jnp.ones(2)
    result, outputs = CallResult.of((1.0, {"aux": array, "more": array}), has_aux=True)
    assert result.num_outputs == 1 and len(outputs) == 3
    value, aux = result.unflatten([1.0, "a", "b"])
    assert value == 1.0 and aux == {"aux": "a", "more": "b"}


@pytest.mark.parametrize("out", [1.0, (1.0,), (1.0, 2.0, 3.0), {"a": 1.0}])
def test_auxiliary_outputs_want_a_pair(out):
    """The message says what came instead."""
    expected = f"with has_aux=True the function must return a pair.*of type {type(out).__name__}$"
    with pytest.raises(TypeError, match=expected):
        CallResult.of(out, has_aux=True)


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
    result, _ = CallResult.of({"out": 2.0, "none": None}, has_aux=False)
    assert unflatten_jacobian(call(argnums=argnums), result, [row]) == expected


def test_auxiliary_data_may_be_anything():
    """Strings, numbers and objects come back as they are, where JAX leaves them."""
    aux = {"name": "run", "n": 3, "table": np.arange(2), "f": jnp.sin}
    result, outputs = CallResult.of([1.0, {**aux, "x": jnp.ones(())}], has_aux=True)
    assert len(outputs) == 2
    value, back = result.unflatten(outputs)
    assert value == 1.0 and back.pop("x") == 1.0
    assert back.pop("table") is aux.pop("table") and back == aux


@pytest.mark.parametrize(
    ("args", "argnums", "message"),
    [
        ((1.0, [2.0, "abc"]), 1, r"argument 1\[1\] is 'abc' of type str, which cannot be diff"),
        (({"w": len},), 0, r"argument 0\['w'\] is <built-in function len> of type builtin"),
        ((np.array(["abc"]),), 0, r"argument 0 is array\(\['abc'\].*of type ndarray"),
    ],
)
def test_only_arrays_are_differentiated(args, argnums, message):
    """The message names the leaf and offers two ways out."""
    with pytest.raises(TypeError, match=message + ".*: pass it in another argument, or close over"):
        call(argnums=argnums, args=args)


@pytest.mark.parametrize(("args", "argnums"), [((1.0,), ()), ((None, 1.0), 0), (((), {}), (0, 1))])
def test_something_must_be_differentiated(args, argnums):
    """An empty choice, None, or empty containers."""
    with pytest.raises(ValueError, match=r"asks for no array at all.*choose arguments that hold"):
        call(argnums=argnums, args=args)


@pytest.mark.parametrize("out", [None, (), {"a": []}])
def test_something_must_be_returned(out):
    """A forgotten return is what it usually is."""
    with pytest.raises(ValueError, match=r"returned .*nothing to diff.*is a return statement miss"):
        CallResult.of(out, has_aux=False)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("abc", "output of the function is 'abc' of type str, but outputs must be arrays"),
        (
            {"a": [1.0, len]},
            r"output\['a'\]\[1\] of the function is .* auxiliary data with has_aux",
        ),
    ],
)
def test_only_arrays_are_returned(out, message):
    """The message names the leaf and the way out."""
    with pytest.raises(TypeError, match=message):
        CallResult.of(out, has_aux=False)


def test_shapes_have_no_values():
    """In any argument; the message names the two calls that take shapes."""
    shape = jax.ShapeDtypeStruct((2,), jnp.float32)
    for args in ((shape,), (1.0, [shape])):
        with pytest.raises(TypeError, match=r"no values: .*jax\.eval_shape\(jacve\(f\), \.\.\.\)"):
            call(args=args)


def test_leaves_have_names():
    """What a message calls them: positions and keys as a user writes them."""
    assert list(call(argnums=(1, 0)).named) == [
        "argument 1[0]",
        "argument 1[1]['a']",
        "argument 0",
    ]
    result, outputs = CallResult.of({"out": 2.0}, has_aux=False)
    assert list(result.named(outputs)) == ["output['out']"]


@pytest.mark.parametrize("number", [2.0, 2, 2j])
def test_weak_types_are_kept(number):
    """A block is as weak as the input, which gives way to other dtypes or does not."""
    weak, strong = jnp.asarray(number), jnp.asarray(number, jnp.asarray(number).dtype)
    block = jnp.ones(3, weak.dtype)
    assert with_weak_type_of(block, weak).weak_type
    assert with_weak_type_of(block, strong) is block
    made_weak = with_weak_type_of(block, weak)
    assert not with_weak_type_of(made_weak, strong).weak_type
    assert with_weak_type_of(made_weak, weak) is made_weak
    assert with_weak_type_of("no array", weak) == "no array"
