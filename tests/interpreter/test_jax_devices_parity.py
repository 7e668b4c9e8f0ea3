"""`jacve` inside and around `shard_map`, on one device and on two."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from interpreter.errors import TracingError
from interpreter.hessian import hessve
from interpreter.jacobian import jacve
from tests.interpreter.compare import QUICK, assert_same_blocks

ROOT = Path(__file__).parents[2]
HESSIAN = {jacve: hessve, jax.jacrev: jax.hessian}
AXES = {"auto": AxisType.Auto, "explicit": AxisType.Explicit}


def function(x):
    """Constants of the program, constants as outputs, and a product."""
    return jnp.tanh(x @ jnp.ones((3, 3))) * x[0] * 2.0, jnp.ones(2)


def assert_same_on_devices(kind):
    """Asserts that both Jacobians agree on all devices of this process."""
    mesh = jax.make_mesh((len(jax.devices()),), ("d",), axis_types=(AXES[kind],))
    x = jax.device_put(jnp.arange(12.0).reshape(4, 3) / 7, NamedSharding(mesh, P("d")))
    scale = jnp.float32(0.3)

    def over_devices(f, **options):
        return jax.shard_map(f, mesh=mesh, in_specs=P("d"), out_specs=P("d"), **options)

    for use in (
        lambda jac: over_devices(jax.vmap(jac(function))),
        lambda jac: over_devices(jax.vmap(jac(function)), check_vma=False),
        lambda jac: over_devices(jax.vmap(jac(lambda x: jnp.sin(x) * scale))),
        lambda jac: over_devices(jax.vmap(jax.grad(lambda x: jac(jnp.sin)(x).sum()))),
        lambda jac: jac(over_devices(jax.vmap(function))),
        lambda jac: jax.vmap(jac(function)),
        lambda jac: over_devices(jax.vmap(HESSIAN[jac](lambda x: jnp.prod(jnp.sin(x))))),
        lambda jac: jac(over_devices(lambda x: x * jax.lax.psum(jnp.sum(jnp.sin(x)), "d"))),
    ):
        both = tuple(use(jac) for jac in (jacve, jax.jacrev))
        ours, theirs = jax.jit(lambda x, both=both: [f(x) for f in both], compiler_options=QUICK)(x)
        assert_same_blocks(ours, theirs, 1e-5, 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", AXES)
def test_on_one_device(kind):
    """A mesh of one device, with automatic and with explicit axes."""
    assert_same_on_devices(kind)


def test_on_two_devices():
    """In a process of its own, because the number of devices is fixed when JAX starts."""
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
    code = (
        "import jax\n"
        "from tests.interpreter.test_jax_devices_parity import AXES, assert_same_on_devices\n"
        "assert len(jax.devices()) == 2\n"
        "for kind in AXES:\n"
        "    assert_same_on_devices(kind)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_exchange_between_devices_is_refused():
    """What one device computes is then no function of its own inputs; around it, it is."""
    exchange = lambda x: jax.lax.psum(x, "d")  # noqa: E731
    with pytest.raises(
        TracingError, match=r"exchanges values with other devices.*the whole, as in"
    ):
        jax.vmap(jacve(exchange), axis_name="d")(jnp.ones((2, 3)))
    ours, theirs = (
        jac(jax.vmap(exchange, axis_name="d"))(jnp.ones((2, 3))) for jac in (jacve, jax.jacrev)
    )
    assert_same_blocks(ours, theirs)


def test_the_place_of_a_device_is_a_constant():
    """`axis_index` does not depend on the input, so a function may look at it."""

    def function(x):
        return x + x.at[jax.lax.axis_index("d")].get()

    ours, theirs = (
        jax.jit(jax.vmap(jac(function), axis_name="d"))(jnp.ones((2, 3)))
        for jac in (jacve, jax.jacrev)
    )
    assert_same_blocks(ours, theirs)
