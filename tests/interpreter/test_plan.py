"""`plan` and `Plan`: what they tell, how they are kept, and that `jacve` runs them."""

import copy
import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax.experimental import io_callback

from elimax.interpreter.checking import check_jacobian
from elimax.interpreter.errors import GraphFormatError, InvalidOrderError, TracingError
from elimax.interpreter.filtered import filter_jacve
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.elimination import MultiplicationCount
from elimax.interpreter.graph.order import EliminationOrder, check_order
from elimax.interpreter.graph.price import order_price
from elimax.interpreter.hessian import hessve
from elimax.interpreter.jacobian import jacve, value_and_jacve
from elimax.interpreter.orders import (
    PORTFOLIO,
    forward_order,
    markowitz_order,
    reverse_order,
)
from elimax.interpreter.orders.auto import auto_order
from elimax.interpreter.orders.exact.bounds import lower_bound
from elimax.interpreter.plan import Plan
from elimax.interpreter.planning import plan
from elimax.interpreter.tracing.call import trace
from support.compare import assert_same_blocks, executed_multiplications
from support.random_programs import array_programs, scalar_programs, wave

X, Y = jnp.asarray(wave(3), jnp.float32), jnp.asarray(wave(3, phase=5), jnp.float32)


def function(x, y):
    """A shared value, a broadcast and a sum."""
    z = jnp.sin(x) * y
    return jnp.exp(z) / y, z.sum()


def energy(x):
    """A scalar."""
    return jnp.sum(jnp.sin(x) * x) * jnp.prod(x)


@given(scalar_programs(max_steps=15))
@settings(max_examples=15)
def test_counts_are_those_of_the_order_on_scalars(program):
    """By counting the graph of `trace`; auto never costs more than forward and reverse."""
    made = plan(program, *program.inputs, argnums=tuple(range(len(program.inputs))))
    graph = trace(program, *program.inputs, argnums=range(len(program.inputs)))
    check_counts(made, graph)


@given(array_programs())
@settings(max_examples=15)
def test_counts_are_those_of_the_order_on_abstract_arrays(program):
    """The same from shapes alone."""
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in program.shapes]
    made = plan(program, *shapes, argnums=tuple(range(len(shapes))))
    check_counts(made, trace(program, *shapes, argnums=range(len(shapes))))


def check_counts(made, graph):
    """Asserts that a plan tells what its order costs on a graph."""
    assert made.fingerprint == graph.fingerprint
    counts = count_multiplications(graph, made)
    assert counts == (made.all, made.nontrivial, made.additions)
    assert made.forward == count_multiplications(graph, forward_order(graph))
    assert made.reverse == count_multiplications(graph, reverse_order(graph))
    assert made.price == order_price(graph, made).price
    others = (forward_order(graph), reverse_order(graph))
    assert made.price <= min(order_price(graph, order).price for order in others)
    assert made.order == auto_order(graph) and made.found_by == auto_order(graph).name
    assert made.num_vertices == graph.num_vertices
    assert made.bound == lower_bound(graph, "nontrivial")
    assert made.optimal is (True if made.nontrivial == made.bound else None)


def test_executed_is_what_was_planned():
    """The plan's count is what `jacve` emits and folds."""
    made = plan(function, X, Y, argnums=(0, 1))
    assert executed_multiplications(function, (X, Y), (0, 1), made) == made.nontrivial


@pytest.mark.parametrize("order", [*PORTFOLIO, [4, 2, 3, 1], np.array([1, 2, 3, 4])], ids=str)
def test_plans_of_given_orders(order):
    """Whatever `jacve` takes; plain numbers are called custom."""

    def chain(x):
        return jnp.exp(jnp.sin(jnp.cos(x) * x) * x)

    made = plan(chain, X, order=order)
    graph = trace(chain, X)
    if isinstance(order, str):
        assert made.order == PORTFOLIO[order](graph)
    else:
        assert made.order == EliminationOrder(tuple(map(int, order)), graph.fingerprint, "custom")
    assert plan(chain, X, order=made) == made


def test_jacobians_take_plans():
    """`jacve`, `value_and_jacve`, `check_jacobian`, `filter_jacve`, `check_order`."""
    made = plan(function, X, Y, argnums=(0, 1), order="forward")
    theirs = jax.jit(jax.jacrev(function, (0, 1)))(X, Y)
    assert_same_blocks(jacve(function, (0, 1), order=made)(X, Y), theirs, rtol=1e-5)
    _, ours = value_and_jacve(function, (0, 1), order=made)(X, Y)
    assert_same_blocks(ours, theirs, rtol=1e-5)
    assert check_jacobian(function, X, Y, argnums=(0, 1), order=made).blocks == 4
    assert check_order(trace(function, X, Y, argnums=(0, 1)), made) == made.order.vertices
    first = plan(function, X, Y)
    assert_same_blocks(
        filter_jacve(function, order=first)(X, Y), jax.jit(jax.jacrev(function))(X, Y), rtol=1e-5
    )


def test_hessians_take_plans_of_the_gradient():
    """The graph of a Hessian is that of `jax.grad`."""
    made = plan(jax.grad(energy), X, order="markowitz")
    assert_same_blocks(hessve(energy, order=made)(X), jax.jit(jax.hessian(energy))(X), rtol=1e-4)
    with pytest.raises(InvalidOrderError, match="was made for the graph"):
        hessve(energy, order=plan(energy, X))(X)


def test_options_of_jacve():
    """Auxiliary data have no rows; keyword arguments, holomorphic functions, integers."""

    def aux(x, *, scale):
        return jnp.sin(x) * scale, jnp.exp(x)

    made = plan(aux, X, has_aux=True, kwargs={"scale": jnp.float32(2.0)})
    jac, _ = jacve(aux, has_aux=True, order=made)(X, scale=jnp.float32(2.0))
    assert_same_blocks(jac, jnp.diag(2 * jnp.cos(X)), rtol=1e-5)
    z = jax.lax.complex(X, Y)
    made = plan(lambda z: jnp.sin(z) ** 2, z, holomorphic=True)
    jacve(lambda z: jnp.sin(z) ** 2, holomorphic=True, order=made)(z)
    options = {"argnums": (0, 1), "allow_int": True}
    made = plan(lambda n, x: n * x, 3, 2.0, **options)
    assert made.fingerprint == trace(lambda n, x: n * x, 3, 2.0, **options).fingerprint


def test_what_steers_the_function_keeps_its_value():
    """Python values, and arrays that are not differentiated, beside abstract ones."""

    def repeated(x, times, flag):
        for _ in range(times):
            x = jnp.sin(x)
        return x * 2 if flag else x

    abstract = jax.ShapeDtypeStruct((3,), jnp.float32)
    made = plan(repeated, abstract, 3, jnp.asarray(True))
    assert made.fingerprint == plan(repeated, X, 3, jnp.asarray(True)).fingerprint


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: plan(3, X), TypeError, "the first argument must be a function, but is 3"),
        (lambda: plan(jnp.sin, 3), TypeError, "argument 0 is int32"),
        (lambda: plan(jnp.sin, X, holomorphic=True), TypeError, "inputs must be complex"),
        (lambda: plan(jnp.argmax, X), TypeError, "output is int32: convert it"),
        (lambda: plan(lambda x: 1, X), TypeError, "output is int32: convert it"),
        (lambda: plan(jnp.sin, X, argnums=2), ValueError, "asks for argument 2"),
        (lambda: plan(jnp.sin, X, order="revers"), InvalidOrderError, "did you mean 'reverse'"),
        (lambda: plan(energy, X, order=[1]), InvalidOrderError, "it misses"),
        (lambda: plan(lambda x: io_callback(abs, x, x), X), TracingError, "has side effects"),
    ],
)
def test_faults_are_those_of_jacve(make, error, message):
    """The same checks with the same texts."""
    with pytest.raises(error, match=message):
        make()


def test_a_plan_of_another_graph_is_refused():
    """By the fingerprint, which the message shows."""
    made = plan(energy, X)
    with pytest.raises(InvalidOrderError, match=f"was made for the graph {made.fingerprint}"):
        jacve(energy, order=made)(jnp.ones(4))
    with pytest.raises(InvalidOrderError, match="was made for the graph"):
        Plan.of_graph(trace(energy, jnp.ones(4)), made.order)


def unbounded(made: Plan) -> Plan:
    """The same plan, but nothing is known about other orders."""
    return dataclasses.replace(made, bound=None, optimal=None)


def test_a_plan_prints_aligned():
    """Counts stand in columns; what is known about optimality is said."""
    made = dataclasses.replace(
        unbounded(plan(function, X, Y, argnums=(0, 1), order="reverse")),
        all=12345,
        nontrivial=999,
        price=7654,
        forward=MultiplicationCount(1, 2, 3),
    )
    lines = str(made).splitlines()
    assert lines[0] == (
        f"Plan for the graph {made.fingerprint}, found by reverse: eliminates 3 of 5 vertices"
    )
    assert lines[1:4] == [
        "              all  nontrivial  additions",
        f"this plan  12,345         999{made.additions:>11}",
        "forward         1           2          3",
    ]
    assert lines[5:] == ["price: 7,654", "no lower bound is known"]
    bounded = dataclasses.replace(made, bound=900)
    assert str(bounded).endswith("no order has fewer than 900 nontrivial multiplications")
    best = dataclasses.replace(made, bound=999, optimal=True)
    assert str(best).endswith("optimal: no order has fewer nontrivial multiplications")


def test_round_trips(tmp_path):
    """Through JSON data and through a file."""
    made = plan(function, X, Y, argnums=(0, 1))
    assert Plan.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    bounded = dataclasses.replace(made, bound=made.nontrivial, optimal=True)
    bounded.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == bounded
    assert len((tmp_path / "plan.json").read_text().splitlines()) == 14
    older = {key: value for key, value in bounded.to_dict().items() if key != "execution"}
    assert Plan.from_dict(older) == bounded
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_a_graph_with_no_order_to_choose():
    """A single operation eliminates nothing, which is optimal."""
    made = plan(jnp.sin, X)
    assert (made.order.vertices, made.all, made.bound, made.optimal) == ((), 0, 0, True)


@pytest.mark.parametrize("bound", [0, 40])
def test_plans_carry_bounds(bound):
    """Whoever knows a bound says so."""
    graph = trace(function, X, Y, argnums=(0, 1))
    order = markowitz_order(graph)
    cost = count_multiplications(graph, order).nontrivial
    made = Plan.of_graph(graph, order, min(bound, cost), bound >= cost)
    assert (made.bound, made.optimal) == (min(bound, cost), bound >= cost)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bound": 10**9}, "no order costs less than a lower bound"),
        ({"optimal": True}, "an optimal plan has the bound"),
        ({"bound": 0, "optimal": True}, "said to be optimal, but its bound is 0"),
    ],
)
def test_impossible_bounds_are_refused(change, message):
    """A bound above the cost, an optimum without its bound."""
    with pytest.raises(GraphFormatError, match=message):
        dataclasses.replace(unbounded(plan(energy, X)), **change)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("schema",), 7, "schema 7, expected schema 1"),
        (("all",), "3", "all is '3' but must be a non-negative integer"),
        (("nontrivial",), -1, "nontrivial is -1"),
        (("additions",), None, "additions is None"),
        (("num_vertices",), True, "num_vertices is True"),
        (("forward",), [1, 2], "cannot read the plan"),
        (("reverse",), 3, "cannot read the plan"),
        (("order",), [], "cannot read the elimination order"),
        (("order", "vertices"), ["x"], "cannot read the elimination order"),
        (("bound",), 0.5, "bound is 0.5"),
        (("optimal",), 1, "optimal is 1 but must be true, false or null"),
    ],
)
def test_malformed_plans_are_refused(path, value, message):
    """Whatever is wrong ends in one error of one line."""
    content = copy.deepcopy(plan(energy, X).to_dict())
    *way, last = path
    part = content
    for step in way:
        part = part[step]
    part[last] = value
    with pytest.raises(GraphFormatError, match=message) as caught:
        Plan.from_dict(content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, [], "plan", 7, {}])
def test_other_data_is_no_plan(content):
    """The message says how to get one."""
    with pytest.raises(GraphFormatError, match=r"make it again with elimax\.plan"):
        Plan.from_dict(content)


def test_files_that_cannot_be_read(tmp_path):
    """A torn file is named; a missing one is the system's own error."""
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(GraphFormatError, match=r"plan\.json is truncated or not JSON"):
        Plan.load(tmp_path / "plan.json")
    with pytest.raises(FileNotFoundError):
        Plan.load(tmp_path / "missing.json")
    with pytest.raises(FileNotFoundError):
        plan(energy, X).save(tmp_path / "missing" / "plan.json")
