"""equinox: its loops with checkpoints, its own derivative rules and its modules."""

from typing import Any

import equinox as eqx
import equinox.internal as eqxi
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.filtered import filter_jacve
from support.agreement import BY_ORDERS, assert_agrees
from support.compare import assert_same_blocks

pytestmark = pytest.mark.filterwarnings("ignore")

POINT = np.array([0.3, 1.2])


def loop(x: Any, kind: str) -> Any:
    """Repeated multiplication by what depends on the input, until a count."""
    x = x.astype(jnp.float64)

    def body(carry: Any) -> Any:
        count, y = carry
        return count + 1, jnp.sin(y) * x[::-1] + y

    options = {} if kind == "lax" else {"max_steps": 8}
    start = (jnp.array(0), x**2)
    return eqxi.while_loop(lambda carry: carry[0] < 5, body, start, kind=kind, **options)[1]


def scanned(x: Any, kind: str) -> Any:
    """A recurrence with an output at every step."""
    inputs = jnp.linspace(0.0, 1.0, 4) * x[1]

    def step(carry: Any, value: Any) -> Any:
        carry = jnp.tanh(carry + value) * x[0]
        return carry, carry**2

    options = {"checkpoints": 2} if kind == "checkpointed" else {}
    return eqxi.scan(step, x[0], inputs, kind=kind, **options)


@BY_ORDERS
@pytest.mark.parametrize(
    ("kind", "by"),
    [("lax", jax.jacfwd), ("checkpointed", jax.jacrev), ("bounded", jax.jacrev)],
)
def test_while_loop(kind: str, by: Any, orders: Any) -> None:
    """All three kinds; "lax" has no reverse mode, "checkpointed" no forward mode."""
    assert_agrees(lambda x: loop(x, kind), POINT.astype(jnp.float64), by=by, orders=orders)


@BY_ORDERS
@pytest.mark.parametrize("kind", ["lax", "checkpointed"])
def test_scan(kind: str, orders: Any) -> None:
    """Carry and outputs."""
    assert_agrees(lambda x: scanned(x, kind), POINT.astype(jnp.float64), orders=orders)


@pytest.mark.slow
def test_checkpointed_loop_eagerly() -> None:
    """Outside of jit, with what is closed over and moves."""
    x = POINT.astype(jnp.float64)
    assert_agrees(lambda x: jnp.sin(loop(x**2, "checkpointed")), x, jit=False)


def test_rules_of_its_own() -> None:
    """filter_custom_vjp and filter_custom_jvp, which are told what is perturbed."""

    @eqx.filter_custom_vjp
    def scaled(args: Any) -> Any:
        return args[0] * args[1]

    @scaled.def_fwd
    def _forward(perturbed: Any, args: Any) -> Any:
        return scaled(args), None

    @scaled.def_bwd
    def _backward(residuals: Any, cotangent: Any, perturbed: Any, args: Any) -> Any:
        # Nothing that does not move may be given a cotangent.
        return tuple(
            cotangent * other if moves else None
            for moves, other in zip(perturbed, args[::-1], strict=True)
        )

    @eqx.filter_custom_jvp
    def squared(x: Any, y: Any) -> Any:
        return x**2 * y

    @squared.def_jvp
    def _tangent(primals: Any, tangents: Any) -> Any:
        (x, y), (dx, dy) = primals, tangents
        assert dy is None
        return squared(x, y), 2 * x * y * dx

    fixed = jnp.array([2.0, 3.0])
    x = POINT.astype(jnp.float64)
    assert_agrees(lambda x: scaled((jnp.sin(x), fixed)), x)
    assert_agrees(lambda x: scaled((jnp.sin(x), x)), x)
    assert_agrees(lambda x: squared(jnp.sin(x), fixed), x)


def test_module() -> None:
    """A network with respect to its weights, as a module of Jacobians."""
    network = eqx.nn.MLP(2, 3, 4, 2, key=jax.random.key(0))
    x = POINT.astype(jnp.float64)
    outputs = lambda network: eqx.filter_checkpoint(network)(x)  # noqa: E731
    ours = eqx.filter_jit(filter_jacve(outputs))(network)
    theirs = eqx.filter_jit(eqx.filter_jacrev(outputs))(network)
    arrays = [eqx.filter(tree, eqx.is_array) for tree in (ours, theirs)]
    assert_same_blocks(*arrays, rtol=1e-8)


def test_run_time_check() -> None:
    """error_if passes its operand on."""
    checked = lambda x: eqx.error_if(jnp.sin(x), jnp.any(x < 0), "negative") ** 2  # noqa: E731
    assert_agrees(checked, POINT.astype(jnp.float64))
