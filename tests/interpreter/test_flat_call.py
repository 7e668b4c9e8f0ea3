"""Functions and arguments as flat lists."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from interpreter.flat_call import FlatCall, split_static, with_weak_type_of


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
    [(0, [0]), (1, [1, 2]), (-1, [1, 2]), ((1, 0), [1, 2, 0]), ([0], [0])],
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
    flat = call((0, 1), has_aux=True, fun=lambda x, y: (x, {"aux": y[0], "more": x}))
    outputs = flat.flat_fun(*flat.leaves)
    assert flat.num_outputs == 1 and len(outputs) == 3
    value, aux = flat.unflatten_outputs(outputs)
    assert value == 1.0 and aux == {"aux": 2.0, "more": 1.0}


@pytest.mark.parametrize("out", [1.0, (1.0,), (1.0, 2.0, 3.0), {"a": 1.0}])
def test_auxiliary_outputs_want_a_pair(out):
    """The message says what came instead."""
    flat = call(has_aux=True, fun=lambda x, y: out)
    expected = f"has_aux=True wants a function that returns a pair.*of type {type(out).__name__}$"
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


def test_auxiliary_data_may_be_anything():
    """Strings, numbers and objects come back as they are, where JAX leaves them."""
    aux = {"name": "run", "n": 3, "table": np.arange(2), "f": jnp.sin}
    flat = call(has_aux=True, fun=lambda x, y: [x, {**aux, "x": x}])
    outputs = flat.flat_fun(*flat.leaves)
    assert len(outputs) == 2
    value, back = flat.unflatten_outputs(outputs)
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
    flat = call(fun=lambda x, y: out)
    with pytest.raises(ValueError, match=r"returned .*nothing to diff.*is a return statement miss"):
        flat.flat_fun(*flat.leaves)


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
    flat = call(fun=lambda x, y: out)
    with pytest.raises(TypeError, match=message):
        flat.flat_fun(*flat.leaves)


def test_shapes_have_no_values():
    """In any argument; the message names the two calls that take shapes."""
    shape = jax.ShapeDtypeStruct((2,), jnp.float32)
    for args in ((shape,), (1.0, [shape])):
        with pytest.raises(TypeError, match=r"no values: .*jax\.eval_shape\(jacve\(f\), \.\.\.\)"):
            call(args=args)


@pytest.mark.parametrize(
    ("fun", "error"),
    [
        (lambda x: x if x > 0 else -x, jax.errors.TracerBoolConversionError),
        (lambda x: float(x), jax.errors.ConcretizationTypeError),
        (lambda x: np.sin(x), jax.errors.TracerArrayConversionError),
        (lambda x: [1.0, 2.0][x.astype(int)], jax.errors.TracerIntegerConversionError),
    ],
)
def test_values_are_not_there_while_tracing(fun, error):
    """JAX's own error, with a note on what to write instead."""
    flat = call(fun=fun, args=(jnp.float32(1.0),))
    with pytest.raises(error) as caught:
        jax.make_jaxpr(flat.flat_fun)(*flat.leaves)
    assert caught.value.__notes__[0].startswith("elimax: jacve traces a function without its val")


def test_leaves_have_names():
    """What a message calls them: positions and keys as a user writes them."""
    flat = call(argnums=(1, 0))
    assert list(flat.active_leaves) == ["argument 1[0]", "argument 1[1]['a']", "argument 0"]
    outputs = flat.flat_fun(*flat.leaves)
    assert list(flat.named_outputs(outputs)) == ["output['out']"]


@pytest.mark.parametrize("number", [2.0, 2, 2j])
def test_weak_types_are_kept(number):
    """A block is as weak as the input: it gives way to any other dtype."""
    weak, strong = jnp.asarray(number), jnp.asarray(number, jnp.asarray(number).dtype)
    block = jnp.ones(3, weak.dtype)
    assert with_weak_type_of(block, weak).weak_type
    assert with_weak_type_of(block, strong) is block
    assert with_weak_type_of("no array", weak) == "no array"


def test_static_values_are_set_aside():
    """Python values that are not differentiated; arrays stay, and so does what is active."""
    array = np.ones(2)
    leaves, static = split_static([1.0, 2, "mode", array], [True, False, False, False])
    assert static == {1: 2, 2: "mode"}
    assert leaves[0] == 1.0 and leaves[3] is array
    assert all(leaves[k].shape == () for k in static)
