"""What is relied on of JAX beyond its public promises, each named where it would break."""

import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from elimax.interpreter.tracing.known_values import BY_PLACE
from elimax.interpreter.tracing.program import INLINED


def equations(function, *args):
    """Equations of a jaxpr, with nested calls as they are."""
    return jax.make_jaxpr(function)(*args).jaxpr.eqns


def last(function, *args):
    """The last of them."""
    return equations(function, *args)[-1]


X = jnp.ones((2, 3))
KEY = jax.random.key(0)


def test_jit_is_one_equation_with_a_closed_jaxpr():
    """program.py splices `jaxpr` of jit."""
    eqn = last(jax.jit(jnp.sin), X)
    assert eqn.primitive.name in INLINED and "jaxpr" in eqn.params
    assert isinstance(eqn.params["jaxpr"], jex.ClosedJaxpr)


def test_remat_holds_an_open_or_closed_jaxpr():
    """program.py splices `jaxpr` of checkpoint."""
    eqn = last(jax.checkpoint(jnp.sin), X)
    assert eqn.primitive.name in INLINED and "jaxpr" in eqn.params
    assert hasattr(eqn.params["jaxpr"], "eqns") or hasattr(eqn.params["jaxpr"], "jaxpr")


def test_custom_rules_are_calls_by_name():
    """elementwise.py and fallback.py look for these names and parameters."""
    eqn = last(jax.nn.relu, X)
    if eqn.primitive.name == "jit":
        eqn = eqn.params["jaxpr"].jaxpr.eqns[-1]
    assert eqn.primitive.name == "custom_jvp_call"
    assert hasattr(eqn.params["call_jaxpr"], "jaxpr")

    @jax.custom_vjp
    def function(x):
        return x

    function.defvjp(lambda x: (x, None), lambda _, cotangent: (cotangent,))
    assert last(function, X).primitive.name == "custom_vjp_call"


def test_bodies_are_found_among_parameters():
    """fallback.py searches scan, cond and while for what one mode cannot differentiate."""
    scan = last(lambda x: lax.scan(lambda c, y: (c, y), x[0], x), X)
    assert scan.primitive.name == "scan" and hasattr(scan.params["jaxpr"], "jaxpr")
    cond = last(lambda x: lax.cond(x[0, 0] > 0, jnp.sin, jnp.cos, x), X)
    assert cond.primitive.name == "cond"
    assert all(hasattr(branch, "jaxpr") for branch in cond.params["branches"])
    loop = last(lambda x: lax.while_loop(lambda c: c.sum() < 9, lambda c: 2 * c, x), X)
    assert loop.primitive.name == "while"
    assert hasattr(loop.params["body_jaxpr"], "jaxpr")


@pytest.mark.parametrize(
    "function",
    [
        jnp.sin,
        lambda x: lax.scan(lambda c, y: (jnp.sin(c), y), x[0], x)[0],
        lambda x: lax.cond(x[0, 0] > 0, jnp.sin, jnp.cos, x),
        jax.nn.relu,
    ],
)
def test_equations_can_be_bound_again(function):
    """get_bind_params and bind evaluate an equation outside of its jaxpr."""
    closed = jax.make_jaxpr(function)(X)
    env = dict(zip(closed.jaxpr.invars, [X], strict=True))
    env |= dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    for eqn in closed.jaxpr.eqns:
        values = [x.val if isinstance(x, jex.Literal) else env[x] for x in eqn.invars]
        bound = eqn.primitive.get_bind_params(eqn.params)
        functions, params = bound if isinstance(bound, tuple) else ((), bound)
        results = eqn.primitive.bind(*functions, *values, **params)
        results = results if eqn.primitive.multiple_results else [results]
        env |= dict(zip(eqn.outvars, results, strict=True))
    np.testing.assert_allclose(env[closed.jaxpr.outvars[0]], function(X), rtol=1e-6)


def test_literals_know_value_and_dtype():
    """Numbers in a program are literals with a value and an aval."""
    (literal,) = [x for x in last(lambda x: 2.5 * x, X).invars if isinstance(x, jex.Literal)]
    assert literal.val == 2.5
    assert literal.aval.dtype == np.float32


def test_scalars_stand_beside_arrays():
    """mul f32[2,3] f32[] with a scalar variable is one equation: rank-0 operands are real."""
    eqn = last(lambda x, s: lax.mul(x, s), X, jnp.float32(2.0))
    assert [x.aval.shape for x in eqn.invars] == [(2, 3), ()]


@pytest.mark.parametrize(
    ("function", "name", "params"),
    [
        (lambda x: lax.broadcast_in_dim(x, (4, 2, 3), (1, 2)), "broadcast_in_dim", None),
        (lambda x: x.T, "transpose", {"permutation": (1, 0)}),
        (lambda x: lax.squeeze(x[:1], (0,)), "squeeze", {"dimensions": (0,)}),
        (lambda x: x.reshape(6), "reshape", {"dimensions": None}),
        (lambda x: lax.concatenate([x, x], 1), "concatenate", {"dimension": 1}),
        (lambda x: lax.rev(x, (0,)), "rev", {"dimensions": (0,)}),
        (lambda x: lax.cumsum(x, 1, reverse=True), "cumsum", {"axis": 1, "reverse": True}),
        (lambda x: lax.split(x, (1, 2), 1), "split", {"axis": 1}),
        (lambda x: lax.pad(x, 0.0, ((1, 0, 2), (0, 0, 0))), "pad", None),
        (lambda x: lax.reduce_sum_p.bind(x, axes=(1,), out_sharding=None), "reduce_sum", None),
        (lambda x: lax.reduce_max(x, (0,)), "reduce_max", {"axes": (0,)}),
        (lambda x: lax.stop_gradient(x), "stop_gradient", {}),
        (lambda x: x.at[0].add(1.0), "scatter-add", None),
        (lambda x: lax.optimization_barrier(x), "optimization_barrier", {}),
    ],
)
def test_names_and_parameters_of_rules(function, name, params):
    """Rules read these parameters of these primitives."""
    eqn = last(function, X)
    assert eqn.primitive.name == name
    for key, value in (params or {}).items():
        assert eqn.params[key] == value
    named = {
        "broadcast_in_dim": "broadcast_dimensions",
        "pad": "padding_config",
        "reduce_sum": "axes",
    }
    if name in named:
        assert named[name] in eqn.params


def test_dimension_numbers_of_dot_general():
    """((contracting of both), (batch of both))."""
    dots = [e for e in equations(lambda x: x @ x.T, X) if e.primitive.name == "dot_general"]
    (contracting, batch) = dots[0].params["dimension_numbers"]
    assert (contracting, batch) == (((1,), (0,)), ((), ()))


def test_einsum_of_two_operands_is_one_dot_general():
    """The multiplications of an edge product can be read off one equation."""
    closed = jax.make_jaxpr(lambda x, y: jnp.einsum(x, [0, 1], y, [1, 2], [2, 0]))(X, X.T)
    names = []

    def collect(jaxpr):
        for eqn in jaxpr.eqns:
            names.append(eqn.primitive.name)
            for param in eqn.params.values():
                if isinstance(param, jex.ClosedJaxpr):
                    collect(param.jaxpr)

    collect(closed.jaxpr)
    assert names.count("dot_general") == 1
    assert "mul" not in names


def test_named_scopes_are_in_the_name_stack():
    """source_info tells under which scope an equation was emitted."""

    def function(x):
        with jax.named_scope("a_scope"):
            return x * x

    assert "a_scope" in str(last(function, X).source_info.name_stack)


def test_effects_are_listed():
    """A closed jaxpr says which side effects it has."""
    assert not jax.make_jaxpr(jnp.sin)(X).effects
    assert jax.make_jaxpr(lambda x: jax.debug.print("{}", x))(X).effects


def test_double_precision_is_a_context():
    """enable_x64 ends with its block."""
    with jax.enable_x64(True):
        assert jnp.asarray(1.0).dtype == jnp.float64
    assert jnp.asarray(1.0).dtype == jnp.float32


def test_compile_time_evaluation():
    """Under jit, what depends on no argument is an array at once."""
    seen = []

    @jax.jit
    def function(x):
        with jax.ensure_compile_time_eval():
            seen.append(jnp.arange(3.0) * 2.0)
        return x

    function(1.0)
    assert not isinstance(seen[0], jax.core.Tracer)


def test_solver_tells_the_lengths_of_its_constants():
    """registry.py reads which operands only say how to solve."""
    eqns = equations(lambda a: jnp.linalg.solve(a, jnp.ones(3)), jnp.eye(3))
    while eqns[-1].primitive.name == "jit":
        eqns = eqns[-1].params["jaxpr"].jaxpr.eqns
    (solve,) = [eqn for eqn in _all_equations(eqns) if eqn.primitive.name == "custom_linear_solve"]
    lengths = solve.params["const_lengths"]
    assert lengths.matvec >= 1
    assert sum(lengths) < len(solve.invars)


def _all_equations(eqns):
    for eqn in eqns:
        yield eqn
        for param in eqn.params.values():
            if isinstance(param, jex.ClosedJaxpr):
                yield from _all_equations(param.jaxpr.eqns)


def test_jacobian_of_a_complex_argument_follows_one_convention():
    """vjp of a real function gives g with dy = Re(g dz), which edges of complex vertices use."""
    z, dz = jnp.complex64(0.3 + 0.4j), 0.01 - 0.02j
    _, pullback = jax.vjp(jnp.abs, z)
    (g,) = pullback(jnp.float32(1.0))
    _, dy = jax.jvp(jnp.abs, (z,), (jnp.complex64(dz),))
    np.testing.assert_allclose(dy, (g * dz).real, rtol=1e-5)


def test_constants_are_spread_over_devices_by_pvary():
    """Inside of shard_map a constant becomes varying by an equation of one operand."""
    mesh = jax.make_mesh((1,), ("d",), axis_types=(AxisType.Auto,))
    names = []

    def function(x):
        names.extend(eqn.primitive.name for eqn in jax.make_jaxpr(lambda x: 2.0 * x)(x).jaxpr.eqns)
        return x

    jax.shard_map(function, mesh=mesh, in_specs=P("d"), out_specs=P("d"))(jnp.ones(2))
    # JAX 0.12 casts the constant as well.
    assert [name for name in names if name != "convert_element_type"] == ["pvary", "mul"]
    assert names[0] in BY_PLACE


def test_weak_types_are_a_parameter():
    """A number becomes weakly typed only by the primitive itself."""
    params = {"new_dtype": jnp.dtype("float32"), "weak_type": True, "sharding": None}
    assert jax.lax.convert_element_type_p.bind(jnp.ones(2), **params).weak_type


def test_named_axes_are_an_effect():
    """Collectives are told from side effects by the name of the effect."""
    traced = jax.make_jaxpr(lambda x: jax.lax.psum(x, "d"), axis_env=[("d", 2)])(1.0)
    assert [str(effect) for effect in traced.effects] == ["NamedAxisEffect(name='d')"]


def test_stacks_and_tiles():
    """rules/selections.py reads `axis`, counted from the front, and leaves `reps` to the shapes."""
    stack = last(lambda x: jnp.stack([x, x], axis=-1), X)
    assert (stack.primitive.name, stack.params["axis"]) == ("stack", 2)
    unstack = last(lambda x: lax.unstack(x, axis=1), X)
    assert (unstack.primitive.name, unstack.params["axis"]) == ("unstack", 1)
    assert [var.aval.shape for var in unstack.outvars] == [(2,)] * 3
    tile = last(lambda x: lax.tile(x, (1, 2)), X)
    assert tile.primitive.name == "tile"
    np.testing.assert_array_equal(lax.tile(X, (1, 2)), np.tile(X, (1, 2)))


def test_gathers_that_fill_have_derivative_zero_outside():
    """rules/indexing.py asks `mode` whether the value outside is another one, NaN by default."""
    index = jnp.array([5, 1])
    eqn = last(lambda x: x.at[index].get(mode="fill", wrap_negative_indices=False), X)
    assert eqn.params["mode"] == lax.GatherScatterMode.FILL_OR_DROP
    _, tangent = jax.jvp(lambda x: x.at[index].get(mode="fill"), (X,), (X,))
    assert tangent.tolist() == [[0, 0, 0], [1, 1, 1]]


def test_samples_of_gamma_take_a_key_and_a_parameter_of_their_shape():
    """rules/elementwise.py ties every axis of the second operand; keys may have fewer axes."""
    eqns = list(_all_equations(equations(jax.vmap(jax.random.gamma), jax.random.split(KEY, 2), X)))
    (eqn,) = [eqn for eqn in eqns if eqn.primitive.name == "random_gamma"]
    assert [var.aval.shape for var in eqn.invars] == [(2,), (2, 3)]
    assert [var.aval.shape for var in eqn.outvars] == [(2, 3)]
    assert not jnp.issubdtype(eqn.invars[0].aval.dtype, jnp.inexact)
