"""Flat programs: inlining, numbering, constants, evaluation, side effects."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import io_callback

from elimax.interpreter.errors import TracingError
from elimax.interpreter.execution.evaluation import evaluate_nodes
from elimax.interpreter.tracing.program import Constant, trace_program


def names(fun, *leaves) -> list[str]:
    """Primitives of a traced function in program order."""
    return [equation.name for equation in trace_program(fun, leaves).equations]


def nested(x):
    """sin, then cos in a jit in a jit, then tanh."""
    return [jnp.tanh(jax.jit(lambda y: jax.jit(jnp.cos)(y))(jnp.sin(x)))]


def test_nested_jit_is_inlined():
    """The equations are those of the function without jit, in the same order."""
    assert names(nested, 1.0) == ["sin", "cos", "tanh"]


def test_remat_is_inlined():
    """jax.checkpoint does not hide its body."""
    assert names(lambda x: [jax.checkpoint(lambda y: jnp.sin(jnp.cos(y)))(x)], 1.0) == [
        "cos",
        "sin",
    ]


def test_inlined_program_has_the_nodes_of_the_flat_one():
    """However a function is cut into jitted pieces, node numbers mean the same."""
    flat = trace_program(lambda x: [jnp.tanh(jnp.cos(jnp.sin(x)))], [1.0])
    cut = trace_program(nested, [1.0])
    assert [e.operands for e in cut.equations] == [e.operands for e in flat.equations]
    assert [e.results for e in cut.equations] == [e.results for e in flat.equations]
    assert cut.outputs == flat.outputs == (3,)


def test_custom_rules_are_one_equation_per_call():
    """The body of a function with its own derivative is not looked into."""
    assert names(lambda x: [jax.nn.relu(x)], jnp.ones(2)) == ["custom_jvp_call"]


def test_scan_is_one_equation_with_a_node_per_result():
    """Carry and stacked results of a scan are two nodes of one equation."""

    def function(xs):
        return jax.lax.scan(lambda c, x: (c * x, c), 1.0, xs)

    program = trace_program(function, [jnp.ones(3)])
    (scan,) = [equation for equation in program.equations if equation.name == "scan"]
    assert len(scan.results) == 2
    assert program.outputs == scan.results


def test_inputs_results_and_outputs_are_numbered():
    """Inputs 0 and 1, results from 2 on; an input may be an output."""
    program = trace_program(lambda x, y: [y, x * y, x * y + x], [1.0, 2.0])
    assert program.num_inputs == 2
    assert [e.results for e in program.equations] == [(2,), (3,), (4,)]
    assert program.outputs == (1, 2, 4)
    assert len(program.node_avals) == 5


def test_literals_and_closed_over_arrays_are_constants():
    """A number stands in the program, an array beside it; both are operands."""
    array = np.arange(3.0, dtype=np.float32)
    program = trace_program(lambda x: [(2.5 * x) * array], [jnp.ones(3)])
    constants = [x for e in program.equations for x in e.operands if isinstance(x, Constant)]
    assert [constant.is_literal for constant in constants] == [True, False]
    assert constants[0].value == np.float32(2.5)
    assert constants[0].value.dtype == np.float32
    np.testing.assert_array_equal(constants[1].value, array)


def test_constant_output():
    """An output that depends on nothing is a constant, not a node."""
    program = trace_program(lambda x: [1.5, x], [1.0])
    assert isinstance(program.outputs[0], Constant)
    assert program.outputs[1] == 0


def test_needed_nodes_lead_to_outputs():
    """Dead equations are known to be dead, and so are inputs that nothing uses."""

    def function(x, y):
        dead = jnp.exp(jnp.sin(x))
        del dead
        return [jnp.cos(x)]

    program = trace_program(function, [1.0, 2.0])
    (cos,) = [e.results[0] for e in program.equations if e.name == "cos"]
    assert program.needed == {0, cos}


def test_dead_equations_are_not_evaluated():
    """Their values are missing."""

    def function(x):
        dead = jnp.exp(x)
        del dead
        return [jnp.cos(x)]

    program = trace_program(function, [1.0])
    values = evaluate_nodes(program, [jnp.float32(1.0)]).nodes
    dead = [e.results[0] for e in program.equations if e.name == "exp"]
    assert not any(node in values for node in dead)
    assert set(values) == program.needed


def test_evaluation_returns_what_the_function_returns():
    """Values of all output nodes, through nested calls and several results."""

    def function(x, y):
        first, second = jnp.split(x, [1])
        return [first.sum() * y, jnp.sort(second), nested(x)[0]]

    x, y = jnp.arange(1.0, 4.0), jnp.float32(2.0)
    program = trace_program(function, [x, y])
    values = evaluate_nodes(program, [x, y]).nodes
    for node, expected in zip(program.outputs, function(x, y), strict=True):
        np.testing.assert_allclose(values[node], expected, rtol=1e-6)


def written(x):
    """Writes through a reference."""
    ref = jax.new_ref(x)
    ref[...] = ref[...] * 2.0
    return ref[...]


@pytest.mark.parametrize(
    ("function", "effect"),
    [
        (lambda x: io_callback(lambda x: x, x, x), "IO"),
        (lambda x: io_callback(lambda x: x, x, x, ordered=True), "OrderedIO"),
        (written, r"[\w.]*MutableArrayEffect"),
    ],
)
def test_side_effects_are_refused(function, effect):
    """Ordered or not; the message names the effect and says what to do."""
    expected = rf"side effects \({effect}\).*remove callbacks.*has_aux=True, .*jax\.debug\.print"
    with pytest.raises(TracingError, match=expected):
        trace_program(lambda x: [function(x)], [jnp.float32(1.0)])


def test_what_is_shown_is_evaluated(capfd):
    """An equation that prints is run, and what it prints is needed, though no output is."""

    def function(x):
        jax.debug.print("{}", jnp.sin(x))
        return [x]

    program = trace_program(function, [jnp.float32(0.0)])
    (printing,) = [equation for equation in program.equations if equation.effects]
    assert not printing.results
    evaluate_nodes(program, [jnp.float32(0.0)])
    jax.effects_barrier()
    assert capfd.readouterr().out == "0.0\n"


def test_avals_are_kept_per_equation():
    """Every equation knows the shapes and dtypes of what it reads and writes."""
    program = trace_program(lambda x: [(x[0] * 2.0).astype(jnp.float16)], [jnp.ones((2, 3))])
    last = program.equations[-1]
    assert last.name == "convert_element_type"
    assert [aval.shape for aval in last.in_avals] == [(3,)]
    assert last.out_avals[0].dtype == jnp.float16
