"""The table of rules, and what has no derivative."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.call import trace
from elimax.interpreter.tracing.known_values import BY_PLACE
from elimax.interpreter.tracing.program import trace_program
from elimax.interpreter.tracing.rules import local_jacobian, registry
from elimax.interpreter.tracing.rules.registry import (
    ZERO_DERIVATIVE,
    LocalJacobian,
    axis_ties,
    has_derivative,
    has_formula,
    is_complex_linear,
    is_differentiable,
    register,
    register_ties,
    ties_between,
    varies_along_ties,
)
from elimax.interpreter.tracing.rules.use import Use


def equation(function, *leaves, name=None):
    """The last equation of a function, or the one with a name."""
    equations = trace_program(lambda *x: [function(*x)], leaves).equations
    return next(e for e in equations[::-1] if name is None or e.name == name)


def folded(x):
    """A reduction by a function of its own, which no rule knows."""
    return jax.lax.reduce(x, 1.0, lambda a, b: a * b + a, (0,))


def test_second_registration_is_an_error():
    """A primitive has one rule; the message names it."""
    with pytest.raises(ValueError, match="the primitive 'sin' has a rule already"):
        register("sin")(lambda *args: None)


def test_registered_rule_is_used(monkeypatch):
    """What a decorator registers is what edges are made of, and it returns the rule."""
    monkeypatch.setattr(registry, "_RULES", dict(registry._RULES))
    structure = edge_structure((), (), [], [], Kind.TRIVIAL)

    @register("reduce")
    def rule(use):
        return LocalJacobian(structure, lambda inputs, outputs: None)

    reduction = equation(folded, jnp.ones(3), name="reduce")
    assert local_jacobian(Use(reduction, 0, 0)).structure == structure
    assert rule(Use(reduction, 0, 0)).structure == structure


def test_without_a_rule_an_equation_is_opaque():
    """It has no formula, and as far as anyone knows nothing is tied."""
    reduction = equation(folded, jnp.ones(3), name="reduce")
    assert not has_formula(reduction)
    assert axis_ties(reduction) is None
    assert varies_along_ties(reduction)
    assert ties_between(Use(reduction, 0, 0)) == (UNTIED,)


def test_ties_of_equations_with_a_formula():
    """They are those of its edge; None where there is no derivative."""
    transposed = equation(lambda x: x.T, jnp.ones((2, 3)), name="transpose")
    assert ties_between(Use(transposed, 0, 0)) == (1, 0)
    gather = equation(lambda x: x[jnp.array([1, 0])], jnp.ones(3), name="gather")
    assert ties_between(Use(gather, 1, 0)) is None


def test_registered_ties_are_used(monkeypatch):
    """What a decorator registers tells the ties, and whether the derivative varies along them."""
    monkeypatch.setattr(registry, "_TIES", dict(registry._TIES))

    @register_ties("reduce", varies=lambda equation: False)
    def rule(use):
        return [0]

    reduction = equation(folded, jnp.ones(3), name="reduce")
    assert axis_ties(reduction) is rule
    assert ties_between(Use(reduction, 0, 0)) == (0,)
    assert not varies_along_ties(reduction)


def test_ties_of_a_body_are_not_simple():
    """A loop has a rule for its ties, but not one that needs no more than its shapes."""
    loop = equation(
        lambda x: jax.lax.scan(lambda c, y: (c * y, None), x, x)[0], jnp.ones(3), name="scan"
    )
    assert axis_ties(loop) is None
    assert ties_between(Use(loop, 0, 0)) is not None


def test_second_registration_of_ties_is_an_error():
    """Also where there is a formula already; the message names the primitive."""
    for name in ("sin", "sort"):
        with pytest.raises(ValueError, match=f"the primitive '{name}' has a rule already"):
            register_ties(name)(lambda *args: None)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (jnp.floor, "floor"),
        (jnp.ceil, "ceil"),
        (jnp.round, "round"),
        (jnp.sign, "sign"),
        (jax.lax.stop_gradient, "stop_gradient"),
        (lambda x: jnp.argmax(x), "argmax"),
    ],
)
def test_listed_primitives_have_no_derivative(function, name):
    """Their derivative is zero by convention, so they make no edge."""
    assert name in ZERO_DERIVATIVE
    assert not has_derivative(Use(equation(function, jnp.ones(3), name=name), 0, 0))


def test_the_next_number_moves_with_its_first_operand():
    """JAX refuses `nextafter`; here x plus a spacing has slope 1, and its direction has none."""
    x = jnp.array([1.5, -3.0])
    np.testing.assert_array_equal(jacve(lambda x: jnp.nextafter(x, 9.0))(x), np.eye(2))
    np.testing.assert_array_equal(jacve(lambda y: jnp.nextafter(x, y))(x), np.zeros((2, 2)))
    np.testing.assert_array_equal(jacve(jnp.spacing)(x), np.zeros((2, 2)))


def test_zero_derivatives_are_those_of_jax():
    """Whatever is listed and has a derivative in JAX has a zero one."""
    for function in (jnp.floor, jnp.ceil, jnp.round, jnp.sign, jax.lax.stop_gradient):
        assert jax.grad(function)(0.3) == 0.0


def test_no_primitive_with_a_rule_is_listed_as_zero():
    """A rule that could never be used would be a mistake."""
    assert not ZERO_DERIVATIVE & set(registry._RULES)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("float32", True),
        ("bfloat16", True),
        ("complex64", True),
        ("int32", False),
        ("bool", False),
    ],
)
def test_floats_and_complex_numbers_are_differentiable(dtype, expected):
    """Integers and booleans are not."""
    assert is_differentiable(jax.ShapeDtypeStruct((), dtype)) is expected


def test_keys_are_not_differentiable():
    """Random keys have a dtype of their own."""
    assert not is_differentiable(jax.random.key(0))


def test_operands_without_a_derivative():
    """Predicates and indices: operand 0 of select_n, operand 1 of gather."""
    select = equation(lambda x: jnp.where(x > 0, x, 2.0), jnp.ones(3), name="select_n")
    assert [has_derivative(Use(select, k, 0)) for k in range(3)] == [False, True, True]
    gather = equation(lambda x: x[jnp.array([1, 0])], jnp.ones(3), name="gather")
    assert [has_derivative(Use(gather, k, 0)) for k in range(2)] == [True, False]


def test_complex_linear_primitives():
    """sin is, conj and whatever has no formula are not known to be."""
    z = jnp.ones(3, jnp.complex64)
    assert is_complex_linear(equation(jnp.sin, z, name="sin"))
    assert not is_complex_linear(equation(jnp.fft.fft, z, name="fft"))
    assert not is_complex_linear(equation(jnp.conj, z, name="conj"))
    custom = equation(jax.nn.relu, jnp.ones(3), name="custom_jvp_call")
    assert not is_complex_linear(custom)


@pytest.mark.parametrize("name", sorted({*registry._RULES, *registry._TIES}))
def test_every_rule_is_one_of_a_primitive_that_jax_has(name):
    """A misspelled name would silently leave a primitive to the fallback."""
    # `add_any`, `custom_jvp_call` and `pvary` are made by JAX itself and stand in no public module.
    known = {
        value.name
        for module in (jax.lax, jax.extend.core.primitives)
        for value in vars(module).values()
        if isinstance(value, jax.extend.core.Primitive)
    }
    assert name in known | BY_PLACE


def test_names_of_rules_do_not_depend_on_values():
    """A graph of several rules has the structures that the rules give one by one."""
    graph = trace(lambda x: jnp.sin(x).sum(), jnp.ones(3))
    assert [edge.kind for edge in graph.edges.values()] == [Kind.GENERAL, Kind.STRUCTURAL]


ALL_RULES = {*registry._RULES.values(), *(ties.rule for ties in registry._TIES.values())}


@pytest.mark.parametrize("rule", sorted(ALL_RULES, key=lambda rule: rule.__name__))
def test_docstrings_of_rules_have_one_order(rule):
    """An example where one can be given, the parameters that are read, and the page in JAX."""
    text = rule.__doc__
    places = [text.index("Reads "), text.index("https://docs.jax.dev/en/latest/")]
    if "TracingError" not in text:
        places.insert(0, text.index("Example: "))
    assert places == sorted(places)
    assert "Args:" not in text and "Returns:" not in text
