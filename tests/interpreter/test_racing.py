"""Races: the fastest contender wins, what cannot run is left out, plans say what runs."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter import racing, timing
from elimax.interpreter.differentiation import Options
from elimax.interpreter.errors import GraphFormatError, NotScalarError
from elimax.interpreter.jacobian import jacve, value_and_jacve
from elimax.interpreter.plan import EXECUTIONS, Plan
from elimax.interpreter.planning import plan
from support.clock import fake_clock

OPTIONS = Options(0, False, False, False, "auto", "dense")
X = jnp.array([0.3, 0.7, 0.2])


def numbers(x: Any) -> Any:
    """Single numbers, that a kernel can compute."""
    a = jnp.sin(x[0] * x[1]) + x[2]
    return jnp.stack([a * x[0], jnp.exp(a), a / x[2]])


def quantiles(x: Any) -> Any:
    """What no kernel computes."""
    return jax.scipy.special.erfinv(jnp.sin(x) / 2) * jnp.sum(x)


@pytest.mark.parametrize("batch", [None, 7])
def test_a_race_times_every_contender(batch):
    """Each of them is exact, and the plan is that of the first."""
    found = racing.race(numbers, (X,), {}, OPTIONS, batch=batch, seconds=600.0)
    assert {"auto", "jacfwd", "jacrev", "native"} <= set(found.seconds)
    assert found.plan == found.plans[next(iter(found.seconds))] and not found.left_out
    assert all(seconds > 0 for seconds in found.seconds.values())
    expected = jax.jacrev(numbers)(X)
    for made in found.plans.values():
        np.testing.assert_allclose(jax.jit(jacve(numbers, order=made))(X), expected, rtol=1e-5)


def test_in_a_batch_auto_is_a_kernel():
    """Then XLA takes part by its own name, and a kernel in the same order is not timed twice."""
    found = racing.race(numbers, (X,), {}, OPTIONS, batch=64, seconds=600.0)
    assert {"auto", "xla", "jacfwd", "jacrev"} <= set(found.seconds)
    assert found.plans["xla"].execution == "xla"
    fewest = min(plan.nontrivial for plan in found.plans.values())
    assert ("native" in found.plans) == (found.plans["auto"].nontrivial > fewest)


def test_the_fastest_wins(monkeypatch):
    """Whoever that is; one that is far behind is timed for three rounds."""
    clock = fake_clock(monkeypatch, racing, timing)

    def jitted(fun, arguments, options, **_):
        return {"native": 0.001, "jacrev": 0.02}.get(options.order.execution, 0.0012)

    def compile_ahead(seconds, given):
        return timing.Compiled(lambda: clock.sleep(seconds), 0.0)

    monkeypatch.setattr(racing, "jitted", jitted)
    monkeypatch.setattr(timing, "compile_ahead", compile_ahead)
    found = racing.race(numbers, (X,), {}, OPTIONS)
    assert found.plan.execution == "native"
    assert list(found.seconds)[-1] == "jacrev"
    assert {round(seconds, 6) for seconds in found.seconds.values()} == {0.001, 0.0012, 0.02}


def test_a_draw_goes_to_jax():
    """Unless something is faster in three rounds of four."""
    rounds = [1.0, 1.1, 1.0, 1.2, 1.0, 1.1, 1.0, 1.2]
    noisy = [x * y for x, y in zip(rounds, [0.9, 0.9, 1.1, 0.9, 1.1, 0.9, 0.9, 1.1], strict=True)]
    faster = [0.9 * x for x in rounds]
    modes = ("jacfwd", "jacrev")
    assert racing._winner({"auto": noisy, "jacrev": rounds, "jacfwd": [3.0] * 8}, modes) == "jacrev"
    assert racing._winner({"auto": faster, "jacrev": rounds}, modes) == "auto"
    assert racing._winner({"auto": rounds, "native": faster}, modes) == "native"
    assert racing._winner({"auto": rounds, "jacfwd": faster}, modes) == "jacfwd"


def test_what_cannot_run_is_left_out():
    """With the reason."""
    found = racing.race(quantiles, (X,), {}, OPTIONS)
    assert found.left_out == {
        "native": "NotScalarError: a native kernel cannot compute the primitive erf_inv"
    }
    assert "auto" in found.seconds and found.plan.execution != "native"


def test_no_time_is_left(monkeypatch):
    """The first contenders are timed all the same."""
    monkeypatch.setattr(racing, "ALWAYS", 2)
    found = racing.race(numbers, (X,), {}, OPTIONS, seconds=1e-6)
    assert len(found.seconds) == racing.ALWAYS
    assert set(found.left_out.values()) == {"no time was left"}


def test_fastest_in_one_call(monkeypatch):
    """The race is run once for every shape; results are those of JAX."""
    raced = []
    race = racing.race
    monkeypatch.setattr(racing, "race", lambda *args: raced.append(1) or race(*args))
    scale = {"by": 2.0, "name": "x"}

    def function(x, y, how):
        return {how["name"]: numbers(x) * y * how["by"]}

    fastest = jacve(function, (0, 1), order="fastest")
    for shift in (0.0, 0.1):
        found = fastest(X + shift, 1.5, scale)
        expected = jax.jacrev(function, (0, 1))(X + shift, 1.5, scale)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), found, expected)
    assert len(raced) == 1
    changed = fastest(X, 1.5, scale | {"by": 3.0})["x"][0]
    np.testing.assert_allclose(changed, 4.5 * jax.jacrev(numbers)(X), rtol=1e-5)
    assert len(raced) == 1
    fastest(X, jnp.ones(3), scale)
    assert len(raced) == 2


def looped(x: Any) -> Any:
    """What JAX can push forward only."""
    return jax.lax.while_loop(lambda y: jnp.all(y < 3), lambda y: y * 1.5, x)


@pytest.mark.parametrize(
    ("function", "contenders"),
    [
        (looped, {"auto", "jacfwd"}),
        (lambda x: (jax.debug.callback(lambda _: None, x[0]), x * x)[1], {"auto"}),
        (lambda x: (numbers(x), x[:0]), {"auto", "native"}),
    ],
)
def test_impossible_contenders(function, contenders):
    """One that cannot run ends no race."""
    found = racing.race(function, (X,), {}, OPTIONS)
    assert contenders <= set(found.seconds) and "jacrev" not in found.seconds
    jacve(function, order="fastest")(X)


class Mutable:
    """A leaf that may change."""

    def __init__(self) -> None:
        self.scale = 1.0


def test_leaves_that_are_kept():
    """Whole numbers steer, and what changes is seen."""
    mutable = Mutable()

    def function(x, number, sign, leaf):
        return x * leaf.scale * np.copysign(2.0, sign) if number > 0 else x

    fastest = jacve(function, order="fastest")
    for number in (np.int32(1), jnp.asarray(2), 3):
        np.testing.assert_allclose(fastest(X, number, 0.0, mutable), 2 * np.eye(3))
    np.testing.assert_allclose(fastest(X, -1, 0.0, mutable), np.eye(3))
    np.testing.assert_allclose(fastest(X, 1, -0.0, mutable), -2 * np.eye(3))
    mutable.scale = 4.0
    np.testing.assert_allclose(fastest(X, 1, 0.0, mutable), 8 * np.eye(3))


def test_a_key_of_random_numbers():
    """Is traced like other arrays."""
    fastest = jacve(lambda x, key: x * jax.random.normal(key, (3,)), order="fastest")
    key = jax.random.key(0)
    np.testing.assert_allclose(fastest(X, key), np.diag(jax.random.normal(key, (3,))), rtol=1e-6)


def test_the_memory_of_compiled_functions_is_bounded(monkeypatch):
    """The oldest one goes."""
    monkeypatch.setattr(racing, "COMPILED", 2)
    fastest = jacve(lambda x, power: x**power, order="fastest")
    for power in (1, 2, 3, 1):
        expected = np.diag(power * np.asarray(X) ** (power - 1))
        np.testing.assert_allclose(fastest(X, power), expected, rtol=1e-5)


def test_shapes_without_values():
    """Nothing can be timed."""
    with pytest.raises(TypeError, match="has a shape and no values"):
        plan(numbers, jax.ShapeDtypeStruct((3,), jnp.float32), fastest=True)


def test_value_and_auxiliary_data():
    """The value comes along; auxiliary data may be anything."""
    value, jacobian = value_and_jacve(numbers, order="fastest")(X)
    np.testing.assert_allclose(value, numbers(X), rtol=1e-6)
    np.testing.assert_allclose(jacobian, jax.jacrev(numbers)(X), rtol=1e-5)
    jacobian, aux = jacve(lambda x: (numbers(x), "aux"), has_aux=True, order="fastest")(X)
    assert aux == "aux"
    np.testing.assert_allclose(jacobian, jax.jacrev(numbers)(X), rtol=1e-5)


@pytest.mark.parametrize("transform", [jax.jit, lambda f: jax.vmap(f, 0)])
def test_no_race_in_a_trace(transform):
    """The error says to plan before."""
    with pytest.raises(ValueError, match=r"plan = elimax.plan\(f, \*example, fastest=True\)"):
        transform(jacve(numbers, order="fastest"))(jnp.ones((3, 3)))


def test_no_race_in_a_function_that_closes_over_a_trace():
    """Though its arguments have values."""
    with pytest.raises(ValueError, match="not possible inside"):
        jax.jit(lambda y: jacve(lambda v: jnp.sin(v) * y, order="fastest")(X))(X)


def test_planning():
    """A plan of a race goes to a file and back, and into a batch."""
    made = plan(numbers, X, fastest=True, batch=64, seconds=5.0)
    assert Plan.from_dict(made.to_dict()) == made
    assert ("executed: " in str(made)) == (made.execution != "xla")
    batch = jnp.linspace(0.1, 1, 30).reshape(10, 3)
    found = jax.jit(jax.vmap(jacve(numbers, order=made)))(batch)
    np.testing.assert_allclose(found, jax.vmap(jax.jacrev(numbers))(batch), rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fastest": True, "order": "reverse"}, "must be 'auto', because the race chooses it"),
        ({"fastest": True, "batch": 0}, "a batch must have at least one point"),
        ({"batch": 3}, "only a race uses a batch"),
    ],
)
def test_what_does_not_go_together(options, said):
    """Is refused."""
    with pytest.raises(ValueError, match=said):
        plan(numbers, X, **options)


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_every_execution(execution):
    """Is exact, with a value, in every output form that it has."""
    made = dataclasses.replace(plan(numbers, X), execution=execution)
    value, jacobian = value_and_jacve(numbers, order=made)(X)
    np.testing.assert_allclose(value, numbers(X), rtol=1e-6)
    np.testing.assert_allclose(jacobian, jax.jacrev(numbers)(X), rtol=1e-5)
    block = jacve(numbers, order=made, output="structured")(X)
    np.testing.assert_allclose(block.todense(), jax.jacrev(numbers)(X), rtol=1e-5)


def test_a_kernel_of_something_else():
    """Whoever asks for one is told why there is none."""
    made = dataclasses.replace(plan(quantiles, X), execution="native")
    with pytest.raises(NotScalarError, match="the primitive erf_inv"):
        jacve(quantiles, order=made)(X)
    with pytest.raises(GraphFormatError, match="choose one of xla, auto, native, jacfwd, jacrev"):
        dataclasses.replace(made, execution="fortran")


def test_a_kernel_computes_no_value_that_nobody_reads():
    """Without auxiliary data only the Jacobian is an output."""
    made = dataclasses.replace(plan(numbers, X), execution="native")

    def results(function):
        text = str(jax.make_jaxpr(jax.vmap(function))(X[None]))
        (line,) = (line for line in text.splitlines() if "= kernel_call[" in line)
        return line.split("=")[0].count(":f32")

    assert results(jacve(numbers, order=made)) == 1
    assert results(value_and_jacve(numbers, order=made)) == 2
