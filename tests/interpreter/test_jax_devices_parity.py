"""`jacve` inside and around `shard_map`, on one device and on two."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from elimax.interpreter.errors import TracingError
from elimax.interpreter.jacobian import jacve
from support.compare import assert_same_blocks
from support.device_parity import AXES, assert_same_on_devices
from support.repository import ROOT


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
        "from support.device_parity import AXES, assert_same_on_devices\n"
        "assert len(jax.devices()) == 2\n"
        "for kind in AXES:\n"
        "    assert_same_on_devices(kind)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "tests"),
            "XLA_FLAGS": flags,
            "JAX_PLATFORMS": "cpu",
        },
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
